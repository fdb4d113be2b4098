"""Token ids to text one token at a time, right where a character is spread over several tokens.

Decoding each token alone would tear emoji and accents apart and lose the space that some tokenizers
attach to the next word, so each step decodes a short tail with the tokens before it and takes what was
added. Its cost does not grow with the length of the text. Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_UNFINISHED = "\ufffd"
_CONTEXT = 4
"""Prompt tokens decoded before the first new one: enough to see whether its leading space is text."""


@dataclass(frozen=True, slots=True)
class GrowingText:
    """Text that grows token by token; immutable, so that beams can share what they have in common.

    Attributes:
        text: The whole characters so far, special tokens left out.
        tail: The last ids: those that ``text`` ends with, then those that are not in it yet.
        num_read: How many ids of ``tail`` are already in ``text``.
    """

    text: str
    tail: tuple[int, ...]
    num_read: int


class Detokenizer:
    """Turns ids into text with one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer

    def start(self, prompt_ids: Sequence[int]) -> GrowingText:
        """The empty text after a prompt."""
        context = tuple(prompt_ids[-_CONTEXT:])
        return GrowingText("", context, len(context))

    def extend(self, growing: GrowingText, token_id: int) -> GrowingText:
        """The text after one more token; unchanged while a character is unfinished."""
        tail = (*growing.tail, token_id)
        added = self._added(tail, growing.num_read)
        if not added or added.endswith(_UNFINISHED):
            return GrowingText(growing.text, tail, growing.num_read)
        return GrowingText(growing.text + added, tail[growing.num_read :], len(tail) - growing.num_read)

    def finish(self, growing: GrowingText) -> str:
        """The final text: a last character that was never finished is dropped."""
        return growing.text + self._added(growing.tail, growing.num_read).rstrip(_UNFINISHED)

    def _added(self, tail: tuple[int, ...], num_read: int) -> str:
        return self._decode(tail)[len(self._decode(tail[:num_read])) :]

    def _decode(self, ids: tuple[int, ...]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))
