"""The tokens of an answer, looked at with pointer, finger and keyboard, on a scripted model."""

import pytest
from playwright.sync_api import expect

from tests.ui.scripted_tokens import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTRAST = """() => [...document.querySelectorAll('#tokens .tok')].map(tok => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const luminance = colour => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(tok);
  const [low, high] = [luminance(style.color), luminance(style.backgroundColor)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
})"""


def token(page, place):
    return page.locator(f"#tokens .tok[data-index='{place}']")


def answered_with_tokens(page):
    page.click("#example-ghibli")
    page.locator("[data-phase=done]").wait_for()
    page.click("#tokens summary")
    token(page, 0).wait_for()


def shares(page, side):
    return [
        float(text.removesuffix(" %").removeprefix("<"))
        for text in page.locator(f"#tokens .col-{side} .chance").all_inner_texts()
    ]


def test_the_card_is_closed_and_says_what_it_is_for(open_page, serve):
    page = open_page(serve())
    expect(page.locator("#tokens .tokens-message")).to_be_hidden()
    page.click("#tokens summary")
    expect(page.locator("#tokens .tokens-message")).to_contain_text("its tokens appear here")


def test_hovering_shows_ten_alternatives_before_and_those_kept_after(open_page, serve):
    page = open_page(serve())
    answered_with_tokens(page)
    written = page.locator(".card-wrote .wrote").inner_text().strip()
    shown = "".join(page.locator("#tokens .tokens-text .tok").all_text_contents())
    assert shown.strip() == written
    token(page, 3).hover()
    expect(page.locator("#tokens-pop")).to_be_visible()
    assert len(shares(page, "before")) in (10, 11)  # the written one is added where it is not among them
    assert sum(shares(page, "after")) > sum(shares(page, "before")) > 0
    expect(page.locator("#tokens-pop .is-written").first).to_be_visible()
    page.mouse.move(5, 5)
    expect(page.locator("#tokens-pop")).to_be_hidden()


def test_moving_a_slider_changes_the_after_column_of_the_same_text(open_page, serve):
    page = open_page(serve())
    answered_with_tokens(page)
    before_text = page.locator("#tokens .tokens-text").inner_text()
    slider = page.locator("#temperature input[type=range]")
    token(page, 2).click()
    cold = shares(page, "after")
    slider.focus()
    page.keyboard.press("End")
    expect(page.locator("#tokens .tokens-summary")).to_contain_text("Written with temperature 0.7")
    hot = shares(page, "after")
    assert hot[0] < cold[0]
    assert page.locator("#tokens .tokens-text").inner_text() == before_text
    page.locator("#top_k input[type=number]").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator("#tokens .col-before .mark", has_text="cut by top-k").first).to_be_visible()
    page.keyboard.press("Escape")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("#tokens .tokens-summary")).to_contain_text("one or nothing")


def test_tokens_are_walked_by_keyboard(open_page, serve):
    page = open_page(serve())
    answered_with_tokens(page)
    page.locator("#tokens summary").focus()
    page.keyboard.press("Tab")
    expect(token(page, 0)).to_be_focused()
    expect(page.locator("#tokens-pop")).to_be_visible()
    assert token(page, 0).get_attribute("aria-describedby") == "tokens-pop"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(token(page, 2)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(token(page, 1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#tokens-pop")).to_be_hidden()
    expect(token(page, 1)).to_be_focused()
    page.keyboard.press("End")
    last = page.locator("#tokens .tokens-text .tok").last
    expect(last).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#tokens-pop")).to_be_hidden()


def test_text_of_a_token_is_only_ever_shown(open_page, serve):
    page = open_page(serve("--write", " ".join(HOSTILE)))
    answered_with_tokens(page)
    seen = set()
    for place in range(page.locator("#tokens .tokens-text .tok").count()):
        token(page, place).hover()
        seen |= set(page.locator("#tokens-pop .what").all_inner_texts())
    assert any(text in seen for text in HOSTILE)  # the scripted model thinks of them as alternatives
    assert page.locator("#tokens img, #tokens b b, #tokens script").count() == 0
    assert "".join(page.locator("#tokens .tokens-text .tok").all_text_contents()) == " ".join(HOSTILE)


def test_an_answer_that_failed_leaves_no_tokens_of_the_one_before(open_page, serve):
    page = open_page(serve())
    answered_with_tokens(page)
    page.locator("#fold-decoding button.label-wrap").click()
    page.locator("#decoding label", has_text="List").click()
    page.locator("#year_from input").fill("2099")
    page.click("#go")
    page.locator("[data-phase=error]").wait_for()
    expect(page.locator("#tokens .tokens-message")).to_contain_text("its tokens appear here")
    expect(page.locator("#tokens .tokens-body")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tokens_are_readable_on_each_of_their_five_fills(open_page, serve, theme):
    page = open_page(f"{serve()}/?__theme={theme}")
    answered_with_tokens(page)
    contrasts = page.evaluate(CONTRAST)
    assert len(contrasts) > 6
    assert min(contrasts) >= 4.5
    strokes = page.eval_on_selector_all(
        "#tokens .tokens-legend .tok:not(.is-cut)", "all => all.map(e => getComputedStyle(e).borderBottomWidth)"
    )
    assert strokes == ["1px", "2px", "3px", "4px", "5px"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_taps_tokens_and_scrolls_in_one_direction_only(open_page, serve, theme):
    page = open_page(f"{serve()}/?__theme={theme}", width=390, height=844, touch=True)
    answered_with_tokens(page)
    last = page.locator("#tokens .tokens-text .tok").last
    last.tap()
    expect(page.locator("#tokens-pop")).to_be_visible()
    box = page.locator("#tokens-pop").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#details").tap(position={"x": 2, "y": 2}, force=True)
    expect(page.locator("#tokens-pop")).to_be_hidden()
