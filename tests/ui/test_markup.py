import html

from hypothesis import given
from hypothesis import strategies as st

from recsys.ui.markup import escape


@given(st.text())
def test_escaped_text_holds_nothing_that_a_template_or_a_browser_would_run(text):
    escaped = escape(text)
    assert not set(escaped) & set("<>\"'`${}")


@given(st.text(st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"])))
def test_a_browser_shows_the_text_as_it_was(text):
    assert html.unescape(escape(text)) == text
