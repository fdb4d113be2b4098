"""Sweeps and searches as HTML: what is not varied, the best cell, tables, the proof, and the list of results.

Every text of settings, data and files is escaped here. The functions are given results and return strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from recsys.evaluation.request import EvaluationRequest
from recsys.tuning.axes import write_value
from recsys.tuning.kept import Kept, KeptStudy, KeptSweep
from recsys.tuning.study_result import GOALS, StudyResult
from recsys.tuning.study_text import confirmation_text
from recsys.tuning.sweep import MEASURES, Measured, SweepCell, SweepResult, best_cell
from recsys.tuning.sweep_text import SHOWN, describe, figure_text
from recsys.ui.evaluation_cards import notice_html
from recsys.ui.markup import escape, plural
from recsys.ui.tuning_words import (
    LESS_IS_BETTER,
    NEITHER_IS_BETTER,
    OBJECTIVES,
    measure_title,
    setting_title,
    values_text,
)

_COSTS: Final = ("seconds", "tokens")
NOTHING_YET: Final = notice_html(
    "empty",
    "Nothing swept yet",
    "A sweep asks the same validation users under every combination of some settings and shows what each setting does. "
    "A search looks for the best combination by itself and can prove it on test users. Both go on in the server when "
    "this page is closed, and go on where they were when they were stopped.",
)


def base_html(base: EvaluationRequest, warning: str = "") -> str:
    """One line: what is the same in every cell; and that the model knows these users where it does."""
    adapter = base.choice.adapter or "no adapter"
    told = [base.choice.model, adapter, f"{base.prompt.style.replace('_', '-')} prompt", *_sliders(base)]
    told.append(f"K {base.evaluation.k}")
    line = f'<p class="tn-base"><b>As in Evaluate</b>, unless varied: {escape(" · ".join(told))}.</p>'
    return line + (f'<p class="callout callout-problem" role="note">{escape(warning)}</p>' if warning else "")


def _sliders(base: EvaluationRequest) -> list[str]:
    generation, idle = base.generation, base.decoding.without_effect(base.generation)
    named = {
        "temperature": f"T {generation.temperature:g}",
        "top_p": f"top-p {generation.top_p:g}",
        "top_k": f"top-k {generation.top_k}",
        "num_beams": plural(base.decoding.beams_of(generation), "beam"),
        "repetition_penalty": f"penalty {generation.repetition_penalty:g}",
    }
    decoding = "free text" if not base.decoding.is_catalogue else base.decoding.decoding.replace("_", " ")
    return [decoding, *(text for name, text in named.items() if name == "num_beams" or name not in idle)]


def problem_html(text: str) -> str:
    """What is wrong with what was filled in."""
    return f'<div class="own-error" role="alert">{escape(text)}</div>'


def estimate_html(num: int, noun: str, duration: str, told: str) -> str:
    """How much work it is."""
    return (
        f'<p class="ev-estimate"><strong>{escape(plural(num, noun))}, about {escape(duration)}</strong>'
        f"<small>{escape(told)}</small></p>"
    )


def heading_html(kept: Kept) -> str:
    """What is on show, and how far it is."""
    if isinstance(kept, KeptSweep):
        title, told = "Sweep", describe(kept.result)
    else:
        base = kept.study.base
        title = f"Search for {OBJECTIVES.get(kept.result.objective, kept.result.objective)}"
        model = base.choice.model if base.choice.adapter is None else f"{base.choice.model} with {base.choice.adapter}"
        told = (
            f"{model} on {plural(_num_records(kept.result), 'record')} of {base.evaluation.split} users: "
            f"{', '.join(str(one) for one in kept.study.space)}. Trial 1 has the settings that were there before."
        )
    noun = "cell" if isinstance(kept, KeptSweep) else "trial"
    part = "" if kept.done >= kept.total else f" · {kept.done} of {plural(kept.total, noun)}"
    return f'<h2 class="ev-title">{escape(title + part)}</h2><p class="ev-quiet tn-told">{escape(told)}</p>'


def best_html(result: SweepResult, measure: str) -> str:
    """The best cell, what the measure means, and what "best" is worth."""
    k = result.sweep.base.evaluation.k
    hint = "; the darker the more" if len(result.sweep.axes) > 1 else ""
    definition = f'<p class="ev-definition">{escape(measure_title(measure, k))}: {escape(_meaning(measure))}{hint}.</p>'
    best = best_cell(result.cells, measure, least=measure in LESS_IS_BETTER)
    if measure in NEITHER_IS_BETTER or best is None or len(result.cells) < 2:
        return definition
    one = best.measured[measure]
    name = measure_title(measure, k)
    kind = "Least" if measure in LESS_IS_BETTER else "Best"
    told = f"{_large_figure(measure, one)} at {escape(values_text(best.values))}"
    caveat = "" if measure in _COSTS else "It was chosen on these very records, so on other people expect less."
    if result.sweep.base.evaluation.split == "test":
        caveat = "These are test users: read what the settings do, and choose on validation users."
    return (
        f'<p class="tn-best"><span>{kind} {escape(name)}:</span> {told}.</p>'
        f'<p class="ev-quiet">{_reached(result, best, measure)}{caveat}</p>{definition}'
    )


def _large_figure(measure: str, one: Measured) -> str:
    figure, bracket, interval = figure_text(measure, one).partition(" [")
    return f"<b>{figure}</b>" + (f' <span class="ev-number">[{interval}</span>' if bracket else "")


def _meaning(measure: str) -> str:
    """What a measure is, without its name before it."""
    return MEASURES[measure].rpartition("@K: ")[2]


def _reached(result: SweepResult, best: SweepCell, measure: str) -> str:
    """How many other cells cannot be told apart from the best by their intervals alone."""
    value = best.measured[measure].value
    others = [cell.measured[measure].interval for cell in result.cells if cell is not best]
    known = [interval for interval in others if interval is not None]
    same = sum(cell.measured[measure].value == value for cell in result.cells) - 1
    told = "" if not same else f"{plural(same, 'other cell')} {'has' if same == 1 else 'have'} the same figure. "
    if not known or value is None:
        return told
    reach = sum(interval.low <= value <= interval.high for interval in known)
    return f"{told}The intervals of {reach} of the other {plural(len(known), 'cell')} reach it. "


def sweep_table_html(result: SweepResult, measure: str) -> str:
    """One row for each cell, with a button that takes its settings to the Evaluate tab."""
    k = result.sweep.base.evaluation.k
    best = None if measure in NEITHER_IS_BETTER else best_cell(result.cells, measure, least=measure in LESS_IS_BETTER)
    names = [axis.name for axis in result.sweep.axes]
    measures = [*SHOWN, *([measure] if measure not in SHOWN else [])]
    heads = [*map(setting_title, names), "", *(measure_title(name, k) for name in measures)]
    rows = [
        _row(place, [*(write_value(cell.values[name]) for name in names)], cell, measures, is_strong=cell is best)
        for place, cell in enumerate(result.cells)
    ]
    return _table("Cells of the sweep", heads, rows)


def trial_table_html(result: StudyResult, k: int) -> str:
    """One row for each trial, the best first."""
    (goal, sign), *_ = GOALS[result.objective]
    names, goals = list(result.trials[0].values), [name for name, _ in GOALS[result.objective]]
    order = sorted(
        range(len(result.trials)), key=lambda place: -sign * (result.trials[place].measured[goal].value or 0.0)
    )
    heads = ["Trial", *map(setting_title, names), "", *(measure_title(name, k) for name in goals)]
    rows = []
    for place in order:
        trial = result.trials[place]
        told = [str(place + 1), *(write_value(trial.values[name]) for name in names)]
        rows.append(_row(place, told, trial, goals, is_strong=place in result.front))
    return _table("Trials of the search", heads, rows)


def _row(place: int, told: Sequence[str], cell: SweepCell, measures: Sequence[str], *, is_strong: bool) -> str:
    first, *others = told
    cells = "".join(f"<td>{escape(value)}</td>" for value in others)
    use = (
        f'<button type="button" class="ev-compare" data-cell="{place}" '
        f'aria-label="Use {escape(values_text(cell.values))} in Evaluate">Use</button>'
    )
    row = ' class="ev-row-strong"' if is_strong else ""
    figures = "".join(f"<td>{_figure(name, cell)}</td>" for name in measures)
    return f'<tr{row}><th scope="row">{escape(first)}</th>{cells}<td>{use}</td>{figures}</tr>'


def _figure(name: str, cell: SweepCell) -> str:
    figure, bracket, interval = figure_text(name, cell.measured.get(name)).partition(" [")
    return f"<b>{figure}</b>" + (f"<small>[{interval}</small>" if bracket else "")


def _table(label: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' if name else "<td></td>" for name in heads)
    return (
        f'<div class="ev-scroll" tabindex="0" role="region" aria-label="{label}">'
        f'<table class="ev-table ev-table-wide tn-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def winner_html(kept: KeptStudy) -> str:
    """The winner of a search, and what test users said of it."""
    result, k = kept.result, kept.study.base.evaluation.k
    (goal, _), *more = GOALS[result.objective]
    one = result.winner.measured[goal]
    told = f"{_large_figure(goal, one)} at {escape(values_text(result.winner.values))}"
    front = f" {plural(len(result.front), 'trial')} beaten by none in every goal, in bold below." if more else ""
    if result.confirmation is not None:
        proof = f'<p class="tn-proof">{escape(confirmation_text(result.confirmation))}</p>'
    else:
        caveat = "It was chosen on these validation records, so on other people expect less: test users prove it."
        proof = f'<p class="ev-quiet">{caveat}{escape(front)}</p>'
    return f'<p class="tn-best"><span>Best {escape(measure_title(goal, k))}:</span> {told}.</p>{proof}'


def results_html(results: Sequence[Kept], shown: tuple[str, str] | None) -> str:
    """Sweeps and searches, a button each."""
    if not results:
        return '<p class="ev-empty-line">None yet. The first one will be listed here.</p>'
    return f'<ul class="ev-runs">{"".join(_result(kept, (kept.kind, kept.name) == shown) for kept in results)}</ul>'


def _result(kept: Kept, is_shown: bool) -> str:
    if isinstance(kept, KeptSweep):
        base = kept.result.sweep.base
        title = " × ".join(setting_title(axis.name) for axis in kept.result.sweep.axes)
    else:
        base = kept.study.base
        title = f"Search, {OBJECTIVES.get(kept.result.objective, kept.result.objective)}"
    noun = "cell" if isinstance(kept, KeptSweep) else "trial"
    told = [base.choice.adapter or base.choice.model, plural(_num_records(kept.result), "record"), _when(kept)]
    done = plural(kept.total, noun) if kept.done >= kept.total else f"{kept.done} of {kept.total}"
    current = ' aria-current="true"' if is_shown else ""
    return (
        f'<li><button type="button" data-run="1" data-result="{escape(f"{kept.kind}/{kept.name}")}"{current}>'
        f'<strong>{escape(title)}</strong><span class="ev-number">{escape(done)}</span>'
        f"<small>{' · '.join(map(escape, told))}</small></button></li>"
    )


def _num_records(result: SweepResult | StudyResult) -> int:
    """Records of each cell."""
    if isinstance(result, SweepResult):
        return result.num_records
    one: Mapping[str, object] = {} if not result.trials else result.trials[0].measured
    return getattr(one.get("map"), "denominator", 0)


def _when(kept: Kept) -> str:
    return f"{datetime.fromtimestamp(kept.saved_at, UTC):%-d %b %Y, %H:%M} UTC" if kept.saved_at else "comes along"
