"""Generator settings against training, quality against time, loss against answers, and rankings of twenty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from recsys.evaluation.intervals import Interval
from recsys.evaluation.summary import adjust_p_values
from recsys.models.registry import SMALL_MODEL
from recsys.tuning.axes import Value
from recsys.tuning.effects.cells import LARGE, SMALL, CellSize, EffectCell, K
from recsys.tuning.effects.costs import CostCell
from recsys.tuning.effects.figures import compare, plain
from recsys.tuning.effects.findings import Evidence, Finding, Question, Table
from recsys.tuning.effects.numbers import Spread, kendall_tau
from recsys.tuning.effects.sliders import SLIDERS
from recsys.tuning.effects.words import difference_text, interval_words, records_of, score_text, verdict

TITLES: Final = 20
_MAP: Final = f"MAP@{K}"
_SUBJECTS: Final = (*SMALL, *LARGE)
_TITLE_SCORES: Final = ("tree", "full")


def greedy_cell(subject: str, num_beams: int = 1, *, size: CellSize = "full") -> EffectCell:
    """Free text by greedy or beam search."""
    beams: dict[str, Value] = {} if num_beams == 1 else {"num_beams": num_beams}
    return EffectCell.of(subject, {"temperature": 0.0, **beams}, size=size)


def rank_cell(subject: str, title_score: str) -> EffectCell:
    """A ranking of twenty titles by one of the two scores of a title."""
    score: dict[str, Value] = {} if title_score == _TITLE_SCORES[0] else {"title_score": title_score}
    return EffectCell.of(subject, {"decoding": "catalogue_rank", "temperature": 0.0, **score}, num_titles=TITLES)


def _quality_cells() -> dict[str, EffectCell]:
    found = {f"{LARGE[0]}, greedy": greedy_cell(LARGE[0]), f"{SMALL_MODEL}, greedy": greedy_cell(SMALL_MODEL)}
    return found | {f"{SMALL_MODEL}, {n} beams": greedy_cell(SMALL_MODEL, n, size="few") for n in (4, 8)}


QUALITY: Final = _quality_cells()
"""A bigger model's greedy answer first, then a smaller one's, greedy and with beams."""
_LOSSES: Final = {subject: CostCell("loss", greedy_cell(subject)) for subject in _SUBJECTS}
_ANSWERS: Final = {subject: CostCell("answer", greedy_cell(subject)) for subject in _SUBJECTS}


def comparison_questions() -> tuple[Question, ...]:
    """Spreads, quality a second, the cost of both evaluations, NDCG@20."""
    swept = tuple(slider.cell(s, v) for s in (SMALL_MODEL, LARGE[0]) for slider in SLIDERS[s] for v in slider.values)
    trained = tuple(greedy_cell(subject) for subject in _SUBJECTS)
    ranked = tuple(rank_cell(subject, score) for subject in _SUBJECTS for score in _TITLE_SCORES)
    timed = tuple(CostCell("answer", cell) for cell in QUALITY.values())
    return (
        Question(
            "spread", "Do generator settings spread MAP as far as training settings do?", (*swept, *trained),
            answer_spread,
        ),
        Question(
            "quality", "Quality per second: a bigger model greedy, or a smaller one with beams?",
            tuple(QUALITY.values()), answer_quality, timed,
        ),
        Question(
            "loss", "What does an evaluation by answers cost beside one by loss, and do they agree?", (), answer_loss,
            (*_LOSSES.values(), *_ANSWERS.values()),
        ),
        Question(
            "ndcg20", f"NDCG@{TITLES}: how good are rankings of {TITLES}?", ranked, answer_rankings, is_partial=True
        ),
    )  # fmt: skip


def answer_spread(evidence: Evidence) -> Finding:
    """Ranges of MAP over settings and over trainings, each with what its records are."""
    rows = [(name, what, Spread.of(values)) for name, what, values in _spreads(evidence)]
    by_name = {name: spread for name, _, spread in rows}
    parts = []
    for subject, (generator, training) in _PAIRS.items():
        ours, theirs = by_name[generator], by_name[training]
        ratio = f", {ours.width / theirs.width:.1f} times as wide" if theirs.width > 0 else ""
        parts.append(
            f"{subject}: {ours.width:.4f} over {ours.count} generator settings and {theirs.width:.4f} over "
            f"{theirs.count} trainings of the same base model on the same records{ratio}"
        )
    answer = f"Greatest less least {_MAP}: {'; '.join(parts)}. These are ranges of few figures: no test was made."
    table = Table(
        f"{_MAP} over what varies", "as the second column says",
        ("what varies", "records", "figures", "least", "greatest", "width", "standard deviation"),
        tuple(
            (name, what, str(s.count), f"{s.low:.4f}", f"{s.high:.4f}", f"{s.width:.4f}", f"{s.deviation:.4f}")
            for name, what, s in rows
        ),
    )  # fmt: skip
    numbers = {name: {**vars(spread), "records": what} for name, what, spread in rows}
    return Finding(answer, (table,), notes=_SPREAD_NOTES, numbers=numbers)


_PAIRS: Final = {
    SMALL_MODEL: (f"sliders of {SMALL_MODEL}", f"{SMALL_MODEL} and its adapter, greedy"),
    "SmolLM2": (f"sliders of {LARGE[0]}", "three adapters of smollm2-135m, greedy"),
}
_SPREAD_NOTES: Final = (
    "A range grows with the number of figures and with how far the settings were chosen to reach; it says what a "
    "wrong setting can cost, not how much either kind matters on average.",
    "Adapters differ in data, loss and epochs at once, and only trainings that were worth keeping are shipped; the "
    "epochs are of one training each, on validation users and as rankings, and may be compared with each other alone.",
)


def _spreads(evidence: Evidence) -> list[tuple[str, str, list[float]]]:
    found = []
    for subject in (SMALL_MODEL, LARGE[0]):
        cells = [evidence.cells[slider.cell(subject, v)] for slider in SLIDERS[subject] for v in slider.values]
        found.append((f"sliders of {subject}", records_of(cells[0]), [cell.score().mean for cell in cells]))
    trained = {subject: evidence.cells[greedy_cell(subject)] for subject in _SUBJECTS}
    for name, group in ((_PAIRS[SMALL_MODEL][1], SMALL), (_PAIRS["SmolLM2"][1], LARGE)):
        common = frozenset.intersection(*(trained[subject].record_ids for subject in group))
        scores = [trained[subject].score("map", common).mean for subject in group]
        found.append((name, f"{len(common)} test records", scores))
    for search in ("free-greedy", "rank"):
        reports = [report for name, report in evidence.reports.items() if name.endswith(f".{search}")]
        scores = [report.model.metrics["map"].mean for report in reports]
        if reports:
            what = f"{reports[0].num_records} test records, assets/reports"
            found.append((f"all shipped models and adapters, {search}", what, scores))
    for name, curve in evidence.curves.items():
        if len(curve) > 1:
            found.append((f"epochs of {name}, ranking", "validation records, curves.json", list(curve)))
    return found


def answer_quality(evidence: Evidence) -> Finding:
    """MAP of each on the records that all were asked, and processor time."""
    cells = {name: evidence.cells[cell] for name, cell in QUALITY.items()}
    costs = {name: evidence.costs[CostCell("answer", cell)] for name, cell in QUALITY.items()}
    first, *others = cells
    common = frozenset.intersection(*(cell.record_ids for cell in cells.values()))
    pairs = adjust_p_values([compare(cells[name], cells[first], against=first) for name in others])
    times = {name: costs[name].cpu_seconds / costs[first].cpu_seconds for name in others}
    told = [
        f"{name} {verdict(one)} it ({difference_text(one)}) for {times[name]:.2f} of its processor time"
        for name, one in zip(others, pairs, strict=True)
    ]
    answer = f"Beside {first}, in {_MAP}: {'; '.join(told)}."
    rows = tuple(
        (name, score_text(cell.score("map", common)), f"{costs[name].cpu_seconds:.4f}",
         f"{cell.score('map', common).mean / costs[name].cpu_seconds:.3f}")
        for name, cell in cells.items()
    )  # fmt: skip
    users = len({record.user_id for record in cells[first].only(common)})
    of = f"{len(common)} test records of {users} users, timed on {costs[first].num_records}"
    table = Table("Quality and time", of, ("answers of", _MAP, "processor s a record", f"{_MAP} a second"), rows)
    notes = ("The models differ in training as well as in size: the smaller one was made for this catalogue alone.",)
    return Finding(answer, (table,), notes=notes, numbers={"differences": [plain(one) for one in pairs]})


def answer_loss(evidence: Evidence) -> Finding:
    """Nats a title beside MAP of the shipped reports, and what either took."""
    losses = {subject: evidence.costs[cell] for subject, cell in _LOSSES.items()}
    answers = {subject: evidence.costs[cell] for subject, cell in _ANSWERS.items()}
    maps = {
        search: [evidence.reports[f"{subject}.{search}"].model.metrics["map"] for subject in _SUBJECTS]
        for search in ("free-greedy", "rank")
    }
    order = [-(losses[subject].loss or 0.0) for subject in _SUBJECTS]
    taus = {search: kendall_tau(order, [one.mean for one in scores]) for search, scores in maps.items()}
    ratios = [answers[subject].cpu_seconds / losses[subject].cpu_seconds for subject in _SUBJECTS]
    agreed = ", ".join(f"{tau:+.2f} with {_MAP} by {search}" for search, tau in taus.items())
    answer = (
        f"An answer took {min(ratios):.1f} to {max(ratios):.1f} times the processor time of the loss of a record. The "
        f"order of {len(_SUBJECTS)} models and adapters by loss has Kendall's tau {agreed} (1 is the same order)."
    )
    rows = tuple(
        (subject, _nats(losses[subject].loss, losses[subject].interval), f"{losses[subject].cpu_seconds:.4f}",
         f"{answers[subject].cpu_seconds:.4f}", *(score_text(maps[search][place]) for search in maps))
        for place, subject in enumerate(_SUBJECTS)
    )  # fmt: skip
    heads = (
        "subject",
        "nats a title",
        "processor s of a loss",
        "processor s of a greedy answer",
        f"{_MAP} free-greedy",
    )
    of = f"loss and time: {losses[SMALL_MODEL].num_records} test records; {_MAP}: all test records, from assets/reports"
    table = Table("Loss and answers", of, (*heads, f"{_MAP} rank"), rows)
    notes = (
        "Nats are of the whole title and its separator, so tokenizers do not matter; the models give other titles than "
        "the catalogue's a share of their probability, and a loss counts that against them.",
    )
    return Finding(answer, (table,), notes=notes, numbers={"tau": taus, "ratios": ratios})


def _nats(loss: float | None, interval: Interval | None) -> str:
    return "–" if loss is None else f"{loss:.3f}{interval_words(interval)}"


def answer_rankings(evidence: Evidence) -> Finding | None:
    """NDCG and MAP of rankings of twenty by either score of a title; subjects that were not asked are left out."""
    asked = [s for s in _SUBJECTS if all(rank_cell(s, score) in evidence.cells for score in _TITLE_SCORES)]
    if not asked:
        return None
    rows, told, numbers = [], [], []
    found = {s: {score: evidence.cells[rank_cell(s, score)] for score in _TITLE_SCORES} for s in asked}
    pairs = [compare(cells["full"], cells["tree"], against="tree", metric="ndcg") for cells in found.values()]
    for (subject, cells), difference in zip(found.items(), adjust_p_values(pairs), strict=True):
        scores = {score: cell.score("ndcg") for score, cell in cells.items()}
        for score, cell in cells.items():
            rows.append((subject, score, score_text(scores[score]), score_text(cell.score()), records_of(cell)))
        told.append(f"{subject} {scores['tree'].mean:.4f} (full {verdict(difference)} tree)")
        numbers.append({"subject": subject, "ndcg": {n: s.mean for n, s in scores.items()}, "full": plain(difference)})
    heads = ("subject", "title score", f"NDCG@{TITLES}", f"MAP@{TITLES}", "records")
    table = Table(f"Rankings of {TITLES} titles", "as the last column says", heads, tuple(rows))
    return Finding(f"NDCG@{TITLES} by tree score: {'; '.join(told)}.", (table,), numbers={"rankings": numbers})


def needed_reports(names: Sequence[str]) -> tuple[str, ...]:
    """The shipped reports that these questions read, of some subjects.

    >>> needed_reports(["a"])
    ('a.free-greedy', 'a.rank')
    """
    return tuple(f"{name}.{search}" for name in names for search in ("free-greedy", "rank"))
