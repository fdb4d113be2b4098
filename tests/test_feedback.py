from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.errors import HistoryError
from recsys.feedback import VOTES, Movement, RankedItem, Round, apply_vote, find_movements, read_vote
from recsys.recommend import RecommendationRequest
from recsys.settings import DecodingSettings, GenerationSettings

busy = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test is about speed, and the machine may be busy."""

RANKING = RecommendationRequest(history=(1, 2), decoding=DecodingSettings("catalogue_rank"))


def ranked(request, *items):
    """A round of (item, log-likelihood) pairs."""
    places = enumerate(items, start=1)
    return Round(request, tuple(RankedItem(item, rank, value) for rank, (item, value) in places))


def test_ranks_and_likelihoods_move_as_counted_by_hand():
    before = ranked(RANKING, (10, -2.0), (11, -3.0), (12, -4.0), (13, -5.0))
    after = ranked(replace(RANKING, history=(1, 2, 10)), (13, -2.5), (11, -3.25), (20, -3.5), (21, -4.0))
    assert find_movements(before, after) == (
        Movement(13, 4, 1, "up", 2.5),
        Movement(11, 2, 2, "same", -0.25),
        Movement(20, None, 3, "new"),
        Movement(21, None, 4, "new"),
        Movement(10, 1, None, "voted"),
        Movement(12, 3, None, "gone"),
    )
    assert [one.places for one in find_movements(before, after)] == [3, 0, 0, 0, 0, 0]


def test_a_disliked_item_left_by_a_vote_too():
    before = ranked(RANKING, (10, -2.0), (11, -3.0))
    after = ranked(replace(RANKING, disliked=(10,)), (11, -2.0))
    assert [one.move for one in find_movements(before, after)] == ["up", "voted"]


@pytest.mark.parametrize(
    "other", [{"generation": GenerationSettings(num_recommendations=7)}, {"decoding": DecodingSettings("hybrid")}]
)
def test_likelihoods_of_other_settings_are_not_compared(other):
    before = ranked(RANKING, (10, -2.0))
    after = ranked(replace(RANKING, **other), (10, -1.0))
    assert not after.asks_like(before)
    assert find_movements(before, after) == (Movement(10, 1, 1, "same", None),)


def test_a_record_that_is_no_longer_whole_is_no_other_setting():
    assert ranked(RANKING).asks_like(ranked(replace(RANKING, history=(), record_id="15-0")))


def test_written_titles_have_ranks_and_no_likelihoods():
    before, after = Round(RANKING, (RankedItem(10, 2),)), Round(RANKING, (RankedItem(10, 1),))
    assert find_movements(before, after) == (Movement(10, 2, 1, "up", None),)


answers = st.lists(st.integers(0, 30), unique=True, max_size=8)


@busy
@given(before=answers, after=answers, voted=st.lists(st.integers(0, 30), unique=True, max_size=3))
def test_every_item_of_either_answer_moves_once_and_backwards_the_other_way(before, after, voted):
    asked = replace(RANKING, history=tuple(voted))
    first = ranked(replace(RANKING, history=()), *((item, -1.0) for item in before))
    second = ranked(asked, *((item, -3.0) for item in after))
    found = {one.item_id: one for one in find_movements(first, second)}
    assert len(found) == len(find_movements(first, second))
    assert found.keys() == {*before, *after}
    back = {one.item_id: one for one in find_movements(second, first)}
    for item, one in found.items():
        assert one.places == -back[item].places
        assert one.places == (before.index(item) - after.index(item) if item in before and item in after else 0)
        assert (one.likelihood_change == -2.0) == (item in before and item in after)
        assert (one.move == "voted") == (item in voted and item not in after)


@busy
@given(answers)
def test_nothing_moves_between_an_answer_and_itself(items):
    same = ranked(RANKING, *((item, -1.0) for item in items))
    assert {(one.move, one.likelihood_change) for one in find_movements(same, same)} <= {("same", 0.0)}


lists = st.lists(st.one_of(st.integers(0, 9), st.just("as typed")), unique=True, max_size=6)


@busy
@given(liked=lists, disliked=lists, item=st.integers(0, 9), vote=st.sampled_from(VOTES))
def test_a_vote_moves_its_item_and_nothing_else(liked, disliked, item, vote):
    likes, dislikes = apply_vote(liked, disliked, item, vote)
    for old, new in ((liked, likes), (disliked, dislikes)):
        assert [one for one in new if one != item] == [one for one in old if one != item]
    if vote == "open":
        known = item in (*liked, *disliked)
        assert (likes, dislikes) == ((tuple(liked) if known else (*liked, item)), tuple(disliked))
    else:
        assert (item in likes, item in dislikes) == (vote == "like", vote == "dislike")
    if vote == "like":
        assert likes[-1] == item, "the latest like is the last of the history"


def test_a_vote_that_there_is_not_is_refused():
    with pytest.raises(HistoryError, match="no such vote"):
        read_vote("maybe")
