"""An adapter that is brought along on the page: chosen where it was added, offered everywhere, refused with a word."""

import tempfile
from pathlib import Path

import pytest

from tests.fixtures.adapter_zips import adapter_members, lora_weights, write_zip
from tests.fixtures.tiny_adapters import STORY_PROMPT, write_adapter

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(serve, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        root = tmp_path_factory.mktemp("adapters")
        write_adapter(root, "smol-story", base_model="smollm2-135m", prompt_id=STORY_PROMPT)
        yield serve("--adapters", str(root))


def unfold(page, prefix=""):
    for fold in ("prompt", "model", "adapter"):
        page.click(f"#{prefix}fold-{fold} > button")
    page.locator(f"#{prefix}adapter-id").wait_for()


def bring(page, path, prefix=""):
    page.set_input_files(f"#{prefix}fold-adapter input[type=file]", path)


def offered(page, elem_id):
    page.click(f"#{elem_id} input")
    found = [option.strip().lstrip("✓").strip() for option in page.get_by_role("option").all_inner_texts()]
    page.keyboard.press("Escape")
    return found


def test_a_zip_is_chosen_where_it_was_added_and_offered_in_the_other_tab(open_page, address, tmp_path):
    page = open_page(address)
    unfold(page)
    members = adapter_members(base_model="smollm2-135m", prompt_id=STORY_PROMPT, title="Brought along")
    bring(page, write_zip(tmp_path / "brought-along-7.zip", members))
    expect(page.locator("#adapter-told")).to_contain_text("brought-along-7 was added and chosen.")
    expect(page.locator("#adapter input")).to_have_value("Brought along · LoRA of rank 4")
    expect(page.locator("#style input:checked")).to_have_value("history")
    expect(page.locator("#status")).to_contain_text("brought-along-7")  # the header tells what is loaded
    page.click("#example-ghibli")
    page.locator("[data-phase=done]").wait_for()
    page.click("#tab-evaluate-button")
    page.click("#evaluate-fold-model > button")
    expect(page.locator("#evaluate-adapter input")).to_have_value("None · base model alone")
    assert "Brought along · LoRA of rank 4" in offered(page, "evaluate-adapter")
    assert not list((Path(tempfile.gettempdir()) / "gradio").rglob("brought-along-7.zip"))


def test_the_evaluate_tab_takes_one_in_too(open_page, address, tmp_path):
    page = open_page(address)
    page.click("#tab-evaluate-button")
    unfold(page, "evaluate-")
    bring(page, write_zip(tmp_path / "for-figures.zip", adapter_members(base_model="smollm2-135m")), "evaluate-")
    expect(page.locator("#evaluate-adapter-told")).to_contain_text("for-figures was added and chosen.")
    expect(page.locator("#evaluate-adapter input")).to_have_value("for-figures · LoRA of rank 4")
    page.get_by_role("tab", name="Recommend").click()
    page.click("#fold-model > button")
    assert "for-figures · LoRA of rank 4" in offered(page, "adapter")


def test_what_is_refused_is_told_in_place_and_the_choice_stays(open_page, address, tmp_path):
    page = open_page(address)
    unfold(page)
    page.click("#adapter input")
    page.get_by_role("option", name="smol-story").first.click()
    expect(page.locator("#style input:checked")).to_have_value("history")
    told = page.locator("#adapter-told")
    bring(page, write_zip(tmp_path / "old.zip", {"adapter_config.json": b"{}", "adapter_model.bin": b"x"}))
    expect(told).to_contain_text("a pickle can run code")
    expect(told).to_contain_text("python -m recsys adapters convert")
    bring(page, write_zip(tmp_path / "wide.zip", adapter_members(weights=lora_weights(4096, layers=32))))
    expect(told).to_contain_text("was made for a LLaMA of hidden size 4096 with 32 layers, and this is SmolLM2 135M")
    page.fill("#adapter-id input, #adapter-id textarea", "nobody/no-such-lora")
    page.click("#adapter-fetch")
    expect(told).to_contain_text("The Hub cannot be reached")
    expect(page.locator("#adapter-id input, #adapter-id textarea").first).to_have_value("nobody/no-such-lora")
    expect(page.locator("#adapter input")).to_have_value("smol-story · LoRA of rank 4")
    assert not list((Path(tempfile.gettempdir()) / "gradio").rglob("wide.zip"))


def test_names_of_strangers_are_text(open_page, address, tmp_path):
    """A dialog or an error in the console would fail the page's fixture."""
    page = open_page(address)
    unfold(page)
    evil = "<img src=x onerror=alert(1)>${alert(2)}"
    bring(page, write_zip(tmp_path / "evil.zip", adapter_members(base_model="smollm2-135m", title=evil), root=evil))
    expect(page.locator("#adapter-told")).to_contain_text("was added and chosen.")
    expect(page.locator("#adapter input")).to_have_value(f"{evil} · LoRA of rank 4")
    page.get_by_role("tab", name="Training").click()
    expect(page.locator("#training-cards")).to_contain_text("img-src-x-onerror-alert-1-alert-2")
    page.wait_for_timeout(500)


def test_a_public_page_offers_no_adding(open_page, serve):
    page = open_page(serve("--public"))
    page.click("#fold-model > button")
    expect(page.locator("#adapter")).to_be_visible()
    expect(page.locator("#fold-adapter")).to_have_count(0)
    expect(page.get_by_text("Add an adapter")).to_have_count(0)


def test_the_fold_fits_a_small_screen(open_page, address, tmp_path):
    page = open_page(address, width=390, height=844)
    unfold(page)
    bring(page, write_zip(tmp_path / "old.zip", {"adapter_config.json": b"{}", "adapter_model.bin": b"x"}))
    expect(page.locator("#adapter-told")).to_contain_text("a pickle can run code")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
