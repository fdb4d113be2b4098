import copy
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.feedback import RankedItem, Round, apply_vote
from recsys.recommend import RecommendationRequest
from recsys.settings import GenerationSettings
from recsys.ui.rounds import MAX_ROUNDS, Finished, FinishedAnswers, Rounds, SessionRounds

busy = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test is about speed, and the machine may be busy."""


def shown(lists, *items, **settings):
    """An answer to these lists."""
    request = RecommendationRequest(history=lists[0], disliked=lists[1], **settings)
    ranked = tuple(RankedItem(item, rank, -float(rank)) for rank, item in enumerate(items, start=1))
    return Finished(Round(request, ranked), f"cards of {items}", f"details of {items}", data=1)


START = ((1,), ())
FIRST = Rounds().answered(shown(START, 10, 11))


def vote_and_answer(rounds, item, vote, *items):
    voted = rounds.voted(item, vote, rounds.lists)
    return voted.answered(shown(voted.lists, *items))


def test_the_first_answer_is_round_0():
    (kept,) = FIRST.kept
    assert (kept.number, kept.votes, kept.movements) == (0, (), ())
    assert not FIRST.can_undo
    assert not FIRST.can_restart


def test_an_answer_to_a_vote_is_the_next_round():
    rounds = vote_and_answer(FIRST, 10, "like", 11, 12)
    assert rounds.lists == ((1, 10), ())
    assert [kept.number for kept in rounds.kept] == [0, 1]
    assert [(one.item_id, one.move) for one in rounds.kept[1].movements] == [(11, "up"), (12, "new"), (10, "voted")]
    assert rounds.votes == ()


def test_an_answer_to_anything_else_begins_anew():
    voted = FIRST.voted(10, "like", START)
    assert [kept.number for kept in voted.answered(shown(((7,), ()), 20)).kept] == [0]
    assert [kept.number for kept in FIRST.answered(shown(START, 10, 11)).kept] == [0], "nothing was voted on"


def test_settings_that_were_changed_with_the_vote_are_told():
    voted = FIRST.voted(10, "like", START)
    other = voted.answered(shown(voted.lists, 11, generation=GenerationSettings(num_recommendations=7)))
    assert [kept.same_settings for kept in other.kept] == [True, False]
    assert other.kept[1].movements[0].likelihood_change is None


def test_undo_brings_back_lists_and_answer_vote_by_vote():
    second = vote_and_answer(FIRST, 10, "like", 11, 12)
    third = vote_and_answer(second, 12, "dislike", 11, 13)
    back, lists = third.undone()
    assert (back.kept, back.votes, lists) == (second.kept, (), ((1, 10), ()))
    assert back.kept[-1].shown.cards == "cards of (11, 12)"
    start, lists = back.undone()
    assert (start.kept, lists) == (FIRST.kept, START)
    assert start.undone() == (start, START)


def test_a_round_of_two_votes_is_undone_with_the_last_of_them():
    voted = FIRST.voted(10, "like", START)
    voted = voted.voted(11, "dislike", voted.lists)
    rounds = voted.answered(shown(voted.lists, 12, 13))
    back, lists = rounds.undone()
    assert (len(back.kept), lists) == (1, ((1, 10), ()))
    assert [given.item_id for given in back.votes] == [10], "the first vote still stands, and no answer has read it"
    assert back.undone()[1] == START


def test_start_over_is_round_0_again():
    rounds = vote_and_answer(vote_and_answer(FIRST, 10, "like", 11, 12), 11, "like", 12, 13)
    back, lists = rounds.voted(12, "like", rounds.lists).restarted()
    assert (back.kept, back.votes, lists) == (FIRST.kept, (), START)


def test_rounds_are_bounded_and_what_is_no_longer_kept_is_not_undone_to():
    rounds = FIRST
    for item in range(100, 100 + MAX_ROUNDS + 3):
        rounds = vote_and_answer(rounds, item, "like", item + 1)
    assert len(rounds.kept) == MAX_ROUNDS
    assert [kept.number for kept in rounds.kept[:2]] == [0, 5]
    assert rounds.kept[-1].number == MAX_ROUNDS + 3
    while rounds.can_undo:
        rounds, _ = rounds.undone()
    assert [kept.number for kept in rounds.kept] == [0, 5]
    assert rounds.restarted()[1] == START


votes = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["like", "dislike", "none", "open"])), max_size=8)


@busy
@given(votes=votes, answered=st.lists(st.booleans(), min_size=8, max_size=8))
def test_as_many_undos_as_votes_lead_back_to_the_start(votes, answered):
    rounds = FIRST
    for (item, vote), is_answered in zip(votes, answered, strict=False):
        rounds = rounds.voted(item, vote, rounds.lists)
        if is_answered:
            rounds = rounds.answered(shown(rounds.lists, item + 1, item + 2))
    lists = rounds.lists
    for _ in votes:
        rounds, lists = rounds.undone()
    assert (rounds.kept, rounds.votes, lists) == (FIRST.kept, (), START)
    assert rounds.num_votes == len(votes), "the page goes on counting"


@busy
@given(votes=votes, data=st.data())
def test_votes_that_the_page_has_not_heard_of_are_not_lost(votes, data):
    rounds, heard = FIRST, [START]
    for item, vote in votes:
        rounds = rounds.voted(item, vote, rounds.lists)
        heard.append(rounds.lists)
    seen = data.draw(st.integers(0, len(votes)))
    assert rounds.unseen(heard[seen], seen) == rounds.lists


def test_what_the_page_has_heard_of_is_not_done_twice():
    rounds = FIRST.voted(10, "like", START)
    removed_by_hand = START
    assert rounds.unseen(removed_by_hand, rounds.num_votes) == START


def test_an_answer_that_was_overtaken_is_thrown_away():
    session = SessionRounds()
    assert session.finish(session.begin(), shown(START, 10, 11))
    old = session.begin()
    session.change(lambda rounds: (rounds.voted(10, "like", START), None))
    new = session.begin()
    assert not session.holds(old)
    assert not session.finish(old, shown(START, 66))
    assert session.finish(new, shown(apply_vote(*START, 10, "like"), 11, 12))
    assert [kept.number for kept in session.rounds.kept] == [0, 1]


def test_another_data_set_leaves_no_rounds():
    session = SessionRounds()
    session.finish(session.begin(), shown(START, 10))
    assert session.of(1).kept
    assert session.of(2) == Rounds()


def test_every_session_has_its_own():
    session = SessionRounds()
    session.finish(session.begin(), shown(START, 10))
    assert copy.deepcopy(session).rounds == Rounds()


def test_an_answer_is_taken_once_and_by_its_session():
    answers, mine = FinishedAnswers(), shown(START, 10)
    answers.leave("me", mine)
    answers.leave("me", replace(mine, cards="newer"))
    assert answers.take("other") is None
    assert answers.take("me").cards == "newer"
    assert answers.take("me") is None
    for number in range(100):
        answers.leave(str(number), mine)
    assert answers.take("0") is None, "a page that never came back is forgotten"
