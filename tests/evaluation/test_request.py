"""Evaluation requests: plain values there and back, and the name of a run."""

import json

import pytest

from recsys.errors import SettingsError
from recsys.evaluation.request import EvaluationRequest
from recsys.models.host import ModelChoice
from recsys.settings import DecodingSettings, EvaluationSettings, GenerationSettings, PromptSettings, ResolutionSettings

IDENTITY = {"data_name": "small", "weight_hash": "abc", "precision": "bf16"}

REQUEST = EvaluationRequest(
    evaluation=EvaluationSettings(split="validation", num_records=7, k=3),
    generation=GenerationSettings(temperature=0.2, num_beams=4),
    prompt=PromptSettings(style="instruction"),
    resolution=ResolutionSettings(threshold=0.8),
    choice=ModelChoice(model="smollm2-135m", adapter="mine"),
    baselines=("item_knn",),
)


def test_a_request_survives_json():
    assert EvaluationRequest.from_dict(json.loads(json.dumps(REQUEST.to_dict()))) == REQUEST


def test_what_is_missing_keeps_its_default():
    assert EvaluationRequest.from_dict({}) == EvaluationRequest()
    got = EvaluationRequest.from_dict({"evaluation": {"num_records": 4}})
    assert (got.evaluation.num_records, got.evaluation.k, got.baselines) == (4, 4, ("popularity", "ease"))


@pytest.mark.parametrize(
    "values",
    [
        {"colour": "red"},
        {"choice": {"modle": "x"}},
        {"baselines": ["als"]},
        {"evaluation": {"k": 0}},
        {"generation": {"temprature": 1}},
    ],
)
def test_what_is_not_known_is_refused_with_the_mend(values):
    with pytest.raises(SettingsError) as caught:
        EvaluationRequest.from_dict(values)
    assert caught.value.mend


def test_the_same_request_has_the_same_fingerprint_in_every_process():
    assert EvaluationRequest().fingerprint(**IDENTITY) == EvaluationRequest().fingerprint(**IDENTITY)
    assert len(REQUEST.fingerprint(**IDENTITY)) == 16
    assert set(REQUEST.fingerprint(**IDENTITY)) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "part",
    [
        {"generation": GenerationSettings(seed=1)},
        {"prompt": PromptSettings(style="zero_shot")},
        {"resolution": ResolutionSettings(force_nearest=True)},
        {"evaluation": EvaluationSettings(k=5)},
        {"choice": ModelChoice(model="another")},
        {"choice": ModelChoice(int8_threshold=3)},
    ],
)
def test_whatever_can_change_a_result_changes_the_fingerprint(part):
    assert EvaluationRequest(**part).fingerprint(**IDENTITY) != EvaluationRequest().fingerprint(**IDENTITY)


@pytest.mark.parametrize("part", ["data_name", "weight_hash", "precision", "adapter_hash"])
def test_other_data_weights_or_precision_change_the_fingerprint(part):
    assert EvaluationRequest().fingerprint(**{**IDENTITY, part: "other"}) != EvaluationRequest().fingerprint(**IDENTITY)


def test_baselines_leave_the_fingerprint_alone_since_they_change_no_record():
    assert EvaluationRequest(baselines=()).fingerprint(**IDENTITY) == EvaluationRequest().fingerprint(**IDENTITY)


@pytest.mark.parametrize(
    ("decoding", "name"),
    [("free", "2f6c7649eb7fa803"), ("catalogue_list", "e949025f92a56889"), ("catalogue_rank", "2e030a6c54e06793")],
)
def test_runs_keep_the_names_that_they_had_before_there_were_hybrids(decoding, name):
    for settings in (DecodingSettings(decoding), DecodingSettings(decoding, num_candidates=7, llm_weight=0.5)):
        assert EvaluationRequest(decoding=settings).fingerprint(**IDENTITY) == name


def test_the_threshold_of_int8_is_written_where_it_is_not_the_usual_one_and_survives_json():
    assert "int8_threshold" not in EvaluationRequest().to_dict()["choice"]
    request = EvaluationRequest(choice=ModelChoice(precision="int8", int8_threshold=0.0))
    assert EvaluationRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    assert "--int8-threshold=0" in request.command_words


@pytest.mark.parametrize("changes", [{"num_candidates": 50}, {"llm_weight": 1.0}, {"title_score": "full"}])
def test_whatever_can_change_a_hybrid_changes_its_fingerprint_and_survives_json(changes):
    hybrid, other = (EvaluationRequest(decoding=DecodingSettings("hybrid", **some)) for some in ({}, changes))
    assert hybrid.fingerprint(**IDENTITY) != other.fingerprint(**IDENTITY)
    assert EvaluationRequest.from_dict(json.loads(json.dumps(other.to_dict()))) == other


def test_a_hybrid_is_told_in_a_few_words():
    request = EvaluationRequest(
        generation=GenerationSettings(num_beams=4), decoding=DecodingSettings("hybrid", num_candidates=50)
    )
    assert request.search_words == ("hybrid", "tree score", "50 candidates", "LLM weight 2")


def test_runs_keep_the_names_that_they_had_before_histories_could_be_cut():
    assert EvaluationRequest().fingerprint(**IDENTITY) == "2f6c7649eb7fa803"
    cut = {EvaluationRequest(EvaluationSettings(history_length=h)).fingerprint(**IDENTITY) for h in (None, 0, 1, 6)}
    assert len(cut) == 4


def test_a_cut_history_survives_json_and_a_request_of_before_shows_all():
    request = EvaluationRequest(EvaluationSettings(history_length=0))
    assert EvaluationRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    old = EvaluationRequest().to_dict()
    del old["evaluation"]["history_length"]
    assert EvaluationRequest.from_dict(old) == EvaluationRequest()
