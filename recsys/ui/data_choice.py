"""The fold that chooses another data set for the whole process: embedded, of this machine, or uploaded.

The set is read in the background and takes its place once all of it is ready; what it does to the pages that
are open is in data_follow.py. It is not made on a public page, and the workbench refuses there as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from recsys.background import TaskState
from recsys.data.splits import SplitSettings
from recsys.errors import DataFormatError, RecsysError, SettingsError
from recsys.ui.evaluation_form import whole
from recsys.ui.markup import escape

if TYPE_CHECKING:
    from recsys.workbench import Workbench

MAX_UPLOAD_BYTES = 300_000_000
"""The largest official archive, that of 25M, has 262 MB."""
MAX_PATH = 1000
_SECONDS_BETWEEN_LOOKS = 0.7

_SOURCES = [("Embedded", "embedded"), ("On this machine", "path"), ("Upload a zip", "upload")]
_SPLITS = [("By user", "user"), ("By record", "record"), ("By time", "time")]
_ABOUT_SPLIT = {
    "user": "Nobody is in two sets: 15% of the people are test, 10% validation.",
    "record": "Disjoint windows are drawn from everybody, so a person may be in several sets.",
    "time": "The last 15% of all likes are test, the 10% before them validation.",
}
_LEAD = (
    "Any MovieLens release from 100K to 32M. It replaces the data for everybody who has this page open; movies "
    "picked from the present set are cleared. Nothing changes before all of it is read."
)
_QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class _Form:
    """The fold's controls."""

    source: gr.Radio
    path: gr.Textbox
    upload: gr.File
    split: gr.Radio
    numbers: gr.Row
    records: gr.Number
    holdout: gr.Number
    seed: gr.Number
    use: gr.Button
    told: gr.HTML


def create_data_choice(workbench: Workbench) -> None:
    """Makes the fold inside the block that is open; nothing on a public page."""
    if workbench.options.public:
        return
    with gr.Accordion("Use another data set", open=False, elem_id="fold-data", elem_classes=["fold"]):
        form = _create_form()
    timer = gr.Timer(_SECONDS_BETWEEN_LOOKS, active=False)
    form.source.input(
        lambda chosen: (gr.Textbox(visible=chosen == "path"), gr.File(visible=chosen == "upload")),
        form.source, [form.path, form.upload], **_QUICK,
    )  # fmt: skip
    form.split.input(
        lambda chosen: (
            gr.Radio(info=_ABOUT_SPLIT.get(chosen, "")),
            gr.Row(visible=chosen == "record"),
            gr.Number(visible=chosen != "time"),
        ),
        form.split, [form.split, form.numbers, form.seed], **_QUICK,
    )  # fmt: skip

    def begin(*values: object) -> tuple[Any, ...]:
        try:
            start_choosing(workbench, *values)
        except RecsysError as error:
            return error_html(error), gr.skip(), gr.skip()
        return task_html(workbench.data_holder.task.state()), gr.Timer(active=True), None

    def look() -> tuple[str, gr.Timer]:
        state = workbench.data_holder.task.state()
        return task_html(state), gr.Timer(active=state.is_running)

    asked = [form.source, form.path, form.upload, form.split, form.records, form.holdout, form.seed]
    form.use.click(begin, asked, [form.told, timer, form.upload], **_QUICK)
    timer.tick(look, None, [form.told, timer], **_QUICK)


def _create_form() -> _Form:
    gr.HTML(f'<p class="data-lead">{_LEAD}</p>', apply_default_css=False)
    source = _segments(_SOURCES, "embedded", "Where it is", "data-source")
    path = gr.Textbox(
        label="Folder or zip",
        placeholder="~/data/ml-1m.zip",
        max_length=MAX_PATH,
        visible=False,
        elem_id="data-path",
    )
    upload = gr.File(
        label=f"Official zip, at most {MAX_UPLOAD_BYTES / 1e6:.0f} MB",
        file_types=[".zip"],
        type="filepath",
        height=120,
        visible=False,
        elem_id="data-upload",
    )
    split = _segments(_SPLITS, "user", "What is held out", "data-split")
    split.info = _ABOUT_SPLIT["user"]
    with gr.Row(visible=False, elem_id="data-numbers") as numbers:
        records = _number("Records", "0 takes all.", "data-records")
        holdout = _number("Of these test", "0 takes 15%.", "data-holdout")
    seed = _number("Split seed", "Draws people or records.", "data-seed")
    use = gr.Button("Use this data set", variant="primary", elem_id="data-use")
    told = gr.HTML("", elem_id="data-told", apply_default_css=False)
    return _Form(source, path, upload, split, numbers, records, holdout, seed, use, told)


