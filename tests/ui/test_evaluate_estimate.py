import pytest

from recsys.evaluation.request import EvaluationRequest
from recsys.settings import EvaluationSettings, GenerationSettings, PromptSettings
from recsys.ui.evaluation_estimate import ASSUMED_TOKENS_PER_SECOND, batch_gain, estimate, expected_tokens
from tests.ui.fake_evaluation import report_of, result, title

REQUEST = EvaluationRequest()
EARLIER = report_of([result("15-0", [title("Toy Story", 1)], (1,), seconds=2.0), result("16-0", [], (1,), seconds=4.0)])


def test_an_earlier_run_of_the_same_work_is_the_best_basis():
    told = estimate(REQUEST, 100, [EARLIER], 14.0)
    assert told.seconds == pytest.approx(300.0)
    assert "earlier run" in told.basis


@pytest.mark.parametrize(
    "request_",
    [
        EvaluationRequest(generation=GenerationSettings(num_beams=4)),
        EvaluationRequest(evaluation=EvaluationSettings(batch_size=32)),
        EvaluationRequest(prompt=PromptSettings(style="zero_shot")),
    ],
)
def test_an_earlier_run_of_other_work_is_no_basis(request_):
    assert "earlier run" not in estimate(request_, 100, [EARLIER], 14.0).basis


def test_the_shown_speed_is_scaled_to_the_batch():
    # 4 titles of 7.5 tokens are 30 tokens; 10 tokens/s at batch 1 are 54 at batch 8
    told = estimate(REQUEST, 54, [], 10.0)
    assert told.seconds == pytest.approx(30.0)
    assert "measured on this model" in told.basis


def test_without_a_measurement_the_assumption_is_stated():
    told = estimate(REQUEST, 10, [], None)
    assert told.seconds == pytest.approx(10 * 30 / (ASSUMED_TOKENS_PER_SECOND * 5.4))
    assert "assumed" in told.basis


def test_beams_take_longer():
    beams = EvaluationRequest(generation=GenerationSettings(num_beams=4))
    assert estimate(beams, 10, [], 10.0).seconds > 2 * estimate(REQUEST, 10, [], 10.0).seconds


def test_the_token_limit_bounds_an_answer():
    assert expected_tokens(GenerationSettings(num_recommendations=10, max_new_tokens=64), PromptSettings()) == 64
    assert expected_tokens(GenerationSettings(num_recommendations=4), PromptSettings(include_years=False)) == 30
    assert expected_tokens(GenerationSettings(num_recommendations=4), PromptSettings(include_years=True)) == 50


def test_larger_batches_never_slow_down():
    gains = [batch_gain(size) for size in range(1, 257)]
    assert gains == sorted(gains)
