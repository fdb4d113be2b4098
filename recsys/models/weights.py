"""Reads safetensors headers: names, shapes and an identity of the weights, without loading any.

The format: eight bytes with the length of a JSON header, the header, then the bytes of every tensor at
the offsets that the header names. A header of a 13 GB model is read in milliseconds, so shapes and
sizes are checked before anything is loaded.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LONGEST_HEADER = 100_000_000
_SAMPLE_BYTES = 4096
_BLOCK_BYTES = 1 << 22
_EXPONENTS = {
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F32": ("<u4", 0x7F80_0000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
}
"""Type → how its bits are read, and its exponent, which is all ones in what is not finite."""


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of a safetensors file.

    Attributes:
        path: The file that holds it.
        dtype: The format's name of its type: "F32", "BF16", "F16", "I8".
        shape: Its shape.
        start: First byte, counted from the start of the file.
        end: The byte after its last.
    """

    path: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def num_parameters(self) -> int:
        return math.prod(self.shape)


def read_tensor_entries(path: Path) -> dict[str, TensorEntry]:
    """The tensors of one safetensors file by name.

    Raises:
        ValueError: when the file is not of the format, or shorter than its header says.
        OSError: when it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if not 0 < length <= min(_LONGEST_HEADER, size - 8):
            raise ValueError(f"{path.name} is not a safetensors file, or is cut off")
        raw = file.read(length)
    try:
        told = json.loads(raw).items()
        entries = {name: _read_entry(path, entry, 8 + length) for name, entry in told if name != "__metadata__"}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} has a broken safetensors header") from error
    if any(entry.end > size for entry in entries.values()):
        raise ValueError(f"{path.name} is cut off: {size:,} bytes are there and its header promises more")
    return entries


def _read_entry(path: Path, told: Mapping[str, Any], first: int) -> TensorEntry:
    start, end = told["data_offsets"]
    shape, dtype = tuple(told["shape"]), told["dtype"]
    sizes = (start, end, *shape)
    if not isinstance(dtype, str) or not all(isinstance(size, int) and size >= 0 for size in sizes) or start > end:
        raise ValueError("not a tensor")
    return TensorEntry(path, dtype, shape, first + start, first + end)


def model_tensor_entries(folder: Path) -> dict[str, TensorEntry]:
    """The tensors of a model folder, over all shards; empty when it holds no safetensors.

    Raises:
        ValueError: when a file is broken or a shard that the index names is missing.
    """
    index = folder / "model.safetensors.index.json"
    single = folder / "model.safetensors"
    if single.is_file():
        return read_tensor_entries(single)
    if not index.is_file():
        return {}
    names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{missing[0]} is missing, one of {len(names)} shards")
    entries: dict[str, TensorEntry] = {}
    for name in names:
        entries.update(read_tensor_entries(folder / name))
    return entries


def count_parameters(entries: Mapping[str, TensorEntry]) -> int:
    """The number of weights in all tensors."""
    return sum(entry.num_parameters for entry in entries.values())


def hash_weights(entries: Mapping[str, TensorEntry]) -> str:
    """An identity of the weights: 16 hex digits over every name, shape, type and a sample of its bytes.

    The sample is the first, middle and last 4 KiB of each tensor. Any training or other quantisation
    changes it; other sharding and metadata do not. It tells models apart by accident, not by malice.
    """
    digest = hashlib.sha256()
    for name in sorted(entries):
        entry = entries[name]
        digest.update(f"{name} {entry.dtype} {entry.shape}".encode())
        with entry.path.open("rb") as file:
            for start in _sample_starts(entry):
                file.seek(start)
                digest.update(file.read(min(_SAMPLE_BYTES, entry.end - start)))
    return digest.hexdigest()[:16]


def find_non_finite(entries: Mapping[str, TensorEntry]) -> str | None:
    """The first tensor of floating point that holds an infinity or no number at all; None where all are finite.

    Raises:
        ValueError: for a type that is no floating point of 16, 32 or 64 bits.
        OSError: when the file cannot be read.
    """
    import numpy as np

    for name, entry in entries.items():
        if entry.dtype not in _EXPONENTS:
            raise ValueError(f"{name} is of type {entry.dtype}")
        word, exponent = _EXPONENTS[entry.dtype]
        with entry.path.open("rb") as file:
            file.seek(entry.start)
            left = entry.end - entry.start
            while left > 0 and (block := file.read(min(left, _BLOCK_BYTES))):
                left -= len(block)
                bits = np.frombuffer(block, word)
                if np.any((bits & exponent) == exponent):
                    return name
    return None


def _sample_starts(entry: TensorEntry) -> list[int]:
    middle = entry.start + (entry.end - entry.start) // 2
    return sorted({entry.start, middle, max(entry.start, entry.end - _SAMPLE_BYTES)})
