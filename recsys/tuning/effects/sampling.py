"""How sampling settings act together: temperature with top-p, models of two sizes, and several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from recsys.evaluation.scores import MetricScore, PairedDifference
from recsys.evaluation.summary import adjust_p_values
from recsys.models.registry import SMALL_MODEL
from recsys.tuning.axes import write_value
from recsys.tuning.effects.cells import LARGE, SMALL, EffectCell, K, with_seeds
from recsys.tuning.effects.figures import CellFigures, RecordFigures, compare, compare_changes, plain
from recsys.tuning.effects.findings import Evidence, Finding, Question, Table
from recsys.tuning.effects.numbers import Spread, mean_overlap
from recsys.tuning.effects.sliders import SLIDERS
from recsys.tuning.effects.words import difference_text, listed, records_of, score_text, share_text, verdict

HEAT_TEMPERATURES: Final = (0.3, 0.7, 1.0, 2.0)
HEAT_TOP_P: Final = (0.3, 0.7, 1.0)
SEEDS: Final = (0, 1, 2, 3, 4)
SEED_TEMPERATURES: Final = (0.3, 0.7, 1.5)
_MAP: Final = f"MAP@{K}"
_COLD, _HOT, _NARROW, _WIDE = HEAT_TEMPERATURES[0], HEAT_TEMPERATURES[-1], HEAT_TOP_P[0], HEAT_TOP_P[-1]


def heat_cell(temperature: float, top_p: float, subject: str = SMALL_MODEL) -> EffectCell:
    """Temperature and top-p alone: top-k keeps all."""
    return EffectCell.of(subject, {"temperature": temperature, "top_p": top_p, "top_k": 0}, size="some")


def sampling_questions() -> tuple[Question, ...]:
    """Substitutes, size and seeds."""
    heat = tuple(heat_cell(temperature, top_p) for temperature in HEAT_TEMPERATURES for top_p in HEAT_TOP_P)
    size = tuple(_temperature_cell(name, value) for name in _SIZES for value in _SIZE_TEMPERATURES)
    seeds = tuple(
        cell
        for subject in SMALL[:1]
        for temperature in SEED_TEMPERATURES
        for cell in with_seeds(_temperature_cell(subject, temperature), SEEDS)
    )
    return (
        Question(
            "substitutes",
            "Do temperature and top-p substitute for each other?",
            heat,
            answer_substitutes,
            is_partial=True,
        ),
        Question("size", "Is a smaller model more sensitive to the temperature?", size, answer_size, is_partial=True),
        Question("seeds", "How much do the answers of five seeds overlap?", seeds, partial(answer_seeds, SMALL[:1])),
    )


_SIZES: Final = {SMALL_MODEL: "4.6 M weights", LARGE[0]: "134.5 M weights and an adapter"}
_SIZE_TEMPERATURES: Final = tuple(float(str(value)) for value in SLIDERS[LARGE[0]][0].values)


def _temperature_cell(subject: str, temperature: float) -> EffectCell:
    return SLIDERS[SMALL_MODEL][0].cell(subject, temperature)


def answer_substitutes(evidence: Evidence) -> Finding | None:
    """The corners of the heat map beside each other, and whether one setting limits what the other does.

    The corners are enough for an answer; what is missing between them is left out of the map.
    """
    keys = [(t, p) for t in HEAT_TEMPERATURES for p in HEAT_TOP_P if heat_cell(t, p) in evidence.cells]
    cells = {key: evidence.cells[heat_cell(*key)] for key in keys}
    if not cells.keys() >= {(t, p) for t in (_COLD, _HOT) for p in (_NARROW, _WIDE)}:
        return None
    *simple, limits = differences = _compare_corners(cells)
    hot, hot_narrow, _, _, swap = simple
    limited = {
        -1: f"a narrow top-p clearly limits what the temperature does ({difference_text(limits)})",
        1: f"a narrow top-p clearly adds to what the temperature does ({difference_text(limits)})",
    }.get(limits.clear_sign, f"that the two differ is not clear ({difference_text(limits)})")
    answer = (
        f"From temperature {_COLD:g} to {_HOT:g} {_MAP} changes by {difference_text(hot)} at top-p {_WIDE:g} and by "
        f"{difference_text(hot_narrow)} at top-p {_NARROW:g}: {limited}. Hot with a narrow top-p is "
        f"{verdict(swap)} cold with a wide one ({difference_text(swap)})."
    )
    heat = [{"temperature": t, "top_p": p, "map": cell.score().mean} for (t, p), cell in cells.items()]
    numbers = {"heat": heat, "differences": [plain(one) for one in differences]}
    return Finding(answer, _heat_tables(cells, differences), numbers=numbers)


def _compare_corners(cells: Mapping[tuple[float, float], CellFigures]) -> tuple[PairedDifference, ...]:
    """The corners by pairs, then the change by heat at a wide top-p less that at a narrow one; corrected together."""
    pairs = {
        f"T {_HOT:g} − {_COLD:g} at top-p {_WIDE:g}": ((_HOT, _WIDE), (_COLD, _WIDE)),
        f"T {_HOT:g} − {_COLD:g} at top-p {_NARROW:g}": ((_HOT, _NARROW), (_COLD, _NARROW)),
        f"top-p {_WIDE:g} − {_NARROW:g} at T {_COLD:g}": ((_COLD, _WIDE), (_COLD, _NARROW)),
        f"top-p {_WIDE:g} − {_NARROW:g} at T {_HOT:g}": ((_HOT, _WIDE), (_HOT, _NARROW)),
        f"T {_HOT:g} with top-p {_NARROW:g} − T {_COLD:g} with top-p {_WIDE:g}": ((_HOT, _NARROW), (_COLD, _WIDE)),
    }
    found = [compare(cells[one], cells[other], against=name) for name, (one, other) in pairs.items()]
    corners = ((_HOT, _WIDE), (_COLD, _WIDE)), ((_HOT, _NARROW), (_COLD, _NARROW))
    ours, theirs = ((cells[a], cells[b]) for a, b in corners)
    name = "the first less the second: does a narrow top-p limit the temperature?"
    return adjust_p_values([*found, compare_changes(ours, theirs, against=name)])


def _heat_tables(
    cells: Mapping[tuple[float, float], CellFigures], differences: Sequence[PairedDifference]
) -> tuple[Table, ...]:
    of = records_of(cells[_COLD, _WIDE])
    unknown = {key: share_text(cell.share("out_of_catalogue")) for key, cell in cells.items()}
    return (
        _heat_table(f"{SMALL_MODEL}, top_k 0: {_MAP}", of, {key: f"{c.score().mean:.4f}" for key, c in cells.items()}),
        _heat_table(f"{SMALL_MODEL}, top_k 0: titles out of catalogue", of, unknown),
        Table(
            f"{SMALL_MODEL}: corners compared, {_MAP}", of, ("what", "difference"),
            tuple((one.against, difference_text(one)) for one in differences),
        ),
    )  # fmt: skip


def _heat_table(caption: str, of: str, texts: dict[tuple[float, float], str]) -> Table:
    rows = tuple(
        (f"T {temperature:g}", *(texts.get((temperature, top_p), "not run") for top_p in HEAT_TOP_P))
        for temperature in HEAT_TEMPERATURES
    )
    return Table(caption, of, ("temperature", *(f"top-p {top_p:g}" for top_p in HEAT_TOP_P)), rows)


def answer_size(evidence: Evidence) -> Finding | None:
    """What the way from the least to the greatest temperature does to two models on the records that both were asked.

    Temperatures that not both were asked at are left out.
    """
    small, large = _SIZES
    both = [t for t in _SIZE_TEMPERATURES if all(_temperature_cell(name, t) in evidence.cells for name in _SIZES)]
    if len(both) < 2:
        return None
    cells = {(name, t): evidence.cells[_temperature_cell(name, t)] for name in _SIZES for t in both}
    common = frozenset.intersection(*(cell.record_ids for cell in cells.values()))
    low, high = both[0], both[-1]
    metrics = {"map": _MAP, "well_formed": "clean lists", "out_of_catalogue": "titles out of catalogue / N"}
    ends = {name: (cells[name, high], cells[name, low]) for name in _SIZES}
    against = f"how much more {small} changes than {large}"
    more = adjust_p_values(
        [compare_changes(ends[small], ends[large], against=against, metric=metric) for metric in metrics]
    )
    told = []
    for (metric, words), difference in zip(metrics.items(), more, strict=True):
        change = {n: ends[n][0].score(metric, common).mean - ends[n][1].score(metric, common).mean for n in _SIZES}
        told.append(
            f"{words} {change[small]:+.4f} with {small} and {change[large]:+.4f} with {large} (difference "
            f"{difference_text(difference)}, {'clear' if difference.clear_sign else 'not clear'})"
        )
    rows = tuple(
        (name, write_value(t), *(score_text(cell.score(metric, common)) for metric in metrics))
        for (name, t), cell in cells.items()
    )
    users = len({record.user_id for record in cells[small, low].only(common)})
    table = Table(
        "Both models at each temperature", f"the {len(common)} test records of {users} users that both were asked",
        ("model", "temperature", *metrics.values()), rows,
    )  # fmt: skip
    notes = (
        f"{small} has {_SIZES[small]}, {large} {_SIZES[large]}. They differ in training, tokens and prompt as well as "
        "in size, so this is no experiment on size; the story's models (6 to 65 billion weights) are out of reach.",
    )
    answer = f"From temperature {low:g} to {high:g}: {'; '.join(told)}."
    return Finding(answer, (table,), notes=notes, numbers={"differences": [plain(one) for one in more]})


def answer_seeds(subjects: tuple[str, ...], evidence: Evidence) -> Finding:
    """The Jaccard overlap of recommended movies between any two of five seeds, and what the seed does to MAP."""
    rows, told, numbers = [], [], []
    of = ""
    for subject in subjects:
        for temperature in SEED_TEMPERATURES:
            cells = [evidence.cells[one] for one in with_seeds(_temperature_cell(subject, temperature), SEEDS)]
            overlap = overlap_score([cell.records for cell in cells])
            spread = Spread.of([cell.score().mean for cell in cells])
            of = records_of(cells[0])
            rows.append(
                (subject, f"{temperature:g}", score_text(overlap), f"{spread.low:.4f} to {spread.high:.4f}",
                 f"{spread.deviation:.4f}")
            )  # fmt: skip
            told.append(f"{overlap.mean:.3f} at {temperature:g} ({subject})")
            numbers.append(
                {"subject": subject, "temperature": temperature, "overlap": overlap.mean, "map": vars(spread)}
            )
    head = ("subject", "temperature", "mean Jaccard overlap", f"{_MAP} of the seeds", "standard deviation")
    answer = (
        f"The movies that two seeds recommend overlap (Jaccard: of both / of either) by {listed(told)} on average; "
        "at temperature 0 by 1, since nothing is drawn."
    )
    notes = ("The seed of an evaluation also draws its records, so seeds are compared where all records are asked.",)
    table = Table("Five seeds, all pairs", of, head, tuple(rows))
    return Finding(answer, (table,), notes=notes, numbers={"overlaps": numbers})


def overlap_score(answers: list[tuple[RecordFigures, ...]]) -> MetricScore:
    """The mean over records of the mean overlap of all pairs of seeds; users resampled.

    Args:
        answers: Of each seed, the same records in the same order.
    """
    by_record = list(zip(*answers, strict=True))
    values = [mean_overlap([one.item_ids for one in record]) for record in by_record]
    return MetricScore.of_records(values, [record[0].user_id for record in by_record])
