from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.baselines.base import rank
from recsys.baselines.random_ranking import RandomRanking
from recsys.errors import SettingsError

LIKES = {1: [1, 2, 3, 4, 5], 2: [1, 2]}
HISTORIES = st.lists(st.lists(st.integers(1, 9), max_size=3), min_size=1, max_size=4)


@settings(deadline=None)
@given(histories=HISTORIES, others=HISTORIES)
def test_a_record_gets_the_same_list_whatever_the_order_of_records_and_whoever_is_asked_about_beside_it(
    histories, others
):
    ranking = RandomRanking.fit(LIKES)
    alone = [rank(ranking, [history], n=5)[0] for history in histories]
    assert rank(ranking, histories, n=5) == alone
    assert rank(RandomRanking.fit(LIKES), [*others, *reversed(histories)], n=5)[len(others) :] == alone[::-1]


@settings(deadline=None)
@given(history=st.lists(st.integers(1, 9), max_size=9, unique=True))
def test_every_list_is_an_order_of_all_that_is_not_in_the_history(history):
    [ranked] = rank(RandomRanking.fit(LIKES), [history], n=9)
    assert sorted(ranked) == sorted({1, 2, 3, 4, 5} - set(history))


def test_each_item_comes_first_equally_often_however_much_it_is_liked():
    # 5,000 draws of one of five: 1,000 each, with a standard deviation of √(5000 · 1/5 · 4/5) = 28.
    firsts = Counter(ranked[0] for ranked in rank(RandomRanking.fit(LIKES), [[100 + n] for n in range(5_000)], n=1))
    assert set(firsts) == {1, 2, 3, 4, 5}
    assert all(abs(count - 1_000) < 4 * 28 for count in firsts.values())


def test_another_order_of_the_history_or_another_seed_gives_other_lists():
    many = {1: list(range(1, 101))}
    ranking = RandomRanking.fit(many)
    lists = [*rank(ranking, [[1, 2], [2, 1], []], n=90), *rank(RandomRanking.fit(many, seed=1), [[1, 2]], n=90)]
    assert len(set(lists)) == 4


def test_scores_are_places_so_that_none_tie():
    scores = RandomRanking.fit(LIKES).scores([[7], [8]])
    assert np.sort(scores).tolist() == [[0, 1, 2, 3, 4]] * 2


def test_no_likes_give_no_recommendations():
    assert rank(RandomRanking.fit({}), [[1]], n=4) == [()]


def test_a_seed_out_of_range_is_refused():
    with pytest.raises(SettingsError, match="seed"):
        RandomRanking.fit(LIKES, seed=-1)
