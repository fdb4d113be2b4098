import random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie
from recsys.data.likes import Likes, Rated
from recsys.data.movielens import MovieLens, load
from recsys.data.records import Record, few_shot_examples, few_shot_records, split_records
from recsys.errors import SettingsError


@pytest.fixture(scope="module")
def dataset():
    return load()


@pytest.fixture(scope="module")
def split(dataset):
    return split_records(dataset)


@pytest.fixture(scope="module")
def catalogue(dataset, split):
    return Catalogue(dataset.movies).with_popularity(split.popularity("train"))


def make_dataset(rows):
    """A data set of (user, item, rating, timestamp) rows."""
    ratings = pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "timestamp"])
    ratings = ratings.astype({"user_id": "int32", "item_id": "int32", "rating": "float32", "timestamp": "int64"})
    movies = tuple(Movie(item, f"Movie {item}") for item in sorted(set(ratings["item_id"].tolist())))
    return MovieLens("made for a test", movies, ratings)


def test_the_protocol_gives_716_records_of_95_test_users(split):
    assert len(split.records["test"]) == 716
    assert len({record.user_id for record in split.records["test"]}) == 95


def test_the_protocol_gives_the_counts_that_figures_stand_on(split):
    assert {name: len(users) for name, users in split.users.items()} == {"train": 504, "validation": 67, "test": 100}
    assert sum(len(records) for records in split.records.values()) == 4_855
    assert sum(len(likes) >= 10 for likes in split.likes.values()) == 625
    # 51,568 ratings of the source are likes; four of them are of movies without a title.
    assert sum(len(likes) for likes in split.likes.values()) == 51_564


def test_the_test_users_are_those_of_the_plain_recipe(dataset, split):
    import numpy as np

    users = np.array(sorted(set(dataset.ratings.query("rating >= 4")["user_id"])))
    np.random.default_rng(0).shuffle(users)
    assert set(split.users["test"]) == set(users[: int(0.15 * len(users))].tolist())
    assert set(split.users["validation"]) == set(users[100:167].tolist())


def test_a_record_is_cut_by_hand_as_by_the_code():
    likes = [(7, item, 4.0, 100 + item) for item in range(1, 13)]
    dislikes = [(7, 50, 2.0, 106), (7, 51, 2.5, 50), (7, 52, 0.5, 90), (7, 53, 1.0, 107), (7, 54, 1.0, 106)]
    split = split_records(make_dataset([*reversed(likes), *dislikes]))
    assert split.users == {"train": (7,), "validation": (), "test": ()}
    assert split.records["train"] == (
        Record("7-0", 7, history=(1, 2, 3, 4, 5, 6), relevant=(7, 8, 9, 10), disliked=(52, 50, 54)),
    )
    assert split.likes == {7: tuple(range(1, 13))}


def test_likes_of_one_moment_are_ordered_by_item():
    split = split_records(make_dataset([(1, item, 5.0, 0) for item in (9, 3, 8, 1, 7, 2, 6, 5, 4, 10)]))
    assert split.records["train"][0].history == (1, 2, 3, 4, 5, 6)


def test_an_item_rated_twice_is_taken_once_and_never_both_liked_and_disliked_in_a_record():
    rows = [(1, item, 4.0, item) for item in range(1, 12)] + [(1, 1, 5.0, 4), (1, 2, 1.0, 0), (1, 99, 1.0, 0)]
    record = split_records(make_dataset(rows)).records["train"][0]
    assert record.history + record.relevant == tuple(range(1, 11))
    assert record.disliked == (99,)


def test_only_the_most_recent_dislikes_are_kept():
    rows = [(1, item, 4.0, 1000 + item) for item in range(1, 11)] + [(1, 100 + i, 1.0, i) for i in range(9)]
    assert split_records(make_dataset(rows)).records["train"][0].disliked == (103, 104, 105, 106, 107, 108)
    assert split_records(make_dataset(rows), max_disliked=2).records["train"][0].disliked == (107, 108)
    assert split_records(make_dataset(rows), max_disliked=0).records["train"][0].disliked == ()


def test_another_seed_splits_the_users_otherwise(dataset, split):
    other = split_records(dataset, seed=1)
    assert other.users["test"] != split.users["test"]
    assert other.likes == split.likes


def test_a_data_set_without_likes_has_no_records():
    split = split_records(make_dataset([(1, 1, 3.5, 0)]))
    assert split.users == {"train": (), "validation": (), "test": ()}
    assert split.records == {"train": (), "validation": (), "test": ()}


@pytest.mark.parametrize(
    "wrong", [{"history_length": 0}, {"num_relevant": 0}, {"seed": -1}, {"history_length": 2.5}, {"max_disliked": -1}]
)
def test_a_length_out_of_range_is_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        split_records(make_dataset([(1, 1, 5.0, 0)]), **wrong)


