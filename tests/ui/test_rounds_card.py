from dataclasses import replace

import pytest

from recsys.catalogue import Catalogue, Movie
from recsys.feedback import RankedItem, Round
from recsys.recommend import RecommendationRequest
from recsys.settings import DecodingSettings
from recsys.ui.answer_cards import press
from recsys.ui.rounds import Finished, Rounds
from recsys.ui.rounds_card import rounds_html

CATALOGUE = Catalogue([Movie(n, f"Film {n}", 2000 + n) for n in range(1, 6)] + [Movie(9, "<b>${x}</b>", 1999)])
RANKING = RecommendationRequest(history=(1,), decoding=DecodingSettings("catalogue_rank"))


def shown(request, *items):
    ranked = tuple(RankedItem(item, rank, value) for rank, (item, value) in enumerate(items, start=1))
    return Finished(Round(request, ranked), "cards", "details", data=1)


FIRST = Rounds().answered(shown(RANKING, (2, -1.0), (3, -2.0), (4, -3.0)))
VOTED = FIRST.voted(2, "like", ((1,), ()))
SECOND = VOTED.answered(shown(replace(RANKING, history=(1, 2)), (4, -1.5), (3, -2.25), (9, -3.0)))


def test_before_the_first_vote_only_the_count_of_votes_is_there():
    assert rounds_html(FIRST, CATALOGUE) == '<div class="rounds-none" data-votes="0"></div>'


def test_a_round_tells_ranks_and_nats():
    told = rounds_html(SECOND, CATALOGUE)
    assert 'data-votes="1"' in told
    assert "Film 2 (2002)" in told
    assert '<span aria-hidden="true">↑2</span><span class="visually-hidden">up by 2</span>' in told
    assert "+1.50 nats" in told
    assert "-0.25 nats" in told
    assert "voted, was 1" in told
    assert "1 up · 1 same · 1 new" in told
    assert told.index("Round 1") < told.index("Round 0"), "the latest first"


def test_what_a_movie_is_called_is_only_ever_shown():
    told = rounds_html(SECOND, CATALOGUE)
    assert "<b>${x}" not in told
    assert "&lt;b&gt;&#36;&#123;x&#125;" in told


def test_votes_that_no_answer_has_read_are_told():
    assert "press Recommend" in rounds_html(VOTED, CATALOGUE)
    asking = rounds_html(VOTED, CATALOGUE, asking=True)
    assert "asking again" in asking
    assert "data-asking" in asking


def test_movement_that_may_be_chance_is_called_so():
    written = replace(RANKING, decoding=DecodingSettings())
    first = Rounds().answered(shown(written, (2, None)))
    voted = first.voted(2, "dislike", ((1,), ()))
    told = rounds_html(voted.answered(shown(replace(written, disliked=(2,)), (3, None))), CATALOGUE)
    assert "part of what moves is chance" in told
    assert "nats" not in told
    assert "chance" not in rounds_html(SECOND, CATALOGUE)


def test_settings_that_changed_as_well_are_told():
    other = replace(RANKING, history=(1, 2), decoding=DecodingSettings("catalogue_rank", title_score="full"))
    told = rounds_html(VOTED.answered(shown(other, (3, -1.0))), CATALOGUE)
    assert "Settings were changed as well" in told


@pytest.mark.parametrize(("vote", "pressed"), [("like", "true"), ("dislike", "false"), ("none", "false")])
def test_a_vote_presses_its_own_button(vote, pressed):
    cards = "".join(f'<button data-vote="like" data-of="{item}" aria-pressed="false">' for item in (2, 22))
    told = press(cards, 2, vote)
    assert f'data-of="2" aria-pressed="{pressed}"' in told
    assert 'data-of="22" aria-pressed="false"' in told
