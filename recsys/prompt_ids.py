"""Names of prompt formats, as adapters carry them, so that one that was trained on another format is refused.

Knows no prompt text: that is recsys.prompts, whose bytes the version stands for.
"""

from __future__ import annotations

from recsys.errors import SettingsError
from recsys.settings import PromptSettings

PROMPT_VERSION = 1
"""Raise it when a byte of any prompt changes."""


def prompt_id(settings: PromptSettings) -> str:
    """Names the prompt format, so that an adapter trained on another one is refused.

    >>> prompt_id(PromptSettings(style="instruction"))
    'v1/instruction/=>/;/no-years/liked'
    >>> prompt_id(PromptSettings(details="genres"))
    'v1/few_shot/=>/;/no-years/liked/genres'
    >>> prompt_id(PromptSettings(style="history", queue_symbol="[]"))
    'v1/history/-/;/no-years/liked'
    """
    symbol = "-" if settings.style == "history" else settings.queue_symbol
    years = "years" if settings.include_years else "no-years"
    sides = "liked+disliked" if settings.include_disliked else "liked"
    written = [f"v{PROMPT_VERSION}", settings.style, symbol, settings.list_separator, years, sides]
    return "/".join(written if settings.details == "none" else [*written, settings.details])


def read_prompt_id(name: str) -> PromptSettings:
    """The settings of the prompt that a name stands for; the number of worked examples is not named.

    Raises:
        SettingsError: when this version writes no prompt of that name.
    """
    version, _, rest = name.partition("/")
    parts = rest.split("/")
    if version != f"v{PROMPT_VERSION}" or len(parts) not in (5, 6):
        mend = f"only prompts of version v{PROMPT_VERSION} can be written; train again or use the older release"
        raise SettingsError("this is not the name of a prompt", seen=name, mend=mend)
    style, symbol, separator, years, sides, *details = parts
    return PromptSettings.from_dict(
        {
            "style": style,
            "queue_symbol": PromptSettings.queue_symbol if symbol == "-" else symbol,
            "list_separator": separator,
            "include_years": years == "years",
            "include_disliked": sides == "liked+disliked",
            "details": details[0] if details else "none",
        }
    )
