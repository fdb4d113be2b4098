"""The fold "Several at once", in a real browser, on a scripted model."""

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.fixtures.tiny_adapters import STORY_PROMPT, write_adapter

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SECONDS = 120_000
"""Milliseconds that a whole table may take on a busy machine."""


@pytest.fixture(scope="module")
def address(serve, tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    write_adapter(root, "lists-story", base_model="tiny-history", prompt_id=STORY_PROMPT)
    write_adapter(root, "smol-any", base_model="smollm2-135m")
    write_adapter(root, "smol-story", base_model="smollm2-135m", prompt_id=STORY_PROMPT)
    return serve("--adapters", str(root), "--token", "0.03")


def unfold(page):
    page.click("#fold-several > button")
    page.locator("#ask-models").wait_for()


def chosen(page, name):
    return page.locator(f"#several-{name} .token > span:first-child")


def test_one_click_asks_every_adapter_of_the_base_model(open_page, address):
    page = open_page(address)
    unfold(page)
    expect(chosen(page, "adapters")).to_have_text(["Base model alone", "smol-any", "smol-story"])
    page.click("#ask-adapters")
    expect(page.locator("#ask-models")).to_be_disabled()
    page.locator(".several[data-phase=done]").wait_for(timeout=SECONDS)
    expect(page.locator(".several-table tbody th")).to_have_text(["Base model alone", "smol-any", "smol-story"])
    expect(page.locator(".several-cell .several-titles")).to_have_count(3)
    expect(page.locator(".several-stack")).to_have_count(3)
    expect(page.locator(".several-time")).to_have_count(3)
    expect(page.locator("#go")).to_be_visible()
    expect(page.locator("#ask-models")).to_be_enabled()


def test_all_models_fill_a_table_that_counts_up_and_can_be_stopped(open_page, address):
    page = open_page(address)
    page.click("#example-record")
    page.locator(".answer-cards[data-phase=done]").wait_for(timeout=SECONDS)
    unfold(page)
    page.click("#ask-models")
    expect(page.locator(".several-head")).to_contain_text(" · about ", timeout=SECONDS)
    expect(page.locator(".several-head")).to_contain_text(" left")
    expect(page.locator(".several-facts").first).to_contain_text("of 4")
    page.click("#stop")
    page.locator(".several[data-phase=done]").wait_for(timeout=SECONDS)
    expect(page.locator(".several-head")).to_contain_text("Stopped after")
    expect(page.locator(".several-table")).to_contain_text("Not asked")
    page.click("#go")
    page.locator(".answer-cards[data-phase=done]").wait_for(timeout=SECONDS)


def test_the_adapters_follow_the_base_model(open_page, address):
    page = open_page(f"{address}/?model=tiny-history")
    unfold(page)
    expect(chosen(page, "adapters")).to_have_text(["Base model alone", "lists-story"])


def test_what_was_removed_is_not_asked(open_page, address):
    page = open_page(address)
    unfold(page)
    for _ in range(2):
        page.locator("#several-adapters .token-remove").first.click()
    expect(chosen(page, "adapters")).to_have_count(1)
    page.click("#ask-adapters")
    page.locator(".several[data-phase=done]").wait_for(timeout=SECONDS)
    expect(page.locator(".several-table tbody th")).to_have_count(1)


def test_on_a_phone_the_table_is_a_stack_of_cards_that_fits(open_page, address):
    page = open_page(address, width=390, height=844)
    unfold(page)
    page.click("#ask-adapters")
    page.locator(".several[data-phase=done]").wait_for(timeout=SECONDS)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator(".several-table tbody tr").first.evaluate("row => getComputedStyle(row).display") == "block"
    boxes = [row.bounding_box() for row in page.locator(".several-table tbody tr").all()]
    assert all(above["y"] + above["height"] < below["y"] for above, below in pairwise(boxes))
