"""The fold that takes in an adapter: what the controls show then, and that an upload never stays."""

import pytest

from recsys.errors import RecsysError, SettingsError
from recsys.models.adapter_listing import list_adapters
from recsys.models.host import ModelChoice
from recsys.ui.adapter_adding import AdapterAdding, error_html
from recsys.ui.data_choice import MAX_UPLOAD_BYTES
from recsys.ui.demo import build_demo
from tests.fixtures.adapter_zips import ALPACA_CONFIG, adapter_members, lora_weights, write_zip
from tests.fixtures.tiny_adapters import STORY_PROMPT
from tests.ui.fake_workbench import FakeWorkbench

PROMPT = 6
SMOL = "smollm2-135m"


@pytest.fixture
def workbench(tmp_path):
    return FakeWorkbench(runs=tmp_path / "runs", adapters=tmp_path / "adapters")


@pytest.fixture
def upload(tmp_path):
    """Writes an upload as Gradio leaves it, and tells where."""

    def write(name="mine.zip", **members):
        folder = tmp_path / "gradio" / "abc"
        folder.mkdir(parents=True, exist_ok=True)
        return write_zip(folder / name, adapter_members(**members))

    return write


def add(workbench, path, model=SMOL, other=("gptj-mini", ""), *, loads=True):
    adding = AdapterAdding(workbench, PROMPT, loads=loads)
    told, model, adapter, *prompt, offered = adding.of_upload(str(path), model, "auto", 6.0, *other)
    return told, model, adapter, prompt, offered


def names(dropdown):
    return [name for _, name in dropdown.choices]


def is_skipped(value):
    return isinstance(value, dict) and value == {"__type__": "update"}


def test_what_was_added_is_chosen_with_its_prompt_loaded_and_removed_from_the_uploads(workbench, upload):
    path = upload(base_model=SMOL, prompt_id=STORY_PROMPT)
    told, model, adapter, prompt, offered = add(workbench, path, other=(SMOL, ""))
    assert "mine was added and chosen." in told
    assert model == SMOL
    assert (adapter.value, names(adapter)) == ("mine", ["", "mine"])
    assert prompt[0].value == "history"
    assert (offered.value, names(offered)) == ("", ["", "mine"])
    assert workbench.host.state().choice == ModelChoice(SMOL, "auto", "mine", 6.0)
    assert not path.exists()


def test_an_adapter_of_another_model_brings_it_along(workbench, upload):
    told, model, adapter, *_ = add(workbench, upload(base_model=SMOL), model="gptj-mini")
    assert "mine was added and chosen, with its base model smollm2-135m." in told
    assert (model, adapter.value) == (SMOL, "mine")


def test_a_base_that_does_not_run_here_is_not_chosen(workbench, upload, monkeypatch):
    monkeypatch.setattr("recsys.ui.adapter_adding.runs_here", lambda *_: False)
    path = upload(weights=lora_weights(8192, layers=80), base_model="huggyllama/llama-65b")
    told, model, adapter, prompt, _ = add(workbench, path)
    assert "mine was added and can be chosen, with its base model huggyllama/llama-65b." in told
    assert is_skipped(model)
    assert adapter.value is None or "value" not in adapter.constructor_args
    assert all(map(is_skipped, prompt))
    assert workbench.host.state().choice == ModelChoice()


def test_in_evaluate_nothing_is_loaded(workbench, upload):
    add(workbench, upload(base_model=SMOL), loads=False)
    assert workbench.host.state().choice == ModelChoice()


def test_the_other_panel_keeps_what_is_chosen_there(workbench, upload):
    add(workbench, upload(base_model=SMOL))
    *_, offered = add(workbench, upload(base_model=SMOL), other=(SMOL, "mine"))
    assert (offered.value, names(offered)) == ("mine", ["", "mine", "mine-2"])


def test_what_is_left_out_and_taken_for_is_told(workbench, upload):
    config = ALPACA_CONFIG | {"r": 4, "target_modules": ["q_proj"]}
    told, *_ = add(workbench, upload(config=config))
    assert "left out: enable_lora, merge_weights." in told
    assert "It names decapoda-research/llama-7b-hf as its base; it is taken for SmolLM2 135M" in told


def test_a_refusal_changes_no_choice_and_removes_the_upload(workbench, upload):
    path = upload(weights=lora_weights(4096))
    told, *others = AdapterAdding(workbench, PROMPT, loads=True).of_upload(str(path), SMOL, "auto", 6.0, SMOL, "")
    assert "was made for a LLaMA of hidden size 4096 with 1 layer, and this is SmolLM2 135M" in told
    assert "Nothing was added." in told
    assert len(others) == 2 + PROMPT + 1
    assert all(map(is_skipped, others))
    assert not path.exists()
    assert list_adapters(workbench.options.adapters) == ()


def test_an_upload_is_removed_even_where_a_bug_ends_it(workbench, upload, monkeypatch):
    def bug(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(workbench.choices, "add_adapter", bug)
    path = upload()
    with pytest.raises(ZeroDivisionError):
        add(workbench, path)
    assert not path.exists()


def test_what_is_no_zip_or_too_large_is_refused_unread(workbench, tmp_path):
    text, large = tmp_path / "a.txt", tmp_path / "a.zip"
    text.write_text("x")
    with large.open("wb") as file:
        file.truncate(MAX_UPLOAD_BYTES + 1)
    assert "This is no zip" in add(workbench, text)[0]
    assert "The file is too large" in add(workbench, large)[0]
    assert not text.exists()
    assert not large.exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [(None, "No id is written"), ("  ", "No id is written"), ("no-slash", "no id of the Hub"), (["x"], "No id is")],
)
def test_what_is_no_id_is_refused(workbench, name, told):
    shown = AdapterAdding(workbench, PROMPT, loads=True).of_hub(name, SMOL, "auto", 6.0, SMOL, "")
    assert told in shown[0]


def test_without_a_network_one_sentence_tells_it(workbench, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    shown = AdapterAdding(workbench, PROMPT, loads=True).of_hub("me/lora", SMOL, "auto", 6.0, SMOL, "")
    assert "The Hub cannot be reached, and me/lora is not in this machine" in shown[0]


def test_a_public_page_has_no_such_control_or_event_and_refuses_what_is_asked_all_the_same(tmp_path, upload):
    public = FakeWorkbench(public=True, runs=tmp_path / "runs", adapters=tmp_path / "adapters")
    config = build_demo(public).get_config_file()
    assert not [part for part in config["components"] if "adapter-f" in str(part["props"].get("elem_id"))]
    path = upload(base_model=SMOL)
    assert "A public page takes in no adapters" in add(public, path)[0]
    assert not path.exists()
    with pytest.raises(SettingsError, match="a public page takes in no adapters"):
        public.choices.add_adapter("me/lora")
    assert list_adapters(tmp_path / "adapters") == ()


def test_markup_of_strangers_is_escaped(workbench, upload):
    config = ALPACA_CONFIG | {"r": 4, "target_modules": ["q_proj"], "<b>${alert(1)}": 1}
    told, *_ = add(workbench, upload(config=config))
    assert "&lt;b&gt;&#36;&#123;alert(1)&#125;" in told
    assert "<b>&" not in error_html(RecsysError("<b>${x}</b> is wrong"))
