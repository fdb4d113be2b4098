"""A made-up checkpoint is one that transformers loads, in shards of the size that was asked for."""

import json
from pathlib import Path

import pytest

from recsys.models.random_checkpoint import checkpoint_bytes, write_random_checkpoint
from recsys.models.shapes import KNOWN, ModelShape

SMALL = {
    "llama": ModelShape("llama", 64, 160, 3, 4, 2, 300),
    "tied": ModelShape("llama", 64, 160, 3, 4, 2, 300, tied=True),
    "gptj": ModelShape("gptj", 64, 160, 3, 1, 1, 300),
}


@pytest.mark.parametrize("name", SMALL)
def test_transformers_loads_it_with_no_weight_missing(name: str, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    config = SMALL[name].to_config()
    config.n_positions = 128
    largest = write_random_checkpoint(tmp_path, config, shard_bytes=60_000)
    shards = list(tmp_path.glob("*.safetensors"))
    assert len(shards) > 2
    assert largest == max(path.stat().st_size for path in shards) < 62_000
    model, told = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    weights = torch.cat([tensor.flatten() for tensor in model.parameters() if tensor.dim() == 2])
    assert weights.std().item() == pytest.approx(0.02, rel=0.05)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == checkpoint_bytes(config)


def test_the_size_of_a_7b_is_two_bytes_for_each_of_its_known_weights() -> None:
    assert checkpoint_bytes(KNOWN["llama-7b"].to_config()) == 2 * 6_738_415_616
