"""Which models there are: the embedded one, a few of the Hub, any local folder and any Hub id.

The registry knows names, places and licences. It reads a local folder's config.json to tell its
architecture, and never the network: whether a Hub model can be had is found out when it is loaded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Architecture = Literal["llama", "gptj"]
Source = Literal["package", "hub", "folder"]

DEFAULT_MODEL = "smollm2-135m"
PUBLIC_MODELS_VARIABLE = "RECSYS_PUBLIC_MODELS"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


@dataclass(frozen=True)
class ModelSpec:
    """A model that can be loaded, and what is known of it beforehand.

    Attributes:
        name: What a person types or picks.
        title: What a page shows.
        source: "package" (fetched from a Python package), "hub" or "folder".
        location: Hub id, folder path, or the package's name.
        architecture: "llama" or "gptj"; None while unknown (a Hub id that is not listed).
        num_parameters: Number of weights, None while unknown.
        licence: SPDX name, or the licence's own name.
        gated: Whether the Hub asks for an accepted licence and a token.
        revision: Commit, tag or branch on the Hub; None is its default branch.
        note: One sentence for people.
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
