"""The ``/evaluate`` endpoints: the same job as the page's, for programs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, get_args

import gradio as gr
from gradio.events import api

from recsys.errors import RecsysError, SettingsError
from recsys.evaluation.job_state import JobState
from recsys.evaluation.request import EvaluationRequest
from recsys.models.choices import ModelChoices
from recsys.models.host import ModelChoice
from recsys.settings import INT8_THRESHOLD, Precision, require_choice, require_number
from recsys.ui import evaluation_cards as cards
from recsys.ui.api_words import EVALUATE, EVALUATE_PARAMETERS, STATE, STATE_PARAMETERS, documented

if TYPE_CHECKING:
    from recsys.workbench import Workbench

LONGEST_WAIT = 3600.0
"""Seconds that one call may wait for its report."""


def add_evaluate_api(workbench: Workbench) -> None:
    """Adds ``/evaluate`` and ``/evaluation_state`` to the page that is being built."""
    endpoints = EvaluateEndpoints(workbench)
    # A waiting call computes nothing, so several may wait; the second start is refused by the jobs themselves.
    api(endpoints.evaluate, api_name="evaluate", concurrency_id="evaluate-wait", concurrency_limit=8)
    api(endpoints.evaluation_state, api_name="evaluation_state", queue=False)


class EvaluateEndpoints:
    """The functions behind the endpoints; their types, defaults and words are what the API page shows."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench

    @documented(EVALUATE, EVALUATE_PARAMETERS)
    def evaluate(
        self,
        records: int = 50,
        k: int = 4,
        split: Literal["test", "validation", "train"] = "test",
        settings: dict[str, Any] | None = None,
        wait_seconds: float = 600.0,
    ) -> dict[str, Any]:
        try:
            request = make_request(records, k, split, settings, self.workbench.choices)
            require_number("wait_seconds", wait_seconds, 0, LONGEST_WAIT)
            state = self.workbench.start_evaluation(request).wait(wait_seconds)
            if state.error is not None:
                raise state.error
            return state_to_dict(state)
        except RecsysError as error:
            raise gr.Error(cards.sentences(error), print_exception=False) from error

    @documented(STATE, STATE_PARAMETERS)
    def evaluation_state(self, job_id: str) -> dict[str, Any]:
        try:
            return state_to_dict(self.workbench.jobs.find(job_id).state())
        except RecsysError as error:
            raise gr.Error(cards.sentences(error), print_exception=False) from error


def make_request(
    records: int, k: int, split: str, settings: dict[str, Any] | None, choices: ModelChoices
) -> EvaluationRequest:
    """The request that plain values make; what the settings leave open keeps its default.

    Raises:
        InputError: for a value of the wrong type or out of range, a name that is no setting, or an unknown adapter.
    """
    if settings is None:
        settings = {}
    if not isinstance(settings, dict) or not all(
        isinstance(part, dict) for name, part in settings.items() if name != "baselines"
    ):
        mend = 'give an object of objects, such as {"generation": {"temperature": 0}}'
        raise SettingsError("settings are not of the right form", seen=settings, mend=mend)
    if not isinstance(settings.get("baselines", []), list):
        raise SettingsError("baselines are not a list", seen=settings["baselines"], mend='give ["popularity", "ease"]')
    parts = {name: part for name, part in settings.items() if name not in ("evaluation", "generation")}
    choice = read_choice(settings.get("choice", {}), choices)
    typed = {name: value for name, value in settings.get("prompt", {}).items() if value is not None}
    return EvaluationRequest.from_dict(
        {
            **parts,
            "choice": dataclasses.asdict(choice),
            "prompt": {**choices.default_prompt(choice).to_dict(), **typed},
            "evaluation": {**settings.get("evaluation", {}), "num_records": records, "k": k, "split": split},
            "generation": {"num_recommendations": k, **settings.get("generation", {})},
        }
    )


def read_choice(given: dict[str, Any], choices: ModelChoices) -> ModelChoice:
    """The model, precision and adapter of plain values.

    Raises:
        InputError: for a value of the wrong type, a name that is no part of a choice, or an unknown adapter.
    """
    known = [field.name for field in dataclasses.fields(ModelChoice)]
    for name, value in given.items():
        require_choice("a part of the choice", name, tuple(known))
        if name != "int8_threshold" and not isinstance(value, str | None):
            raise SettingsError(f"{name} has the wrong type", seen=value, mend=f"take a name from /{name}s")
    precision: Any = given.get("precision") or "auto"
    require_choice("precision", precision, get_args(Precision))
    threshold = given.get("int8_threshold", INT8_THRESHOLD)
    return choices.find(given.get("model"), precision, given.get("adapter") or None, int8_threshold=threshold)


def state_to_dict(state: JobState) -> dict[str, Any]:
    """A job's state as plain JSON values; of a job that is done, the report and the state in one object."""
    report = {} if state.report is None else state.report.to_dict()
    return {
        **report,
        "job_id": state.job_id,
        "phase": state.phase,
        "done": state.done,
        "total": state.total,
        "message": state.message,
        "seconds_elapsed": round(state.seconds_elapsed, 3),
        "eta_seconds": state.eta_seconds,
        "running": {name: metric.mean for name, metric in state.metrics.items()},
    }
