"""Another data set chosen on the page: an upload, an error that changes nothing, and every open page follows."""

import pytest

from tests.made_data import write_made_zip

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser


def open_fold(page):
    page.click("#data-chip button")
    page.click("#fold-data > button")
    page.locator("#data-source").wait_for()


def test_a_missing_folder_is_told_and_the_data_stay(open_page, serve):
    page = open_page(serve("--token", "0.001"))
    open_fold(page)
    page.click("#fold-data label:has-text('On this machine')")
    page.fill("#data-path input, #data-path textarea", "/no/such/folder")
    page.click("#data-use")
    expect(page.locator("#data-told")).to_contain_text("there is no such folder or file", timeout=20_000)
    expect(page.locator("#data-told")).to_contain_text("The data set in use stays.")
    expect(page.locator("#data-chip")).to_contain_text("MovieLens latest-small")


def test_an_uploaded_set_is_in_use_on_every_page_and_their_old_movies_are_cleared(open_page, serve, tmp_path):
    address = serve("--token", "0.002")
    elsewhere, page = open_page(address), open_page(address)
    for one in (elsewhere, page):
        one.click("#example-ghibli")
        one.locator("[data-phase=done]").wait_for(timeout=30_000)
    remember_whether_it_says(elsewhere, "is in use now, for everybody")
    open_fold(page)
    page.click("#fold-data label:has-text('Upload a zip')")
    page.set_input_files("#data-upload input[type=file]", write_made_zip(tmp_path / "made.zip"))
    expect(page.locator("#data-upload")).to_contain_text("made")
    page.click("#data-use")
    expect(page.locator("#data-told")).to_contain_text("made is in use.", timeout=30_000)
    expect(page.locator(".about-data .prose-card")).to_contain_text("240 ratings of 12 movies by 20 people")
    for one in (elsewhere, page):
        expect(one.locator("#data-chip")).to_contain_text("made", timeout=15_000)
        expect(one.locator("#liked .chip")).to_have_count(0, timeout=15_000)
        expect(one.locator("[data-phase=done]")).to_have_count(0)
    page.get_by_role("tab", name="Recommend").click()
    page.click("#example-record")
    page.locator("[data-phase=done]").wait_for(timeout=30_000)
    expect(page.locator("#liked .chip").first).to_contain_text("Made Movie 1")
    elsewhere.wait_for_function("window.saidIt")


def remember_whether_it_says(page, words):
    """Watches from now on: a notice goes by itself, sooner than a busy machine may look."""
    page.evaluate(
        """words => {
            window.saidIt = false;
            new MutationObserver(() => {
                window.saidIt ||= document.body.textContent.includes(words);
            }).observe(document.body, {subtree: true, childList: true, characterData: true});
        }""",
        words,
    )


def test_a_page_opened_later_offers_the_genres_and_records_of_the_set_in_use(open_page, serve):
    page = open_page(serve("--token", "0.002"))
    page.get_by_text("Catalogue decoding", exact=True).first.click()
    page.wait_for_timeout(2_000)  # the header looks for other data once a second
    page.click("#decoding label:has-text('List')")
    page.locator("#genres input").click()
    expect(page.locator("[role=option]")).to_have_count(1)
    expect(page.locator("[role=option]")).to_contain_text("Musical")
    page.get_by_role("tab", name="Evaluate").click()
    expect(page.locator("#evaluate-records")).to_contain_text("The right end is all 3.")


def test_a_public_page_offers_no_other_data(open_page, serve):
    page = open_page(serve("--public"))
    page.click("#data-chip button")
    expect(page.locator(".about-data .prose-card")).to_contain_text("ratings of")
    expect(page.locator("#fold-data")).to_have_count(0)


def test_the_fold_fits_a_small_screen(open_page, serve):
    page = open_page(serve("--token", "0.001"), width=390, height=844)
    open_fold(page)
    page.click("#fold-data label:has-text('By record')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
