import json
from types import SimpleNamespace

import gradio as gr
import pytest

from recsys.models import registry
from recsys.models.host import ModelChoice
from recsys.presets import SHIPPED, Preset, read_preset, write_preset
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings
from recsys.ui.preset_handlers import PresetHandlers
from recsys.ui.request_settings import RequestSettings
from recsys.ui.settings_panel import create_settings_panel
from tests.fixtures.tiny_adapters import STORY_PROMPT, history_model, write_adapter
from tests.ui.fake_workbench import FakeWorkbench

SETTINGS = RequestSettings(
    GenerationSettings(temperature=0.3, num_recommendations=7, seed=5),
    PromptSettings("zero_shot", include_years=True),
    ResolutionSettings("common_characters", 0.4),
    ModelChoice(precision="int8", int8_threshold=2.5),
    DecodingSettings("catalogue_list", genres=("Drama",)),
)


@pytest.fixture(scope="module")
def adapters(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    write_adapter(root, "lists", base_model="tiny-history", prompt_id=STORY_PROMPT)
    return root


@pytest.fixture
def make(adapters, monkeypatch):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model("lists")))

    def handlers(**options):
        with gr.Blocks():
            workbench = FakeWorkbench(adapters=adapters, **options)
            return PresetHandlers(workbench, create_settings_panel(workbench, ModelChoice()), ModelChoice())

    return handlers


@pytest.fixture
def handlers(make):
    return make()


def event(data):
    return gr.EventData(None, data)


def plain(shown):
    """The values of updates of controls, as a page would send them back."""
    return [
        getattr(value, "value", value) if not isinstance(value, list | str | int | float) else value for value in shown
    ]


def pick(handlers, data, settings=SETTINGS):
    answer, *shown = handlers.pick(event(data), *handlers.panel.write(settings))
    return answer, None if answer["did"] == "wrong" else handlers.panel.read(plain(shown))


def test_a_preset_of_ones_own_sets_every_control(handlers):
    answer = handlers.save(event({"name": " Mine "}), *handlers.panel.write(SETTINGS))
    assert read_preset(json.dumps(answer["preset"])).name == "Mine"
    told, settings = pick(handlers, {"preset": json.dumps(answer["preset"])}, RequestSettings.of(Preset("x")))
    assert settings == SETTINGS
    assert told["did"] == "picked"


@pytest.mark.parametrize("preset", SHIPPED, ids=lambda preset: preset.name)
def test_a_shipped_preset_leaves_model_prompt_n_and_seed(handlers, preset):
    told, settings = pick(handlers, {"name": preset.name})
    assert (settings.choice, settings.prompt) == (SETTINGS.choice, SETTINGS.prompt)
    assert settings.generation == preset.generation.replace(num_recommendations=7, seed=5)
    assert (settings.resolution, settings.decoding) == (preset.resolution, preset.decoding)
    assert told["preset"]["generation"] == settings.generation.to_dict()


def test_what_does_nothing_in_a_presets_mode_is_named(handlers):
    assert "Without effect in it: top-p, top-k." in pick(handlers, {"name": "Greedy"})[0]["text"]
    assert "Without effect" not in pick(handlers, {"name": "Default"})[0]["text"]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"name": "No such"},
        {"name": ["Greedy"]},
        {"preset": {"name": "x"}},
        {"preset": "[" * 9_000},
        {"preset": write_preset(Preset("x")).replace('"temperature": 0.7', '"temperature": 1e999')},
    ],
)
def test_what_a_browser_sends_may_be_anything_and_moves_no_control(handlers, data):
    answer, *shown = handlers.pick(event(data), *handlers.panel.write(SETTINGS))
    assert answer["did"] == "wrong"
    assert all(value == gr.skip() for value in shown)
    assert handlers.bring(event(data))["did"] == "wrong"
    assert handlers.save(event(data), *handlers.panel.write(SETTINGS))["did"] in ("wrong", "saved")


@pytest.mark.parametrize("name", [None, "", " ", "x" * 99, "a\u202eb", 5])
def test_a_name_that_is_none_is_told(handlers, name):
    answer = handlers.save(event({"name": name}), *handlers.panel.write(SETTINGS))
    assert (answer["did"], answer["preset"]) == ("wrong", None)


def test_what_is_not_here_is_told_and_the_rest_is_set(make):
    handlers = make(public=True)
    wanted = Preset(
        "Far",
        GenerationSettings(temperature=0.2, num_beams=16, max_new_tokens=4, num_recommendations=20),
        prompt=PromptSettings("zero_shot"),
        choice=ModelChoice("/etc/passwd", adapter="../../x"),
    )
    told, settings = pick(handlers, {"preset": write_preset(wanted)})
    assert settings.choice == ModelChoice()
    assert settings.generation == GenerationSettings(
        temperature=0.2, num_beams=8, max_new_tokens=8, num_recommendations=10
    )
    for words in ("The preset's model", "The preset's adapter", "beams is 16; this page ends at 8", "titles is 20"):
        assert words in told["text"]


def test_a_prompt_that_the_presets_model_does_not_read_gives_way(handlers):
    wanted = Preset("Odd", prompt=PromptSettings("zero_shot"), choice=ModelChoice("tiny-history", adapter="lists"))
    told, settings = pick(handlers, {"preset": write_preset(wanted)})
    assert (settings.choice, settings.prompt) == (wanted.choice, PromptSettings("history"))
    assert "prompt is not read here" in told["text"]


def test_restored_defaults_are_what_the_page_opened_with(handlers):
    answer, *shown = handlers.restore()
    assert handlers.panel.read(plain(shown)) == RequestSettings.of(Preset("Default"))
    assert answer["did"] == "restored"


def test_the_row_knows_the_present_settings_from_the_start_and_after_each_change(handlers):
    values = [getattr(control, "value", None) for control in handlers.panel.inputs]
    assert handlers.present_preset(values) == Preset("Own settings").to_dict()
    (shown,) = handlers.present(None, [[], [], *handlers.panel.write(SETTINGS)])
    assert shown.props["present"]["generation"]["seed"] == 5
    broken = dict(zip(handlers.panel.inputs, values, strict=True)) | {handlers.panel.choice["model"]: ""}
    assert handlers.present_preset(list(broken.values())) is None


def test_an_imported_preset_is_checked_and_given_back(handlers):
    answer = handlers.bring(event({"text": write_preset(Preset("Theirs", GenerationSettings(top_k=3)))}))
    assert answer["did"] == "brought"
    assert answer["preset"]["generation"]["top_k"] == 3
    assert SimpleNamespace(**answer).text.startswith("“Theirs” is kept")
