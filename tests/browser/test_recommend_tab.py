"""What a person does on the Recommend tab, in a real browser, on a scripted model."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)} `${alert(3)}` {{7*7}}"
SLIDERS = {
    "temperature": "temperature",
    "top_p": "top-p",
    "top_k": "top-k",
    "num_beams": "beams",
    "repetition_penalty": "repetition penalty",
    "num_recommendations": "titles",
    "max_new_tokens": "max new tokens",
}
"""Slider → how the settings in effect call it."""


def pick(page, query, *, side="liked"):
    field = page.locator(f"#{side} input[role=combobox]")
    field.fill(query)
    page.locator(f"#{side} .hit").first.wait_for()
    field.press("Enter")


def chips(page, side="liked"):
    return page.locator(f"#{side} .chip-name").all_inner_texts()


def recommend(page):
    page.click("#go")
    answered(page)


def answered(page):
    page.locator("[data-phase=done], [data-phase=error]").wait_for(timeout=30_000)


def slider(page, name):
    return page.locator(f"#{name} input[type=range]")


def test_movies_are_picked_and_both_cards_are_seen(open_page, serve):
    page = open_page(serve())
    pick(page, "spirted away")
    pick(page, "totoro")
    assert chips(page) == ["Spirited Away (2001)", "My Neighbor Totoro (1988)"]
    recommend(page)
    expect(page.locator(".card-wrote mark")).to_have_count(4)
    expect(page.locator(".card-means .answer-row")).to_have_count(4)
    labels = page.locator(".card-means .badge").all_inner_texts()
    assert any("exact" in label for label in labels)
    assert any("edited" in label for label in labels)
    assert any("out of catalogue" in label for label in labels)
    assert any("repeated" in label for label in labels)
    expect(page.locator("#details .facts")).to_contain_text("tokens/s")
    page.click("#details summary")
    expect(page.locator("#details .prompt-fold pre")).to_contain_text("Spirited Away; My Neighbor Totoro")


def test_one_click_gives_a_first_answer(open_page, serve):
    page = open_page(serve())
    page.click("text=Two films by Miyazaki")
    answered(page)
    assert len(chips(page)) == 2
    assert slider(page, "num_recommendations").input_value() == "3"
    expect(page.locator(".card-means .answer-row")).to_have_count(3)


def test_a_held_out_user_shows_the_true_four(open_page, serve):
    page = open_page(serve())
    page.click("#example-record")
    answered(page)
    assert len(chips(page)) == 6
    expect(page.locator(".truth-rows li")).to_have_count(4)


def test_no_truth_is_shown_once_the_history_was_edited(open_page, serve):
    page = open_page(serve())
    page.click("#example-record")
    answered(page)
    page.locator("#liked .remove").first.click()
    page.locator("[data-phase=done]").wait_for()
    page.click("#go")
    page.locator("[data-phase=busy]").wait_for(timeout=5_000)
    answered(page)
    expect(page.locator(".truth-rows")).to_have_count(0)


def test_without_movies_it_is_a_cold_start(open_page, serve):
    page = open_page(serve())
    recommend(page)
    expect(page.locator(".card-wrote")).to_contain_text("Cold start")


@pytest.mark.parametrize("name", SLIDERS)
def test_a_slider_moves_by_keyboard_and_pointer_and_counts(open_page, serve, name):
    page = open_page(serve())
    control = slider(page, name)
    before = float(control.input_value())
    control.focus()
    control.press("ArrowRight")
    step = float(control.input_value())
    assert step > before
    box = control.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    moved = float(control.input_value())
    assert moved != step
    recommend(page)
    in_effect = page.locator(".settings-in-effect li").all_inner_texts()
    assert f"{SLIDERS[name]} {moved:g}" in in_effect


def test_temperature_0_disables_the_cut_off_and_says_why(open_page, serve):
    page = open_page(serve())
    slider(page, "temperature").focus()
    page.keyboard.press("Home")
    for name in ("top_p", "top_k"):
        expect(slider(page, name)).to_be_disabled()
        expect(page.locator(f"#{name}")).to_contain_text("nothing to cut off")
    page.keyboard.press("End")
    expect(slider(page, "top_p")).to_be_enabled()


def test_the_picker_works_by_keyboard_alone(open_page, serve):
    page = open_page(serve())
    for query in ("toy story", "spirited", "matrix"):
        pick(page, query)
    before = chips(page)
    grip = page.locator("#liked .grip").nth(2)
    grip.focus()
    grip.press("ArrowUp")
    assert chips(page) == [before[0], before[2], before[1]]
    expect(page.locator("#liked .grip").nth(1)).to_be_focused()
    page.keyboard.press("Delete")
    assert chips(page) == [before[0], before[1]]
    field = page.locator("#liked input[role=combobox]")
    field.fill("star wars")
    page.locator("#liked .hit").nth(1).wait_for()
    field.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == page.locator("#liked .hit").nth(1).get_attribute("id")
    field.press("Escape")
    expect(page.locator("#liked .picker-hits")).to_be_hidden()


def test_movies_are_moved_by_dragging(open_page, serve):
    page = open_page(serve())
    page.click("#example-action")
    answered(page)
    before = chips(page)
    first, last = page.locator("#liked .grip").first.bounding_box(), page.locator("#liked .chip").last.bounding_box()
    page.mouse.move(first["x"] + 5, first["y"] + 5)
    page.mouse.down()
    page.mouse.move(first["x"] + 5, last["y"] + 10, steps=12)
    page.mouse.up()
    assert chips(page) == [*before[1:], before[0]]


def test_a_title_that_is_not_in_the_catalogue_is_kept_and_marked(open_page, serve):
    page = open_page(serve())
    field = page.locator("#liked input[role=combobox]")
    field.fill("Zzyzx Qwrtp Film")
    page.locator("#liked .hit-free").wait_for()
    field.press("Enter")
    expect(page.locator("#liked .chip")).to_contain_text("not in catalogue")
    recommend(page)
    page.click("#details summary")
    expect(page.locator("#details .prompt-fold pre")).to_contain_text("Zzyzx Qwrtp Film =>")


def test_hostile_text_of_people_and_models_is_only_ever_shown(open_page, serve):
    page = open_page(serve("--write", f" {HOSTILE}; Toy Story (1995); {HOSTILE}; The Matrix (1999);"))
    field = page.locator("#liked input[role=combobox]")
    field.fill(HOSTILE)
    page.locator("#liked .hit-free").wait_for()
    page.locator("#liked .hit-free").click()
    assert chips(page) == [HOSTILE]
    recommend(page)
    assert HOSTILE in page.locator(".card-wrote .wrote").inner_text()
    assert page.locator("#answer img, #details img, #liked img").count() == 0
    assert page.evaluate("document.querySelectorAll('[onerror]').length") == 0


def test_emoji_right_to_left_and_a_very_long_title_survive(open_page, serve):
    page = open_page(serve())
    field = page.locator("#liked input[role=combobox]")
    for title in ("🎬 Кино", "فيلم طويل جدا", "x" * 200):
        field.fill(title)
        page.locator(f"#liked .hit-free:has-text('{title[:20]}')").wait_for()
        page.locator("#liked .hit-free").click()
    assert chips(page) == ["🎬 Кино", "فيلم طويل جدا", "x" * 200]
    recommend(page)
    expect(page.locator(".card-means .answer-row")).to_have_count(4)


def test_votes_fill_the_two_lists(open_page, serve):
    page = open_page(serve())
    recommend(page)
    page.locator("#vote-again input").uncheck()
    title = page.locator(".row-title").first.inner_text()
    page.locator("[data-vote=like]").first.click()
    expect(page.locator("#liked .chip-name")).to_have_text([title])
    page.locator("[data-vote=dislike]").first.click()
    expect(page.locator("#liked .chip")).to_have_count(0)
    page.click("#fold-disliked > button")
    expect(page.locator("#disliked .chip-name")).to_have_text([title])


def test_stop_keeps_what_was_written(open_page, serve):
    page = open_page(serve("--token", "0.2"))
    page.click("#go")
    page.locator(".card-wrote .cursor").wait_for()
    page.wait_for_function("document.querySelector('.wrote').textContent.length > 12")
    page.click("#stop")
    answered(page)
    expect(page.locator(".card-wrote .card-note")).to_have_text("stopped by you")
    assert len(page.locator(".card-wrote .wrote").inner_text()) > 12
    expect(page.locator("#go")).to_be_visible()


def test_the_second_visitor_waits_and_may_leave(open_page, serve):
    address = serve("--token", "1")
    first, second = open_page(address), open_page(address)
    first.click("#go")
    first.locator(".card-wrote .cursor").wait_for()
    second.click("#go")
    second.locator("#leave").wait_for()
    second.click("#leave")
    expect(second.locator("#go")).to_be_visible()
    expect(second.locator(".card-wrote")).to_contain_text("Stopped before anything was written")
    first.click("#stop")
    answered(first)


def test_while_the_model_loads_the_page_works_and_tells_how_far_it_is(open_page, serve):
    page = open_page(serve("--load", "120"))
    expect(page.locator(".status-chip")).to_contain_text("reading the weights")
    pick(page, "amelie")
    assert chips(page) == ["Amelie (2001)"]
    page.click("#go")
    expect(page.locator(".waiting-line")).to_contain_text("Loading the model")
    page.click("#stop")
    answered(page)


def test_nothing_jumps_while_the_text_streams(open_page, serve):
    page = open_page(serve("--token", "0.05"))
    page.evaluate(
        """() => {
            window.heights = [];
            new MutationObserver(() => {
                const busy = document.querySelector('[data-phase=busy], [data-phase=done]');
                if (busy) window.heights.push(busy.getBoundingClientRect().height);
            }).observe(document.querySelector('#answer'), {subtree: true, childList: true, characterData: true});
        }"""
    )
    recommend(page)
    heights = page.evaluate("window.heights")
    assert len(heights) > 5
    assert max(heights) - min(heights) <= 24


def test_a_link_restores_movies_and_settings(open_page, serve):
    page = open_page(serve())
    pick(page, "spirited away")
    slider(page, "temperature").press("ArrowLeft")
    recommend(page)
    link = page.locator(".copy", has_text="Copy link").get_attribute("data-copy")
    other = open_page(link)
    expect(other.locator("#liked .chip-name")).to_have_text(["Spirited Away (2001)"])
    expect(slider(other, "temperature")).to_have_value(slider(page, "temperature").input_value())


def test_a_broken_link_is_told_and_the_rest_of_it_counts(open_page, serve):
    page = open_page(serve() + "/?liked=%5B5618%5D&temperature=hot&top_k=7")
    expect(page.locator("#liked .chip")).to_have_count(1)
    expect(slider(page, "top_k")).to_have_value("7")
    expect(page.locator(".toast-body")).to_contain_text("cannot be read")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(open_page, serve, theme):
    page = open_page(f"{serve()}/?__theme={theme}", width=390, height=844, touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#temperature")).to_be_hidden()
    page.click("#example-ghibli")
    answered(page)
    for fold in ("generator", "model", "prompt", "matching", "disliked"):
        page.click(f"#fold-{fold} > button")
    page.click("#details summary")
    page.wait_for_timeout(400)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    too_wide = page.evaluate(
        """() => [...document.querySelectorAll('.gradio-container *')].filter(e => {
            const box = e.getBoundingClientRect();
            return box.width > 0 && box.right > 391 && !e.closest('.visually-hidden');
        }).map(e => e.className)"""
    )
    assert too_wide == []


def test_focus_is_seen_on_sliders(open_page, serve):
    page = open_page(serve())
    slider(page, "temperature").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    outline = slider(page, "temperature").evaluate(
        "e => getComputedStyle(e).outlineStyle + getComputedStyle(e).outlineWidth"
    )
    assert outline == "solid2px"


def test_the_about_page_counts_its_data(open_page, serve):
    page = open_page(serve())
    page.click("#tab-about-button")
    expect(page.locator(".about")).to_contain_text("99,997 ratings of 9,061 movies by 671 people")
    expect(page.locator(".about")).to_contain_text("716")
    expect(page.locator(".about .st-error")).to_have_count(1)


def test_the_real_client_gets_answers_and_our_errors(serve):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(serve(), verbose=False)
    answer = client.predict(liked=["Spirited Away", 5971], temperature=0.0, api_name="/recommend")
    assert len(answer["recommendations"]) == 4
    assert answer["settings"]["generation"]["temperature"] == 0.0
    assert client.predict(query="spirted away", api_name="/search_titles")[0]["item_id"] == 5618
    assert "smollm2-135m" in {model["name"] for model in client.predict(api_name="/models")}
    assert "gptj-mini-story" in {adapter["name"] for adapter in client.predict(api_name="/adapters")}
    with pytest.raises(AppError, match="too many liked movies"):
        client.predict(liked=["x"] * 200, api_name="/recommend")
    with pytest.raises(AppError, match="top_k must be a whole number"):
        client.predict(liked=[], top_k=1.5, api_name="/recommend")


def test_nan_by_the_bare_api_is_refused_in_our_words(serve):
    import httpx

    values = [[], None, "smollm2-135m", "auto", None, float("nan"), 0.9, 50, 1, 1.1, 96, 4, 0]
    values += ["few_shot", "=>", ";", True, False, 3, "none", "levenshtein", None, False]
    values += ["free", "tree", None, None, None, None, 100, 2.0, 6.0]
    start = f"{serve()}/gradio_api/call/recommend"
    headers = {"content-type": "application/json"}
    event = httpx.post(start, content=json.dumps({"data": values}), headers=headers).json()["event_id"]
    told = httpx.get(f"{start}/{event}", timeout=30).text
    assert "event: error" in told
    assert "temperature is out of range" in told


def choose_decoding(page, label):
    fold = page.locator("#fold-decoding")
    if not page.locator("#decoding").is_visible():
        fold.locator("button.label-wrap").click()
    page.locator("#decoding label", has_text=label).click()


def test_a_ranking_disables_what_draws_and_shows_tokens(open_page, serve):
    page = open_page(serve())
    pick(page, "totoro")
    choose_decoding(page, "Ranking")
    expect(slider(page, "temperature")).to_be_disabled()
    expect(page.locator("#temperature")).to_contain_text("A ranking draws and cuts nothing")
    recommend(page)
    expect(page.locator(".ranking > li")).to_have_count(4)
    expect(page.locator(".card-means .answer-row")).to_have_count(4)
    choose_decoding(page, "Off")
    expect(slider(page, "temperature")).to_be_enabled()


def test_a_hybrid_shows_both_scores_and_a_link_keeps_its_settings(open_page, serve):
    page = open_page(serve())
    pick(page, "totoro")
    choose_decoding(page, "Ranking")
    expect(page.locator("#num_candidates input")).to_be_disabled()
    choose_decoding(page, "Hybrid")
    expect(slider(page, "num_beams")).to_be_disabled()
    expect(page.locator("#num_candidates input")).to_be_enabled()
    page.locator("#num_candidates input").fill("30")
    page.locator("#llm_weight input").fill("0.5")
    recommend(page)
    expect(page.locator(".ranking > li")).to_have_count(4)
    expect(page.locator(".card-wrote")).to_contain_text("of 30")
    link = page.locator("[data-copy]", has_text="Copy link").get_attribute("data-copy")
    opened = open_page(link)
    opened.locator("#fold-decoding button.label-wrap").click()
    expect(opened.locator("#decoding input:checked")).to_have_attribute("value", "hybrid")
    expect(opened.locator("#num_candidates input")).to_have_value("30")
    expect(opened.locator("#llm_weight input")).to_have_value("0.5")


def test_only_a_chosen_genre_comes_out_and_a_link_keeps_it(open_page, serve):
    page = open_page(serve())
    choose_decoding(page, "List")
    genres = page.locator("#genres input")
    genres.fill("Western")
    page.get_by_role("option", name="Western").click()
    recommend(page)
    rows = page.locator(".card-means .row-genres")
    expect(rows).to_have_count(4)
    assert all("Western" in text for text in rows.all_inner_texts())
    link = page.locator("[data-copy]", has_text="Copy link").get_attribute("data-copy")
    assert "decoding=catalogue_list" in link
    opened = open_page(link)
    opened.locator("#fold-decoding button.label-wrap").click()
    expect(opened.locator("#decoding input:checked")).to_have_attribute("value", "catalogue_list")
    expect(opened.locator("#genres")).to_contain_text("Western")


@pytest.mark.parametrize("width", [1440, 390])
def test_one_click_compares_free_text_with_the_catalogue(open_page, serve, width):
    page = open_page(serve(), width=width, touch=width < 900)
    pick(page, "totoro")
    page.click("#compare")
    page.locator(".compare [data-phase=done]").nth(1).wait_for(timeout=30_000)
    expect(page.locator(".compare-side")).to_have_count(2)
    expect(page.locator(".compare-side").nth(1).locator(".answer-row .badge")).to_have_count(4)
    expect(page.locator("#go")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_persons_own_list_becomes_the_movies_after_a_look_at_the_doubtful_ones(open_page, serve):
    page = open_page(serve())
    page.click("#fold-own > button")
    page.fill("#own-text textarea", f"Heat (1995)\nSpirted Away\nSolaris\n{HOSTILE}\n- Speed 2: Cruise Control")
    page.click("#own-look")
    expect(page.locator(".own-review p")).to_contain_text("2 found · 2 to look at · 1 not found")
    page.locator("#own-questions label", has_text="Solaris (1972)").locator("input").uncheck()
    page.click("#own-use")
    expect(page.locator("#liked .chip-name")).to_have_text(["Heat (1995)", "Spirited Away (2001)"])
    page.click("#fold-disliked > button")
    expect(page.locator("#disliked .chip-name")).to_have_text(["Speed 2: Cruise Control (1997)"])


def test_a_ratings_export_is_read_and_a_wrong_one_is_told_with_its_line(open_page, serve, tmp_path):
    page = open_page(serve(), width=390, height=844)
    header = "Date,Name,Year,Letterboxd URI,Rating\n"
    wrong, right = tmp_path / "wrong.csv", tmp_path / "ratings.csv"
    wrong.write_text(header + "2020-01-01,Heat,1995,u,9\n", encoding="utf-8")
    right.write_text(header + "2020-01-02,Heat,1995,u,5\n2020-01-01,Alien,1979,u,4\n", encoding="utf-8")
    page.click("#fold-own > button")
    page.set_input_files("#fold-own input[type=file]", wrong)
    expect(page.locator(".own-error")).to_contain_text("wrong.csv, line 2: the rating is not one from 0.5 to 5")
    expect(page.locator("#own-use")).to_have_count(0)
    page.set_input_files("#fold-own input[type=file]", right)
    expect(page.locator(".own-review p")).to_contain_text("2 found")
    page.click("#own-use")
    expect(page.locator("#liked .chip-name")).to_have_text(["Alien (1979)", "Heat (1995)"])
