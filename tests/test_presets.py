import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import SettingsError
from recsys.models.model_choice import ModelChoice
from recsys.presets import (
    GROUPS,
    KEEPABLE,
    MAX_NAME,
    MAX_TEXT,
    SHIPPED,
    Preset,
    find_preset,
    read_name,
    read_preset,
    shipped_name,
    write_preset,
)
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings

NAMES = st.text(string.ascii_letters + string.digits + "äßñ映画 .:-", min_size=1, max_size=MAX_NAME).filter(str.strip)
SHARE = st.floats(0, 1, allow_nan=False)


SLIDERS = st.builds(
    GenerationSettings,
    st.floats(0, 2),
    st.floats(0, 1, exclude_min=True),
    st.integers(0, 1000),
    st.integers(1, 16),
    st.floats(1, 2),
    st.integers(1, 1024),
    st.integers(1, 20),
    st.integers(0, 2**32 - 1),
)


@st.composite
def presets(draw):
    years = sorted(draw(st.tuples(st.integers(1870, 2100), st.integers(1870, 2100))))
    return Preset(
        draw(NAMES),
        draw(SLIDERS),
        ResolutionSettings(
            draw(st.sampled_from(["levenshtein", "common_characters", "embedding"])),
            draw(st.none() | SHARE),
            draw(st.booleans()),
        ),
        DecodingSettings(
            draw(st.sampled_from(["free", "catalogue_list", "catalogue_rank", "hybrid"])),
            draw(st.sampled_from(["full", "tree"])),
            tuple(draw(st.lists(st.sampled_from(["Drama", "Film-Noir", "Sci-Fi"]), unique=True))),
            draw(st.none() | st.just(years[0])),
            draw(st.none() | st.just(years[1])),
            draw(st.integers(1, 2000)),
            draw(st.floats(0, 1e6)),
        ),
        PromptSettings(
            draw(st.sampled_from(["zero_shot", "few_shot", "instruction", "history"])),
            draw(st.sampled_from(["=>", "[]", "()", "words"])),
            draw(st.sampled_from([";", ",", "newline", "numbered"])),
            draw(st.booleans()),
            draw(st.booleans()),
            draw(st.integers(1, 8)),
            draw(st.sampled_from(["none", "genres", "tags", "description"])),
        ),
        ModelChoice(
            draw(NAMES),
            draw(st.sampled_from(["auto", "fp32", "bf16", "fp16", "int8", "nf4"])),
            draw(st.none() | NAMES),
            draw(st.floats(0, 1000)),
        ),
        tuple(draw(st.lists(st.sampled_from(KEEPABLE), unique=True))),
    )


@given(presets())
def test_what_is_written_is_read_back(preset):
    assert read_preset(write_preset(preset)) == preset


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_a_preset_or_told(text):
    with pytest.raises(SettingsError):
        read_preset(text)


PLAIN = Preset("Mine").to_dict()
LEAVES = [(group, name) for group in GROUPS for name in PLAIN[group]]


@pytest.mark.parametrize(("group", "name"), LEAVES)
@pytest.mark.parametrize(
    "wrong",
    [{}, [[]], "<script>", -1, 10**400, float("nan"), float("inf"), "x" * 300],
    ids=lambda value: repr(value)[:9],
)
def test_a_wrong_value_of_any_setting_is_refused(group, name, wrong):
    if group == "choice" and name in ("model", "adapter") and wrong == "<script>":
        return  # a name like any other: there is no such model, which is told where it is asked
    values = json.loads(json.dumps(PLAIN))
    values[group][name] = wrong
    with pytest.raises(SettingsError):
        read_preset(json.dumps(values))