def start_choosing(workbench: Workbench, *values: object) -> None:
    """Starts to read the data set that the form's values name.

    Args:
        workbench: Whose data are to be replaced.
        values: Source, path, uploaded file, kind of split, records, held-out records and seed.

    Raises:
        RecsysError: when a value is wrong, on a public page, or while an evaluation runs.
    """
    source, path, upload, split_by, records, holdout, seed = values
    drawn = {"split_records": whole("records", records), "split_holdout": whole("test records", holdout)}
    split = SplitSettings.from_dict(
        {
            "split_by": split_by,
            "split_seed": 0 if split_by == "time" else whole("seed", seed),
            **(drawn if split_by == "record" else {}),
        }
    )
    chosen, over = read_source(source, path, upload)
    workbench.choose_data(chosen, split, over)


def read_source(source: object, path: object, upload: object) -> tuple[Path | None, Callable[[], None]]:
    """Where the data set is, None for the embedded one, and what to call once it was read.

    Raises:
        SettingsError: when no source, path or file is given.
        DataFormatError: for an uploaded file that is no zip or too large.
    """
    if source == "embedded":
        return None, lambda: None
    if source == "upload":
        if not isinstance(upload, str):
            raise SettingsError("no file is chosen", mend="choose the zip of a MovieLens release")
        file = Path(upload)
        _require_upload(file)
        return file, lambda: file.unlink(missing_ok=True)
    if source != "path" or not isinstance(path, str) or not path.strip():
        raise SettingsError("no folder or zip is named", mend="write where it is on the machine that runs this page")
    if len(path) > MAX_PATH or not path.isprintable():
        raise SettingsError("this cannot be a path", seen=path, mend="write where the folder or zip is")
    try:
        return Path(path.strip()).expanduser(), lambda: None
    except RuntimeError:
        raise SettingsError("this person has no home folder here", seen=path, mend="write the whole path") from None


def _require_upload(file: Path) -> None:
    if file.suffix.lower() != ".zip" or not file.is_file():
        raise DataFormatError("this is no zip", path=file.name, mend="choose the zip of a MovieLens release")
    size = file.stat().st_size
    if size > MAX_UPLOAD_BYTES:
        seen, mend = f"{size / 1e6:,.0f} MB", f"at most {MAX_UPLOAD_BYTES / 1e6:.0f} MB; name it by its path instead"
        raise DataFormatError("the file is too large", path=file.name, seen=seen, mend=mend)


def task_html(state: TaskState) -> str:
    """How far the reading is, or how it ended."""
    if state.phase == "idle":
        return ""
    if state.error is not None:
        return error_html(state.error)
    if state.is_running:
        bar = f'<span class="load-bar"><i style="width:{state.fraction:.0%}"></i></span>'
        return f'<div class="data-state" role="status"><span>{escape(state.message)}…</span>{bar}</div>'
    return f'<div class="data-state is-done" role="status"><b>✓</b> {escape(state.message)}</div>'


def error_html(error: RecsysError) -> str:
    """What is wrong; the data set in use stays."""
    told = str(error)
    if not isinstance(error, DataFormatError):  # which starts with the file's name
        told = told[:1].upper() + told[1:]
    return f'<div class="own-error" role="alert">{escape(told)}<p>The data set in use stays.</p></div>'


def _segments(choices: list[tuple[str, str]], value: str, label: str, elem_id: str) -> gr.Radio:
    return gr.Radio(choices, value=value, label=label, elem_id=elem_id, elem_classes=["segments"])


def _number(label: str, info: str, elem_id: str) -> gr.Number:
    return gr.Number(0, precision=0, minimum=0, label=label, info=info, elem_id=elem_id, min_width=110)
