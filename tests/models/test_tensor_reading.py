"""Tensors are read in pieces that put together are what safetensors reads."""

from pathlib import Path
from typing import Any

import pytest

from recsys.models import tensor_reading
from recsys.models.tensor_reading import read_pieces, read_tensor
from recsys.models.weights import TensorEntry, read_tensor_entries


def saved(tensor: Any, tmp_path: Path) -> TensorEntry:
    from safetensors.torch import save_file

    save_file({"before": tensor.clone(), "it": tensor}, tmp_path / "x.safetensors")
    return read_tensor_entries(tmp_path / "x.safetensors")["it"]


@pytest.mark.parametrize("shape", [(), (0, 5), (7,), (1, 1), (200, 9), (64, 64), (130, 3, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_tensor_is_read_as_safetensors_reads_it(
    shape: tuple[int, ...], dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(tensor_reading, "_PIECE", 100)
    tensor = torch.randn(shape).to(getattr(torch, dtype))
    entry = saved(tensor, tmp_path)
    read = read_tensor(entry, torch.float16, "cpu")
    assert read.shape == tensor.shape
    assert torch.equal(read, tensor.half())


def test_pieces_begin_at_multiples_of_64_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(tensor_reading, "_PIECE", 1000)
    tensor = torch.randn(200, 7)
    pieces = [(rows.start, rows.stop, piece.clone()) for rows, piece in read_pieces(saved(tensor, tmp_path))]
    assert [(start, stop) for start, stop, _ in pieces] == [(0, 128), (128, 200)]
    assert torch.equal(torch.cat([piece for *_, piece in pieces]), tensor)


def test_whole_numbers_keep_their_type(tmp_path: Path) -> None:
    import torch

    assert read_tensor(saved(torch.arange(5), tmp_path), torch.float16, "cpu").tolist() == [0, 1, 2, 3, 4]


def test_a_file_that_was_cut_and_an_unknown_type_are_told(tmp_path: Path) -> None:
    import torch

    entry = saved(torch.randn(8, 8), tmp_path)
    entry.path.write_bytes(entry.path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"x\.safetensors is cut off"):
        read_tensor(entry, torch.float16, "cpu")
    odd = TensorEntry(entry.path, "F4", (8, 8), entry.start, entry.end)
    with pytest.raises(ValueError, match="holds weights of type F4"):
        read_tensor(odd, torch.float16, "cpu")
