"""What a text generator is asked and what it answers: the completion and the settings in effect."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from recsys.prompts import Prompt
from recsys.settings import GenerationSettings

IsComplete = Callable[[str, Prompt], bool]
"""Told the completion so far and its prompt: whether the list is complete, so that generation may stop."""

FinishReason = Literal["titles_complete", "end_of_text", "max_new_tokens", "stopped"]


@dataclass(frozen=True)
class Completion:
    """One completion with everything needed to repeat it.

    Attributes:
        text: What the model wrote after the prompt, special tokens left out.
        prompt_text: The prompt as the model read it, chat template included.
        prompt_tokens: Length of the prompt in tokens; 0 where a server did not tell.
        completion_tokens: Tokens generated; 0 where a server did not tell.
        seconds: Wall-clock time of the generation (of its whole batch, when batched).
        finish_reason: Why generation ended.
        settings: The settings in effect; the seed is the one that this completion was drawn with.
        without_effect: Settings that this mode ignores, each with the reason.
        base_model: Registry name, folder or Hub id of the base model.
        precision: What the weights were held in: fp32, bf16, fp16, int8 or nf4; "as served" by a server.
        adapter: Name of the adapter in effect, or None for the base model alone.
        tokens_told: Whether the generated tokens were counted; false where a server did not tell.
        notes: What the reader should know of how it was made, each as a sentence.
        token_ids: The tokens generated, one that ends the text included; none where a server wrote it.
    """

    text: str
    prompt_text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    finish_reason: FinishReason
    settings: GenerationSettings
    base_model: str
    precision: str
    adapter: str | None = None
    without_effect: dict[str, str] = field(default_factory=dict)
    tokens_told: bool = True
    notes: tuple[str, ...] = ()
    token_ids: tuple[int, ...] = ()

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens per second; 0 where nothing was generated."""
        return self.completion_tokens / self.seconds if self.seconds > 0 else 0.0


class TextGenerator(Protocol):
    """Writes completions: generator.TransformersGenerator with a model here, remote.RemoteGenerator with a server's."""

    def generate(
        self,
        prompts: Sequence[Prompt],
        settings: GenerationSettings,
        *,
        seeds: Sequence[int] | None = None,
        is_complete: IsComplete | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        """Completes a batch of prompts, each with its own seed."""
        ...

    def stream(
        self,
        prompt: Prompt,
        settings: GenerationSettings,
        *,
        is_complete: IsComplete | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[str | Completion]:
        """Yields the text so far while it grows, then the Completion, last."""
        ...
