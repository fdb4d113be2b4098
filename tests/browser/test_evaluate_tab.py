"""What a person does on the Evaluate tab, in a real browser, on a scripted model."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

WAIT = 60_000


@pytest.fixture(scope="module")
def quick(serve_evaluations):
    return serve_evaluations(0.0)


def open_tab(page):
    page.click("#tab-evaluate-button")
    page.locator("#evaluate-start, #evaluate-cancel").first.wait_for()
    return page


def ask_for(page, records):
    page.fill("#evaluate-records input[type=number]", str(records))
    page.keyboard.press("Tab")
    expect(page.locator("#evaluate-estimate")).to_contain_text(f"for {records} record")


def evaluate(page, records):
    ask_for(page, records)
    page.click("#evaluate-start")
    expect(page.locator(".ev-definition")).to_contain_text(f"{records} records of", timeout=WAIT)


@pytest.fixture(scope="module")
def with_a_run(chromium, quick):
    """A server on which four records were evaluated."""
    page = chromium.new_page()
    page.goto(quick)
    page.wait_for_selector("#go")
    evaluate(open_tab(page), 4)
    page.close()
    return quick


@pytest.fixture
def evaluated(open_page, with_a_run):
    """A page opened after that run, which it shows."""
    page = open_tab(open_page(with_a_run))
    page.locator(".ev-runs button", has_text="4 records").first.click()
    expect(page.locator(".ev-definition")).to_contain_text("4 records of", timeout=WAIT)
    return page


def test_the_estimate_is_told_before_the_start(open_page, quick):
    page = open_tab(open_page(quick))
    ask_for(page, 12)
    expect(page.locator("#evaluate-estimate strong")).to_contain_text(re.compile(r"About \d+ (s|min)"))


def test_a_run_of_four_records_shows_headline_table_bar_and_figures(evaluated):
    page = evaluated
    expect(page.locator("#evaluate-headline .ev-figure strong")).to_have_text(re.compile(r"^0\.\d{4}$|^1\.0000$"))
    expect(page.locator("#evaluate-headline .ev-figure span")).to_contain_text("interval")
    metrics = page.locator("#evaluate-table .ev-table").first
    expect(metrics.locator("tbody tr")).to_have_count(4)
    expect(metrics.locator("tbody th").nth(3)).to_have_text("EASE")
    shares = page.locator(".ev-legend b").all_inner_texts()
    assert abs(sum(int(share.rstrip("%")) for share in shares) - 100) <= len(shares)
    for name in ("comparison", "distances"):
        expect(page.locator(f"#evaluate-{name} .js-plotly-plot .barlayer path").first).to_be_attached(timeout=WAIT)


def test_plotly_is_fetched_when_the_tab_is_opened_and_not_before(chromium, quick):
    page = chromium.new_page()
    fetched = []
    page.on("request", lambda request: fetched.append(request.url) if "PlotlyPlot" in request.url else None)
    page.goto(quick)
    page.wait_for_selector("#go")
    page.wait_for_timeout(1500)
    assert fetched == []
    open_tab(page)
    evaluate(page, 3)
    page.locator(".js-plotly-plot").first.wait_for(timeout=WAIT)
    assert len(fetched) >= 1
    page.close()


def test_a_record_unfolds_to_its_four_parts(evaluated):
    page = evaluated
    expect(page.locator(".ev-record")).to_have_count(4)
    record = page.locator(".ev-record").first
    record.locator("summary").click()
    assert record.locator("h5").all_inner_texts() == [
        "Liked before",
        "What the model wrote",
        "What it resolves to",
        "What was liked next",
    ]
    expect(record.locator(".ev-record-body ol").first.locator("li")).to_have_count(6)
    expect(record.locator("ul.ev-titles li")).to_have_count(4)


def test_the_browser_of_records_pages_and_filters(open_page, quick):
    page = open_tab(open_page(quick))
    evaluate(page, 20)
    expect(page.locator(".ev-where")).to_contain_text("Page 1 of 3")
    first = page.locator(".ev-record-name").first.inner_text()
    page.click("#evaluate-next")
    expect(page.locator(".ev-where")).to_contain_text("Page 2 of 3")
    assert page.locator(".ev-record-name").first.inner_text() != first
    label = page.locator("#evaluate-filter label", has_text="Not a clean list")
    kept = int(re.search(r"\((\d+)\)", label.inner_text())[1])
    assert 0 < kept < 20
    label.click()
    expect(page.locator(".ev-where")).to_contain_text(f"{kept} record")


def test_what_the_model_writes_is_shown_as_text(open_page, quick):
    page = open_tab(open_page(quick))
    evaluate(page, 20)
    page.locator("#evaluate-filter label", has_text="Not a clean list").click()
    prose = page.locator(".ev-record", has_text="prose").first
    prose.locator("summary").click()
    expect(prose.locator(".ev-written")).to_contain_text("<b>love</b> and ${loss}")


def test_report_and_records_can_be_downloaded(evaluated):
    page = evaluated
    with page.expect_download() as download:
        page.click("#evaluate-json")
    assert json.loads(download.value.path().read_text(encoding="utf-8"))["num_records"] == 4
    with page.expect_download() as download:
        page.click("#evaluate-csv")
    assert download.value.path().read_text(encoding="utf-8").startswith("record_id,user_id,history")
    with page.expect_download() as download:
        page.click("#evaluate-markdown")
    assert download.value.path().read_text(encoding="utf-8").startswith("# smollm2-135m on ")


def test_a_past_run_is_opened_again(open_page, quick):
    page = open_tab(open_page(quick))
    evaluate(page, 5)
    evaluate(page, 6)
    page.locator(".ev-runs button", has_text="5 records").first.click()
    expect(page.locator(".ev-definition")).to_contain_text("5 records of")
    expect(page.locator(".ev-runs button[aria-current]")).to_contain_text("5 records")


def test_a_run_is_watched_left_found_again_and_stopped(open_page, serve_evaluations):
    page = open_tab(open_page(serve_evaluations(1.0)))
    ask_for(page, 200)
    page.click("#evaluate-start")
    expect(page.locator("#evaluate-running")).to_contain_text("MAP@4 so far", timeout=WAIT)
    expect(page.locator("#evaluate-status")).to_contain_text("of 200 records")
    expect(page.locator("#evaluate-curve .scatterlayer .trace").first).to_be_attached(timeout=WAIT)
    page.reload()
    page.wait_for_selector("#go")
    open_tab(page)
    expect(page.locator("#evaluate-status")).to_contain_text("of 200 records", timeout=WAIT)
    expect(page.locator("#evaluate-start")).to_be_hidden()
    page.click("#evaluate-cancel")
    expect(page.locator(".ev-notice-cancelled")).to_contain_text("go on from there", timeout=WAIT)
    expect(page.locator("#evaluate-start")).to_be_visible()


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_result_fits_the_screen(open_page, with_a_run, width, mode):
    page = open_tab(open_page(f"{with_a_run}/?__theme={mode}", width=width))
    axis = page.locator("#evaluate-comparison .xtick text").first
    axis.wait_for(timeout=WAIT)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    told = page.locator("#evaluate-headline .ev-definition")
    colours = [
        axis.evaluate("node => getComputedStyle(node).fill"),
        told.evaluate("node => getComputedStyle(node).color"),
    ]
    assert colours[0] == colours[1]


@pytest.fixture(scope="module")
def with_two_runs(chromium, serve_evaluations):
    """A server on which 600 records were evaluated and then 700, most of them the same."""
    address = serve_evaluations(0.0)
    page = chromium.new_page()
    page.goto(address)
    page.wait_for_selector("#go")
    open_tab(page)
    for records in (600, 700):
        evaluate(page, records)
    page.close()
    return address


@pytest.mark.parametrize("width", [1440, 390])
def test_two_runs_are_compared_by_keyboard_and_closed_again(open_page, with_two_runs, width):
    page = open_tab(open_page(with_two_runs, width=width))
    expect(page.locator(".ev-definition")).to_contain_text("700 records of", timeout=WAIT)
    button = page.locator(".ev-runs [data-compare]")
    expect(button).to_have_count(1)
    button.focus()
    page.keyboard.press("Enter")
    card = page.locator("#evaluate-two")
    expect(card.locator(".ev-two-verdict")).to_contain_text("MAP@4 of A", timeout=WAIT)
    expect(card).to_contain_text("more alone, B")
    expect(card.locator(".ev-two-table tbody tr")).to_have_count(7)
    expect(card.locator(".ev-two-settings")).to_contain_text("evaluation.num_records")
    for name in ("bars", "records", "distances", "decades"):
        expect(page.locator(f"#evaluate-two-{name} .js-plotly-plot .main-svg").first).to_be_visible(timeout=WAIT)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("#evaluate-two-close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(card).to_be_hidden()


def test_opening_another_run_closes_the_comparison(open_page, with_two_runs):
    page = open_tab(open_page(with_two_runs))
    page.locator(".ev-runs [data-compare]").click()
    expect(page.locator("#evaluate-two")).to_be_visible(timeout=WAIT)
    page.locator(".ev-runs [data-run]").last.click()
    expect(page.locator("#evaluate-two")).to_be_hidden()
    expect(page.locator(".ev-definition")).to_contain_text("600 records of")


def test_a_run_at_another_k_is_not_compared_and_the_page_says_why(open_page, with_a_run):
    page = open_tab(open_page(with_a_run))
    page.fill("#evaluate-k input[type=number]", "3")
    page.keyboard.press("Tab")
    evaluate(page, 9)
    page.locator(".ev-runs [data-compare][aria-disabled]").first.dispatch_event("click")
    expect(page.get_by_test_id("toast-body")).to_contain_text("The runs are scored at different K")
    expect(page.locator("#evaluate-two")).to_be_hidden()


def test_a_link_restores_the_settings_in_this_tab_alone(open_page, quick):
    query = "tab=evaluate&num_records=12&k=3&run_seed=7&temperature=0.2&baselines=random&model=smollm2-135m"
    page = open_page(f"{quick}/?{query}")
    expect(page.locator("#tab-evaluate-button")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#evaluate-records input[type=number]")).to_have_value("12")
    expect(page.locator("#evaluate-k input[type=number]")).to_have_value("3")
    expect(page.locator("#evaluate-estimate")).to_contain_text("for 12 records")
    page.locator("#evaluate-fold-generator > button").click()
    expect(page.locator("#evaluate-temperature input[type=number]")).to_have_value("0.2")
    page.click("#evaluate-link-button")
    linked = page.locator("#evaluate-link code").inner_text()
    assert set(query.split("&")) == set(linked.partition("/?")[2].split("&"))
    page.fill("#evaluate-k input[type=number]", "5")
    page.keyboard.press("Tab")
    expect(page.locator("#evaluate-link")).to_be_hidden()
    page.click("#tab-recommend-button")
    expect(page.locator("#temperature input[type=number]")).to_have_value("0.7")


def test_what_a_link_gets_wrong_is_told(open_page, quick):
    page = open_page(f"{quick}/?tab=evaluate&k=99&run=feedfeedfeedfeed&num_records=12&model=smollm2-135m")
    told = page.get_by_test_id("toast-body")
    expect(told.filter(has_text="k is out of range")).to_be_visible()
    expect(told.filter(has_text="“feedfeedfeedfeed” is not among the runs")).to_be_visible()
    expect(page.locator("#evaluate-records input[type=number]")).to_have_value("12")
    expect(page.locator("#evaluate-k input[type=number]")).to_have_value("4")


def test_the_link_of_a_run_opens_it(open_page, with_two_runs):
    page = open_tab(open_page(with_two_runs))
    page.locator(".ev-runs [data-run]").last.click()
    expect(page.locator(".ev-definition")).to_contain_text("600 records of")
    page.click("#evaluate-run-link-button")
    page = open_page(page.locator("#evaluate-run-link code").inner_text())
    expect(page.locator(".ev-definition")).to_contain_text("600 records of", timeout=WAIT)
    expect(page.locator("#evaluate-records input[type=number]")).to_have_value("600")
