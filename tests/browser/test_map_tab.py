"""The map follows the loaded model, and its titles and costs are where they belong."""

from importlib.util import find_spec

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser


def choose_a_model_without_a_map(page):
    page.click("#fold-model > button")
    page.locator("#model input").fill("tiny-llama")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("tiny-llama", timeout=15_000)
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#map-note")).to_contain_text("tiny-llama has no map of MovieLens", timeout=15_000)
    expect(page.locator("#map-note")).to_contain_text("This is the map of smollm2-135m")
    page.locator("#map-plot .main-svg").first.wait_for(state="attached")


def test_a_model_without_a_map_says_so_and_its_map_is_made_and_stopped_here(open_page, serve):
    page = open_page(serve("--load", "0.001"))
    choose_a_model_without_a_map(page)
    if find_spec("sklearn") is None:
        expect(page.locator("#map-note")).to_contain_text("pip install -e '.[map]'")
        expect(page.locator("#map-make")).to_have_count(0)
        return
    page.click("#map-make")
    expect(page.locator("#map-note")).to_contain_text("Embedded 40 of 100 titles", timeout=15_000)
    page.click("#map-stop")
    expect(page.locator("#map-note")).to_contain_text("The map was stopped", timeout=15_000)
    expect(page.locator("#map-make")).to_be_visible()


def test_a_public_page_offers_no_making(open_page, serve):
    page = open_page(serve("--public"))
    page.get_by_role("tab", name="Map").click()
    page.locator("#map-plot .main-svg").first.wait_for(state="attached", timeout=30_000)
    expect(page.locator("#map-make")).to_have_count(0)


def test_the_costs_of_details_are_counted_on_the_movies_of_the_page(open_page, serve):
    page = open_page(serve(), width=390, height=844)
    page.click("#fold-prompt > button")
    expect(page.locator("#detail-costs")).to_contain_text("of a held-out person", timeout=15_000)
    page.click("#example-ghibli")
    expect(page.locator("#detail-costs")).to_contain_text("2 movies of this page", timeout=15_000)
    expect(page.locator("#detail-costs")).to_contain_text("this data set has none")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
