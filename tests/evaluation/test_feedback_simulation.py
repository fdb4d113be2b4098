import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.baselines.popularity import Popularity
from recsys.catalogue import Movie
from recsys.data.movielens import MovieLens
from recsys.data.records import Record
from recsys.evaluation.feedback_simulation import FOUND, WAYS, Opinions, Way, ask_baseline, find_opinions, simulate

busy = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test is about speed, and the machine may be busy."""

RECORD = Record("7-0", 7, history=(1, 2), relevant=(3, 4), disliked=(5,))
OPINIONS = Opinions(liked=frozenset({10, 12}), disliked=frozenset({11}))


class Ranker:
    """A system that recommends the items 10, 11, 12, … and 3, without what is closed; it keeps what it was asked."""

    def __init__(self, *order):
        self.order = order or (10, 11, 20, 12, 3, 21, 22, 23)
        self.asked = []

    def __call__(self, records, left_out):
        self.asked.append([(r.history, r.disliked, tuple(out)) for r, out in zip(records, left_out, strict=True)])
        closed = [{*r.history, *r.disliked, *out} for r, out in zip(records, left_out, strict=True)]
        return [tuple(item for item in self.order if item not in out) for out in closed]


def run(way=WAYS["all"], *, told=True, num_rounds=2, opinions=OPINIONS, ask=None, k=3):
    ask = ask or Ranker()
    rounds = simulate([RECORD], [opinions], ask, way=way, told=told, num_rounds=num_rounds, k=k)
    return ask, [scores[0] for scores in rounds]


def test_a_told_system_reads_the_votes_round_by_round():
    ask, rounds = run()
    assert [one.item_ids for one in rounds] == [(10, 11, 20), (20, 12, 3), (20, 3, 21)]
    assert [(one.num_likes, one.num_dislikes) for one in rounds] == [(0, 0), (1, 1), (2, 1)]
    assert ask.asked == [
        [((1, 2), (5,), ())],
        [((1, 2, 10), (5, 11), (11,))],
        [((1, 2, 10, 12), (5, 11), (11,))],
    ]


def test_a_system_that_is_not_told_keeps_its_history_and_leaves_the_same_movies_out():
    ask, rounds = run(told=False)
    assert [one.item_ids for one in rounds] == [(10, 11, 20), (20, 12, 3), (20, 3, 21)]
    assert ask.asked[2] == [((1, 2), (5,), (10, 12, 11))]


def test_relevant_movies_are_never_voted_on_and_may_come_in_every_round():
    ask, rounds = run(opinions=Opinions(frozenset(), frozenset()), ask=Ranker(3, 20, 4, 21), k=3)
    assert [one.item_ids for one in rounds] == [(3, 20, 4)] * 3
    assert {one.metrics["map"] for one in rounds} == {(1 / 1 + 2 / 3) / 2}
    assert all(asked == ask.asked[0] for asked in ask.asked)


def test_hidden_titles_make_each_round_a_new_page_and_what_was_found_adds_up():
    _, rounds = run(WAYS["all-hidden"], told=False, ask=Ranker(3, 20, 21, 10, 4, 22, 23), k=3)
    assert [one.item_ids for one in rounds] == [(3, 20, 21), (10, 4, 22), (23,)]
    assert [one.metrics[FOUND] for one in rounds] == [0.5, 1.0, 1.0]
    assert rounds[1].metrics["recall"] == 0.5, "of this page alone"


def test_a_like_may_join_the_history_before_all_others():
    ask, _ = run(WAYS["all-first"])
    assert [asked[0][0] for asked in ask.asked] == [(1, 2), (10, 1, 2), (10, 12, 1, 2)]


def test_users_look_at_no_more_than_the_first_k_titles():
    _, rounds = run(k=1)
    assert [one.item_ids for one in rounds] == [(10,), (11,), (20,)]


def test_misses_of_a_written_answer_are_not_voted_on():
    _, rounds = run(ask=lambda records, left_out: [(None, 10, None)], k=3)
    assert [one.num_likes for one in rounds] == [0, 1, 1]


@busy
@given(
    order=st.lists(st.integers(1, 40), unique=True, min_size=1),
    liked=st.frozensets(st.integers(6, 40)),
    name=st.sampled_from(sorted(WAYS)),
    told=st.booleans(),
)
def test_nothing_that_was_voted_on_comes_again(order, liked, name, told):
    disliked = frozenset(range(6, 41)) - liked
    _, rounds = run(WAYS[name], told=told, num_rounds=3, opinions=Opinions(liked, disliked), ask=Ranker(*order), k=4)
    shown = [item for one in rounds for item in one.item_ids if item >= 6]
    assert len(shown) == len(set(shown))
    found = [one.metrics[FOUND] for one in rounds]
    assert found == sorted(found)


def dataset(*ratings):
    columns = ["user_id", "item_id", "rating", "timestamp"]
    types = {"user_id": "int32", "item_id": "int32", "rating": "float32", "timestamp": "int64"}
    frame = pd.DataFrame(ratings, columns=columns).astype(types)
    return MovieLens("made", tuple(Movie(n, f"Movie {n}") for n in sorted({r[1] for r in ratings})), frame)


RATED = dataset(
    (7, 1, 4.0, 10),
    (7, 2, 5.0, 20),
    (7, 3, 4.0, 30),
    (7, 4, 4.0, 40),
    (7, 8, 4.5, 5),
    (7, 9, 4.0, 20),
    (7, 10, 4.0, 50),
    (7, 11, 2.0, 15),
    (7, 12, 0.5, 60),
    (7, 13, 3.0, 15),
    (8, 14, 5.0, 1),
)


@pytest.mark.parametrize(
    ("way", "liked", "disliked"),
    [(Way("all"), {8, 9, 10}, {11, 12}), (Way("past"), {8, 9}, {11})],
)
def test_users_say_what_they_rated_of_other_movies_up_to_the_moment_or_all(way, liked, disliked):
    (found,) = find_opinions(RATED, [RECORD], way)
    assert (found.liked, found.disliked) == (liked, disliked)


def test_a_user_without_ratings_says_nothing():
    (found,) = find_opinions(RATED, [Record("9-0", 9, (1,), (2,))], Way("past"))
    assert found == Opinions(frozenset(), frozenset())


def test_a_baseline_leaves_out_history_and_votes_and_nothing_else():
    popular = Popularity.fit({1: (5, 3, 10), 2: (5, 3), 3: (5,)})
    ask = ask_baseline(popular, n=2)
    assert ask([RECORD], [()]) == [(5, 3)], "the dislikes that a record came with are not told to baselines"
    assert ask([RECORD], [(5,)]) == [(3, 10)]
