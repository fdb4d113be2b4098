"""Prompts to token ids: chat template, BOS, padding on the left, and whether they fit the model.

Knows tokenizers and the length of a model's context; knows nothing of what the prompt asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsys.errors import HistoryError, SettingsError
from recsys.prompts import Prompt

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenizedPrompt:
    """A prompt as the model reads it.

    Attributes:
        prompt: Where it comes from.
        text: All of it, with the chat template and the BOS that the tokenizer writes.
        ids: Its tokens.
    """

    prompt: Prompt
    text: str
    ids: tuple[int, ...]


class PromptTokenizer:
    """Reads prompts with one tokenizer, each special token of the model only where the format puts it."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
        special |= set(tokenizer.all_special_tokens)
        longest_first = sorted(special, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, longest_first))) if special else None

    def __call__(self, prompt: Prompt) -> TokenizedPrompt:
        """Tokenises one prompt, through the chat template where it has messages and the model a template."""
        if prompt.messages is not None and self._tokenizer.chat_template:
            return self._templated(prompt, prompt.messages)
        text = self._as_plain_text(prompt.text)
        ids = self._without_end(tuple(self._tokenizer(text)["input_ids"]))
        bos = self._tokenizer.bos_token
        if ids and bos and ids[0] == self._tokenizer.bos_token_id:
            text = bos + text
        return TokenizedPrompt(prompt, text, ids)

    def _templated(self, prompt: Prompt, messages: list[dict[str, str]]) -> TokenizedPrompt:
        cleaned = [{**message, "content": self._as_plain_text(message["content"])} for message in messages]
        text = str(self._tokenizer.apply_chat_template(cleaned, tokenize=False, add_generation_prompt=True))
        # The assistant's turn is opened but not closed, so that the list goes on from here.
        text += prompt.answer_prefix
        ids = tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return TokenizedPrompt(prompt, text, ids)

    def _without_end(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        """The tokens without the end that some tokenizers write after every text: the answer goes on from here."""
        return ids[:-1] if len(ids) > 1 and ids[-1] == self._tokenizer.eos_token_id else ids

    def _as_plain_text(self, text: str) -> str:
        """Breaks up special tokens that a person typed: they are text, and must not open a turn or end one."""
        if self._special is None:
            return text
        return self._special.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def require_room(tokenized: Sequence[TokenizedPrompt], max_new_tokens: int, context: int | None) -> None:
    """Checks that each prompt and its answer fit the model's context.

    Args:
        tokenized: The prompts.
        max_new_tokens: The longest answer.
        context: Tokens that the model can attend to; None is no limit.

    Raises:
        SettingsError: when max_new_tokens alone is too long.
        HistoryError: when a prompt leaves too little room.
    """
    if context is None:
        return
    if max_new_tokens >= context:
        raise SettingsError(
            f"this model reads and writes {context} tokens together",
            seen=f"max_new_tokens {max_new_tokens}",
            mend="lower max_new_tokens",
        )
    longest = max((len(one.ids) for one in tokenized), default=0)
    if longest + max_new_tokens > context:
        raise HistoryError(
            f"the prompt is too long: this model reads and writes {context} tokens together, "
            f"so {context - max_new_tokens} are left for the prompt",
            seen=f"{longest} prompt tokens and max_new_tokens {max_new_tokens}",
            mend="name fewer movies, take fewer worked examples or lower max_new_tokens",
        )


def pad_left(ids: Sequence[Sequence[int]], pad_token_id: int, device: str) -> tuple[Tensor, Tensor]:
    """Prompts of several lengths as one batch that ends where every answer begins.

    Returns:
        The ids and the attention mask, both of shape (batch, longest).
    """
    import torch

    width = max(map(len, ids))
    padded = [[pad_token_id] * (width - len(row)) + list(row) for row in ids]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in ids]
    return torch.tensor(padded, device=device), torch.tensor(mask, device=device)