RATINGS = st.lists(
    st.tuples(
        st.integers(1, 8), st.integers(1, 40), st.sampled_from([0.5, 2.0, 2.5, 3.5, 4.0, 4.5, 5.0]), st.integers(0, 30)
    ),
    min_size=1,
    max_size=120,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=150, deadline=None)
@given(rows=RATINGS, seed=st.integers(0, 5), history_length=st.integers(1, 6), num_relevant=st.integers(1, 4))
def test_whatever_the_ratings_the_promises_of_a_split_hold(rows, seed, history_length, num_relevant):
    split = split_records(make_dataset(rows), seed=seed, history_length=history_length, num_relevant=num_relevant)
    stars = {(user, item): rating for user, item, rating, _ in rows}
    moment = {(user, item): (time, item) for user, item, _, time in rows}
    everybody = [user for users in split.users.values() for user in users]
    assert sorted(everybody) == sorted({user for (user, _), rating in stars.items() if rating >= 4})
    assert len(split.users["test"]) == len(everybody) * 15 // 100
    for name, records in split.records.items():
        assert {record.user_id for record in records} <= set(split.users[name])
        assert len({record.record_id for record in records}) == len(records)
    for user, likes in split.likes.items():
        assert [moment[user, item] for item in likes] == sorted(moment[user, item] for item in likes)
        assert set(likes) == {item for (who, item), rating in stars.items() if who == user and rating >= 4}
        mine = [record for records in split.records.values() for record in records if record.user_id == user]
        windows = [item for record in mine for item in (*record.history, *record.relevant)]
        assert tuple(windows) == likes[: len(windows)]
        assert len(likes) - len(windows) < history_length + num_relevant
        for record in mine:
            assert len(record.history) == history_length
            assert len(record.relevant) == num_relevant
            assert all(stars[user, item] <= 2 for item in record.disliked)
            asked_at = moment[user, record.history[-1]][0]
            assert all(moment[user, item][0] <= asked_at for item in record.disliked)
            items = (*record.history, *record.relevant, *record.disliked)
            assert len(set(items)) == len(items)


def test_no_item_stands_twice_in_a_real_record(split):
    for records in split.records.values():
        for record in records:
            items = (*record.history, *record.relevant, *record.disliked)
            assert len(set(items)) == len(items)


def test_likes_and_popularity_count_only_the_sets_asked_for(split):
    assert split.likes_of("train").keys() == set(split.users["train"])
    assert len(split.likes_of("train", "validation")) == 571
    popularity = split.popularity("train")
    assert popularity[318] == sum(318 in split.likes[user] for user in split.users["train"])
    assert sum(split.popularity("train", "validation", "test").values()) == 51_564


def test_worked_examples_are_of_training_users_each_of_another(split, catalogue):
    records = few_shot_records(split, catalogue, num_examples=8)
    users = [record.user_id for record in records]
    assert len(records) == len(set(users)) == 8
    assert set(users) <= set(split.users["train"])


def test_worked_examples_follow_the_seed(split, catalogue):
    first = few_shot_examples(split, catalogue, num_examples=3, seed=0)
    assert first == few_shot_examples(split, catalogue, num_examples=3, seed=0)
    assert first != few_shot_examples(split, catalogue, num_examples=3, seed=1)
    assert first == few_shot_examples(split, catalogue, num_examples=4, seed=0)[:3]
    assert few_shot_examples(split, catalogue, num_examples=0) == ()


def test_worked_examples_show_six_movies_and_the_four_liked_next(split, catalogue):
    record = few_shot_records(split, catalogue, num_examples=1)[0]
    (example,) = few_shot_examples(split, catalogue, num_examples=1)
    assert [movie.item_id for movie in example.liked] == list(record.history)
    assert [movie.item_id for movie in example.answer] == list(record.relevant)


def test_worked_examples_have_one_theme_and_movies_that_many_know(split, catalogue):
    def overlap(record):
        genres = [set(catalogue[item].genres) for item in (*record.history, *record.relevant)]
        pairs = [(a, b) for i, a in enumerate(genres) for b in genres[i + 1 :]]
        return sum(len(a & b) / max(1, len(a | b)) for a, b in pairs) / len(pairs)

    def mean(values):
        values = list(values)
        return sum(values) / len(values)

    def likes(record):
        return mean(catalogue.popularity[item] for item in (*record.history, *record.relevant))

    shown, everything = few_shot_records(split, catalogue, num_examples=8), split.records["train"]
    assert mean(map(overlap, shown)) > 2 * mean(map(overlap, everything))
    assert mean(map(likes, shown)) > 20
    shown_items = [item for record in shown[:4] for item in (*record.history, *record.relevant)]
    assert len(set(shown_items)) == 40


def test_fewer_training_users_give_fewer_examples():
    split = split_records(make_dataset([(1, item, 5.0, item) for item in range(1, 31)]))
    catalogue = Catalogue(tuple(Movie(item, f"Movie {item}") for item in range(1, 31)))
    assert len(few_shot_examples(split, catalogue, num_examples=3)) == 1


