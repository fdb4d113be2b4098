import types

import gradio as gr
import pytest

from recsys.models.host import ModelChoice
from recsys.ui.recommend_handlers import RecommendHandlers
from recsys.ui.rounds import SessionRounds
from recsys.ui.rounds_handlers import NUM_SHOWN, RoundsHandlers
from recsys.ui.settings_panel import create_settings_panel
from recsys.ui.title_picker import read_entries, write_entries
from tests.ui.fake_workbench import FakeWorkbench


@pytest.fixture(scope="module")
def workbench():
    return FakeWorkbench()


class Page:
    """A browser session: its controls, and what its handlers answered last."""

    def __init__(self, workbench, name="me"):
        with gr.Blocks():
            self.tab = RecommendHandlers(workbench, create_settings_panel(workbench, ModelChoice()))
        self.rounds = RoundsHandlers(workbench, self.tab.running, self.tab.finished, self.tab.answer)
        self.request = types.SimpleNamespace(session_hash=name, headers={"host": "here"}, query_params={})
        self.session, self.workbench = SessionRounds(), workbench
        self.liked, self.disliked = write_entries([1], workbench.catalogue), []
        self.ask = None

    @property
    def values(self):
        controls = {control.elem_id: control.value for control in self.tab.panel.inputs}
        controls["decoding"] = "catalogue_rank"
        return [self.liked, self.disliked, None, *controls.values()]

    def recommend(self):
        return list(self.rounds.follow(self.tab.answer)(self.request, self.session, *self.values))

    def vote(self, item, way, *, again=True, opening=False, seen=None):
        seen = self.session.rounds.num_votes if seen is None else seen
        event = gr.EventData(None, {"item_id": item, "vote": way, "seen": seen})
        told = self.rounds.vote(self.request, self.session, again, opening, self.liked, self.disliked, event)
        if told[0] != gr.skip():
            self.liked, self.disliked = told[:2]
        self.ask = told[5]
        return told

    def ask_again(self):
        return list(self.rounds.ask_again(self.request, self.session, *self.values))

    @property
    def items(self):
        return [item.item_id for item in self.session.rounds.kept[-1].shown.round.items]

    @property
    def lists(self):
        return tuple(read_entries(side, self.workbench.catalogue) for side in (self.liked, self.disliked))


@pytest.fixture
def page(workbench):
    page = Page(workbench)
    page.recommend()
    return page


def test_an_answer_becomes_round_0_and_the_strip_stays_empty(page):
    assert [kept.number for kept in page.session.rounds.kept] == [0]
    assert "rounds-none" in page.recommend()[-1][-1]


def test_a_vote_changes_the_lists_and_asks(page):
    first = page.items
    cards, strip = page.vote(first[0], "like")[2::2][:2]
    assert page.lists == ((1, first[0]), ())
    assert 'aria-pressed="true"' in cards
    assert "asking again" in strip
    assert isinstance(page.ask, int)
    views = page.ask_again()
    assert 'data-phase="done"' in views[-1][0]
    assert "Round 1" in views[-1][-1]
    assert page.items[:3] == first[1:]


def test_the_answer_before_stays_until_the_new_one_is_whole(page):
    page.vote(page.items[0], "dislike")
    *before, last = page.ask_again()
    assert all(view[:2] == (gr.skip(), gr.skip()) for view in before)
    assert len(last) == NUM_SHOWN


def test_with_the_switch_off_nothing_is_asked(page):
    page.vote(page.items[0], "like", again=False)
    assert page.ask == gr.skip()


def test_every_vote_asks_by_another_number(page):
    first = page.vote(page.items[0], "like")[5]
    assert page.vote(page.items[1], "like")[5] != first


def test_a_vote_sent_before_the_page_heard_of_the_last_one_keeps_both(page):
    first, second = page.items[:2]
    liked = page.liked
    page.vote(first, "like")
    page.liked = liked  # the page sends its second vote with the lists of before the first
    page.vote(second, "like", seen=0)
    assert page.lists == ((1, first, second), ())


