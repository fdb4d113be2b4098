"""A stream of views tells only what changed."""

import gradio as gr

from recsys.ui.answer_view import answer_view, only_changes

SKIP = gr.skip()


def test_buttons_that_stay_are_told_once_and_texts_when_they_change():
    views = [
        answer_view("", "", stop=True),
        answer_view("a", "", stop=True),
        answer_view("a", "", stop=True),
        answer_view("a", "b"),
    ]
    first, second, third, last = only_changes(views)
    assert first is views[0]
    assert second == ("a", *[SKIP] * 7)
    assert third == (SKIP,) * 8
    assert last[:2] == (SKIP, "b")
    go, compare, stop, leave, *both = last[2:]
    assert (go.visible, compare.visible, stop.visible) == (True, True, False)
    assert leave == SKIP
    assert all(button.interactive for button in both)


def test_what_was_left_alone_is_compared_with_what_was_told_before():
    told = list(only_changes([("a",), (SKIP,), ("a",), ("b",)]))
    assert told == [("a",), (SKIP,), (SKIP,), ("b",)]
