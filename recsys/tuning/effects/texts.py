"""What prompts and high temperatures do to the text: other scripts, prose and code, and answers of one decade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from recsys.catalogue import Catalogue
from recsys.evaluation.scores import PairedDifference
from recsys.evaluation.summary import adjust_p_values
from recsys.models.registry import DEFAULT_MODEL, SMALL_MODEL
from recsys.tuning.axes import Value, write_value
from recsys.tuning.effects.cells import LARGE, EffectCell, K
from recsys.tuning.effects.figures import CellFigures, compare, plain
from recsys.tuning.effects.findings import Evidence, Finding, Question, Table
from recsys.tuning.effects.sampling import heat_cell
from recsys.tuning.effects.words import difference_text, records_of, score_text, share_text, signs_told

HOT: Final[Mapping[str, tuple[float, ...]]] = {
    SMALL_MODEL: (0.3, 0.7, 1.0, 2.0),
    LARGE[0]: (1.0, 2.0),
    DEFAULT_MODEL: (0.7, 1.0, 2.0),
}
"""Temperatures without any cut of top-p or top-k."""
SYMBOLS: Final[Mapping[str, tuple[str, ...]]] = {"zero_shot": ("words", "=>", "[]"), "few_shot": ("words", "=>", "[]")}
"""What stands between the liked titles and the answer, a plain sentence first."""
_SCRIPT: Final = {
    "other_script": "another script",
    "foreign_letters": "letters of another script",
    "code": "code",
    "prose": "prose",
    "well_formed": "clean lists",
}
_FORM: Final = {"code": "code", "not_a_list": "no list at all", "well_formed": "clean lists"}
_BASE: Final = f"{DEFAULT_MODEL} without an adapter"


@dataclass(frozen=True)
class Group:
    """Cells that are compared with the first of them.

    Attributes:
        caption: What they have in common.
        setting: What differs.
        cells: By the value of that setting.
    """

    caption: str
    setting: str
    cells: Mapping[Value, EffectCell]


def text_questions() -> tuple[Question, ...]:
    """Languages, brackets and years."""
    hot = tuple(
        Group(f"{name}, top_p 1, top_k 0", "temperature", {t: heat_cell(t, 1.0, name) for t in temperatures})
        for name, temperatures in HOT.items()
    )
    brackets = tuple(
        Group(f"{_BASE}, {style.replace('_', '-')}", "queue_symbol", {one: _symbol_cell(style, one) for one in symbols})
        for style, symbols in SYMBOLS.items()
    )
    return (
        _question("language", "Does a high temperature change the language?", hot, _SCRIPT, _LANGUAGE_NOTE),
        _question("brackets", "Do brackets and => bring code?", brackets, _FORM, _CODE_NOTE),
        Question("years", "Do years in the prompt pull the answers to one decade?", _YEARS, answer_years),
    )


_LANGUAGE_NOTE: Final = (
    "Another language in Latin letters is not told from English here; what is counted is letters of other scripts."
)
_CODE_NOTE: Final = "Texts are judged as a whole; a list that holds some code is called no clean list, and not code."
_YEARS: Final = (EffectCell.of(DEFAULT_MODEL, {}), EffectCell.of(DEFAULT_MODEL, {"include_years": True}))


def _symbol_cell(style: str, symbol: str) -> EffectCell:
    usual = {"style": "few_shot", "queue_symbol": "=>"}
    asked: dict[str, Value] = {"style": style, "queue_symbol": symbol}
    return EffectCell.of(DEFAULT_MODEL, {name: value for name, value in asked.items() if usual[name] != value})


def _question(name: str, title: str, groups: Sequence[Group], metrics: Mapping[str, str], note: str) -> Question:
    cells = tuple(cell for group in groups for cell in group.cells.values())
    return Question(name, title, cells, partial(answer_texts, tuple(groups), metrics, note))


def answer_texts(groups: Sequence[Group], metrics: Mapping[str, str], note: str, evidence: Evidence) -> Finding:
    """Figures of the text in each group, beside those of its first cell; p-values are corrected within a table."""
    tables, told, details, numbers = [], [], [], {}
    for group in groups:
        cells = {value: evidence.cells[cell] for value, cell in group.cells.items()}
        first, *others = cells
        against = f"{group.setting} {write_value(first)}"
        keys = [(metric, value) for metric in metrics for value in others]
        pairs = adjust_p_values(
            [compare(cells[value], cells[first], against=against, metric=metric) for metric, value in keys]
        )
        found = dict(zip(keys, pairs, strict=True))
        tables.append(_text_table(group, cells, metrics))
        head = next(iter(metrics))
        told.append(f"{group.caption}: {_head_told(head, metrics[head], cells)}{_is_clear(found, head)}")
        for metric, words in metrics.items():
            told_of = [(write_value(value), found[metric, value]) for value in others]
            details.append(f"{group.caption}. {signs_told(words, told_of, against)}")
        numbers[group.caption] = [plain(one) for one in pairs]
    return Finding(f"{'; '.join(told)}.", tuple(tables), tuple(details), (note,), numbers)


def _head_told(metric: str, words: str, cells: Mapping[Value, CellFigures]) -> str:
    shares = ", ".join(
        f"{share_text(cell.score(metric).mean)} at {write_value(value)}" for value, cell in cells.items()
    )
    return f"{words} {shares}"


def _is_clear(found: Mapping[tuple[str, Value], PairedDifference], metric: str) -> str:
    """Whether any of a figure's differences is clear, in brackets."""
    clear = [write_value(value) for (name, value), one in found.items() if name == metric and one.clear_sign]
    return f" (clearly different at {', '.join(clear)})" if clear else " (no clear difference)"


