"""The preset row in a real browser: what is saved stays there, and nothing that is found there can do harm."""

import json

import pytest
from playwright.sync_api import expect

from recsys.cli.main import make_parser
from recsys.cli.options import open_workbench
from recsys.cli.recommend import read_request
from recsys.settings import DecodingSettings, GenerationSettings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)}"
KEY = "recsys.presets"


@pytest.fixture
def row(open_page, serve):
    """Opens the page with an empty storage: each page of a test is a browser of its own."""
    return lambda query="", **options: open_page(f"{serve()}/{query}", **options)


def slider(page, name):
    return page.locator(f"#{name} input[type=range]")


def chosen(page):
    return page.locator("#presets select")


def status(page):
    return page.locator("#presets .presets-status [role=status]")


def press(page, what):
    page.click(f"#presets [data-do={what}]:visible")


def save(page, name):
    press(page, "save")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("is kept in this browser")


def stored(page):
    return json.loads(page.evaluate(f"localStorage.getItem('{KEY}')"))["presets"]


def test_a_shipped_preset_sets_every_slider_and_a_moved_slider_leaves_it(row):
    page = row()
    expect(chosen(page)).to_have_value("shipped:Default")
    chosen(page).select_option("shipped:Catalogue ranking")
    expect(slider(page, "num_beams")).to_have_value("8")
    expect(slider(page, "temperature")).to_be_disabled()
    expect(status(page)).to_contain_text("Without effect in it: temperature, top-p")
    expect(page.locator("#presets .presets-about")).to_contain_text("likeliest real movies")
    expect(chosen(page)).to_have_value("shipped:Catalogue ranking")
    slider(page, "num_beams").press("ArrowLeft")
    expect(chosen(page)).to_have_value("")


def test_a_saved_preset_is_there_after_a_reload_and_sets_model_prompt_and_sliders(row):
    page = row("?style=zero_shot&temperature=0.3&num_recommendations=6&resolver=common_characters&seed=9")
    expect(slider(page, "temperature")).to_have_value("0.3")
    save(page, HOSTILE)
    expect(chosen(page)).to_have_value(f"mine:{HOSTILE}")
    assert page.locator("#presets img").count() == 0
    page.goto(page.url.partition("?")[0])
    page.wait_for_selector("#presets select")
    expect(chosen(page)).to_have_value("shipped:Default")
    chosen(page).select_option(f"mine:{HOSTILE}")
    expect(slider(page, "temperature")).to_have_value("0.3")
    expect(slider(page, "num_recommendations")).to_have_value("6")
    page.click("#fold-prompt > button")
    expect(page.locator("#style input:checked")).to_have_attribute("value", "zero_shot")
    expect(chosen(page)).to_have_value(f"mine:{HOSTILE}")


