"""Baselines are fitted once for each set of users, and rank the same whether they were fitted now or before."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from recsys.baselines.popularity import Popularity
from recsys.evaluation import fitted_baselines
from recsys.evaluation.baseline_scores import score_baseline
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.fitted_baselines import FittedBaselines
from recsys.evaluation.report import Report
from recsys.evaluation.report_text import render_text
from recsys.evaluation.request import BASELINES, EvaluationRequest
from recsys.evaluation.store import RunStore
from recsys.settings import EvaluationSettings
from tests.evaluation.answers import CATALOGUE, SPLIT, TEST_RECORDS, FakeSystem, answer_by_id

ALL_TEST = ("train", "validation")


class Fit:
    """Fits popularity slowly and counts how often."""

    def __init__(self, seconds=0.0):
        self.seconds, self.times = seconds, 0

    def __call__(self):
        self.times += 1
        time.sleep(self.seconds)
        return Popularity.fit({1: (1, 2)})


def test_a_baseline_is_fitted_once_for_each_name_and_set_of_users():
    kept, fit = FittedBaselines(), Fit()
    first = kept.find("popularity", ALL_TEST, fit)
    again = kept.find("popularity", ALL_TEST, fit)
    assert (first.was_kept, again.was_kept) == (False, True)
    assert again.recommender is first.recommender
    assert again.seconds == first.seconds
    kept.find("popularity", ("train",), fit)
    kept.find("random", ALL_TEST, fit)
    assert fit.times == 3


def test_of_all_who_ask_at_once_one_fits_and_the_others_wait():
    kept, fit = FittedBaselines(), Fit(0.05)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: kept.find("popularity", ALL_TEST, fit), range(8)))
    assert fit.times == 1
    assert [one.was_kept for one in found].count(False) == 1
    assert all(one.seconds >= 0.05 for one in found)


def test_what_could_not_be_fitted_is_tried_again():
    kept = FittedBaselines()
    with pytest.raises(ZeroDivisionError):
        kept.find("popularity", ALL_TEST, lambda: 1 / 0)
    assert not kept.find("popularity", ALL_TEST, Fit()).was_kept


@pytest.mark.parametrize(("name", "times"), [("ease", 2), ("slit", 2), ("popularity", 1)])
def test_a_dense_baseline_of_many_items_is_not_kept(monkeypatch, name, times):
    monkeypatch.setattr(fitted_baselines, "MOST_DENSE_ITEMS", 1)
    kept, fit = FittedBaselines(), Fit()
    for _ in range(2):
        kept.find(name, ALL_TEST, fit)
    assert fit.times == times


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "similarity"])
def test_a_kept_baseline_scores_as_a_fresh_one_and_tells_what_fitting_took(name):
    kept = FittedBaselines()
    fresh, first, again = (
        score_baseline(name, TEST_RECORDS, SPLIT, evaluated="test", k=4, fitted=fitted) for fitted in (None, kept, kept)
    )
    assert fresh.scores == first.scores == again.scores
    assert [run.was_fitted for run in (fresh, first, again)] == [False, False, True]
    assert again.seconds >= kept.find(name, ALL_TEST, Fit()).seconds > 0


def test_a_baseline_that_needs_more_than_likes_is_fitted_every_time():
    kept, fit = FittedBaselines(), Fit()
    others = {"similarity": lambda _likes: fit()}
    runs = [
        score_baseline("similarity", TEST_RECORDS, SPLIT, evaluated="test", k=4, others=others, fitted=kept)
        for _ in range(2)
    ]
    assert fit.times == 2
    assert not any(run.was_fitted for run in runs)


def test_the_second_report_of_a_process_says_that_its_baselines_were_fitted_before(tmp_path):
    kept = FittedBaselines()
    request = EvaluationRequest(EvaluationSettings(num_records=4), baselines=("popularity", "ease"))
    first, second = (
        run_evaluation(
            replace(request, evaluation=request.evaluation.replace(seed=seed)),
            SPLIT,
            FakeSystem(answer_by_id),
            RunStore(tmp_path, f"0123456{seed}"),
            dataset_name="a small one",
            precision="fp32",
            catalogue=CATALOGUE,
            fitted=kept,
        )
        for seed in (1, 2)
    )
    assert [system.was_fitted for system in first.systems] == [False, False, False]
    assert [system.was_fitted for system in second.systems] == [False, True, True]
    assert "(fitted before)" not in render_text(first)
    assert "Seconds of fitting and ranking: popularity 0.0 (fitted before), ease 0.0" in render_text(second)
    assert Report.from_dict(second.to_dict()) == second


def test_popularity_of_a_report_without_baselines_is_kept_too(tmp_path):
    kept = FittedBaselines()
    run_evaluation(
        EvaluationRequest(EvaluationSettings(num_records=4), baselines=()),
        SPLIT,
        FakeSystem(answer_by_id),
        RunStore(tmp_path, "01234567"),
        dataset_name="a small one",
        precision="fp32",
        catalogue=CATALOGUE,
        fitted=kept,
    )
    assert kept.find("popularity", ALL_TEST, Fit()).was_kept
