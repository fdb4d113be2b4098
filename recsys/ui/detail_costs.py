"""What genres, tags or descriptions add to the prompt, beside the control that chooses them.

Tokens are counted with the tokenizer of the model in memory, on the movies of the page. Times are those that
``bench prompts`` measured and the repository ships; where it measured none, the tokens give an estimate, and the
page says that it is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import gradio as gr

from recsys.data.descriptions import require_details
from recsys.errors import RecsysError, SettingsError
from recsys.prompt_ids import prompt_id
from recsys.recommend import RecommendationRequest, render_prompt
from recsys.settings import MovieDetails, PromptSettings
from recsys.ui.markup import escape, plural
from recsys.ui.title_picker import read_entries

if TYPE_CHECKING:
    from recsys.ui.settings_panel import SettingsPanel
    from recsys.ui.settled import Settled
    from recsys.workbench import Workbench

MEASURED = Path(__file__).resolve().parents[2] / "assets" / "benchmarks" / "prompts.json"
_TITLES: dict[MovieDetails, str] = {"none": "None", "genres": "Genres", "tags": "Tags", "description": "Description"}
_NO_MODEL = "What each adds to the prompt is counted once a model is loaded."


@dataclass(frozen=True)
class DetailCost:
    """What one kind of details costs.

    Attributes:
        details: The kind.
        tokens: Of the whole prompt; None where the data set has no such details.
        time_ratio: Time of an answer beside that without details, as measured; None where it was not.
    """

    details: MovieDetails
    tokens: int | None
    time_ratio: float | None = None


def create_detail_costs(
    workbench: Workbench, panel: SettingsPanel, liked: gr.HTML, disliked: gr.HTML, settled: Settled
) -> None:
    """Adds the table to the fold of the prompt; it is counted anew whenever something of the page changes.

    Args:
        workbench: Whose model and data are counted with.
        panel: Whose prompt, and whose fold.
        liked: The movies of the prompt.
        disliked: Those that it may name.
        settled: Its controls are these movies, then the panel's.
    """
    fold = panel.prompt_fold
    with fold:
        shown = gr.HTML("", elem_id="detail-costs", apply_default_css=False)
    is_open = gr.State(False)

    def count(is_open_now: bool, liked_now: object, disliked_now: object, *values: object) -> str:
        if not is_open_now:
            return ""
        try:
            settings = panel.read(values)
            catalogue = workbench.catalogue
            request = RecommendationRequest(
                history=read_entries(liked_now, catalogue),
                disliked=read_entries(disliked_now, catalogue),
                generation=settings.generation,
                prompt=settings.prompt,
            )
            return costs_html(workbench, request)
        except RecsysError:
            return ""  # whatever is wrong is told where it was typed, or by the answer

    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    inputs = [is_open, liked, disliked, *panel.inputs]

    def follow(_: gr.Request, values: Sequence[Any], is_open_now: bool) -> tuple[Any]:
        return (count(True, *values) if is_open_now else gr.skip(),)

    settled.add(follow, [is_open], [shown])
    fold.expand(lambda: True, None, is_open, **quick).then(count, inputs, shown, **quick)
    fold.collapse(lambda: False, None, is_open, **quick)


def costs_html(workbench: Workbench, request: RecommendationRequest) -> str:
    """The table for a request, or for a held-out person's history where it names no movie."""
    state = workbench.host.state()
    if state.choice is None:
        return f'<p class="costs-note">{_NO_MODEL}</p>'
    is_sample = not request.history
    if is_sample:
        record = workbench.split.records["test"][0]
        request = RecommendationRequest(record.history, record.disliked, request.generation, request.prompt)
    costs = count_costs(workbench, request)
    if not costs:
        return f'<p class="costs-note">{_NO_MODEL}</p>'
    movies = plural(len(request.history), "movie")
    where = f"{movies} of a held-out person" if is_sample else f"{movies} of this page"
    return table_html(costs, request.prompt.details, f"Counted by {state.choice.model} on {where}.")


def count_costs(workbench: Workbench, request: RecommendationRequest) -> tuple[DetailCost, ...]:
    """The prompt's length with each kind of details, and its measured time; nothing while no model is in memory."""
    from recsys.generation.tokenization import PromptTokenizer

    data, state = workbench.data, workbench.host.state()
    tokenizer = workbench.host.tokenizer()
    if tokenizer is None:
        return ()
    tokenize = PromptTokenizer(tokenizer)
    examples = workbench.examples(request.prompt, data)
    measured = measured_ratios(state.choice.model if state.choice else "", request.prompt)
    costs = []
    for details in get_args(MovieDetails):
        try:
            require_details(data.dataset.movies, details)
        except SettingsError:
            costs.append(DetailCost(details, None))
            continue
        asked = RecommendationRequest(
            request.history, request.disliked, request.generation, request.prompt.replace(details=details)
        )
        tokens = len(tokenize(render_prompt(asked, data.catalogue, examples)).ids)
        costs.append(DetailCost(details, tokens, measured.get(details)))
    return tuple(costs)


def measured_ratios(base_model: str, prompt: PromptSettings) -> Mapping[str, float]:
    """Time with details beside time without, where this model was measured with prompts of this form."""
    found = _read_measured(MEASURED)
    form = prompt_id(prompt.replace(details="none"))
    default_examples = prompt.num_examples == PromptSettings().num_examples
    if (found.get("base_model"), found.get("prompt")) != (base_model, form) or not default_examples:
        return {}
    return {row["details"]: float(row["times_the_seconds"]) for row in found["details"]}


@lru_cache(maxsize=1)
def _read_measured(path: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # without the file every time is an estimate, and marked as one
    return found


def table_html(costs: Sequence[DetailCost], chosen: MovieDetails, where: str) -> str:
    """The costs as a small table, with what its figures are below."""
    without = costs[0].tokens or 1
    rows = "".join(_row(cost, without, is_chosen=cost.details == chosen) for cost in costs)
    has_measured = any(cost.time_ratio is not None for cost in costs)
    has_estimate = any(cost.tokens is not None and cost.time_ratio is None for cost in costs[1:])
    notes = [where]
    if has_measured:
        num_records = int(_read_measured(MEASURED)["records"])
        notes.append(f"Times as <code>bench prompts</code> measured whole answers on {num_records} held-out records.")
    if has_estimate:
        notes.append("≈ is estimated from the tokens and was not measured.")
    return (
        '<table class="costs"><thead><tr><th scope="col">Details</th><th scope="col">Prompt</th>'
        f'<th scope="col">Length</th><th scope="col">Time</th></tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="costs-note">{escape(notes[0])} {" ".join(notes[1:])}</p>'
    )


def _row(cost: DetailCost, without: int, *, is_chosen: bool) -> str:
    mark = ' class="is-chosen"' if is_chosen else ""
    head = f"<tr{mark}><th scope='row'>{_TITLES[cost.details]}</th>"
    if cost.tokens is None:
        return f'{head}<td colspan="3">this data set has none</td></tr>'
    ratio = cost.tokens / without
    time = f"{cost.time_ratio:.2f} ×" if cost.time_ratio is not None else f"≈ {ratio:.1f} ×"
    if cost.details == "none":
        time = "1 ×"
    added = "" if cost.details == "none" else f" <small>+{cost.tokens - without:,}</small>"
    return f"{head}<td>{cost.tokens:,}{added}</td><td>{ratio:.2f} ×</td><td>{time}</td></tr>"
