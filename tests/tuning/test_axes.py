"""Which settings a sweep varies, and what evaluation each combination makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import SettingsError
from recsys.evaluation.request import EvaluationRequest
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings
from recsys.tuning.axes import VARIED, Axis, make_cells

BASE = EvaluationRequest()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("temperature=0,0.5, 1", (0.0, 0.5, 1.0)),
        ("num-beams=1,4", (1, 4)),
        ("style=zero_shot,few_shot", ("zero_shot", "few_shot")),
        ("include_years=true,False", (True, False)),
        ("threshold=none,0.6", (None, 0.6)),
        ("decoding=free,catalogue_list", ("free", "catalogue_list")),
    ],
)
def test_an_axis_is_read_with_the_types_of_its_setting(text, values):
    axis = Axis.parse(text)
    assert axis.values == values
    assert [type(value) for value in axis.values] == [type(value) for value in values]
    assert Axis.parse(str(axis)) == axis


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("colour=red", "no setting to vary.*temperature"),
        ("num_recommendations=4,8", "no setting to vary"),
        ("seed=1,2", "no setting to vary"),
        ("temperature", "has no value"),
        ("temperature=hot", "takes numbers.*'hot'"),
        ("top_k=1.5", "takes numbers"),
        ("include_years=perhaps", "neither true nor false"),
        ("top_p=0.5,0.5", "takes a value twice"),
        ("", "no setting to vary"),
    ],
)
def test_what_is_no_axis_is_told(text, told):
    with pytest.raises(SettingsError, match=told):
        Axis.parse(text)


@given(st.lists(st.floats(0, 2, allow_nan=False).map(lambda value: round(value, 4)), min_size=1, unique=True))
def test_any_temperatures_come_back_from_their_text(values):
    assert Axis.parse(str(Axis("temperature", tuple(values)))).values == pytest.approx(values)


def test_every_combination_is_a_cell_and_the_last_axis_varies_fastest():
    cells = make_cells(BASE, [Axis("temperature", (0.3, 0.9)), Axis("style", ("zero_shot", "few_shot"))])
    assert [tuple(values.values()) for values, _ in cells] == [
        (0.3, "zero_shot"), (0.3, "few_shot"), (0.9, "zero_shot"), (0.9, "few_shot"),
    ]  # fmt: skip
    first, *_, last = (request for _, request in cells)
    assert (first.generation, first.prompt) == (GenerationSettings(temperature=0.3), PromptSettings("zero_shot"))
    assert (last.generation, last.prompt) == (GenerationSettings(temperature=0.9), PromptSettings())
    assert (last.decoding, last.choice, last.evaluation) == (BASE.decoding, BASE.choice, BASE.evaluation)


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        ([], "one to three"),
        ([Axis(name, (1,)) for name in ("temperature", "top_p", "top_k", "num_beams")], "one to three"),
        ([Axis("top_p", (0.5,)), Axis("top_p", (0.6,))], "varied twice"),
        ([Axis("max_new_tokens", tuple(range(1, 402)))], "too many combinations"),
        ([Axis("temperature", (0.0, 2.5))], "temperature is out of range"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_evaluated(axes, told):
    with pytest.raises(SettingsError, match=told):
        make_cells(BASE, axes)


def test_an_axis_that_acts_nowhere_is_refused_with_the_reason():
    greedy = EvaluationRequest(generation=GenerationSettings(temperature=0))
    cut = Axis("top_p", (0.5, 1.0))
    with pytest.raises(SettingsError, match=r"top_p changes nothing here.*nothing to cut off"):
        make_cells(greedy, [cut])
    assert len(make_cells(greedy, [cut, Axis("temperature", (0.0, 1.0))])) == 4  # in half of the cells it acts
    ranking = EvaluationRequest(decoding=DecodingSettings("catalogue_rank"))
    with pytest.raises(SettingsError, match="A ranking draws and cuts nothing"):
        make_cells(ranking, [Axis("temperature", (0.5, 1.0))])


def test_every_varied_setting_has_its_place():
    assert {VARIED[name] for name in ("temperature", "decoding", "style", "resolver")} == {
        "generation", "decoding", "prompt", "resolution",
    }  # fmt: skip