def _text_table(group: Group, cells: Mapping[Value, CellFigures], metrics: Mapping[str, str]) -> Table:
    rows = tuple(
        (
            f"`{write_value(value)}`",
            *(share_text(cell.score(metric).mean) for metric in metrics),
            score_text(cell.score()),
            f"{cell.tokens:.1f}",
        )
        for value, cell in cells.items()
    )
    of = records_of(next(iter(cells.values())))
    return Table(group.caption, of, (group.setting, *metrics.values(), f"MAP@{K}", "tokens a record"), rows)


def answer_years(evidence: Evidence) -> Finding:
    """Whether the movies of one list are more of one decade where titles carry years."""
    without, told = (evidence.cells[cell] for cell in _YEARS)
    metrics = {"one_decade": "share of a list that is of its commonest decade", "map": f"MAP@{K}"}
    pairs = [compare(told, without, against="without years", metric=metric) for metric in metrics]
    decade, score = adjust_p_values(pairs)
    words = {1: "Yes", -1: "No, they spread them"}.get(decade.clear_sign, "Not clearly")
    answer = (
        f"{words}: the {metrics['one_decade']} changes by {difference_text(decade)} with years, MAP@{K} by "
        f"{difference_text(score)}."
    )
    cells = {"without years": without, "with years": told}
    rows = tuple(
        (name, score_text(cell.score("one_decade")), *_decades(cell, evidence.catalogue),
         share_text(cell.share("wrong_year")), score_text(cell.score()))
        for name, cell in cells.items()
    )  # fmt: skip
    both = len(without.known("one_decade") & told.known("one_decade"))
    heads = ("prompt", metrics["one_decade"], "commonest decade of all", "mean year", "wrong years", f"MAP@{K}")
    of = f"{records_of(without)}; compared on the {both} whose lists have two movies or more both times"
    numbers = {"differences": [plain(decade), plain(score)]}
    return Finding(answer, (Table(f"{_BASE}, few-shot", of, heads, rows),), numbers=numbers)


def _decades(cell: CellFigures, catalogue: Catalogue) -> tuple[str, str]:
    """The commonest decade of all recommended movies with its share, and their mean year."""
    movies = [catalogue.by_id.get(item) for one in cell.records for item in one.item_ids if item is not None]
    years = [movie.year for movie in movies if movie is not None and movie.year is not None]
    if not years:
        return "–", "–"
    (decade, count), *_ = Counter(year // 10 * 10 for year in years).most_common(1)
    return f"{decade}s: {count} of {len(years)} ({count / len(years):.0%})", f"{sum(years) / len(years):.1f}"
