"""The fold below the adapter selector that takes in an adapter, from a zip or the Hub, and chooses it.

What is checked is in models/adapter_adding.py. The fold is not made on a public page, and the choices refuse there as
well. An uploaded file is removed once it was read, whatever came of it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import gradio as gr
from gradio.components import Component

from recsys.errors import AdapterError, RecsysError
from recsys.models.adapter_adding import AddedAdapter
from recsys.models.host import ModelChoice
from recsys.remote.settings import is_served
from recsys.settings import INT8_THRESHOLD, Precision
from recsys.ui.choice_controls import adapter_state, choice_updates
from recsys.ui.data_choice import MAX_UPLOAD_BYTES
from recsys.ui.evaluation_cards import sentences
from recsys.ui.markup import escape
from recsys.ui.model_fit import runs_here

if TYPE_CHECKING:
    from recsys.ui.settings_panel import SettingsPanel
    from recsys.workbench import Workbench

_HINT = (
    "A LoRA as PEFT saves it, <code>adapter_config.json</code> and <code>adapter_model.safetensors</code>, zipped. It "
    "is kept with the other adapters of this machine."
)
_LONGEST_ID = 200
_TOLD: dict[str, Any] = {
    "concurrency_id": "add-adapter",
    "concurrency_limit": 1,
    "show_progress": "minimal",
    "api_visibility": "private",
}


@dataclass(frozen=True)
class _Fold:
    """The fold's controls."""

    upload: gr.UploadButton
    hub_id: gr.Textbox
    fetch: gr.Button
    told: gr.HTML


def create_adapter_adding(workbench: Workbench, first: SettingsPanel, second: SettingsPanel) -> None:
    """Makes the fold in both panels; what is added in one is offered in both. Nothing on a public page.

    Args:
        workbench: What takes the adapter in.
        first: The Recommend tab's panel, whose choice is loaded at once.
        second: The Evaluate tab's.
    """
    if workbench.options.public:
        return
    for prefix, panel, other in (("", first, second), ("evaluate-", second, first)):
        with panel.model_fold:
            fold = _create_fold(prefix)
        _connect(AdapterAdding(workbench, len(panel.prompt), loads=panel is first), fold, panel, other)


def _create_fold(prefix: str) -> _Fold:
    with gr.Accordion(
        "Add an adapter",
        open=False,
        elem_id=f"{prefix}fold-adapter",
        elem_classes=["fold", "fold-plain", "adapter-add"],
    ):
        gr.HTML(f'<p class="own-hint">{_HINT}</p>', apply_default_css=False)
        upload = gr.UploadButton(
            "Choose a zip", file_types=[".zip"], type="filepath", size="sm", elem_id=f"{prefix}adapter-file"
        )
        hub_id = gr.Textbox(
            label="Or an id of the Hub",
            placeholder="owner/name",
            max_length=_LONGEST_ID,
            elem_id=f"{prefix}adapter-id",
        )
        fetch = gr.Button("Add from the Hub", size="sm", elem_id=f"{prefix}adapter-fetch")
        told = gr.HTML("", elem_id=f"{prefix}adapter-told", apply_default_css=False)
    return _Fold(upload, hub_id, fetch, told)


def _connect(adding: AdapterAdding, fold: _Fold, panel: SettingsPanel, other: SettingsPanel) -> None:
    asked: list[Component] = [panel.choice[name] for name in ("model", "precision", "int8_threshold")]
    asked += [other.choice[name] for name in ("model", "adapter")]
    shown = [fold.told, panel.choice["model"], panel.choice["adapter"], *panel.prompt.values(), other.choice["adapter"]]
    told: dict[str, Any] = {**_TOLD, "show_progress_on": fold.told}
    fold.upload.upload(adding.of_upload, [fold.upload, *asked], shown, **told)
    gr.on([fold.fetch.click, fold.hub_id.submit], adding.of_hub, [fold.hub_id, *asked], shown, **told)


