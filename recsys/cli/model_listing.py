"""What ``models list`` prints: each model with its licence, its memory per precision, and whether it runs here."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any, Literal

from recsys.models.memory_plan import AnswerSize, MemoryPlan, amount
from recsys.models.planning import ModelFit, fit_model
from recsys.models.spec import ModelSpec
from recsys.workbench import Workbench

_SERVED = "A server holds it."
_UNKNOWN = "How much memory it takes is known once its config.json was read."


def add_size_options(parser: argparse.ArgumentParser) -> None:
    """Adds how much is answered at once, which the memory of an answer depends on."""
    usual = AnswerSize()
    group = parser.add_argument_group("Memory")
    group.add_argument("--batch-size", type=int, default=usual.batch, help="records at once (default: %(default)s)")
    group.add_argument("--num-beams", type=int, default=usual.beams, help="of each record (default: %(default)s)")
    group.add_argument("--length", type=int, default=usual.length, help="tokens, prompt and answer (%(default)s)")


def read_size(arguments: argparse.Namespace) -> AnswerSize:
    """The size of the parsed options.

    Raises:
        SettingsError: for a value out of range.
    """
    return AnswerSize(arguments.batch_size, arguments.num_beams, arguments.length)


def list_fits(workbench: Workbench, size: AnswerSize) -> list[tuple[ModelSpec, ModelFit | None]]:
    """Each model with its plan for this machine; None where its size is not known yet."""
    asked: dict[str, Any] = {"available": workbench.host.free_bytes(), "size": size, **workbench.options.placing}
    return [(spec, fit_model(spec, **asked)) for spec in workbench.models()]


def describe_model(spec: ModelSpec, fit: ModelFit | None) -> str:
    """The lines of one model."""
    size = f"{spec.num_parameters / 1e6:,.0f} M" if spec.num_parameters else "size unknown"
    gated = ", gated" if spec.gated else ""
    lines = [spec.name, f"    {spec.title}: {size}, {spec.licence}{gated}. {spec.note}".rstrip()]
    if fit is None:
        return "\n".join([*lines, f"    {_SERVED if spec.source == 'server' else _UNKNOWN}"])
    memory = ", ".join(f"{plan.precision} {_amount(plan)}" for plan in fit.plans.plans)
    return "\n".join([*lines, f"    memory: {memory}", f"    {_verdict(fit)}"])


def model_to_dict(spec: ModelSpec, fit: ModelFit | None) -> dict[str, Any]:
    """One model as plain JSON values: ``memory`` holds the terms of each precision in bytes."""
    told = dataclasses.asdict(spec)
    if fit is None:
        return told | {"memory": None, "runs_here": None, "verdict": _UNKNOWN}
    memory = {
        plan.precision: {name: getattr(plan, name) for name in _TERMS} | {"fits": plan.fits} for plan in fit.plans.plans
    }
    return told | {"memory": memory, "runs_here": fit.fits, "verdict": _verdict(fit)}


_TERMS: tuple[Literal["weights", "loading", "cache", "working", "needed", "available"], ...] = (
    "weights", "loading", "cache", "working", "needed", "available",
)  # fmt: skip


def _amount(plan: MemoryPlan) -> str:
    return amount(plan.needed) if plan.fits else f"{amount(plan.needed)} (does not fit)"


def _verdict(fit: ModelFit) -> str:
    return f"Runs here: {fit.sentence}" if fit.fits else fit.sentence