def test_a_sequence_of_records_is_read_as_the_tuple_of_them(split):
    records = split.records["test"]
    plain = tuple(records)
    assert records == plain
    assert plain == records
    assert hash(records) == hash(plain)
    assert records != plain[:-1]
    assert records != list(plain)
    assert records[0] == plain[0]
    assert records[-1] == plain[-1]
    assert records[3:50:7] == plain[3:50:7]
    assert records[::-1] == plain[::-1]
    assert records[:0] == ()
    assert tuple(reversed(records)) == plain[::-1]
    assert plain[5] in records
    assert records.index(plain[5]) == 5
    assert random.Random(0).choice(records) == random.Random(0).choice(plain)
    for place in (716, -717):
        with pytest.raises(IndexError):
            records[place]


def test_a_long_sequence_of_records_is_read_alike_one_by_one_and_all_at_once(split):
    records = split.records["train"][:500]
    assert [records[place] for place in range(len(records))] == list(records)


def test_a_record_is_found_by_its_id(split):
    record = split.records["validation"][10]
    assert split.find_record(record.record_id) == record


@pytest.mark.parametrize("unknown", ["", "15", "15-", "-0", "15-99999", "015-0", "999999-0", "15-0-0", "x-0", "9" * 99])
def test_no_record_is_found_by_an_id_that_none_has(split, unknown):
    assert split.find_record(unknown) is None


def test_likes_are_read_as_a_dict_of_tuples(split):
    likes = split.likes_of("test")
    plain = dict(likes)
    assert likes == plain
    assert list(likes) == list(split.users["test"])
    assert split.users["train"][0] not in likes
    assert likes.get(-1) is None
    with pytest.raises(KeyError):
        likes[split.users["train"][0]]


def obvious_split(rows, history_length, num_relevant, max_disliked):
    """Likes by user and records by id, by plain loops."""

    def items_of(user, is_meant):
        found = {}
        for who, item, stars, time in sorted(rows, key=lambda row: (row[3], row[1])):
            if who == user and is_meant(stars):
                found.setdefault(item, time)  # of repeats the first stays
        return found

    likes, records, size = {}, {}, history_length + num_relevant
    for user in {row[0] for row in rows}:
        liked = items_of(user, lambda stars: stars >= 4)
        disliked = items_of(user, lambda stars: stars <= 2)
        if liked:
            likes[user] = tuple(liked)
        for window in range(len(liked) // size):
            items = tuple(liked)[window * size : (window + 1) * size]
            asked_at = liked[items[history_length - 1]]
            before = [item for item, time in disliked.items() if time <= asked_at and item not in items]
            last = tuple(before[len(before) - max_disliked :] if len(before) > max_disliked else before)
            name = f"{user}-{window}"
            records[name] = Record(name, user, items[:history_length], items[history_length:], last)
    return likes, records


REPEATED_RATINGS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3, 2**31 - 1]),
        st.integers(1, 15),
        st.sampled_from([0.5, 2.0, 3.0, 4.0, 5.0]),
        st.sampled_from([*range(12), 2**40]),
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=150, deadline=None)
@given(rows=REPEATED_RATINGS, history_length=st.integers(1, 4), num_relevant=st.integers(1, 3), most=st.integers(0, 4))
def test_likes_and_records_are_those_of_plain_loops(rows, history_length, num_relevant, most):
    lengths = {"history_length": history_length, "num_relevant": num_relevant, "max_disliked": most}
    split = split_records(make_dataset(rows), **lengths)
    likes, records = obvious_split(rows, **lengths)
    assert split.likes == likes
    assert {record.record_id: record for part in split.records.values() for record in part} == records
    counts = {}
    for user in split.users["train"]:
        for item in likes[user]:
            counts[item] = counts.get(item, 0) + 1
    assert split.popularity("train") == counts


@pytest.mark.parametrize("latest", [10**9, 2**62])
def test_times_and_ids_of_any_size_are_sorted_alike(latest):
    drawn = random.Random(0)
    rows = [(drawn.randint(1, 200_000), drawn.randint(1, 300_000), 5.0, drawn.randint(0, latest)) for _ in range(5_000)]
    ratings = make_dataset(rows).ratings
    rated = Rated.of(ratings, ratings["rating"] >= 4)
    expected = sorted((user, time, item) for user, item, _, time in rows)
    assert rated.times.tolist() == [time for _, time, _ in expected]
    assert rated.items.tolist() == [item for _, _, item in expected]
    assert rated.users.tolist() == sorted({user for user, _, _ in expected})


def test_items_with_very_large_ids_are_counted_too():
    ratings = make_dataset([(1, 7, 5.0, 0), (2, 7, 5.0, 0), (2, 2**31 - 1, 5.0, 0)]).ratings
    assert Likes(Rated.of(ratings, ratings["rating"] >= 4)).counts() == {7: 2, 2**31 - 1: 1}
