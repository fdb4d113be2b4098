"""The fold that fills the movies from a person's own ratings or list, with a look at the doubtful ones first.

A file is read once and removed; what it says is kept for the browser session alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.catalogue import Catalogue
from recsys.data.csv_text import require_size
from recsys.data.own_history import MAX_FILE_BYTES, PASTED, read_own_history
from recsys.data.windows import HISTORY_LENGTH
from recsys.errors import DataFormatError, HistoryError, RecsysError
from recsys.resolution.own_history import HistoryReview, ReviewRow, Verdict, review_history
from recsys.ui.markup import escape, plural
from recsys.ui.title_picker import PickerValue, write_entries

if TYPE_CHECKING:
    from recsys.loaded_data import LoadedData
    from recsys.workbench import Workbench

MAX_QUESTIONS = 100
"""Choices that are offered at most, those of the most recent titles."""

_HINT = (
    "Letterboxd: <code>ratings.csv</code>, <code>diary.csv</code> or <code>likes/films.csv</code>. "
    "IMDb: <code>ratings.csv</code>. Or one title a line, with a dash before what was disliked."
)
_VERDICTS: tuple[tuple[Verdict, str], ...] = (("sure", "found"), ("doubtful", "to look at"), ("unknown", "not found"))
_TOLD: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private", "concurrency_limit": 2}


def create_history_import(workbench: Workbench, liked: gr.HTML, disliked: gr.HTML, record_id: gr.State) -> gr.Accordion:
    """Makes the fold inside the column that is open; it fills the two lists."""
    with gr.Accordion(
        "Bring your own ratings", open=False, elem_id="fold-own", elem_classes=["fold", "fold-plain"]
    ) as fold:
        gr.HTML(f'<p class="own-hint">{_HINT}</p>', apply_default_css=False)
        file = gr.UploadButton(
            "Choose a file", file_types=[".csv", ".txt"], type="filepath", size="sm", elem_id="own-file"
        )
        pasted = gr.Textbox(
            label="Or paste titles",
            lines=3,
            max_lines=8,
            max_length=100_000,
            placeholder="Heat (1995)\nSpirited Away\n- Cats (2019)",
            elem_id="own-text",
        )
        look = gr.Button("Look the titles up", size="sm", elem_id="own-look")
        told = gr.HTML("", elem_id="own-told", apply_default_css=False)
        questions = gr.CheckboxGroup([], label="Is this the movie?", visible=False, elem_id="own-questions")
        most = gr.Slider(
            1,
            workbench.limits.max_history,
            value=HISTORY_LENGTH,
            step=1,
            label="Most recent movies of each kind",
            visible=False,
            elem_id="own-most",
        )
        use = gr.Button("Use these movies", size="sm", visible=False, elem_id="own-use")
    review = gr.State(None, time_to_live=3600)
    found = [review, told, questions, most, use]

    def fill(kept: tuple[int, HistoryReview] | None, ticked: object, number: float) -> tuple[Any, ...]:
        data = workbench.data
        if kept is None or kept[0] != data.number:  # their item ids may mean other movies now
            raise gr.Error("The titles are no longer kept. Look them up again.", print_exception=False)
        sides = entries_of(kept[1], ticked, data.catalogue, min(max(1, int(number)), workbench.limits.max_history))
        return *sides, None, gr.Accordion(open=False)

    file.upload(lambda path: _looked_up(workbench, path, None), file, found, **_TOLD)
    look.click(lambda text: _looked_up(workbench, None, text), pasted, found, **_TOLD)
    use.click(
        fill, [review, questions, most], [liked, disliked, record_id, fold], queue=False, api_visibility="private"
    )
    return fold


def _looked_up(workbench: Workbench, path: str | None, text: str | None) -> tuple[Any, ...]:
    """The review, what is told of it, the questions, and what else is shown only with them."""
    data = workbench.data
    try:
        review = read_review(workbench, path, text, data)
    except RecsysError as error:
        hidden = [gr.CheckboxGroup(choices=[], value=[], visible=False), gr.Slider(visible=False)]
        return None, error_html(error), *hidden, gr.Button(visible=False)
    asked = questions_of(review, data.catalogue)
    ticked = [f"{place}:{item}" for place, item in review.suggestions().items()]
    offered = {value for _, value in asked}
    return (
        (data.number, review),
        review_html(review, data.catalogue),
        gr.CheckboxGroup(choices=asked, value=[value for value in ticked if value in offered], visible=bool(asked)),
        gr.Slider(visible=True),
        gr.Button(visible=bool(asked) or review.count("sure") > 0),
    )


def read_review(
    workbench: Workbench, path: str | None, text: str | None, data: LoadedData | None = None
) -> HistoryReview:
    """Reads an uploaded file, which is removed, or pasted text, and looks its titles up.

    Raises:
        HistoryError: when there is neither.
        DataFormatError: when it cannot be read.
    """
    if path:
        file = Path(path)
        try:
            require_size(file.stat().st_size, file.name, max_bytes=MAX_FILE_BYTES)
            history = read_own_history(file.read_bytes(), file.name)
        except OSError as error:
            raise DataFormatError("the file is no longer here", path=file.name, mend="choose it again") from error
        finally:
            file.unlink(missing_ok=True)
    elif text and text.strip():
        history = read_own_history(text.encode(), PASTED)
    else:
        raise HistoryError("there is nothing to look up", mend="choose a file or paste titles, one a line")
    data = data or workbench.data
    return review_history(history, data.catalogue, data.resolvers.levenshtein, most=workbench.limits.max_history)


def questions_of(review: HistoryReview, catalogue: Catalogue) -> list[tuple[str, str]]:
    """One choice for each movie that a title may be: what is shown, and ``row:item``."""
    asked = [
        (_question(row, catalogue[item].display()), f"{place}:{item}")
        for place, row in enumerate(review.rows)
        if row.verdict != "sure"
        for item in row.candidates
    ]
    return asked[-MAX_QUESTIONS:]


def _question(row: ReviewRow, movie: str) -> str:
    side = "" if row.written.opinion == "liked" else " · disliked"
    return f"{row.written.display()} → {movie} · {row.reason}{side}"


def entries_of(
    review: HistoryReview, ticked: object, catalogue: Catalogue, most: int
) -> tuple[PickerValue, PickerValue]:
    """The two lists with what is sure and what was ticked; of two ticks for one title the first counts."""
    offered = {value for _, value in questions_of(review, catalogue)}
    chosen: dict[int, int] = {}
    for tick in ticked if isinstance(ticked, list) else []:
        if isinstance(tick, str) and tick in offered:
            place, item = map(int, tick.split(":"))
            chosen.setdefault(place, item)
    liked, disliked = (review.entries(side, chosen=chosen, most=most) for side in ("liked", "disliked"))
    return write_entries(liked, catalogue), write_entries(disliked, catalogue)


def review_html(review: HistoryReview, catalogue: Catalogue) -> str:
    """How many titles were found, what was found under which name, and what a reader must know."""
    counts = " · ".join(f"<b>{review.count(verdict):,}</b> {words}" for verdict, words in _VERDICTS)
    notices = "".join(f"<li>{escape(notice)}</li>" for notice in review.notices)
    unknown = [row.written.display() for row in review.rows if row.verdict == "unknown" and not row.candidates]
    sure = [(row, catalogue[row.candidates[0]].display()) for row in review.rows if row.verdict == "sure"]
    lists = _fold(plural(len(sure), "movie") + " found", [_sure_row(row, movie) for row, movie in sure[::-1]])
    lists += _fold(plural(len(unknown), "title") + " with nothing like it", [escape(title) for title in unknown[::-1]])
    return (
        f'<div class="own-review" role="status"><p>{escape(review.source)}: {counts}</p>'
        f"{f'<ul>{notices}</ul>' if notices else ''}{lists}</div>"
    )


def _sure_row(row: ReviewRow, movie: str) -> str:
    side = "" if row.written.opinion == "liked" else ' <span class="own-side">disliked</span>'
    return f"{escape(movie)}{side}"


def _fold(summary: str, rows: Sequence[str]) -> str:
    if not rows:
        return ""
    return (
        f"<details><summary>{escape(summary)}</summary><ol>{''.join(f'<li>{row}</li>' for row in rows)}</ol></details>"
    )


def error_html(error: RecsysError) -> str:
    """What is wrong with the file, where the review would be."""
    told = str(error)
    if not isinstance(error, DataFormatError):  # which starts with the file's name
        told = told[:1].upper() + told[1:]
    return f'<div class="own-error" role="alert">{escape(told)}</div>'
