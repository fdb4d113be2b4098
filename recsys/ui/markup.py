"""Text of people and models made safe for the page.

`gr.HTML` passes templates through Handlebars and through a JavaScript template string, so that besides
markup also `${…}`, back-quotes and double braces are written as character references.
"""

from __future__ import annotations

import html

_TEMPLATE_CHARACTERS = str.maketrans({"$": "&#36;", "`": "&#96;", "{": "&#123;", "}": "&#125;", "\x00": "\ufffd"})


def escape(value: object) -> str:
    """The text of ``value``, safe between tags and inside quoted attributes.

    >>> escape('<b title="`">${x}</b>')
    '&lt;b title=&quot;&#96;&quot;&gt;&#36;&#123;x&#125;&lt;/b&gt;'
    """
    return html.escape(str(value), quote=True).translate(_TEMPLATE_CHARACTERS)


def plural(number: int, noun: str) -> str:
    """A number with its noun.

    >>> plural(1, "title"), plural(4, "title")
    ('1 title', '4 titles')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
