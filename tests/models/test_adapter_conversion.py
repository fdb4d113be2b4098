"""Old adapters become safetensors; a pickle that asks for code is refused before it runs."""

import json
import os
import pickle

import pytest

from recsys.errors import AdapterError
from recsys.models.adapter_conversion import convert_adapter
from recsys.models.adapters import select_adapter
from recsys.models.loading import load_model
from recsys.models.registry import find_model
from tests.fixtures.adapter_zips import ALPACA_CONFIG
from tests.fixtures.tiny_adapters import save_tiny_adapter

MODULES = tuple(ALPACA_CONFIG["target_modules"])


@pytest.fixture
def old(tiny_llama_folder, tmp_path):
    """A folder as alpaca-lora left it: old keys, weights of half precision in a pickle."""
    import torch
    from safetensors.torch import load_file

    saved = save_tiny_adapter(tiny_llama_folder, tmp_path / "saved", target_modules=MODULES, r=16)
    folder = tmp_path / "alpaca"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(ALPACA_CONFIG))
    weights = {name: tensor.half() for name, tensor in load_file(saved / "adapter_model.safetensors").items()}
    torch.save(weights, folder / "adapter_model.bin")
    (folder / "README.md").write_text("# card")
    return folder


def test_an_old_adapter_becomes_one_that_loads_with_the_same_weights(old, tiny_llama_folder, tmp_path):
    import torch
    from safetensors.torch import load_file

    added = convert_adapter(old, "alpaca", tmp_path / "adapters", base_model=str(tiny_llama_folder))
    folder = tmp_path / "adapters" / "alpaca"
    assert added.info.path == folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "recsys.json",
    ]
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config == {k: v for k, v in ALPACA_CONFIG.items() if k not in ("enable_lora", "merge_weights")}
    before = torch.load(old / "adapter_model.bin", weights_only=True)
    after = load_file(folder / "adapter_model.safetensors")
    assert set(after) == set(before)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    select_adapter(load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu"), added.info)


def test_what_is_left_out_is_told(old, tiny_llama_folder, tmp_path):
    added = convert_adapter(old, "alpaca", tmp_path / "adapters", base_model=str(tiny_llama_folder))
    assert added.told[0] == "Settings that are not known here are left out: enable_lora, merge_weights."


class Evil:
    """Makes a folder when it is unpickled by a reader that runs what it finds."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("save", ["plain", "torch", "beside weights"])
def test_a_pickle_with_code_is_refused_and_never_runs(old, tmp_path, save, protocol):
    import torch

    evil = Evil(tmp_path / "was-run")
    weights = torch.load(old / "adapter_model.bin", weights_only=True)
    path = old / "adapter_model.bin"
    if save == "plain":
        path.write_bytes(pickle.dumps(evil, protocol=protocol))
    else:
        torch.save({**weights, "x": evil} if save == "beside weights" else evil, path, pickle_protocol=protocol)
    with pytest.raises(
        AdapterError, match=r"holds more than weights, and what it holds might run code.*nothing .* run"
    ):
        convert_adapter(old, "evil", tmp_path / "adapters")
    assert not (tmp_path / "was-run").exists()
    assert not list((tmp_path / "adapters").iterdir())
    pickle.loads(pickle.dumps(Evil(tmp_path / "was-run")))  # the same pickle does run where it is trusted
    assert (tmp_path / "was-run").exists()


def empty_of_tensors(path):
    import torch

    torch.save({}, path)


def a_list(path):
    import torch

    torch.save([torch.zeros(2)], path)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (empty_of_tensors, "is no table of tensors .*empty file"),
        (a_list, "is no table of tensors"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "cannot be read|might run code"),
        (lambda path: path.unlink(), "has no adapter_model.bin"),
    ],
)
def test_a_file_that_holds_no_weights_is_told(old, tmp_path, spoil, match):
    spoil(old / "adapter_model.bin")
    with pytest.raises(AdapterError, match=match):
        convert_adapter(old, "broken", tmp_path / "adapters")


def test_a_name_that_is_taken_or_no_name_is_refused_before_anything_is_read(old, tmp_path):
    (tmp_path / "adapters" / "mine").mkdir(parents=True)
    with pytest.raises(AdapterError, match=r"there is an adapter of that name already.*take another name"):
        convert_adapter(old, "mine", tmp_path / "adapters")
    with pytest.raises(AdapterError, match=r"cannot be the name of an adapter.*such as evil"):
        convert_adapter(old, "../evil", tmp_path / "adapters")


def test_a_folder_of_today_is_sent_to_the_other_command(old, tmp_path):
    (old / "adapter_model.bin").rename(old / "adapter_model.safetensors")
    with pytest.raises(AdapterError, match=r"zip it and `adapters add` the zip"):
        convert_adapter(old, "new", tmp_path / "adapters")
