"""The Training tab in a browser: curves over each other, a run under way, cards, a download and the empty state."""

import json
import re
import zipfile

import pytest

from tests.fixtures.plain_adapters import NOTES, make_curves, save_plain_adapter

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

NASTY = "<img src=x onerror=alert(1)> ${alert(2)} {{x}} `"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def address(serve, folder):
    adapters = folder / "adapters"
    save_plain_adapter(adapters / "story", curves=make_curves("story"), notes={**NOTES, "note": NASTY})
    save_plain_adapter(adapters / "wide", curves=make_curves("wide", end=2.0), notes={"base_model": NASTY})
    broken = save_plain_adapter(adapters / "broken", notes={})
    (broken / "curves.json").write_text("{")
    return serve("--adapters", str(adapters), "--cache", str(folder / "cache"))


def open_training(open_page, address, **size):
    page = open_page(address, **size)
    page.get_by_role("tab", name="Training").click()
    return page


def lines(page, kind):
    return page.locator(f"#training-{kind} .scatterlayer .trace")


def card(page, name):
    return page.locator(".tr-card").filter(has=page.get_by_role("heading", name=name, exact=True))


def test_curves_of_all_runs_are_drawn_and_checkboxes_choose_them(open_page, address):
    page = open_training(open_page, address)
    for kind in ("train", "validation", "learning_rate", "ranking"):
        expect(lines(page, kind)).to_have_count(2)
    page.get_by_label("wide").uncheck()
    expect(lines(page, "ranking")).to_have_count(1)
    expect(page.locator("#training-train .xtitle")).to_have_text("epochs")
    page.get_by_label("Steps").check()
    expect(page.locator("#training-train .xtitle")).to_have_text("optimizer steps")
    expect(lines(page, "train")).to_have_count(1)
    expect(page.locator("#training-ranking-told")).to_contain_text("on 128 records of 17 validation users")


def test_cards_tell_the_facts_and_show_texts_as_texts(open_page, address):
    page = open_training(open_page, address)
    story = card(page, "story")
    for told in (
        "v1/history/-/;/no-years/liked",
        "3,650",
        "5 (1,140 steps)",
        "0.0100",
        "[0.0050, 0.0160]",
        "21.30 → 22.00",
    ):
        expect(story).to_contain_text(told)
    expect(story).to_contain_text(NASTY)
    expect(card(page, "wide")).to_contain_text("Its base model is not offered here.")
    expect(card(page, "broken").get_by_role("alert")).to_have_text(
        "The curves of broken cannot be read: delete its curves.json, or train again."
    )
    assert page.locator(".tr-card img").count() == 0


def test_an_adapter_comes_as_a_zip_file(open_page, address, tmp_path):
    page = open_training(open_page, address)
    with page.expect_download() as download:
        card(page, "story").get_by_role("button", name="Download as zip").click()
    assert download.value.suggested_filename == "story.zip"
    download.value.save_as(tmp_path / "story.zip")
    assert "story/adapter_model.safetensors" in zipfile.ZipFile(tmp_path / "story.zip").namelist()


def test_using_an_adapter_chooses_it_in_recommend(open_page, address):
    page = open_training(open_page, address)
    card(page, "story").get_by_role("button", name="Use in Recommend").click()
    expect(page.locator("#go")).to_be_visible()
    page.locator("#fold-model > button").click()
    expect(page.locator("#adapter input")).to_have_value(re.compile("^story"))
    expect(page.locator("#model input")).to_have_value("SmolLM2 135M Instruct, embedded")
    page.locator("#fold-prompt > button").click()
    expect(page.locator("#style label.selected")).to_contain_text("History")
    expect(page.locator("#style")).to_contain_text("story was trained with this prompt.")
    expect(page.locator("#style input").first).to_be_disabled()


def test_a_run_under_way_is_followed_while_the_tab_is_open(open_page, address, folder):
    path = folder / "cache" / "training" / "night" / "curves.json"
    make_curves("night", done=1).save(path)
    page = open_training(open_page, address)
    progress = page.locator("#training-progress")
    expect(progress).to_contain_text("night is being trained")
    expect(progress).to_contain_text("40 of 200 steps · about 5 min 20 s left")
    make_curves("night", done=2).save(path)
    expect(progress).to_contain_text("80 of 200 steps", timeout=15_000)
    expect(lines(page, "train")).to_have_count(3)
    path.unlink()
    expect(progress).to_be_hidden(timeout=15_000)
    expect(lines(page, "train")).to_have_count(2, timeout=15_000)


def test_without_a_run_the_command_that_makes_one_is_shown(serve, open_page, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    (empty / "adapters").mkdir()
    page = open_training(open_page, serve("--adapters", str(empty / "adapters"), "--cache", str(empty)))
    expect(page.locator("#training-empty")).to_contain_text("python -m recsys train --recipe story --name my-adapter")
    expect(page.locator("#training-curves")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_wider_than_the_page(open_page, address, width):
    page = open_training(open_page, address, width=width, height=844)
    expect(lines(page, "ranking")).to_have_count(2)
    expect(card(page, "story")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_notes_written_meanwhile_are_read_when_the_tab_is_opened_again(open_page, address, folder):
    page = open_training(open_page, address)
    expect(card(page, "wide")).to_be_visible()
    path = folder / "adapters" / "wide" / "recsys.json"
    path.write_text(json.dumps({"recipe": "a-new-recipe"}))
    page.get_by_role("tab", name="About").click()
    page.get_by_role("tab", name="Training").click()
    expect(card(page, "wide")).to_contain_text("a-new-recipe")
