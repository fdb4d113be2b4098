import itertools

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Movie
from recsys.data.movielens import MovieLens, load
from recsys.data.records import split_records
from recsys.data.splits import SplitSettings, split_data
from recsys.errors import SettingsError

NAMES = ("train", "validation", "test")


@pytest.fixture(scope="module")
def embedded():
    return load()


def make_dataset(rows):
    columns = {"user_id": "int32", "item_id": "int32", "rating": "float32", "timestamp": "int64"}
    frame = pd.DataFrame(rows, columns=list(columns)).astype(columns)
    movies = tuple(Movie(item, f"Movie {item}") for item in sorted(set(frame["item_id"].tolist())))
    return MovieLens("made up", movies, frame)


def test_by_user_is_the_protocol_itself(embedded):
    ours, theirs = split_data(embedded, SplitSettings()), split_records(embedded)
    assert ours.records == theirs.records
    assert ours.likes_of("train", "test") == theirs.likes_of("train", "test")


def test_by_record_draws_all_windows_of_the_embedded_set(embedded):
    split = split_data(embedded, SplitSettings("record"))
    sizes = {name: len(split.records[name]) for name in NAMES}
    assert sum(sizes.values()) == 4_855
    assert sizes["test"] == 4_855 * 15 // 100
    assert set(split.users["train"]) & set(split.users["test"]), "a person may be in several sets"


def test_the_storys_size_is_refused_with_the_numbers_where_the_set_is_too_small(embedded):
    asked = SplitSettings("record", split_records=17_000, split_holdout=3_000)
    with pytest.raises(SettingsError, match=r"17,000 records were asked for, 4,855 there are"):
        split_data(embedded, asked)
    with pytest.raises(SettingsError, match=r"no record is left"):
        split_data(embedded, SplitSettings("record", split_records=100, split_holdout=100))


def test_the_sizes_asked_for_are_those_given(embedded):
    split = split_data(embedded, SplitSettings("record", split_records=1_000, split_holdout=200))
    assert [len(split.records[name]) for name in NAMES] == [720, 80, 200]


def test_numbers_of_records_need_a_split_by_record():
    with pytest.raises(SettingsError, match="split by user"):
        SplitSettings(split_records=100)
    with pytest.raises(SettingsError):
        SplitSettings("week")


def test_a_split_is_named_where_it_is_not_the_default():
    assert SplitSettings().name == ""
    assert SplitSettings("record", 1000, 200, 3).name == "split by record, 1000 records, 200 held out, seed 3"
    assert SplitSettings(split_ties="shuffled").name == "ties shuffled"


def test_a_fold_of_training_and_validation_users_takes_the_place_of_the_validation_users(embedded):
    usual = split_data(embedded, SplitSettings())
    folds = [split_data(embedded, SplitSettings(split_fold=fold)) for fold in range(1, 6)]
    choosing = sorted((*usual.users["train"], *usual.users["validation"]))
    assert sorted(user for split in folds for user in split.users["validation"]) == choosing
    for split in folds:
        assert sorted((*split.users["train"], *split.users["validation"])) == choosing
        assert (split.users["test"], split.records["test"]) == (usual.users["test"], usual.records["test"])
        for name in ("train", "validation"):
            assert {record.user_id for record in split.records[name]} <= set(split.users[name])
            assert set(split.likes_of(name)) == set(split.users[name])
    records = [record.record_id for split in folds for record in split.records["validation"]]
    assert sorted(records) == sorted(r.record_id for name in ("train", "validation") for r in usual.records[name])


def test_a_fold_is_named_in_range_and_of_users():
    assert SplitSettings(split_fold=2).name == "fold 2 of 5"
    with pytest.raises(SettingsError, match="split_fold"):
        SplitSettings(split_fold=6)
    with pytest.raises(SettingsError, match="folds are of users"):
        SplitSettings("record", split_fold=1)


def test_shuffled_ties_change_the_order_within_a_second_alone_and_by_user():
    rows = [(user, item, 5.0, item // 5) for user in range(1, 41) for item in range(100, 120)]
    likes = split_data(make_dataset(rows), SplitSettings(split_ties="shuffled")).likes_of(*NAMES)
    for items in likes.values():
        assert [item // 5 for item in items] == sorted(item // 5 for item in items)
        assert sorted(items) == list(range(100, 120))
    assert len(set(likes.values())) == 40, "each user has another order"


def test_ties_are_shuffled_whatever_the_times():
    rows = [(user, item, 5.0, 2**62 + item // 10) for user in range(1, 11) for item in range(100, 120)]
    for items in split_data(make_dataset(rows), SplitSettings(split_ties="shuffled")).likes_of(*NAMES).values():
        assert {item // 10 for item in items[:10]} == {10}


def test_shuffling_ties_changes_neither_the_users_of_a_set_nor_the_number_of_records(embedded):
    ours, shuffled = (split_data(embedded, SplitSettings(split_ties=ties)) for ties in ("item_id", "shuffled"))
    assert ours.users == shuffled.users
    for name in NAMES:
        assert len(ours.records[name]) == len(shuffled.records[name])
        likes = [split.likes_of(name) for split in (ours, shuffled)]
        assert {u: sorted(items) for u, items in likes[0].items()} == {u: sorted(v) for u, v in likes[1].items()}
    assert ours.records["test"] != shuffled.records["test"]


def test_by_time_trains_on_the_past_alone():
    rows = [(user, user * 1000 + n, 5.0, n) for user in (1, 2) for n in range(100)]
    split = split_data(make_dataset(rows), SplitSettings("time"))
    # 200 likes at the times 0, 0, 1, 1, …: 75% of them come before time 75, 85% before time 85.
    assert {item % 1000 for items in split.likes_of("train").values() for item in items} == set(range(75))
    assert {item % 1000 for items in split.likes_of("test").values() for item in items} == set(range(85, 100))
    # The window of times 80 to 89 asks for 86 to 89 and is test; that of 70 to 79 asks for 76 to 79.
    assert [record.record_id for record in split.records["test"]] == ["1-8", "1-9", "2-8", "2-9"]
    assert [record.record_id for record in split.records["validation"]] == ["1-7", "2-7"]
    assert len(split.records["train"]) == 14


ratings = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 60), st.sampled_from([1.0, 4.0, 5.0]), st.integers(0, 50)),
    min_size=1,
    max_size=200,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=60, deadline=None)
@given(
    rows=ratings,
    split_by=st.sampled_from(["user", "record", "time"]),
    seed=st.integers(0, 3),
    ties=st.sampled_from(["item_id", "shuffled"]),
)
def test_no_like_is_in_two_sets_and_what_is_asked_for_is_never_trained_on(rows, split_by, seed, ties):
    dataset = make_dataset(rows)
    likes = split_data(dataset, SplitSettings(split_by, split_seed=seed, split_ties=ties))
    pairs = {name: {(u, i) for u, items in likes.likes_of(name).items() for i in items} for name in NAMES}
    for one, other in itertools.combinations(NAMES, 2):
        assert not pairs[one] & pairs[other]
    for name in ("validation", "test"):
        asked = {(record.user_id, item) for record in likes.records[name] for item in record.relevant}
        assert not asked & pairs["train"]
        assert asked <= pairs[name]
    every = [record.record_id for name in NAMES for record in likes.records[name]]
    assert len(every) == len(set(every))
    popularity = likes.popularity("train")
    assert sum(popularity.values()) == len(pairs["train"])
