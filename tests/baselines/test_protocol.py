"""The figures of the protocol: fitted on training and validation users, 716 test records, k = 4."""

import math

import pytest

from recsys.baselines.base import rank
from recsys.baselines.ease import Ease
from recsys.baselines.item_knn import ItemKnn
from recsys.baselines.popularity import Popularity
from recsys.baselines.slit import Slit
from recsys.data.movielens import load
from recsys.data.records import split_records


@pytest.fixture(scope="module")
def split():
    return split_records(load())


def average_precision(relevant, ranked):
    hits = [item in relevant for item in ranked]
    return sum(sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit) / min(4, len(relevant))


def mean_average_precision(recommender, records):
    ranked = rank(recommender, [record.history for record in records], n=4)
    values = [average_precision(record.relevant, items) for record, items in zip(records, ranked, strict=True)]
    mean = sum(values) / len(values)
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
    return mean, error


def test_the_formula_of_this_test_gives_the_example_of_the_design():
    assert average_precision([1, 5443, 321, 514], [1, 43, 321, 3513]) == pytest.approx(5 / 12)


def test_popularity_reaches_0_0178(split):
    mean, error = mean_average_precision(Popularity.fit(split.likes_of("train", "validation")), split.records["test"])
    assert (round(mean, 4), round(error, 4)) == (0.0178, 0.0027)


def test_ease_reaches_0_0324(split):
    mean, error = mean_average_precision(Ease.fit(split.likes_of("train", "validation")), split.records["test"])
    assert (round(mean, 4), round(error, 4)) == (0.0324, 0.0037)


def test_slit_which_reads_order_reaches_0_0376(split):
    mean, _ = mean_average_precision(Slit.fit(split.likes_of("train", "validation")), split.records["test"])
    assert round(mean, 4) == 0.0376


def test_item_knn_comes_close_to_0_0259(split):
    mean, _ = mean_average_precision(ItemKnn.fit(split.likes_of("train", "validation")), split.records["test"])
    assert mean == pytest.approx(0.0259, abs=0.001)


def test_every_recommender_beats_popularity_on_the_validation_users(split):
    likes, records = split.likes_of("train"), split.records["validation"]
    popularity, _ = mean_average_precision(Popularity.fit(likes), records)
    assert mean_average_precision(Ease.fit(likes), records)[0] > popularity
    assert mean_average_precision(ItemKnn.fit(likes), records)[0] > popularity
    assert mean_average_precision(Slit.fit(likes), records)[0] > popularity


def test_nothing_already_liked_is_recommended(split):
    ease = Ease.fit(split.likes_of("train"), max_items=500)
    histories = [record.history for record in split.records["test"]]
    for history, items in zip(histories, rank(ease, histories, n=20), strict=True):
        assert len(set(items)) == 20
        assert not set(items) & set(history)
