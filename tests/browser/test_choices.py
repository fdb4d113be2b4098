"""Choosing a model or an adapter sets and fixes the prompt, in a real browser, on a scripted model."""

import pytest
from playwright.sync_api import expect

from tests.fixtures.tiny_adapters import STORY_PROMPT, write_adapter

pytestmark = pytest.mark.browser

LISTS_ONLY = "Tiny, lists of titles only"
REASON = "smol-story was trained with this prompt."


@pytest.fixture(scope="module")
def address(serve, tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    write_adapter(root, "lists-story", base_model="tiny-history", prompt_id=STORY_PROMPT)
    write_adapter(root, "smol-story", base_model="smollm2-135m", prompt_id=STORY_PROMPT)
    return serve("--adapters", str(root))


def unfold(page, prefix=""):
    for fold in ("model", "prompt"):
        page.click(f"#{prefix}fold-{fold} > button")


def choose(page, elem_id, label):
    page.click(f"#{elem_id} input")
    page.get_by_role("option", name=label).first.click()


def style(page, prefix=""):
    return page.locator(f"#{prefix}style input:checked")


@pytest.mark.parametrize("prefix", ["", "evaluate-"])
def test_an_adapter_sets_and_locks_the_prompt_and_none_gives_it_back(open_page, address, prefix):
    page = open_page(address)
    if prefix:
        page.click("#tab-evaluate-button")
    unfold(page, prefix)
    choose(page, f"{prefix}adapter", "smol-story")
    expect(style(page, prefix)).to_have_value("history")
    expect(page.locator(f"#{prefix}style")).to_contain_text(REASON)
    locked = page.locator(f"#{prefix}fold-prompt input:not(:disabled)")
    expect(locked).to_have_count(0)
    choose(page, f"{prefix}adapter", "None")
    expect(style(page, prefix)).to_have_value("few_shot")
    expect(style(page, prefix)).to_be_enabled()
    expect(page.locator(f"#{prefix}style")).not_to_contain_text(REASON)


def test_another_model_drops_the_adapter_and_says_what_it_reads(open_page, address):
    page = open_page(address)
    unfold(page)
    choose(page, "adapter", "smol-story")
    expect(style(page)).to_have_value("history")
    choose(page, "model", LISTS_ONLY)
    expect(page.locator("#adapter input")).to_have_value("None · base model alone")
    expect(page.locator("#style")).to_contain_text("reads no English")
    expect(page.locator("#list_separator input").first).to_be_enabled()
    page.click("#adapter input")
    expect(page.locator("[role=option]")).to_have_count(2)
    expect(page.get_by_role("option", name="lists-story")).to_be_visible()


def test_a_locked_prompt_is_the_one_that_is_asked(open_page, address):
    page = open_page(address)
    unfold(page)
    choose(page, "adapter", "smol-story")
    expect(style(page)).to_have_value("history")
    page.click("#example-ghibli")
    page.locator("[data-phase=done]").wait_for(timeout=30_000)
    page.click("#details summary")
    expect(page.locator("#details .prompt-fold pre")).to_have_text("Liked: Spirited Away; My Neighbor Totoro;")


def test_a_link_to_an_adapter_opens_with_its_model_and_its_locked_prompt(open_page, address):
    page = open_page(f"{address}/?adapter=lists-story")
    unfold(page)
    expect(page.locator("#model input")).to_have_value(LISTS_ONLY)
    expect(page.locator("#adapter input")).to_have_value("lists-story · LoRA of rank 4")
    expect(style(page)).to_have_value("history")
    expect(page.locator("#fold-prompt input:not(:disabled)")).to_have_count(0)


def test_what_a_link_says_of_the_prompt_stays(open_page, address):
    page = open_page(f"{address}/?style=history&list_separator=newline&include_years=true")
    unfold(page)
    expect(style(page)).to_have_value("history")
    expect(page.locator("#list_separator input:checked")).to_have_value("newline")
    expect(page.locator("#include_years input")).to_be_checked()
    expect(style(page)).to_be_enabled()
