import numpy as np
import pytest

from recsys.data.records import Record, SplitData
from recsys.errors import DataFormatError, SettingsError
from recsys.evaluation.user_folds import read_fold_scores, score_folds


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


def write(path, rows):
    path.write_text("record_id,map\n" + "".join(f"{record_id},{value}\n" for record_id, value in rows))
    return path


def test_a_models_scores_of_each_fold_are_put_in_the_order_of_the_others(split, tmp_path):
    other = score_folds({"a": Fixed}, split, num_folds=2)[0]
    assert other.record_ids == tuple(f"{user}-0" for user in other.user_ids)
    values = {record_id: place / 8 for place, record_id in enumerate(other.record_ids)}
    backwards = sorted(values.items(), reverse=True)
    paths = [write(tmp_path / f"{n}.csv", part) for n, part in enumerate((backwards[:1], backwards[1:]))]
    found = read_fold_scores("model", paths, other)
    assert found.values == (0, 0.125, 0.25, 0.375)
    assert (found.name, found.user_ids) == ("model", other.user_ids)


def test_files_that_are_not_the_folds_are_refused(split, tmp_path):
    other = score_folds({"a": Fixed}, split, num_folds=2)[0]
    rows = [(record_id, 0.5) for record_id in other.record_ids]
    whole, part = write(tmp_path / "whole.csv", rows), write(tmp_path / "part.csv", rows[1:])
    strange = write(tmp_path / "strange.csv", [("99-0", 0.5)])
    with pytest.raises(DataFormatError, match="3 records, 0 of them other ones"):
        read_fold_scores("model", [part], other)
    with pytest.raises(DataFormatError, match="there twice"):
        read_fold_scores("model", [whole, part], other)
    with pytest.raises(DataFormatError, match="5 records, 1 of them other ones"):
        read_fold_scores("model", [whole, strange], other)
    for text in ("record_id\n1-0\n", "record_id,map\n1-0,high\n"):
        (tmp_path / "broken.csv").write_text(text)
        with pytest.raises(DataFormatError, match="no results of records"):
            read_fold_scores("model", [tmp_path / "broken.csv"], other)
    with pytest.raises(DataFormatError, match="no results of records"):
        read_fold_scores("model", [tmp_path / "none.csv"], other)
