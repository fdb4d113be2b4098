"""What each slider does to MAP@K, to the form of the list and to the catalogue, for each shipped model and adapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from recsys.evaluation.scores import PairedDifference
from recsys.evaluation.summary import adjust_p_values
from recsys.settings import GenerationSettings
from recsys.tuning.axes import Value, write_value
from recsys.tuning.effects.cells import LARGE, SMALL, EffectCell, K
from recsys.tuning.effects.figures import CellFigures, compare, plain
from recsys.tuning.effects.findings import Evidence, Finding, Question, Table
from recsys.tuning.effects.words import difference_text, records_of, score_text, share_text, signs_told

_GREEDY: Final[tuple[tuple[str, Value], ...]] = (("temperature", 0.0),)
_VALIDITY: Final = {"well_formed": "Clean lists", "out_of_catalogue": "Titles out of the catalogue"}
_MAP: Final = f"MAP@{K}"
_HEADS: Final = (
    *(_MAP, "minus reference", "clean lists", f"{K} titles", "out of catalogue", "repeated"),
    "tokens a record",
)


@dataclass(frozen=True)
class Slider:
    """One slider and what it is set to.

    Attributes:
        name: The setting.
        reference: What the others are compared with.
        values: What it takes, the reference among them.
        held: What else differs from the app's defaults.
    """

    name: str
    reference: Value
    values: tuple[Value, ...]
    held: tuple[tuple[str, Value], ...] = ()

    def cell(self, subject: str, value: Value) -> EffectCell:
        """The subject with the slider there; a default value is the same cell as a slider left alone."""
        settings = {**dict(self.held), self.name: value}
        usual = GenerationSettings().to_dict()
        return EffectCell.of(subject, {name: one for name, one in settings.items() if usual[name] != one})

    def asked(self, subject: str, evidence: Evidence) -> Slider:
        """The slider with the values that the subject was asked at."""
        return replace(self, values=tuple(v for v in self.values if self.cell(subject, v) in evidence.cells))

    @property
    def words(self) -> str:
        """The slider with what is held."""
        held = "".join(f", {name} {write_value(value)}" for name, value in self.held)
        return f"{self.name}{held}"


_TEMPERATURE: Final = Slider("temperature", 0.0, (0.0, 0.3, 0.7, 1.0, 1.5, 2.0))
_MINI: Final = (
    _TEMPERATURE,
    Slider("top_p", 0.9, (0.3, 0.9, 1.0)),
    Slider("top_k", 50, (50, 0)),
    Slider("num_beams", 1, (1, 4), _GREEDY),
    Slider("repetition_penalty", 1.0, (1.0, 1.2), _GREEDY),
    Slider("max_new_tokens", 96, (2, 4, 8, 16, 32, 96), _GREEDY),
)
_STORY: Final = (
    Slider("temperature", 0.0, (0.0, 0.7, 1.5)),
    Slider("max_new_tokens", 96, (2, 96), _GREEDY),
)
_LIKED: Final = (
    _TEMPERATURE,
    Slider("top_p", 0.9, (0.9, 1.0)),
    Slider("top_k", 50, (50, 0)),
    Slider("num_beams", 1, (1, 4), _GREEDY),
    Slider("repetition_penalty", 1.0, (1.0, 1.2), _GREEDY),
    Slider("max_new_tokens", 96, (16, 32, 96), _GREEDY),
)
_FEW: Final = (
    Slider("temperature", 0.0, (0.0, 1.5)),
    Slider("max_new_tokens", 96, (16, 96), _GREEDY),
)
SLIDERS: Final[Mapping[str, tuple[Slider, ...]]] = {
    SMALL[0]: _MINI,
    SMALL[1]: _STORY,
    LARGE[0]: _LIKED,
    **dict.fromkeys(LARGE[1:], _FEW),
}
"""The settings that each subject is asked under; fewer of those that take longer."""


def slider_questions() -> tuple[Question, ...]:
    """One question for each subject."""
    return tuple(
        Question(
            f"sliders-{subject}",
            f"What does each slider do to the answers of {subject}?",
            tuple(slider.cell(subject, value) for slider in sliders for value in slider.values),
            partial(answer_sliders, subject, sliders),
            is_partial=True,
        )
        for subject, sliders in SLIDERS.items()
    )


def answer_sliders(subject: str, sliders: tuple[Slider, ...], evidence: Evidence) -> Finding | None:
    """Each slider's values beside its reference; p-values are corrected for the values of a slider.

    Values that were not asked yet are left out, and a slider without its reference or without another value.
    """
    tables, details, numbers, widths = [], [], {}, []
    asked = [one.asked(subject, evidence) for one in sliders]
    known = [one for one in asked if one.reference in one.values and len(one.values) > 1]
    if not known:
        return None
    for slider in known:
        cells = {value: evidence.cells[slider.cell(subject, value)] for value in slider.values}
        differences = slider_differences(slider, cells)
        tables.append(_table(subject, slider, cells, differences["map"]))
        details.append(_told(slider, differences))
        numbers[slider.name] = _numbers(cells, differences)
        scores = [cell.score().mean for cell in cells.values()]
        is_clear = any(one.clear_sign for one in differences["map"].values())
        widths.append((max(scores) - min(scores), min(scores), max(scores), slider.name, is_clear))
    return Finding(_widest(widths), tuple(tables), tuple(details), numbers=numbers)


def slider_differences(slider: Slider, cells: Mapping[Value, CellFigures]) -> dict[str, dict[Value, PairedDifference]]:
    """Of MAP and of each figure of validity, every value minus the reference."""
    others = [value for value in slider.values if value != slider.reference]
    against = f"{slider.name} {write_value(slider.reference)}"
    found = {}
    for metric in ("map", *_VALIDITY):
        pairs = [compare(cells[value], cells[slider.reference], against=against, metric=metric) for value in others]
        found[metric] = dict(zip(others, adjust_p_values(pairs), strict=True))
    return found


def _told(slider: Slider, differences: Mapping[str, Mapping[Value, PairedDifference]]) -> str:
    """What the slider does; figures of validity are told where some value changes them clearly."""
    against = write_value(slider.reference)
    parts = []
    for metric, words in {"map": _MAP, **_VALIDITY}.items():
        found = [(write_value(value), one) for value, one in differences[metric].items()]
        if metric == "map" or any(one.clear_sign for _, one in found):
            parts.append(signs_told(words, found, against))
    return f"**{slider.words}.** {' '.join(parts)}"


def _widest(widths: list[tuple[float, float, float, str, bool]]) -> str:
    width, low, high, name, is_clear = max(widths)
    told = f"moves most with {name}: {width:.4f} between its least ({low:.4f}) and its greatest ({high:.4f})"
    if not any(clear for *_, clear in widths):
        return f"No slider moves {_MAP} clearly on these records; it {told}."
    clear = [name for *_, name, is_so in sorted(widths, reverse=True) if is_so]
    also = f"clear differences from the reference are there for {', '.join(clear)}"
    return f"{_MAP} {told}, {'a clear effect' if is_clear else 'not a clear one'}; {also}."


def _table(
    subject: str, slider: Slider, cells: Mapping[Value, CellFigures], differences: Mapping[Value, PairedDifference]
) -> Table:
    rows = tuple(
        (
            write_value(value),
            score_text(cell.score()),
            difference_text(differences[value]) if value in differences else "reference",
            *(share_text(cell.share(name)) for name in ("well_formed", "exactly_n", "out_of_catalogue", "repeated")),
            f"{cell.tokens:.1f}",
        )
        for value, cell in cells.items()
    )
    written = min(cell.shares["out_of_catalogue"][1] for cell in cells.values())
    most = max(cell.shares["out_of_catalogue"][1] for cell in cells.values())
    of = (
        f"{records_of(cells[slider.reference])}; out of catalogue and repeated are shares of {written} to {most} titles"
    )
    return Table(f"{subject}: {slider.words}", of, (slider.name, *_HEADS), rows)


def _numbers(
    cells: Mapping[Value, CellFigures], differences: Mapping[str, Mapping[Value, PairedDifference]]
) -> list[dict[str, Any]]:
    return [
        {
            "value": value,
            "map": cell.score().mean,
            "shares": {name: share for name, (share, _) in cell.shares.items()},
            "tokens": cell.tokens,
            "seconds": cell.seconds,
            "differences": [plain(found[value]) for found in differences.values() if value in found],
        }
        for value, cell in cells.items()
    ]
