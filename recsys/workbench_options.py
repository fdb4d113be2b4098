"""Where the things of one process are, and how far its visitors may go."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recsys.data.splits import SplitSettings
from recsys.models.artifacts import cache_folder
from recsys.models.placement import PlacementSettings
from recsys.models.registry import DEFAULT_MODEL
from recsys.remote.server import CompletionServer
from recsys.remote.settings import ServerSettings

KNOWN_FILMS_HELP = (
    "a larger list of films (movieId,title,genres, or a MovieLens folder or zip), by which reports tell real titles "
    "out of the catalogue from invented ones"
)


@dataclass(frozen=True)
class WorkbenchOptions:
    """Where things are and how far visitors may go.

    Attributes:
        data: A MovieLens folder or zip; None takes the embedded data.
        adapters: A folder of PEFT folders; None takes the repository's.
        runs: Where evaluations are kept; None takes $RECSYS_RUNS or a folder of the user's cache.
        public: Lock the registry and limit length, records and time.
        device: auto, cpu, cuda or mps.
        descriptions: A csv file of movieId,description that prompts may carry; None has no descriptions.
        known_films: A larger list of films, by which reports tell real titles out of the catalogue from invented ones:
            a file of movieId,title,genres or a MovieLens folder or zip; None has no such list.
        split: What is held out.
        default_model: What answers where neither a model nor an adapter is named.
        server: Who writes completions: models that are loaded here, or a server beside them.
        placement: Budgets of devices, and whether weights of models may stay on disk.
        opening_model: The server's model that answers where none is named; None takes the first that it lists.
    """

    data: Path | None = None
    adapters: Path | None = None
    runs: Path | None = None
    public: bool = False
    device: str = "auto"
    descriptions: Path | None = None
    known_films: Path | None = None
    split: SplitSettings = field(default_factory=SplitSettings)
    default_model: str = DEFAULT_MODEL
    server: ServerSettings = field(default_factory=ServerSettings)
    placement: PlacementSettings = field(default_factory=PlacementSettings)
    opening_model: str | None = None

    @property
    def shipped_reports(self) -> Path:
        """The reports that come with the repository."""
        return Path(__file__).resolve().parents[1] / "assets" / "reports"

    @property
    def placing(self) -> dict[str, Any]:
        """Where models of this machine go, as hosts and plans take it."""
        return {"device": self.device, "placement": self.placement}

    def make_server(self) -> CompletionServer | None:
        """The server of completions; None where there is none. Asks it nothing."""
        if not self.server.is_remote:
            return None
        return CompletionServer(self.server, public=self.public, opening_model=self.opening_model)

    @property
    def runs_folder(self) -> Path:
        if self.runs is not None:
            return self.runs
        return Path(os.environ.get("RECSYS_RUNS") or cache_folder() / "runs")
