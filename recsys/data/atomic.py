"""Files that appear whole or not at all, so that a killed run never leaves half a file behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for writing that takes its name only when the block ends without an error.

    Args:
        path: The file; its folder is made when missing, an older file of that name is replaced.

    Yields:
        A binary file in the same folder, so that the last step is one rename.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o644)  # mkstemp makes files that only their owner can read
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def flush(path: Path) -> None:
    """Brings what was written of a file to the disk, so that a power cut after its renaming does not leave it empty."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def save_npz(path: Path | str, **arrays: NDArray[np.generic]) -> None:
    """Writes arrays by name as a compressed npz file, whole or not at all."""
    import numpy as np

    with open_atomically(Path(path)) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