class AdapterAdding:
    """Takes adapters in for one panel and says what its controls and the other panel's show then.

    Args:
        workbench: What takes them in.
        num_prompt: How many controls of the prompt follow a choice.
        loads: Whether what is chosen is loaded at once.
    """

    def __init__(self, workbench: Workbench, num_prompt: int, *, loads: bool) -> None:
        self._workbench = workbench
        self._num_prompt = num_prompt
        self._loads = loads

    def of_upload(self, upload: object, *choice: object) -> list[Any]:
        """Told, model, adapter, prompt and the other panel's adapter after an uploaded zip, which is removed."""
        if not isinstance(upload, str):
            return self._refused(AdapterError("no file is chosen", mend="choose the zip of an adapter's folder"))
        file = Path(upload)
        try:
            return self._add(file, *choice)
        finally:
            file.unlink(missing_ok=True)

    def of_hub(self, name: object, *choice: object) -> list[Any]:
        """The same after an id of the Hub was typed, which stays where it is."""
        if not isinstance(name, str) or not name.strip():
            return self._refused(AdapterError("no id is written", mend="write it as owner/name"))
        return self._add(name.strip()[:_LONGEST_ID], *choice)

    def _add(self, source: Path | str, *choice: object) -> list[Any]:
        model, precision, threshold, other_model, other_adapter = choice
        present, choices = str(model or "").strip(), self._workbench.choices
        try:
            if isinstance(source, Path):
                _require_upload(source)
            added = choices.add_adapter(source, base_model=present or None)
        except RecsysError as error:
            return self._refused(error)
        base = added.model or present
        asked = cast(Precision, precision if precision in get_args(Precision) else "auto")
        is_chosen = not is_served(base) and (base == present or runs_here(self._workbench, base, asked))
        offered = gr.Dropdown(**adapter_state(choices, other_model, other_adapter, keep=True))
        told = added_html(added, base if base != present else None, is_chosen=is_chosen)
        if not is_chosen:
            state = adapter_state(choices, present, None)
            return [told, gr.skip(), gr.Dropdown(choices=state["choices"]), *self._skipped(), offered]
        if self._loads:
            with suppress(RecsysError):  # while an evaluation holds the model, it is loaded when it is asked
                number = threshold if isinstance(threshold, (int, float)) else INT8_THRESHOLD
                self._workbench.host.start_loading(ModelChoice(base, asked, added.info.name, number))
        return [told, base, *choice_updates(choices, ModelChoice(base, adapter=added.info.name)), offered]

    def _refused(self, error: RecsysError) -> list[Any]:
        return [error_html(error), gr.skip(), gr.skip(), *self._skipped(), gr.skip()]

    def _skipped(self) -> list[Any]:
        return [gr.skip() for _ in range(self._num_prompt)]


def added_html(added: AddedAdapter, other_base: str | None, *, is_chosen: bool) -> str:
    """What was added and chosen, and what a person should know of it.

    Args:
        added: The adapter.
        other_base: Its base, where that was not the chosen one.
        is_chosen: Whether it was chosen, with its base.
    """
    with_base = f", with its base model {other_base}" if other_base else ""
    done = f"chosen{with_base}" if is_chosen else f"can be chosen{with_base}"
    rows = "".join(f"<li>{escape(sentence)}</li>" for sentence in added.told)
    return (
        f'<div class="data-state is-done" role="status"><b>✓</b> {escape(f"{added.info.name} was added and {done}.")}'
        f"{f'<ul>{rows}</ul>' if rows else ''}</div>"
    )


def error_html(error: RecsysError) -> str:
    """What is wrong; the choice stays as it was."""
    return f'<div class="own-error" role="alert">{escape(sentences(error))}<p>Nothing was added.</p></div>'


def _require_upload(file: Path) -> None:
    """Refuses what is no zip or is larger than any upload may be, before it is opened."""
    if file.suffix.lower() != ".zip" or not file.is_file():
        raise AdapterError("this is no zip", seen=file.name, mend="choose the zip of an adapter's folder")
    size = file.stat().st_size
    if size > MAX_UPLOAD_BYTES:
        seen = f"{size / 1e6:,.0f} MB"
        mend = f"at most {MAX_UPLOAD_BYTES / 1e6:.0f} MB here; `python -m recsys adapters add` takes more"
        raise AdapterError("the file is too large", seen=seen, mend=mend)
