"""Votes in a real browser: they ask again, move ranks, can be taken back, and stay with their session."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_recommend_tab import chips, choose_decoding, pick, recommend

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def rank(page):
    """An answer of the ranking, round 0."""
    pick(page, "totoro")
    choose_decoding(page, "Ranking")
    recommend(page)


def titles(page):
    return [text.strip() for text in page.locator(".card-means .row-title").all_inner_texts()]


def vote(page, way, place=0):
    page.locator(f"[data-vote={way}]").nth(place).click()


def rounds(page):
    return page.locator("#rounds .round")


def test_a_vote_asks_again_and_tells_how_ranks_moved(open_page, serve):
    page = open_page(serve())
    rank(page)
    first = titles(page)
    expect(rounds(page)).to_have_count(0)
    vote(page, "like")
    expect(rounds(page)).to_have_count(2)
    expect(page.locator("#liked .chip-name")).to_have_text(["My Neighbor Totoro (1988)", first[0]])
    latest = rounds(page).first
    expect(latest.locator("summary")).to_contain_text("Round 1")
    expect(latest.locator(".round-vote")).to_contain_text(first[0])
    assert titles(page)[:3] == first[1:]
    assert latest.locator(".move.is-up .move-title").all_inner_texts() == first[1:]
    assert latest.locator(".move.is-up .move-mark [aria-hidden]").all_inner_texts() == ["↑1"] * 3
    expect(latest.locator(".move.is-new")).to_have_count(1)
    expect(latest.locator(".move.is-voted .move-title")).to_have_text([first[0]])
    expect(latest.locator(".move-nats").first).to_have_text("+0.00 nats")
    expect(rounds(page).last.locator("summary")).to_contain_text("Round 0")


def test_undo_takes_back_the_vote_with_its_answer_and_asks_no_model(open_page, serve):
    page = open_page(serve())
    rank(page)
    first = titles(page)
    vote(page, "like")
    expect(rounds(page)).to_have_count(2)
    second = titles(page)
    vote(page, "dislike", 1)
    expect(rounds(page)).to_have_count(3)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.click("[data-rounds=undo]")
    expect(rounds(page)).to_have_count(2)
    assert titles(page) == second
    assert chips(page) == ["My Neighbor Totoro (1988)", first[0]]
    page.click("[data-rounds=undo]")
    expect(rounds(page)).to_have_count(0)
    assert titles(page) == first
    assert chips(page) == ["My Neighbor Totoro (1988)"]
    expect(page.locator("#answer [aria-pressed=true]")).to_have_count(0)
    assert sum("queue/join" in url for url in asked) == 2, "two undos, and no answer"


def test_start_over_goes_back_to_round_0(open_page, serve):
    page = open_page(serve())
    rank(page)
    first = titles(page)
    for number in (2, 3, 4):
        vote(page, "like")
        expect(rounds(page)).to_have_count(number)
    page.click("[data-rounds=restart]")
    expect(rounds(page)).to_have_count(0)
    assert titles(page) == first
    assert chips(page) == ["My Neighbor Totoro (1988)"]


def test_with_the_switch_off_votes_wait_for_recommend(open_page, serve):
    page = open_page(serve())
    rank(page)
    first = titles(page)
    page.locator("#vote-again input").uncheck()
    vote(page, "like")
    vote(page, "dislike", 3)
    expect(page.locator(".rounds-waiting")).to_contain_text("press Recommend")
    expect(page.locator(".rounds-waiting .round-vote")).to_have_count(2)
    assert titles(page) == first
    expect(page.locator("#answer [aria-pressed=true]")).to_have_count(2)
    page.click("[data-rounds=undo]")
    expect(page.locator("#answer [aria-pressed=true]")).to_have_count(1)
    page.click("#go")
    expect(rounds(page)).to_have_count(2)
    expect(rounds(page).first.locator(".round-vote")).to_have_count(1)


def test_votes_in_quick_succession_all_count_and_the_latest_answer_wins(open_page, serve):
    page = open_page(serve("--token", "0.05"))
    pick(page, "totoro")
    recommend(page)
    page.evaluate(
        """() => {
            const voted = [...document.querySelectorAll('#answer .votes[data-item]')];
            window.movies = [...new Set(voted.map(votes => votes.dataset.item))];
            for (const item of window.movies)
                document.querySelector(`#answer .votes[data-item="${item}"] [data-vote=like]`).click();
        }"""
    )
    movies = page.evaluate("window.movies")
    assert len(movies) > 1
    expect(page.locator("#liked .chip")).to_have_count(1 + len(movies))
    expect(page.locator(".rounds-waiting")).to_have_count(0)
    expect(rounds(page)).to_have_count(2)
    expect(rounds(page).first.locator(".round-vote")).to_have_count(len(movies))
    page.click("#details summary")
    prompt = page.locator("#details .prompt-fold pre").inner_text()
    assert all(name.rsplit(" (", 1)[0] in prompt for name in chips(page))


def test_the_answer_stays_while_the_next_one_is_written_and_undo_ends_that(open_page, serve):
    page = open_page(serve("--token", "1"))
    rank(page)
    before = titles(page)
    choose_decoding(page, "Off")  # the next answer is written, which takes its time
    vote(page, "like")
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator(".rounds-waiting")).to_contain_text("asking again")
    assert titles(page) == before
    page.click("[data-rounds=undo]")
    expect(page.locator("#go")).to_be_visible()
    expect(page.locator(".rounds")).to_have_count(0)
    assert titles(page) == before
    assert chips(page) == ["My Neighbor Totoro (1988)"]


def test_two_sessions_do_not_see_each_others_rounds(open_page, serve):
    mine, other = open_page(serve()), open_page(serve())
    rank(mine)
    rank(other)
    vote(mine, "like")
    expect(rounds(mine)).to_have_count(2)
    expect(rounds(other)).to_have_count(0)
    assert chips(other) == ["My Neighbor Totoro (1988)"]
    vote(other, "dislike", 2)
    expect(rounds(other)).to_have_count(2)
    expect(rounds(other).first.locator(".round-vote")).to_have_count(1)
    vote(mine, "like")
    expect(rounds(mine)).to_have_count(3)
    expect(rounds(other)).to_have_count(2)


def test_opening_a_movie_tells_about_it_and_is_a_like_only_where_that_is_switched_on(open_page, serve):
    page = open_page(serve())
    rank(page)
    first = titles(page)
    page.locator(".row-open summary").first.click()
    expect(page.locator(".row-about").first).to_contain_text("Training users who like it")
    page.wait_for_timeout(500)
    assert chips(page) == ["My Neighbor Totoro (1988)"]
    page.locator("#vote-open input").check()
    page.locator(".row-open summary").nth(1).click()
    expect(rounds(page)).to_have_count(2)
    expect(rounds(page).first.locator(".round-vote")).to_contain_text("opened")
    assert chips(page) == ["My Neighbor Totoro (1988)", first[1]]


def test_a_new_question_begins_new_rounds(open_page, serve):
    page = open_page(serve())
    rank(page)
    vote(page, "like")
    expect(rounds(page)).to_have_count(2)
    pick(page, "alien")
    recommend(page)
    expect(rounds(page)).to_have_count(0)


def test_a_vote_by_keyboard_keeps_its_place(open_page, serve):
    page = open_page(serve())
    rank(page)
    page.locator("[data-vote=like]").nth(2).focus()
    page.keyboard.press("Enter")
    expect(rounds(page)).to_have_count(2)
    row = page.locator(".card-means .answer-row").nth(2)
    expect(row.locator("[data-vote=like]")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_rounds_fit_a_phone(open_page, serve, theme):
    page = open_page(f"{serve()}/?__theme={theme}", width=390, height=844, touch=True)
    pick(page, "totoro")
    choose_decoding(page, "Ranking")
    recommend(page)
    vote(page, "like")
    expect(rounds(page)).to_have_count(2)
    page.locator(".row-open summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
