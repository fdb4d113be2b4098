"""Links that restore the settings of an evaluation, and the run that was on show.

A link says only what differs from the defaults, in the words of the Recommend tab's links and those of
EvaluationSettings; the seed of the run is ``run_seed``. What cannot be read or is not here is left out and told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import gradio as gr

from recsys.errors import InputError
from recsys.evaluation.request import BASELINES, EvaluationRequest
from recsys.settings import EvaluationSettings, PromptSettings
from recsys.ui.evaluate_handlers import EvaluateHandlers, ShownRun
from recsys.ui.evaluation_form import LARGEST_BATCH, SPLITS, EvaluationForm, largest_k
from recsys.ui.links import open_link, page_address, query_of
from recsys.ui.markup import escape
from recsys.ui.share import EVALUATE, not_default, query_value, read_parts
from recsys.ui.shown_errors import errors_shown
from recsys.ui.theme import ASSETS

if TYPE_CHECKING:
    from recsys.workbench import Workbench

_RUN_SEED: Final = "run_seed"
_NO_BASELINES: Final = "none"
_LONGEST_NAME: Final = 64
_EMPTY: Final = "() => ['']"
# Gradio shows warnings and errors of events in the queue only.
_TOLD: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class EvaluationLink:
    """What a link of the Evaluate tab asks for.

    Attributes:
        request: The settings, as they can be evaluated here.
        run: The fingerprint of the run to show; empty for none.
        problems: What of the link could not be read or is not here, each as a sentence.
    """

    request: EvaluationRequest
    run: str
    problems: tuple[str, ...]


def is_evaluation_link(parameters: Mapping[str, str]) -> bool:
    """Whether a link's query is one of the Evaluate tab."""
    return parameters.get("tab") == EVALUATE


def evaluation_query(request: EvaluationRequest, prompt: PromptSettings, *, run: str = "") -> str:
    """The query of a link that restores these settings.

    Args:
        request: The settings.
        prompt: What the model is asked with where a link says nothing of the prompt.
        run: The fingerprint of a run to show.
    """
    own = not_default(request.evaluation)
    if "seed" in own:
        own[_RUN_SEED] = own.pop("seed")
    if request.baselines != EvaluationRequest().baselines:
        own["baselines"] = request.baselines or _NO_BASELINES
    # K asks for as many titles as it scores, and the run's seed makes every record's.
    default = type(request.generation)()
    generation = request.generation.replace(num_recommendations=default.num_recommendations, seed=default.seed)
    own |= not_default(generation, request.prompt, request.resolution, request.decoding, request.choice)
    own |= {name: value for name, value in request.prompt.to_dict().items() if value != prompt.to_dict()[name]}
    own["model"] = request.choice.model
    first = {"tab": EVALUATE, "run": run} if run else {"tab": EVALUATE}
    return urlencode(first | {name: query_value(value) for name, value in own.items()})


def read_evaluation_link(parameters: Mapping[str, str], workbench: Workbench) -> EvaluationLink:
    """The settings of a link without what is wrong or not here, and what that is.

    Args:
        parameters: The link's query.
        workbench: Its models, records and limits.
    """
    # Movies and the seed of one answer are no part of an evaluation.
    left_out = ("liked", "disliked", "seed", "num_recommendations")
    link = open_link({name: text for name, text in parameters.items() if name not in left_out}, workbench)
    problems = list(link.problems)
    own = {name: text for name, text in parameters.items() if name != "seed"}
    if _RUN_SEED in own:
        own["seed"] = own[_RUN_SEED]
    evaluation = _offered(read_parts(own, EvaluationSettings(), problems), workbench, problems)
    settings = link.settings
    request = EvaluationRequest(
        evaluation=evaluation,
        generation=settings.generation.replace(num_recommendations=evaluation.k),
        prompt=settings.prompt,
        resolution=settings.resolution,
        choice=settings.choice,
        baselines=_baselines(parameters, problems),
        decoding=settings.decoding,
    )
    return EvaluationLink(request, parameters.get("run", "")[:_LONGEST_NAME], tuple(problems))


def _offered(evaluation: EvaluationSettings, workbench: Workbench, problems: list[str]) -> EvaluationSettings:
    """The settings within what the form offers."""
    default, most = EvaluationSettings(), largest_k(workbench.limits)
    if evaluation.split not in SPLITS:
        problems.append(f"The link's records are of {evaluation.split} users, whom this page does not evaluate.")
        evaluation = evaluation.replace(split=default.split)
    if evaluation.k > most:
        problems.append(f"The link's K is {evaluation.k}, but this page offers up to {most}.")
        evaluation = evaluation.replace(k=default.k)
    if evaluation.batch_size > LARGEST_BATCH:
        problems.append(f"The link's batches of {evaluation.batch_size} are larger than this page's {LARGEST_BATCH}.")
        evaluation = evaluation.replace(batch_size=default.batch_size)
    limit = workbench.limits.max_records
    if limit and not 0 < evaluation.num_records <= limit:
        asked = f"{evaluation.num_records} records" if evaluation.num_records else "all records"
        problems.append(f"The link asks for {asked}; this page evaluates up to {limit} at once.")
        evaluation = evaluation.replace(num_records=limit)
    return evaluation


