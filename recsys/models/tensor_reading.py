"""Reads tensors of safetensors files a few rows at a time, into memory of their own.

The file is read, not mapped: pages of a mapped file count as the process's until it is closed, so a loader that maps
its shards seems to hold the whole file. Knows bytes and types; knows no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.models.weights import TensorEntry

if TYPE_CHECKING:
    import torch

_TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_ROW_STEP = 64
"""Pieces start at multiples of it, so that blocks of 64 weights never cross from one piece into the next."""
_PIECE = 1 << 18
"""Weights of a piece: small enough that its working copies stay in the processor's cache and leave no gaps behind."""


def read_pieces(entry: TensorEntry) -> Iterator[tuple[slice, torch.Tensor]]:
    """A tensor piece by piece: the rows, and their values in the file's type. A scalar is one row.

    Each piece is overwritten by the next.

    Raises:
        ValueError: when the type is not known here, or the file is shorter than its header says.
        OSError: when it cannot be read.
    """
    import torch

    if entry.dtype not in _TYPES:
        raise ValueError(f"{entry.path.name} holds weights of type {entry.dtype}, which are not read here")
    dtype: torch.dtype = getattr(torch, _TYPES[entry.dtype])
    num_rows, *row = entry.shape or (1,)
    if num_rows == 0:
        return
    row_bytes = (entry.end - entry.start) // num_rows
    step = max(_ROW_STEP, _PIECE // max(1, entry.num_parameters // num_rows) // _ROW_STEP * _ROW_STEP)
    held = torch.empty(min(step, num_rows) * row_bytes, dtype=torch.uint8)
    with entry.path.open("rb", buffering=0) as file:
        file.seek(entry.start)
        for first in range(0, num_rows, step):
            rows = slice(first, min(first + step, num_rows))
            piece = held[: (rows.stop - first) * row_bytes]
            _fill(file, memoryview(piece.numpy().data))
            yield rows, piece.view(dtype).reshape(rows.stop - first, *row)


def _fill(file: FileIO, buffer: memoryview) -> None:
    while buffer:
        if not (got := file.readinto(buffer)):
            raise ValueError(f"{Path(str(file.name)).name} is cut off")
        buffer = buffer[got:]


def read_tensor(entry: TensorEntry, dtype: torch.dtype, device: str) -> torch.Tensor:
    """A whole tensor on a device; one of floating point is converted, and only a piece is there in both types.

    Raises:
        ValueError, OSError: as read_pieces.
    """
    import torch

    kept = dtype if entry.dtype in ("F64", "F32", "F16", "BF16") else getattr(torch, _TYPES.get(entry.dtype, "uint8"))
    tensor = torch.empty(entry.shape, dtype=kept, device=device)
    rows_of = tensor if entry.shape else tensor.reshape(1)
    for rows, piece in read_pieces(entry):
        rows_of[rows] = piece.to(device=device, dtype=kept)
    return tensor
