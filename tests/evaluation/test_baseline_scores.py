"""Baselines on the same records, fitted on users that the records are not of."""

import pytest

from recsys.baselines.popularity import Popularity
from recsys.data.records import Record, SplitData
from recsys.errors import SettingsError
from recsys.evaluation.baseline_scores import score_baseline

RECORDS = {
    "train": (),
    "validation": (Record("20-0", 20, (1,), (3,)),),
    "test": (Record("30-0", 30, (1,), (2, 9)), Record("30-1", 30, (2,), (3,)), Record("31-0", 31, (9,), (1,))),
}
SPLIT = SplitData(
    users={"train": (10, 11, 12), "validation": (20, 21), "test": (30, 31)},
    records=RECORDS,
    likes={
        10: (1, 2, 3),
        11: (1, 2),
        12: (1, 4),
        20: (1, 3),
        21: (3,),
        30: (1, 2, 9, 3),
        31: (9, 1),
    },
)


def test_popularity_on_test_counts_training_and_validation_users_and_leaves_out_the_history():
    """Likes of train and validation: 1 has 4, 3 has 3, 2 has 2, 4 has 1; 9 is liked by test users only."""
    run = score_baseline("popularity", RECORDS["test"], SPLIT, evaluated="test", k=2)
    assert [score.item_ids for score in run.scores] == [(3, 2), (1, 3), (1, 3)]
    assert [score.metrics["map"] for score in run.scores] == [0.25, 0.5, 1.0]
    assert [score.record_id for score in run.scores] == ["30-0", "30-1", "31-0"]
    assert run.name == "popularity"


def test_popularity_on_validation_counts_training_users_alone():
    """Likes of train: 1 has 3, 2 has 2, 3 and 4 have 1."""
    run = score_baseline("popularity", RECORDS["validation"], SPLIT, evaluated="validation", k=2)
    assert run.scores[0].item_ids == (2, 3)
    assert run.scores[0].metrics["map"] == 0.5


@pytest.mark.parametrize("name", ["ease", "item_knn", "bm25_knn", "co_occurrence", "slit", "random"])
def test_every_named_baseline_answers_every_record_without_its_history(name):
    run = score_baseline(name, RECORDS["test"], SPLIT, evaluated="test", k=2)
    for record, score in zip(RECORDS["test"], run.scores, strict=True):
        assert score.user_id == record.user_id
        assert not set(score.item_ids) & set(record.history)
        assert set(score.metrics) == {"map", "precision", "recall", "ndcg", "mrr", "hit_rate"}


def test_each_baseline_tells_the_share_of_likes_that_are_of_items_it_knows():
    """Of the ten likes of train and validation users seven are of items that at least three of them like."""
    run = {name: score_baseline(name, RECORDS["test"], SPLIT, evaluated="test", k=2) for name in ("popularity", "ease")}
    assert {name: scored.coverage for name, scored in run.items()} == {"popularity": 1.0, "ease": 0.7}


def test_an_unknown_baseline_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="popularity, ease, item_knn"):
        score_baseline("als", RECORDS["test"], SPLIT, evaluated="test", k=2)


def test_the_protocol_of_the_embedded_data_gives_the_figures_on_record(embedded):
    """MAP@4 of all 716 test records: popularity 0.0178, item-kNN 0.0259, EASE 0.0324."""
    from recsys.data.records import split_records
    from recsys.evaluation.intervals import mean_over_records, mean_over_users

    split = split_records(embedded)
    records = split.records["test"]
    assert len(records) == 716
    users = [record.user_id for record in records]
    for name, over_records, over_users in (("popularity", 0.0178, 0.0407), ("ease", 0.0324, 0.0595)):
        run = score_baseline(name, records, split, evaluated="test", k=4)
        values = [score.metrics["map"] for score in run.scores]
        assert mean_over_records(values) == pytest.approx(over_records, abs=0.00005)
        assert mean_over_users(values, users) == pytest.approx(over_users, abs=0.00005)


def test_a_recommender_that_needs_more_than_likes_is_given_the_likes_of_the_fitting_users():
    seen = {}

    def fit(likes):
        seen.update(likes)
        return Popularity.fit(likes)

    run = score_baseline("mine", RECORDS["test"], SPLIT, evaluated="test", k=2, others={"mine": fit})
    assert set(seen) == set(SPLIT.users["train"]) | set(SPLIT.users["validation"])
    assert run.name == "mine"
    assert [score.item_ids for score in run.scores] == [
        score.item_ids for score in score_baseline("popularity", RECORDS["test"], SPLIT, evaluated="test", k=2).scores
    ]
