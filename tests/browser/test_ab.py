"""A is kept, B is the panel, both are answered: in a real browser, on a scripted model."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def slider(page, name):
    return page.locator(f"#{name} input[type=range]")


def keep(page):
    page.click("#ab-keep")
    expect(page.locator("#ab-go")).to_be_visible()


def rows(page):
    return page.locator("#ab-card tbody tr")


def both_answered(page):
    expect(page.locator(".compare [data-phase=done], .compare [data-phase=error]")).to_have_count(2)
    expect(page.locator("#go")).to_be_visible()


def test_differences_follow_the_controls_and_are_swapped_copied_and_dropped(open_page, serve):
    page = open_page(serve())
    keep(page)
    expect(page.locator("#ab-card")).to_contain_text("no difference yet")
    slider(page, "temperature").press("ArrowRight")
    expect(rows(page)).to_have_text(["temperature0.70.75"])
    page.locator("#presets select").select_option("shipped:Beam search")
    expect(rows(page)).to_have_text(["temperature0.70", "beams14"])
    page.click("#ab-swap")
    expect(rows(page)).to_have_text(["temperature00.7", "beams41"])
    expect(slider(page, "num_beams")).to_have_value("1")
    expect(page.locator("#ab-swap")).to_be_focused()
    page.click("#ab-take")
    expect(slider(page, "num_beams")).to_have_value("4")
    expect(page.locator("#ab-card")).to_contain_text("no difference yet")
    slider(page, "num_beams").press("ArrowLeft")
    expect(rows(page)).to_have_text(["beams43"])
    page.click("#ab-copy")
    expect(page.locator("#ab-card")).to_contain_text("no difference yet")
    page.click("#ab-drop")
    expect(page.locator("#ab")).to_be_hidden()
    expect(page.locator("#ab-keep")).to_be_focused()


@pytest.mark.parametrize("width", [1440, 390])
def test_both_answers_stand_side_by_side_with_what_they_share(open_page, serve, width):
    page = open_page(serve(), width=width, touch=width < 900)
    if width < 900:
        page.click("#fold-generator > button")
    keep(page)
    slider(page, "num_recommendations").press("ArrowLeft")
    expect(rows(page)).to_have_text(["titles43"])
    page.click("#ab-go")
    both_answered(page)
    sides = page.locator(".compare-side")
    expect(sides.nth(0).locator("h2").first).to_have_text("A")
    expect(sides.nth(0).locator(".ab-head")).to_have_text("titles 4")
    expect(sides.nth(1).locator(".ab-head")).to_have_text("titles 3")
    expect(sides.nth(0).locator(".answer-row")).to_have_count(4)
    expect(sides.nth(1).locator(".answer-row")).to_have_count(3)
    expect(page.locator(".ab-overlap")).to_contain_text("titles in both answers")
    assert sides.nth(1).locator(".ab-mark.is-both").count() > 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_link_restores_both_and_asks_for_them(open_page, serve):
    page = open_page(serve())
    page.click("#example-ghibli")
    page.locator("[data-phase=done]").wait_for()
    keep(page)
    page.locator("#presets select").select_option("shipped:Catalogue ranking")
    expect(rows(page)).to_have_count(3)
    page.click("#ab-go")
    both_answered(page)
    link = page.locator("#details [data-copy]", has_text="Copy link to both").get_attribute("data-copy")
    assert "a.num_recommendations=3" in link
    assert link == page.locator("#ab-card [data-copy]").get_attribute("data-copy")
    opened = open_page(link)
    expect(opened.locator("#liked .chip")).to_have_count(2)
    expect(opened.locator("#ab-go")).to_be_visible()
    expect(rows(opened)).to_have_text(["catalogue decodingoffrank", "temperature0.70", "beams18"])
    expect(opened.locator("#presets select")).to_have_value("shipped:Catalogue ranking")


def test_a_wrong_part_of_a_links_a_is_told(open_page, serve):
    page = open_page(f"{serve()}/?a.temperature=hot&a.num_beams=16&temperature=0.5")
    expect(page.locator(".toast-body").first).to_contain_text("Settings A: ")
    expect(rows(page)).to_have_text(["temperature0.70.5", "beams81"])


def test_all_of_it_by_keyboard_with_the_focus_kept(open_page, serve):
    page = open_page(serve("--token", "0.02"))
    page.locator("#ab-keep").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ab-go")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#stop")).to_be_focused()
    both_answered(page)
    expect(page.locator("#ab-go")).to_be_focused()
    for name in ("swap", "take", "copy", "drop"):
        page.keyboard.press("Tab")
        expect(page.locator(f"#ab-{name}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#ab-keep")).to_be_focused()


def test_stop_keeps_what_was_written_of_a_and_leaves_b_out(open_page, serve):
    page = open_page(serve("--token", "0.2"))
    keep(page)
    page.click("#ab-go")
    page.wait_for_function("document.querySelector('.compare .wrote')?.textContent.length > 12")
    expect(page.locator("#ab-go")).to_be_hidden()
    page.click("#stop")
    both_answered(page)
    expect(page.locator(".compare-side").nth(0).locator(".card-wrote .card-note")).to_have_text("stopped by you")
    expect(page.locator(".compare-side").nth(1)).to_contain_text("Stopped before anything was written")


def test_another_model_is_said_to_take_a_load_and_one_that_does_not_fit_says_why(open_page, serve):
    page = open_page(f"{serve()}/?a.model=huggyllama/llama-65b&a.precision=fp16&model=smollm2-135m")
    expect(page.locator("#ab-card")).to_contain_text("each answer waits until its model is loaded")
    expect(page.locator("#ab-card .ab-note").nth(1)).to_contain_text("A: ")