def test_presets_are_renamed_deleted_and_deleting_is_undone_by_keyboard_alone(row):
    page = row()
    slider(page, "temperature").press("ArrowRight")
    expect(chosen(page)).to_have_value("")
    page.locator("#presets [data-do=save]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#presets .presets-naming input")).to_be_focused()
    page.keyboard.type("First")
    page.keyboard.press("Enter")
    expect(chosen(page)).to_have_value("mine:First")
    expect(page.locator("#presets [data-do=save]")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#presets [data-do=rename]")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("Second")  # the old name is selected
    page.keyboard.press("Enter")
    expect(chosen(page)).to_have_value("mine:Second")
    expect(page.locator("#presets [data-do=rename]")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(chosen(page)).to_have_value("")
    expect(page.locator("#presets [data-do=delete]")).to_be_focused()
    assert stored(page) == []
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("Only of a preset of yours")
    page.reload()
    page.wait_for_selector("#presets select")
    save(page, "Third")
    press(page, "delete")
    expect(status(page)).to_contain_text("“Third” was deleted")
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(page.locator("#presets [data-do=undo]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("as it was")
    assert [preset["name"] for preset in stored(page)] == ["Third"]
    assert page.evaluate("document.activeElement.dataset.do") == "save"


def test_escape_closes_the_form_and_a_wrong_name_loses_nothing(row):
    page = row()
    press(page, "save")
    for name, told in (("  ", "Give it a name"), ("x" * 41, "at most 40"), ("greedy", "A shipped preset")):
        page.fill("#presets .presets-naming input", name)
        page.keyboard.press("Enter")
        expect(status(page)).to_contain_text(told)
        expect(page.locator("#presets .presets-naming input")).to_have_value(name)
    page.keyboard.press("Escape")
    expect(page.locator("#presets .presets-naming")).to_be_hidden()
    expect(page.locator("#presets [data-do=save]")).to_be_focused()


def test_what_is_exported_is_asked_by_the_command_line_and_imported_again(row, tmp_path):
    page = row("?temperature=0.4&decoding=catalogue_list&genres=Drama&year_from=1990")
    expect(slider(page, "temperature")).to_have_value("0.4")
    save(page, "Mine, of drama")
    expect(chosen(page)).to_have_value("mine:Mine, of drama")
    with page.expect_download() as download:
        press(page, "export")
    assert download.value.suggested_filename == "mine-of-drama.json"
    path = tmp_path / "mine.json"
    download.value.save_as(path)
    arguments = make_parser().parse_args(["recommend", "--preset", str(path), "Alien (1979)"])
    asked = read_request(arguments, open_workbench(arguments))
    assert asked.generation == GenerationSettings(temperature=0.4)
    assert asked.decoding == DecodingSettings("catalogue_list", genres=("Drama",), year_from=1990)
    press(page, "import")
    page.set_input_files("#presets .presets-bringing input[type=file]", path)
    expect(status(page)).to_contain_text("“Mine, of drama 2” is kept")  # nobody's place is taken
    assert [preset["name"] for preset in stored(page)] == ["Mine, of drama", "Mine, of drama 2"]
    press(page, "import")
    page.fill("#presets textarea", path.read_text("utf-8").replace("0.4", "40"))
    page.locator("#presets .presets-bringing [type=submit]").click()
    expect(status(page)).to_contain_text("temperature is out of range (seen: 40)")
    expect(page.locator("#presets textarea")).not_to_have_value("")


def test_defaults_are_restored_whatever_was_set(row):
    page = row("?temperature=1.5&decoding=catalogue_list&style=zero_shot&num_recommendations=9&precision=fp32")
    expect(slider(page, "temperature")).to_have_value("1.5")
    press(page, "restore")
    expect(status(page)).to_contain_text("as the page opens with")
    expect(slider(page, "temperature")).to_have_value("0.7")
    expect(slider(page, "num_recommendations")).to_have_value("4")
    expect(page.locator("#presets [data-do=restore]")).to_be_focused()
    for fold in ("decoding", "prompt"):
        page.click(f"#fold-{fold} > button")
    expect(page.locator("#decoding input:checked")).to_have_attribute("value", "free")
    expect(page.locator("#style input:checked")).to_have_attribute("value", "few_shot")
    expect(chosen(page)).to_have_value("shipped:Default")


WRONG = [
    "not json",
    '{"version": 7, "presets": []}',
    '"text"',
    "[]",
    "null",
]


@pytest.mark.parametrize("text", WRONG)
def test_a_storage_that_cannot_be_read_is_told_and_set_aside_when_one_is_saved(row, text):
    page = row()
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEY, text])
    page.reload()
    page.wait_for_selector("#presets select")
    expect(status(page)).to_contain_text("cannot be read. It is left as it is")
    assert page.evaluate(f"localStorage.getItem('{KEY}')") == text
    save(page, "Mine")
    kept = page.evaluate("Object.entries(localStorage).filter(([key]) => key.includes('.unread.')).map(([, v]) => v)")
    assert kept == [text]


def test_presets_of_a_stranger_are_shown_as_text_refused_when_chosen_and_kept(row):
    page = row()
    presets = [
        5,
        {"name": "x" * 99},
        {"name": HOSTILE, "format": "recsys-preset", "version": 1, "generation": {"temperature": "9"}},
        {"name": "constructor", "__proto__": {"x": 1}, "generation": {"constructor": 1}},
    ]
    page.evaluate(
        "([key, text]) => localStorage.setItem(key, text)", [KEY, json.dumps({"version": 1, "presets": presets})]
    )
    page.reload()
    page.wait_for_selector("#presets select")
    expect(status(page)).to_contain_text("2 of 4 presets in this browser cannot be read")
    before = slider(page, "temperature").input_value()
    chosen(page).select_option(f"mine:{HOSTILE}")
    expect(status(page)).to_contain_text("temperature has the wrong type")
    assert slider(page, "temperature").input_value() == before
    expect(chosen(page)).to_have_value("shipped:Default")
    chosen(page).select_option("mine:constructor")
    expect(status(page)).to_contain_text("not a preset")
    save(page, "Mine")
    assert stored(page)[:4] == presets


def test_a_browser_whose_storage_is_full_is_told(row):
    page = row()
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }; }")
    press(page, "save")
    page.keyboard.type("Mine")
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("could not keep it")
    expect(page.locator("#presets .presets-naming input")).to_have_value("Mine")


def test_another_visitor_sees_nothing_of_it_and_both_tabs_of_one_do(row, chromium, serve):
    page = row()
    save(page, "Nobody else's")
    page.click("#tab-evaluate-button")
    page.click("#evaluate-fold-generator > button")
    other = page.locator("#evaluate-presets select")
    expect(other.locator("option", has_text="Nobody else's")).to_have_count(1)
    other.select_option("shipped:Greedy")
    expect(page.locator("#evaluate-temperature input[type=range]")).to_have_value("0")
    stranger = chromium.new_context().new_page()
    stranger.goto(serve())
    stranger.wait_for_selector("#presets select")
    assert "Nobody else" in page.content()
    is_told = "Nobody else" in stranger.content()
    assert not is_told
    stranger.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_all_of_the_row_without_scrolling_sideways(row, theme):
    page = row(f"?__theme={theme}", width=390, height=844, touch=True)
    page.click("#fold-generator > button")
    press(page, "import")
    expect(page.locator("#presets textarea")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
