"""Numbers as titles write them, brought to one form: "Part II", "Part Two" and "2" are the same sequel.

Titles that are compared here are normalised already: small letters, one space between words.
"""

from __future__ import annotations

import re

_ROMAN_TENS = ("", "x")
_ROMAN_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_ROMANS = {
    tens + ones: str(10 * place + value)
    for place, tens in enumerate(_ROMAN_TENS)
    for value, ones in enumerate(_ROMAN_ONES)
    if tens + ones not in ("", "i", "x")  # "I" and "X" alone are words: "I, Robot", "Malcolm X"
}
_ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = {
    word: 10 * value
    for value, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_SMALL = {word: value for value, word in enumerate((*_ONES, *_TEENS), start=1)}
_ORDINALS = {
    word: value
    for value, word in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
        ],
        start=1,
    )
}
_SUFFIXES = {1: "st", 2: "nd", 3: "rd"}
_ROMAN_WORD = re.compile(rf"(?<= )(?:{'|'.join(_ROMANS)})(?= |$)")
_PART = re.compile(r"(?<=\S )(?:part|vol|volume|chapter|episode) (?=\d+(?: |$))")
_SINGLE_LETTERS = re.compile(r"\b[a-z](?: [a-z]\b)+")


def number_forms(name: str) -> str:
    """The name with its numbers in digits, without the "part" before them, and initials in one word.

    >>> number_forms("godfather part two"), number_forms("twenty one grams"), number_forms("fifth element")
    ('godfather 2', '21 grams', '5th element')
    >>> number_forms("l a confidential")
    'la confidential'
    """
    joined = _SINGLE_LETTERS.sub(lambda found: found.group().replace(" ", ""), name)
    words = roman_in_digits(joined).split()
    found: list[str] = []
    while words:
        written, used = _first_number(words)
        found.append(written)
        del words[:used]
    return _PART.sub("", " ".join(found))


def roman_in_digits(name: str) -> str:
    """The name with its Roman numerals in digits, all else as it is written.

    >>> roman_in_digits("godfather part ii"), roman_in_digits("v for vendetta")
    ('godfather part 2', 'v for vendetta')
    """
    # A title that starts with a numeral is rare, one that starts with the letter V is not.
    return _ROMAN_WORD.sub(lambda found: _ROMANS[found.group()], name)


def _first_number(words: list[str]) -> tuple[str, int]:
    """The first word, its number in digits, and how many words that took."""
    word, following = words[0], words[1] if len(words) > 1 else ""
    if word in _TENS:
        ones = _SMALL.get(following, 0)
        return (str(_TENS[word] + ones), 2) if 0 < ones < 10 else (str(_TENS[word]), 1)
    if word in _SMALL:
        return (str(100 * _SMALL[word]), 2) if following == "hundred" else (str(_SMALL[word]), 1)
    if word in _ORDINALS:
        value = _ORDINALS[word]
        return f"{value}{_SUFFIXES.get(value, 'th')}", 1
    return word, 1