def _baselines(parameters: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    if "baselines" not in parameters:
        return EvaluationRequest().baselines
    named = [name for name in parameters["baselines"].split(",") if name and name != _NO_BASELINES]
    problems += [
        f"The link's baseline “{name[:_LONGEST_NAME]}” is not known." for name in named if name not in BASELINES
    ]
    return tuple(name for name in BASELINES if name in named)


def link_html(address: str) -> str:
    """A link to be copied."""
    return (
        f'<div class="tr-command"><code>{escape(address)}</code>'
        f'<button type="button" class="copy" data-copy="{escape(address)}">Copy</button>'
        '<span role="status" class="ev-visually-hidden"></span></div>'
    )


class LinkControls:
    """The buttons that make links, the field that shows them, and what a link does when the page is opened.

    Args:
        handlers: Knows runs and models.
        form: Whose settings are linked and restored.
    """

    def __init__(self, handlers: EvaluateHandlers, form: EvaluationForm) -> None:
        self.handlers = handlers
        self.form = form
        self.button, self.field = self._draw("Link to these settings", "evaluate-link")

    def draw_run_link(self) -> None:
        """Draws the button of the run on show."""
        self.run_button, self.run_field = self._draw("Link to this run", "evaluate-run-link")

    def _draw(self, label: str, elem_id: str) -> tuple[gr.Button, gr.HTML]:
        button = gr.Button(label, size="sm", elem_id=f"{elem_id}-button")
        script = (ASSETS / "answer.js").read_text(encoding="utf-8")
        return button, gr.HTML(elem_id=elem_id, elem_classes="ev-link", apply_default_css=False, js_on_load=script)

    def connect(self, shown: gr.State, tabs: gr.Tabs | None) -> None:
        """Ties the buttons, and where the tabs are known, the opening of the page."""
        self.button.click(self.link_settings, self.form.inputs, self.field, **_TOLD)
        self.run_button.click(self.link_run, shown, self.run_field, **_TOLD)
        # A link beside settings that are not its own would be copied for them.
        changed = [control.change for control in self.form.inputs]
        gr.on(changed, None, None, self.field, js=_EMPTY, api_visibility="private")
        shown.change(None, None, self.run_field, js=_EMPTY, api_visibility="private")
        if tabs is not None:
            page = gr.context.Context.root_block
            page.load(self.restore, None, [tabs, *self.form.inputs], **_TOLD)

    def link_settings(self, request: gr.Request, *values: Any) -> str:
        """The link of the form's settings."""
        with errors_shown():
            return self._show(request, self.form.read(values))

    def link_run(self, request: gr.Request, shown: ShownRun | None) -> str:
        """The link of the run on show, with its settings."""
        with errors_shown():
            if shown is None:
                raise InputError("no run is on show", mend="open one of the list")
            return self._show(request, self.handlers.report(shown).request, run=shown[0])

    def restore(self, request: gr.Request) -> list[Any]:
        """The tab and all settings of a link; nothing changes where it is none of this tab."""
        parameters = query_of(request)
        if not is_evaluation_link(parameters):
            return [gr.skip()] * (1 + len(self.form.inputs))
        link = read_evaluation_link(parameters, self.handlers.workbench)
        problems = list(link.problems)
        if link.run and self.handlers.find_run(link.run) is None:
            problems.append(f"The link's run “{link.run}” is not among the runs of this page.")
        for problem in problems:
            gr.Warning(escape(problem))
        return [gr.Tabs(selected=EVALUATE), *self.form.show(link.request)]

    def linked_run(self, request: gr.Request) -> ShownRun | None:
        """The run that the page's link names, where there is such a run."""
        parameters = query_of(request)
        return self.handlers.find_run(parameters.get("run", "")) if is_evaluation_link(parameters) else None

    def _show(self, request: gr.Request, asked: EvaluationRequest, *, run: str = "") -> str:
        try:
            prompt = self.handlers.workbench.choices.prompt_rule(asked.choice).default
        except InputError:  # the adapter of an older run may be gone; the link still names it
            prompt = PromptSettings()
        return link_html(f"{page_address(request)}/?{evaluation_query(asked, prompt, run=run)}")
