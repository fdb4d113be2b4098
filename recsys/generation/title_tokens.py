"""Titles as token sequences, the way they stand inside a list.

A title is written as ``lead + title + tail`` (" Spirited Away (2001);") and tokenised where it will
stand: after the separator of the title before it. A tokenizer that marks the start of a text, as LLaMA's
first one does, then gives the tokens of the middle of a text; one that merges ")" with ";" is left to do
so. This module knows strings and tokens; which titles may follow is catalogue_trie's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys.errors import SettingsError
from recsys.prompts import Prompt, has_brackets

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PADDING = -1
_ANCHORS = (";", "\n", "=>", "a")


@dataclass(frozen=True)
class ListForm:
    """How a list of titles is written after a prompt.

    Attributes:
        first_lead: What stands before the first title.
        lead: What stands before every later title.
        tail: What closes each title, the last one too.
        numbered: Whether "2.", "3.", … stand before the later titles.
        closing: What closes the whole list.
    """

    first_lead: str = " "
    lead: str = " "
    tail: str = ";"
    numbered: bool = False
    closing: str = ""

    @classmethod
    def of(cls, prompt: Prompt) -> ListForm:
        """The form in which recsys.prompts.render_answer writes the answer to this prompt."""
        separator = prompt.settings.list_separator
        if separator == "numbered":
            return cls(tail="\n", numbered=True)
        if separator == "newline":
            return cls(first_lead="\n", lead="", tail="\n")
        bracket = has_brackets(prompt.settings)
        return cls(first_lead="" if bracket else " ", tail=separator, closing=(prompt.closing or "") if bracket else "")

    def between(self, num_written: int) -> str:
        """What stands between the title of that number and the next, its lead aside."""
        return f"{num_written + 1}." if self.numbered and num_written else ""

    def write(self, titles: Sequence[str]) -> str:
        """The whole answer as text."""
        parts = [
            f"{self.between(i)}{self.lead if i else self.first_lead}{title}{self.tail}"
            for i, title in enumerate(titles)
        ]
        return "".join(parts) + self.closing


def tokenise_in_list(
    strings: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, after: str = ";"
) -> list[list[int]]:
    """The tokens of each string where other text stands before it.

    Args:
        strings: Titles with lead and tail.
        tokenizer: A Hugging Face tokenizer.
        after: What stands before; another text takes its place where the tokenizer joins this one with a string.

    Raises:
        SettingsError: when the tokenizer joins the text before a title with the title.
    """
    for anchor in dict.fromkeys((after, *_ANCHORS)):
        before = _encode([anchor], tokenizer)[0]
        whole = _encode([anchor + string for string in strings], tokenizer)
        if all(tokens[: len(before)] == before for tokens in whole):
            return [tokens[len(before) :] for tokens in whole]
    raise SettingsError(
        "the tokenizer joins the end of one title with the start of the next",
        seen=type(tokenizer).__name__,
        mend="choose another list separator",
    )


def to_matrix(sequences: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The sequences as rows padded on the right with PADDING, and their lengths."""
    lengths = np.fromiter((len(s) for s in sequences), np.int64, len(sequences))
    matrix = np.full((len(sequences), int(lengths.max(initial=0))), PADDING, np.int32)
    flat = np.fromiter((token for s in sequences for token in s), np.int32, int(lengths.sum()))
    matrix[np.arange(matrix.shape[1]) < lengths[:, None]] = flat
    return matrix, lengths


def _encode(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    if not texts:
        return []
    encoded: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return encoded
