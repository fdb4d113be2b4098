"""What a click shows at once, drawn by the browser: the same as the server would draw."""

import pytest

from recsys.ui.answer_begin import BEGIN, begin_script
from recsys.ui.answer_cards import waiting_cards
from recsys.ui.answer_view import answer_view

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium):
    page = chromium.new_page()
    page.set_content('<div id="answer"></div>')
    page.evaluate(f"() => {{ {begin_script()} }}")
    yield page
    page.close()


@pytest.mark.parametrize(("num", "rows"), [(1, 1), (4, 4), (20, 20), (7.9, 7), (0, 1), (99, 20), (None, 4)])
def test_the_cards_are_those_of_the_server_for_any_number_of_titles(page, num, rows):
    assert page.evaluate(BEGIN, num)[0] == waiting_cards("Waiting for a turn…", rows)


def test_the_details_go_and_the_one_button_that_is_left_leaves_the_queue(page):
    _, details, *buttons = page.evaluate(BEGIN, 3)
    _, expected, *theirs = answer_view("", "", leave=True)
    assert details == expected
    names = ["visible"] * 4 + ["interactive"] * 2
    assert buttons == [
        {"__type__": "update", name: button.constructor_args[name]} for name, button in zip(names, theirs, strict=True)
    ]
