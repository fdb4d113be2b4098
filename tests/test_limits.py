import pytest

from recsys.errors import HistoryError, SettingsError
from recsys.limits import Limits
from recsys.settings import DecodingSettings, EvaluationSettings, GenerationSettings


def test_a_private_page_has_no_limit_beyond_the_settings_own():
    Limits().check_generation(GenerationSettings(max_new_tokens=1024, num_beams=16, num_recommendations=20))
    Limits().check_evaluation(EvaluationSettings(num_records=0))


@pytest.mark.parametrize("changes", [{"max_new_tokens": 161}, {"num_beams": 9}, {"num_recommendations": 11}])
def test_a_public_page_refuses_long_generations_with_the_limit(changes):
    with pytest.raises(SettingsError, match="take at most"):
        Limits.for_public().check_generation(GenerationSettings().replace(**changes))


@pytest.mark.parametrize("num_records", [0, 101, 1_000_000])
def test_a_public_page_refuses_large_evaluations_and_all_records(num_records):
    with pytest.raises(SettingsError, match="from 1 to 100"):
        Limits.for_public().check_evaluation(EvaluationSettings(num_records=num_records))


def test_a_public_page_refuses_long_histories():
    Limits.for_public().check_history(20, 20)
    with pytest.raises(HistoryError, match="keep at most 20"):
        Limits.for_public().check_history(21, 0)


def test_a_public_page_scores_few_candidates():
    Limits.for_public().check_generation(GenerationSettings(), DecodingSettings("hybrid", num_candidates=200))
    Limits.for_public().check_generation(GenerationSettings(), DecodingSettings("catalogue_rank", num_candidates=201))
    with pytest.raises(SettingsError, match="take at most 200"):
        Limits.for_public().check_generation(GenerationSettings(), DecodingSettings("hybrid", num_candidates=201))
