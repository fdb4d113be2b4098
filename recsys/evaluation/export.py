"""Reports and results as files and as text: JSON, CSV and the table of the command line.

Files appear whole or not at all. What a model wrote can start like a spreadsheet formula, so such cells are
marked as text in the CSV. This module computes no figure.
"""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from recsys.catalogue import Catalogue
from recsys.data.atomic import open_atomically
from recsys.errors import DataFormatError, SettingsError
from recsys.evaluation.metrics import HEADLINE, METRICS
from recsys.evaluation.report import INTERVAL_METHOD, MetricScore, PairedDifference, Report, SystemScore
from recsys.evaluation.results import RecordResult
from recsys.evaluation.text_quality import DESCRIPTIONS

_TEXT_WIDTH: Final = 100
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_SHARES_SHOWN: Final = (
    "well_formed",
    "exactly_n",
    "exact",
    "normalised",
    "fuzzy",
    "semantic",
    "out_of_catalogue",
    "repeated",
    "already_liked",
    "wrong_year",
)


def write_json(report: Report, path: Path) -> None:
    """Writes the report as JSON, definitions included."""
    text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    with open_atomically(path) as file:
        file.write(text.encode("utf-8") + b"\n")


def read_json(path: Path) -> Report:
    """Reads what write_json wrote.

    Raises:
        DataFormatError: when the file is missing, broken or no report.
    """
    try:
        return Report.from_dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingsError) as error:
        raise DataFormatError(
            "no evaluation report can be read from this file",
            path=path,
            seen=str(error),
            mend="start the same evaluation again; finished records are kept",
        ) from error


def write_csv(results: Sequence[RecordResult], path: Path, *, catalogue: Catalogue | None = None) -> None:
    """Writes one row for each record: what was given, written, resolved and hit, and every metric.

    Args:
        results: The results, one row each.
        path: The file.
        catalogue: Writes titles beside item ids; ids alone without it.
    """
    with open_atomically(path) as file:
        file.write(render_csv(results, catalogue=catalogue).encode("utf-8", errors="replace"))


def render_csv(results: Sequence[RecordResult], *, catalogue: Catalogue | None = None) -> str:
    """The text of write_csv."""
    rows = [_csv_row(result, catalogue) for result in results]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=_csv_columns(catalogue))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def escape_cell(text: str) -> str:
    """Marks a text that a spreadsheet would run as a formula with an apostrophe before it.

    >>> escape_cell('=HYPERLINK("http://example.org")')
    '\\'=HYPERLINK("http://example.org")'
    >>> escape_cell("Alien (1979)")
    'Alien (1979)'
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def render_text(report: Report) -> str:
    """The report as a table of plain text, about 100 characters wide, with the definition of every metric."""
    blocks = [
        [f"{report.model.name} ({report.precision}) on {report.dataset_name}"],
        textwrap.wrap(report.protocol, _TEXT_WIDTH),
        _metric_table(report),
        _coverage_lines(report),
        list(report.definitions.values()),
        [INTERVAL_METHOD],
        _difference_lines(report),
        _share_lines(report),
        [
            f"{report.tokens} tokens in {report.seconds:.1f} s: {report.tokens_per_second:.1f} tokens/s",
            f"Machine: {report.machine}",
            f"Run {report.fingerprint}, started {report.started_at}, finished {report.finished_at}",
        ],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _csv_columns(catalogue: Catalogue | None) -> list[str]:
    titles = [] if catalogue is None else ["history_titles", "relevant_titles", "recommended_titles"]
    return [
        *("record_id", "user_id", "history", "relevant", "item_ids", "exact_item_ids"),
        *titles,
        *("completion", "generated_titles", "matches", "flags", "problem", "well_formed", "num_titles"),
        *METRICS,
        *(f"raw_{name}" for name in METRICS),
        *("seconds", "tokens", "finish_reason"),
    ]


def _csv_row(result: RecordResult, catalogue: Catalogue | None) -> dict[str, str | float | int | bool]:
    """One row; lists are joined by " | " with an empty place for a miss, so that ranks can be counted."""
    texts = {
        "record_id": result.record_id,
        "history": _joined(result.history),
        "relevant": _joined(result.relevant),
        "item_ids": _joined(result.item_ids),
        "exact_item_ids": _joined(result.exact_item_ids),
        "completion": result.completion,
        "generated_titles": _joined(
            title.title if title.year is None else f"{title.title} ({title.year})" for title in result.titles
        ),
        "matches": _joined(title.match for title in result.titles),
        "flags": _joined(" ".join(title.flags) for title in result.titles),
        "problem": result.problem or "",
        "finish_reason": result.finish_reason,
    }
    if catalogue is not None:
        texts["history_titles"] = _joined(_title(item_id, catalogue) for item_id in result.history)
        texts["relevant_titles"] = _joined(_title(item_id, catalogue) for item_id in result.relevant)
        texts["recommended_titles"] = _joined(_title(item_id, catalogue) for item_id in result.item_ids)
    return {
        **{name: escape_cell(text) for name, text in texts.items()},
        "user_id": result.user_id,
        "well_formed": result.well_formed,
        "num_titles": result.num_titles,
        **result.metrics,
        **{f"raw_{name}": value for name, value in result.raw_metrics.items()},
        "seconds": round(result.seconds, 4),
        "tokens": result.tokens,
    }


def _joined(parts: Iterable[object]) -> str:
    return " | ".join("" if part is None else str(part) for part in parts)


def _title(item_id: int | None, catalogue: Catalogue) -> str:
    """The title of an item; its id where the catalogue has changed since the run."""
    if item_id is None:
        return ""
    return catalogue[item_id].display() if item_id in catalogue else str(item_id)


def _metric_table(report: Report) -> list[str]:
    others = [name for name in METRICS if name != HEADLINE]
    headline, *other_labels = (METRICS[name].label(report.k) for name in (HEADLINE, *others))
    header = ["", headline, "95% interval", "over users", "exact only", *other_labels]
    rows = [header, *(_system_row(system, others) for system in report.systems)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def _system_row(system: SystemScore, others: Sequence[str]) -> list[str]:
    headline = system.metrics[HEADLINE]
    raw = "–" if system.raw is None else f"{system.raw[HEADLINE].mean:.4f}"
    return [
        system.name,
        f"{headline.mean:.4f}",
        _interval(headline),
        f"{headline.mean_over_users:.4f}",
        raw,
        *(f"{system.metrics[name].mean:.4f}" for name in others),
    ]


def _interval(score: MetricScore | PairedDifference) -> str:
    return "one user only" if score.interval is None else f"[{score.interval.low:.4f}, {score.interval.high:.4f}]"


def _coverage_lines(report: Report) -> list[str]:
    told = [f"{system.name} {system.coverage:.1%}" for system in report.systems if system.coverage is not None]
    sentence = f"Of the likes they are fitted on, the items that baselines know hold: {', '.join(told)}"
    return textwrap.wrap(sentence, _TEXT_WIDTH) if told else []


def _difference_lines(report: Report) -> list[str]:
    label = METRICS[HEADLINE].label(report.k)
    return [
        f"{label} minus {difference.against}: {difference.mean:+.4f} {_interval(difference)}"
        for difference in report.differences
    ]


def _share_lines(report: Report) -> list[str]:
    width = max(len(DESCRIPTIONS[name]) for name in _SHARES_SHOWN)
    return [f"{DESCRIPTIONS[name].ljust(width)}  {report.text_quality[name]}" for name in _SHARES_SHOWN]