@pytest.mark.parametrize("name", ["include_years", "include_disliked"])
@pytest.mark.parametrize("wrong", [0, 1, 1.0, None])
def test_a_number_is_no_switch_although_python_takes_1_for_true(name, wrong):
    with pytest.raises(SettingsError, match="wrong type"):
        read_preset(json.dumps(PLAIN | {"prompt": {name: wrong}}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": "other"}, "not a preset"),
        ({"version": 2}, "version is not known"),
        ({"version": True}, "version is not known"),
        ({"version": "1"}, "version is not known"),
        ({"extra": 1}, "no such part"),
        ({"generation": {"top_q": 1}}, "no such setting"),
        ({"generation": []}, "not an object"),
        ({"choice": {"model": "x", "path": "/etc"}}, "no such setting"),
        ({"choice": None}, "not an object"),
        ({"keeps": "seed"}, "not a list"),
        ({"keeps": ["temperature"]}, "not known"),
        ({"keeps": [[]]}, "not known"),
        ({"decoding": {"year_from": 2000, "year_to": 1990}}, "no year"),
        ({"name": None}, "not a text"),
    ],
)
def test_what_is_wrong_with_a_preset_is_told(changes, told):
    with pytest.raises(SettingsError, match=told):
        read_preset(json.dumps(PLAIN | changes))


@pytest.mark.parametrize("text", ["[" * 15_000, "1" * 15_000, '{"format":', "", "\x00", '{"format": "recsys-preset"'])
def test_what_breaks_a_parser_is_told(text):
    with pytest.raises(SettingsError):
        read_preset(text)


def test_a_long_text_is_refused_before_it_is_parsed():
    with pytest.raises(SettingsError, match="too long"):
        read_preset(write_preset(Preset("Mine")) + " " * MAX_TEXT)


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * (MAX_NAME + 1), "a\nb", "a\x00", "\u202eevil", "\ud800", 5, None, ["a"]]
)
def test_a_name_that_cannot_be_shown_is_refused(name):
    with pytest.raises(SettingsError):
        read_name(name)


def test_a_name_is_stripped_and_may_hold_markup_which_the_page_escapes():
    assert read_name("  <b>Ünïcode</b> ${x} ") == "<b>Ünïcode</b> ${x}"
    assert read_name("e\u0301") == "é"


def test_a_setting_that_an_older_preset_does_not_know_is_as_by_default():
    read = read_preset(json.dumps({"format": "recsys-preset", "version": 1, "name": "Old", "generation": {"top_k": 7}}))
    assert read == Preset("Old", GenerationSettings(top_k=7))


def test_the_first_shipped_preset_is_the_default_and_each_says_why():
    assert SHIPPED[0].generation == GenerationSettings()
    assert all(30 < len(preset.about) < 120 for preset in SHIPPED)
    assert len({preset.name for preset in SHIPPED}) == len(SHIPPED)


@pytest.mark.parametrize("preset", SHIPPED, ids=lambda preset: preset.name)
def test_a_shipped_preset_is_recognised_whatever_is_asked_and_by_whichever_seed(preset):
    taken = preset.generation_over(GenerationSettings(num_recommendations=9, seed=4))
    assert (taken.num_recommendations, taken.seed) == (9, 4)
    assert shipped_name(taken, preset.resolution, preset.decoding) == preset.name


def test_settings_between_presets_are_none_of_them():
    assert shipped_name(GenerationSettings(temperature=0.65), ResolutionSettings(), DecodingSettings()) is None
    assert shipped_name(GenerationSettings(), ResolutionSettings("embedding"), DecodingSettings()) is None


def test_a_preset_is_found_by_name_or_in_its_file(tmp_path):
    assert find_preset("beam-search") is find_preset("Beam search") is SHIPPED[2]
    mine = Preset("Mine", GenerationSettings(top_k=3))
    path = tmp_path / "mine.json"
    path.write_text("\ufeff" + write_preset(mine), encoding="utf-8")  # as some editors save
    assert find_preset(str(path)) == mine


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"{}", b"[" * 100_000])
def test_a_file_that_is_no_preset_is_told(tmp_path, raw):
    path = tmp_path / "bad.json"
    path.write_bytes(raw)
    with pytest.raises(SettingsError):
        find_preset(str(path))


@pytest.mark.parametrize("name", ["no-such", "", "a\x00b", "/"])
def test_a_name_that_is_neither_is_told_with_those_that_are(name):
    with pytest.raises(SettingsError, match="Greedy"):
        find_preset(name)
