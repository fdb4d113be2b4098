"""Reports and results as files: JSON and CSV.

Files appear whole or not at all. What a model wrote can start like a spreadsheet formula, so such cells are
marked as text in the CSV. This module computes no figure.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from recsys.catalogue import Catalogue
from recsys.data.atomic import open_atomically
from recsys.errors import DataFormatError, SettingsError
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.report import Report
from recsys.evaluation.results import RecordResult

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_json(report: Report, path: Path, *, compact: bool = False) -> None:
    """Writes the report as JSON, definitions included; ``compact`` takes half the room and no reader's eye."""
    layout: dict[str, Any] = {"separators": (",", ":")} if compact else {"indent": 2}
    text = json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False, **layout)
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
