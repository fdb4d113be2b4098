"""Makes the map of a catalogue by the model in memory, while people go on asking it.

Titles are embedded one batch at a time and people go first in between; the layout is computed in a process of its
own, which can be stopped and holds nobody up.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.background import Tell
from recsys.errors import CancelledError, ModelUnavailableError
from recsys.models.host import ModelChoice, ModelHost
from recsys.resolution.item_map import require_scikit_learn
from recsys.resolver_pool import ResolverPool

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EMBEDDED = 0.7
"""Share of the progress that belongs to the embedding."""
_SECONDS_BETWEEN_LOOKS = 0.2
_LAY_OUT = (
    "import sys; from recsys.resolution.embedding import EmbeddingIndex; "
    "from recsys.resolution.item_map import ItemMap; "
    "ItemMap.of(EmbeddingIndex.load(sys.argv[1])).save(sys.argv[2])"
)


def make_map(resolvers: ResolverPool, host: ModelHost, choice: ModelChoice, tell: Tell, cancel: threading.Event) -> str:
    """Embeds the titles where they are not yet, and lays them out.

    Args:
        resolvers: Of the catalogue; they know where indices and maps are.
        host: Holds the model.
        choice: Which one; its base model alone is read.
        tell: Told how far it is.
        cancel: Set from another thread to stop.

    Returns:
        One sentence on what was made.

    Raises:
        ModelUnavailableError: without scikit-learn, or when the layout fails.
        ModelBusyError: while another long job has the model.
        CancelledError: when it was stopped; finished embeddings are kept.
    """
    require_scikit_learn()
    with host.reserve(choice):
        tell(0.0, f"Waiting for {choice.model}")
        with host.use(choice, priority="batch", cancel=cancel) as loaded:
            weight_hash = loaded.weight_hash
        found = resolvers.find_index(choice.model, weight_hash)
        path = found[1] if found else _embed(resolvers, host, choice, tell, cancel)
    tell(_EMBEDDED, "Laying the movies out: a minute for 9,000 of them, longer for more")
    lay_out(path, path.with_suffix(".map.npz"), cancel)
    return f"The map of {choice.model} is made."


def _embed(resolvers: ResolverPool, host: ModelHost, choice: ModelChoice, tell: Tell, cancel: threading.Event) -> Path:
    from recsys.generation.encoder import TextEncoder

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        with host.use(choice, priority="batch", cancel=cancel) as loaded:
            return TextEncoder(loaded).encode(texts)

    with host.use(choice, priority="batch", cancel=cancel) as loaded:
        known = loaded  # its name and hash; each batch takes the model's turn anew
    return resolvers.build_index(
        known, ship=False, encode=encode, progress=lambda done, told: tell(_EMBEDDED * done, told.capitalize())
    )


def lay_out(index: Path, target: Path, cancel: threading.Event) -> None:
    """Computes the map of an index in a process of its own, on half of the cores.

    Raises:
        ModelUnavailableError: when it fails.
        CancelledError: when it was stopped.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) // 2))}
    command = [sys.executable, "-c", _LAY_OUT, str(index), str(target)]
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=told, stderr=told)
        try:
            while process.poll() is None:
                if cancel.wait(_SECONDS_BETWEEN_LOOKS):
                    raise CancelledError("the map was stopped; the embedded titles are kept")
        finally:
            process.kill()
            process.wait()
        told.seek(0)
        lines = told.read().decode(errors="replace").strip().splitlines()
    if process.returncode or not target.exists():
        seen = lines[-1] if lines else f"exit code {process.returncode}"
        raise ModelUnavailableError(
            "the map could not be laid out", seen=seen, mend="try again, or run: python -m recsys models map"
        )
