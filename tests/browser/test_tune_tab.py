"""The Tune tab in a browser: a sweep that is started, stopped and gone on with, its heat map, and a search."""

import json
import re

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

WAIT = 60_000


@pytest.fixture(scope="module")
def quick(serve_evaluations):
    return serve_evaluations(0.0)


def open_tab(page):
    page.click("#tab-tune-button")
    expect(page.locator("#tune-estimate")).to_contain_text("20 cells, about", timeout=WAIT)
    return page


def fill(page, part, text):
    page.fill(part, text)
    page.keyboard.press("Tab")


def ask_for(page, first, second):
    """A sweep over temperature and top-p on 16 records."""
    fill(page, "#tune-records input[type=number]", "16")
    fill(page, "#tune-values-1 input", first)
    fill(page, "#tune-values-2 input", second)
    num_cells = len(first.split(",")) * len(second.split(","))
    expect(page.locator("#tune-estimate")).to_contain_text(f"{num_cells} cells, about")
    expect(page.locator("#tune-estimate")).to_contain_text("16 validation records")


@pytest.fixture(scope="module")
def swept(chromium, quick):
    """A server on which temperature and top-p were swept."""
    page = chromium.new_page()
    page.goto(quick)
    page.wait_for_selector("#go")
    ask_for(open_tab(page), "0, 1", "0.5, 0.9, 1")
    page.click("#tune-start")
    expect(page.locator("#tune-table tbody tr")).to_have_count(6, timeout=WAIT)
    page.close()
    return quick


def numbers(page):
    return page.locator("#tune-plot .annotation text")


def test_a_sweep_is_a_heat_map_with_its_numbers_and_a_table(open_page, swept):
    page = open_page(swept)
    page.click("#tab-tune-button")
    expect(numbers(page)).to_have_count(6, timeout=WAIT)
    expect(numbers(page).first).to_have_text(re.compile(r"^\d\.\d{3}$"))
    expect(page.locator("#tune-plot .heatmaplayer image, #tune-plot .heatmaplayer .hm").first).to_be_attached()
    expect(page.locator("#tune-heading")).to_contain_text("on 16 records of")
    expect(page.locator("#tune-told")).to_contain_text("chosen on these very records")
    expect(page.locator("#tune-command code")).to_contain_text("recsys sweep --axis=temperature=0,1")
    expect(page.locator("#tune-results [aria-current]")).to_contain_text("Temperature × Top-p")
    with page.expect_download() as download:
        page.click("#tune-json")
    assert len(json.loads(download.value.path().read_text(encoding="utf-8"))["cells"]) == 6


def test_another_measure_draws_the_same_cells_anew(open_page, swept):
    page = open_page(swept)
    page.click("#tab-tune-button")
    expect(numbers(page)).to_have_count(6, timeout=WAIT)
    page.click("#tune-measure input")
    page.get_by_role("option", name="Tokens a record").click()
    expect(page.locator("#tune-told")).to_contain_text("Least Tokens a record")
    expect(numbers(page).first).to_have_text(re.compile(r"^\d+\.\d$"))


def test_a_cells_settings_go_to_the_evaluate_tab_and_its_records_stay(open_page, swept):
    page = open_page(swept)
    page.click("#tab-tune-button")
    page.locator("#tune-table [data-cell='4']").click()
    expect(page.locator("#tab-evaluate-button")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#evaluate-records input[type=number]")).to_have_value("50")
    page.locator("#evaluate-fold-generator > button").click()
    expect(page.locator("#evaluate-temperature input[type=number]")).to_have_value("1")
    expect(page.locator("#evaluate-top_p input[type=number]")).to_have_value("0.9")
    page.click("#tab-tune-button")
    expect(page.locator("#tune-base")).to_contain_text("T 1 · top-p 0.9")


def test_another_setting_brings_its_usual_values_and_passing_through_changes_nothing(open_page, quick):
    page = open_tab(open_page(quick))
    expect(page.locator("#tune-values-3")).to_be_hidden()
    fill(page, "#tune-values-2 input", "0.5, 1")
    page.click("#tune-axis-3 input")
    page.get_by_role("option", name="Prompt · Worked examples").click()
    expect(page.locator("#tune-values-3 input")).to_have_value("1, 3, 5")
    expect(page.locator("#tune-estimate")).to_contain_text("30 cells, about")
    page.focus("#tune-axis-2 input")
    page.keyboard.press("Tab")
    page.focus("#tune-records input[type=number]")
    expect(page.locator("#tune-values-2 input")).to_have_value("0.5, 1")


def test_what_is_wrong_is_told_where_it_is_written(open_page, quick):
    page = open_tab(open_page(quick))
    fill(page, "#tune-values-1 input", "0, hot")
    expect(page.locator("#tune-estimate [role=alert]")).to_contain_text("temperature takes numbers", ignore_case=True)
    page.click("#tune-start")
    expect(page.get_by_test_id("toast-body")).to_contain_text("takes numbers")


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_result_fits_the_screen(open_page, swept, width, mode):
    page = open_page(f"{swept}/?__theme={mode}", width=width)
    page.click("#tab-tune-button")
    expect(numbers(page)).to_have_count(6, timeout=WAIT)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    fills = {numbers(page).nth(place).evaluate("node => getComputedStyle(node).fill") for place in range(6)}
    assert fills <= {"rgb(0, 0, 0)", "rgb(255, 255, 255)"}


def test_a_sweep_is_stopped_found_again_and_gone_on_with(open_page, serve_evaluations):
    address = serve_evaluations(2.5)
    page = open_tab(open_page(address))
    ask_for(page, "0, 0.5, 1", "0.5, 1")
    page.click("#tune-start")
    status = page.locator("#tune-status")
    expect(status).to_contain_text(re.compile("[12] of 6 cells done"), timeout=WAIT)
    page.click("#tune-stop")
    expect(status).to_contain_text("Stopped", timeout=WAIT)
    page = open_page(address)
    page.click("#tab-tune-button")
    expect(page.locator("#tune-heading")).to_contain_text(re.compile("[1-5] of 6 cells"), timeout=WAIT)
    expect(numbers(page).first).to_be_visible(timeout=WAIT)
    assert 0 < numbers(page).count() < 6
    page.click("#tune-go-on")
    expect(page.locator("#tune-table tbody tr")).to_have_count(6, timeout=WAIT)
    expect(numbers(page)).to_have_count(6)
    expect(page.locator("#tune-go-on")).to_be_hidden()
    expect(page.locator("#tune-results li").filter(has_not_text="comes along")).to_have_count(1)


def test_a_search_shows_its_trials_and_is_proved_on_test_users(open_page, quick):
    pytest.importorskip("optuna")
    page = open_tab(open_page(quick))
    page.locator("#tune-mode label", has_text="Search").click()
    page.locator("#tune-objective label", has_text="Trade-offs").click()
    fill(page, "#tune-records input[type=number]", "16")
    fill(page, "#tune-trials input[type=number]", "4")
    expect(page.locator("#tune-estimate")).to_contain_text("4 trials, about")
    page.click("#tune-start")
    expect(page.locator("#tune-table tbody tr")).to_have_count(4, timeout=WAIT)
    for figure in ("#tune-plot", "#tune-second"):
        expect(page.locator(f"{figure} .scatterlayer .trace").first).to_be_attached(timeout=WAIT)
    page.click("#tune-prove")
    expect(page.locator(".tn-proof")).to_contain_text("test records of", timeout=2 * WAIT)
    expect(page.locator("#tune-prove")).to_be_hidden()
