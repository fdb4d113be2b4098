"""What is known of a model before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recsys.errors import SettingsError
from recsys.settings import PromptSettings, PromptStyle

Architecture = Literal["llama", "gptj"]
Source = Literal["package", "hub", "folder", "server"]


@dataclass(frozen=True)
class ModelSpec:
    """A model that can be loaded, and what is known of it beforehand.

    Attributes:
        name: What a person types or picks.
        title: What a page shows.
        source: "package" (fetched from a Python package), "hub", "folder", or "server" (asked, never loaded).
        location: Hub id, folder path, the package's name, or its name at the server.
        architecture: "llama" or "gptj"; None while unknown (a Hub id that is not listed).
        num_parameters: Number of weights, None while unknown.
        licence: SPDX name, or the licence's own name.
        gated: Whether the Hub asks for an accepted licence and a token.
        revision: Commit, tag or branch on the Hub; None is its default branch.
        note: One sentence for people.
        prompt_styles: The only prompts that it reads; none is every prompt.
        prompt_reason: Why it reads no other, as one sentence.
    """

    name: str
    title: str
    source: Source
    location: str
    architecture: Architecture | None
    num_parameters: int | None
    licence: str
    gated: bool = False
    revision: str | None = None
    note: str = ""
    prompt_styles: tuple[PromptStyle, ...] = ()
    prompt_reason: str = ""

    def require_prompt(self, prompt: PromptSettings) -> None:
        """Refuses a prompt that the model does not read.

        Raises:
            SettingsError: naming the style, with the reason.
        """
        if self.prompt_styles and prompt.style not in self.prompt_styles:
            mend = f"{self.prompt_reason} Choose the style {' or '.join(self.prompt_styles)}"
            raise SettingsError(f"{self.title} does not read this prompt", seen=prompt.style, mend=mend)
