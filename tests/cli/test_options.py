import argparse
import dataclasses
from pathlib import Path

import pytest

from recsys.cli.options import (
    add_settings,
    add_workbench_options,
    attribute_docs,
    open_workbench,
    read_settings,
)
from recsys.errors import SettingsError
from recsys.settings import EvaluationSettings, GenerationSettings, PromptSettings, ResolutionSettings

ALL_SETTINGS = [GenerationSettings, PromptSettings, ResolutionSettings, EvaluationSettings]


def parse(settings, *arguments):
    parser = argparse.ArgumentParser()
    add_settings(parser, settings)
    return read_settings(parser.parse_args(arguments), settings)


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_without_options_the_defaults_of_the_settings_hold(settings):
    assert parse(settings) == settings()


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_every_setting_has_an_option_with_a_help_text(settings):
    documented = attribute_docs(settings)
    assert set(documented) == {field.name for field in dataclasses.fields(settings)}
    assert all(len(text) > 10 for text in documented.values())


def test_options_have_the_types_of_the_settings():
    got = parse(GenerationSettings, "--temperature", "0.25", "--num-beams", "3")
    assert got == GenerationSettings(temperature=0.25, num_beams=3)
    assert parse(PromptSettings, "--no-include-years", "--queue-symbol", "words").include_years is False
    assert parse(ResolutionSettings, "--threshold", "0.5").threshold == 0.5


def test_a_value_out_of_range_is_a_settings_error():
    with pytest.raises(SettingsError, match="temperature"):
        parse(GenerationSettings, "--temperature", "nan")


def test_a_list_of_known_films_is_an_option_of_every_command_with_a_workbench(tmp_path):
    parser = argparse.ArgumentParser()
    add_workbench_options(parser)
    assert open_workbench(parser.parse_args([])).options.known_films is None
    typed = parser.parse_args(["--known-films", "ml-32m.zip", "--runs", str(tmp_path)])
    assert open_workbench(typed).options.known_films == Path("ml-32m.zip")  # and is read by no more than an evaluation