def test_what_was_asked_with_older_lists_is_not_answered(page):
    old = page.liked
    page.vote(page.items[0], "like")
    page.liked = old
    assert page.ask_again() == [(gr.skip(),) * NUM_SHOWN]
    assert len(page.session.rounds.kept) == 1


def test_a_vote_stops_its_own_sessions_request(page):
    mine, other = page.tab.running.begin("me"), page.tab.running.begin("other")
    page.vote(page.items[0], "like")
    assert mine.is_set()
    assert not other.is_set()


def test_an_undo_while_the_answer_is_on_its_way_wins(page):
    cards = page.session.rounds.kept[0].shown.cards
    page.vote(page.items[0], "like")
    views = page.rounds.ask_again(page.request, page.session, *page.values)
    told = None
    original = page.tab.answer

    def overtaken(*values):
        nonlocal told
        for number, view in enumerate(original(*values)):
            if number == 1:
                told = page.rounds.undo(page.request, page.session)
            yield view

    page.rounds.answer = overtaken
    last = list(views)[-1]
    assert last[:2] == (gr.skip(), gr.skip())
    assert last[-1] == gr.skip()
    assert told[2] == cards
    assert len(page.session.rounds.kept) == 1
    assert page.tab.finished.take("me") is None


def test_undo_and_start_over_bring_back_lists_answer_and_details(page):
    first = page.session.rounds.kept[0].shown
    for _ in range(2):
        page.vote(page.items[0], "like")
        page.ask_again()
    second = page.session.rounds.kept[1].shown
    liked, disliked, cards, details, _, strip = page.rounds.undo(page.request, page.session)
    assert (cards, details) == (second.cards, second.details)
    assert [read_entries(side, page.workbench.catalogue) for side in (liked, disliked)] == [
        second.round.request.history,
        (),
    ]
    assert "Round 2" not in strip
    liked, _, cards, details, _, strip = page.rounds.restart(page.request, page.session)
    assert (cards, details) == (first.cards, first.details)
    assert read_entries(liked, page.workbench.catalogue) == (1,)
    assert page.rounds.undo(page.request, page.session)[:5] == (gr.skip(),) * 5, "there is nothing more"


def test_an_error_is_shown_and_undo_brings_the_answer_back(page, monkeypatch):
    from recsys.errors import ModelUnavailableError

    cards = page.session.rounds.kept[0].shown.cards
    page.vote(page.items[0], "like")

    def fail(*_, **__):
        raise ModelUnavailableError("the Hub did not answer")

    monkeypatch.setattr(page.workbench, "stream", fail)
    assert "The Hub did not answer" in page.ask_again()[-1][0]
    assert page.rounds.undo(page.request, page.session)[2] == cards


def test_opening_counts_only_where_it_is_switched_on_and_once(page):
    item = page.items[1]
    assert page.vote(item, "open") == (gr.skip(),) * 6
    page.vote(item, "open", opening=True)
    assert page.lists == ((1, item), ())
    assert page.vote(item, "open", opening=True) == (gr.skip(),) * 6


def test_votes_on_a_comparison_change_the_lists_alone(workbench):
    page = Page(workbench)
    told = page.vote(50, "like")
    assert page.lists == ((1, 50), ())
    assert told[2:] == (gr.skip(),) * 4


@pytest.mark.parametrize("event", [{"item_id": 10**9}, {"item_id": "x"}, {"vote": "maybe"}, {"seen": None}])
def test_a_vote_that_no_page_sends_is_refused(page, event):
    sent = gr.EventData(None, {"item_id": 1, "vote": "like", "seen": 0} | event)
    with pytest.raises(gr.Error):
        page.rounds.vote(page.request, page.session, True, False, page.liked, page.disliked, sent)
    assert page.session.rounds.votes == ()


def test_a_full_list_takes_no_vote_and_loses_nothing(page):
    catalogue = page.workbench.catalogue
    most = page.workbench.limits.max_history
    page.liked = write_entries([movie.item_id for movie in catalogue][200 : 200 + most], catalogue)
    with pytest.raises(gr.Error, match="a list is full"):
        page.vote(page.items[0], "like")
    assert page.session.rounds.votes == ()
