"""What a movie title is made of, as MovieLens writes it: articles, alternative titles, years.

MovieLens writes "Shawshank Redemption, The (1994)" and "Amelie (Fabuleux destin d'Amélie Poulain,
Le) (2001)". These functions take such a string apart and make the forms that are compared. They know
strings only: which titles exist is the catalogue's business.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_YEAR_AT_END = re.compile(r"(?<!\s)\s*[(\[]\s*((?:18|19|20|21)\d\d)(?:\s*[-–]\s*(?:(?:18|19|20|21)\d\d)?)?\s*[)\]]\s*$")
_ALTERNATIVE_AT_END = re.compile(r"\s\(([^()]*(?:\([^()]*\)[^()]*)*)\)$")
_ALSO_KNOWN_AS = re.compile(r"^a\.?k\.?a\.?:?\s+", re.IGNORECASE)
_ARTICLES = (
    "the|a|an|la|le|les|l'|el|los|las|un|una|une|der|die|das|ein|eine|il|lo|gli|i|o|os|as|det|den|de|het|en|ett|da"
)
_ARTICLE_AT_END = re.compile(rf"^(?P<rest>.+), ?(?P<article>(?:{_ARTICLES}))$", re.IGNORECASE)
_ENGLISH_ARTICLE_AT_START = re.compile(r"^(?:(?:the|an?) )+(?=\S)")
_APOSTROPHE = re.compile(r"['‘’ʼ`]")
_LIGATURES = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
"""Letters that no decomposition takes apart, as people without such a keyboard write them."""

_NOT_A_WORD = re.compile(r"[\W_]+")


def split_year(text: str) -> tuple[str, int | None]:
    """Splits "Star Wars (1977)" into its title and year; a span of years gives the first.

    >>> split_year("Star Wars (1977)")
    ('Star Wars', 1977)
    >>> split_year("2001: A Space Odyssey")
    ('2001: A Space Odyssey', None)
    """
    found = _YEAR_AT_END.search(text)
    if found is None or not text[: found.start()].strip():
        return text.strip(), None
    return text[: found.start()].strip(), int(found.group(1))


def move_article_to_front(title: str) -> str:
    """Turns "Shawshank Redemption, The" into "The Shawshank Redemption".

    >>> move_article_to_front("Avventura, L'")
    "L'Avventura"
    """
    found = _ARTICLE_AT_END.match(title)
    if found is None:
        return title
    article = found["article"]
    return f"{article}{'' if article.endswith(chr(39)) else ' '}{found['rest']}"


def split_alternatives(title: str) -> tuple[str, tuple[str, ...]]:
    """Splits the alternative titles, in brackets at the end, off a title without its year.

    Brackets that belong to the title stay: at its start, inside it, and after a connective.

    >>> split_alternatives("Spirited Away (Sen to Chihiro no kamikakushi)")
    ('Spirited Away', ('Sen to Chihiro no kamikakushi',))
    >>> split_alternatives("Birdman: Or (The Unexpected Virtue of Ignorance)")
    ('Birdman: Or (The Unexpected Virtue of Ignorance)', ())
    """
    alternatives: list[str] = []
    rest = title.strip()
    while (found := _ALTERNATIVE_AT_END.search(rest)) is not None:
        before = rest[: found.start()].rstrip()
        if not before or before.endswith((":", " Or", " or", "-")):
            break
        alternatives.insert(0, move_article_to_front(_ALSO_KNOWN_AS.sub("", found.group(1).strip())))
        rest = before
    return move_article_to_front(rest), tuple(name for name in alternatives if name)


@lru_cache(maxsize=200_000)
def normalise_title(title: str) -> str:
    """The form in which two writings of one title are equal: case, accents, punctuation and articles gone.

    Letters of every script are kept. A title of punctuation alone stays as it is, so that it differs
    from every other.

    >>> normalise_title("Shawshank Redemption, The") == normalise_title("the SHAWSHANK redemption!")
    True
    """
    text = move_article_to_front(title.strip())
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    text = text.translate(_LIGATURES)
    words = _NOT_A_WORD.sub(" ", _APOSTROPHE.sub("", text.replace("&", " and "))).strip()
    return _ENGLISH_ARTICLE_AT_START.sub("", words) or title.strip().casefold()
