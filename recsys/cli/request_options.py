"""The options of one request without its movies: a preset, and what is typed besides, which wins."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from recsys.cli.options import (
    add_choice_options,
    add_prompt_options,
    add_settings,
    read_choice,
    read_prompt,
    read_settings,
)
from recsys.models.host import ModelChoice
from recsys.presets import SHIPPED, Preset, find_preset
from recsys.recommend import RecommendationRequest
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings
from recsys.workbench import Workbench

_PRESETS = "the preset's"


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Adds the preset and every setting."""
    names = ", ".join(preset.name.lower().replace(" ", "-") for preset in SHIPPED)
    about = f"settings to start from: {names}, or a file that the app exported; what is typed besides wins"
    parser.add_argument("--preset", metavar="NAME_OR_FILE", help=about)
    add_choice_options(parser, or_else=_PRESETS)
    for settings in (GenerationSettings, DecodingSettings, ResolutionSettings):
        add_settings(parser, settings, or_else=_PRESETS)
    add_prompt_options(parser)


def read_asked(arguments: argparse.Namespace, workbench: Workbench) -> RecommendationRequest:
    """The request of the parsed options, for nobody yet.

    Raises:
        InputError: for a preset that is none, or a value out of range.
    """
    preset = Preset("None", keeps=("choice", "prompt")) if arguments.preset is None else find_preset(arguments.preset)
    sliders = preset.generation_over(GenerationSettings())
    choice = _read_choice(arguments, workbench, preset)
    return RecommendationRequest(
        generation=read_settings(arguments, GenerationSettings, default=sliders),
        prompt=_read_prompt(arguments, workbench, choice, preset),
        resolution=read_settings(arguments, ResolutionSettings, default=preset.resolution),
        choice=choice,
        decoding=read_settings(arguments, DecodingSettings, default=preset.decoding),
    )


def _read_choice(arguments: argparse.Namespace, workbench: Workbench, preset: Preset) -> ModelChoice:
    """The choice that is typed, else the preset's; an adapter belongs to its model, so one that is typed drops both."""
    if "choice" in preset.keeps:
        return read_choice(arguments, workbench)
    names = ("precision", "int8_threshold")
    typed = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
    start = dataclasses.replace(preset.choice, **typed)
    if arguments.model is None and not arguments.adapter:
        return start if arguments.adapter is None else dataclasses.replace(start, adapter=None)
    given = {name: getattr(start, name) for name in names}
    return read_choice(argparse.Namespace(**vars(arguments) | given), workbench)


def _read_prompt(
    arguments: argparse.Namespace, workbench: Workbench, choice: ModelChoice, preset: Preset
) -> PromptSettings:
    """The preset's prompt where the choice reads it, else the choice's own; what is typed wins over both."""
    if "prompt" in preset.keeps:
        return read_prompt(arguments, workbench, choice)
    rule = workbench.choices.prompt_rule(choice)
    if rule.accepts(preset.prompt):
        return read_settings(arguments, PromptSettings, default=preset.prompt)
    told = f"Warning: {choice.model} does not read the preset's prompt, so its own is taken. {rule.reason}"
    print(told.strip(), file=sys.stderr)
    return read_prompt(arguments, workbench, choice)
