"""What a text is when it is not a list of titles: code, prose, or another script.

These are judgements on strings alone, from the shape of words and signs. They know no catalogue, so a
caller asks whether a title is known before it asks whether the title looks like a sentence.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"^\s*(?:```|~~~)", re.MULTILINE)
_CODE_LINE = re.compile(
    r"""^[ \t]*(?:
        (?:async[ ])?def[ ]\w+[ ]?\( | class[ ]\w+[ ]?(?:\([^)\n]{0,80}\))?[ ]?[:{]
      | from[ ][\w.]{1,60}[ ]import[ ] | import[ ][a-z_][\w.]{0,60}(?:[ ]as[ ]\w+)?[ \t;]*$
      | (?:if|for|while|elif|with|switch)[ ]?\(?[^\n]{1,120}[:{][ \t]*$
      | return\b[^\n]{0,80}[;)\]\w][ \t]*$ | (?:print|printf|console\.log|echo)[ ]?\(
      | (?:var|let|const)[ ]\w+[ ]?= | (?:public|private|static)[ ]\w+ | function[ ]?\w*[ ]?\(
      | \#include[ ]?[<"] | </?[a-zA-Z][\w-]{0,20}(?:[ ][^<>\n]{0,120})?/?> | <!DOCTYPE | <!-- | <\?
      | SELECT[ ][^\n]{1,120}[ ]FROM[ ] | [\w.]{1,40}[ ]?[-+*/]?=[ ]?[\w"'\[({][^\n]{0,120}$
      | [{}\[\]();,\s]*[{}][{}\[\]();,\s]*$ | \{[ ]?["'\w]{1,40}["']?[ ]?: | >>>[ ] | \$[ ]\w+
    )""",
    re.VERBOSE | re.MULTILINE,
)
_NUMBERS_IN_BRACKETS = re.compile(r"^\s*[\[({][\d\s.,;:'\"+-]*\d[\d\s.,;:'\"+-]*[\])}]?\s*$")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LETTER = re.compile(r"[^\W\d_]")
_LATIN_LETTER = re.compile(r"[A-Za-zªºÀ-ÖØ-öø-\u02af\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uff21-\uff3a\uff41-\uff5a]")
_SMALL_WORDS_TEXT = """
a an and as at but by de del der des di du el for from il in into la las le les los nor of off on or out over
per the to und up upon van versus via von vs with y
"""
_SENTENCE_WORDS_TEXT = """
about also am any are based be because been being can could did do does enjoy enjoyed film films following had
has have he her here his i i'd i'll i'm i've if is it it's its like liked likes list love many may might more
most movie movies must our please really recommend recommendation recommendations recommended recommending
recommends she should some story such suggest sure that their there these they this those title titles very
was watch watched watching we were what which while who will would you you'll you're your
"""
_SMALL_WORDS = frozenset(_SMALL_WORDS_TEXT.split())
_SENTENCE_WORDS = frozenset(_SENTENCE_WORDS_TEXT.split())
_FEWEST_WORDS = 4
_ENOUGH, _ENOUGH_LINES = 2000, 40
_LONGEST_TITLE_IN_WORDS = 25


def looks_like_code(text: str) -> bool:
    """Whether a text is program text: a fence, numbers in brackets, or code in most of its lines.

    >>> looks_like_code("def f(x):\\n    return x"), looks_like_code("Up (2009); Import Export (2007);")
    (True, False)
    """
    if _FENCE.search(text) or _NUMBERS_IN_BRACKETS.match(text):
        return True
    lines = [line for line in text[:_ENOUGH].split("\n")[:_ENOUGH_LINES] if line.strip()]
    return bool(lines) and 3 * sum(bool(_CODE_LINE.match(line)) for line in lines) > len(lines)


def looks_like_prose(text: str) -> bool:
    """Whether one line, or one element of a list, is a sentence rather than a title.

    Titles are written with capitals, so lower-case words tell, and the words that sentences are made of.

    >>> looks_like_prose("I recommend watching these films"), looks_like_prose("I Know What You Did Last Summer")
    (True, False)
    """
    words = _WORD.findall(text)
    if len(words) > _LONGEST_TITLE_IN_WORDS:
        return True
    content = [word for word in words if word.lower() not in _SMALL_WORDS]
    if len(words) < _FEWEST_WORDS or not content:
        return False
    # The first word of a sentence has a capital too, so it says nothing.
    rest = content[1:] if words[0] == content[0] else content
    lower = sum(word[0].islower() for word in rest) / max(len(rest), 1)
    telling = sum(word.lower().replace("’", "'") in _SENTENCE_WORDS for word in words)
    if telling and lower >= 0.5:
        return True
    if text.rstrip().endswith((".", "!", "?")) and lower >= 0.4:
        return True
    return len(words) >= 2 * _FEWEST_WORDS and lower >= 0.6


def count_letters(text: str) -> tuple[int, int]:
    """How many letters a text has, and how many of them are of another script than Latin.

    >>> count_letters("Up, Ёж!")
    (4, 2)
    """
    letters = len(_LETTER.findall(text))
    return letters, letters - len(_LATIN_LETTER.findall(text))


def is_other_script(text: str) -> bool:
    """Whether most letters of a text are of another script than Latin."""
    letters, foreign = count_letters(text)
    return 2 * foreign > letters
