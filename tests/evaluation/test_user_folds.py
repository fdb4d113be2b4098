import numpy as np
import pytest

from recsys.data.records import Record, SplitData
from recsys.errors import SettingsError
from recsys.evaluation.user_folds import score_folds


class Fixed:
    """Recommends item 9, then the items that it was fitted on."""

    name = "fixed"

    def __init__(self, likes):
        self.item_ids = np.array([9, *sorted({item for items in likes.values() for item in items} - {9})])

    def scores(self, histories):
        return np.tile(np.arange(len(self.item_ids), 0, -1, dtype=np.float32), (len(histories), 1))


@pytest.fixture
def split():
    users = {"train": (1, 2, 3), "validation": (4,), "test": (5,)}
    records = {
        name: tuple(Record(f"{user}-0", user, (user,), (9, 50 + user), ()) for user in members)
        for name, members in users.items()
    }
    return SplitData(users, records, {user: (user, 9, 50 + user) for user in range(1, 6)})


def test_each_users_fold_is_scored_by_the_others_and_test_users_are_never_seen(split):
    fits = []

    def fit(likes):
        fits.append(set(likes))
        return Fixed(likes)

    scores = score_folds({"fixed": fit}, split, num_folds=2)[0]
    assert len(fits) == 2
    assert fits[0] | fits[1] == {1, 2, 3, 4}
    assert not fits[0] & fits[1]
    assert sorted(scores.user_ids) == [1, 2, 3, 4]
    # The first recommended is relevant, the other relevant item is liked by this user alone: 1/1 of min(4, 2).
    assert scores.values == (0.5,) * 4


def test_all_recommenders_are_scored_on_the_same_records(split):
    first, second = score_folds({"a": Fixed, "b": Fixed}, split, num_folds=4)
    assert (first.user_ids, first.values) == (second.user_ids, second.values)


def test_the_share_done_is_told(split):
    told = []
    score_folds({"a": Fixed, "b": Fixed}, split, num_folds=2, told=lambda share, message: told.append((share, message)))
    assert told == [(0, "fold 1 of 2: a"), (0.25, "fold 1 of 2: b"), (0.5, "fold 2 of 2: a"), (0.75, "fold 2 of 2: b")]


def test_more_folds_than_users_are_refused(split):
    with pytest.raises(SettingsError, match="fewer users than folds"):
        score_folds({"a": Fixed}, split, num_folds=5)
