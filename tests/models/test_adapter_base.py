"""What an adapter's tensors tell of their base, held against the modules of real architectures."""

import pytest

from recsys.models.adapter_base import module_sizes, trace_base
from recsys.models.adapter_files import read_adapter_entries
from recsys.models.adapter_weights import check_adapter_shapes
from recsys.models.shapes import KNOWN, create_skeleton, read_shape
from recsys.models.weights import TensorEntry
from tests.fixtures.tiny_adapters import save_tiny_adapter

EVERY = {
    "llama": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "gptj": ("q_proj", "k_proj", "v_proj", "out_proj", "fc_in", "fc_out"),
}


def entries(**shapes):
    return {name.replace("__", "."): TensorEntry(None, "F32", shape, 0, 0) for name, shape in shapes.items()}


@pytest.mark.parametrize("name", ["smollm2-135m", "llama-3.2-1b", "llama-7b", "gpt-j-6b"])
def test_the_sizes_of_modules_are_those_that_transformers_makes(name):
    skeleton = create_skeleton(KNOWN[name].to_config())
    layer = skeleton.get_submodule("transformer.h.1" if "gpt" in name else "model.layers.1")
    for module, size in module_sizes(KNOWN[name]).items():
        found = (
            layer.get_submodule(module) if "." in module and "wte" not in module and "tokens" not in module else None
        )
        found = found if found is not None else skeleton.get_submodule(module)
        sides = (
            ("in_features", "out_features") if hasattr(found, "in_features") else ("num_embeddings", "embedding_dim")
        )
        assert size == tuple(getattr(found, side) for side in sides), module


@pytest.mark.parametrize("kind", ["llama", "gptj"])
@pytest.mark.parametrize("dora", [False, True])
def test_an_adapter_of_every_module_fits_its_own_base_and_no_other(kind, dora, tmp_path, request):
    base = request.getfixturevalue(f"tiny_{kind}_folder")
    adapter = save_tiny_adapter(base, tmp_path / "mine", target_modules=EVERY[kind], use_dora=dora)
    traces = trace_base(read_adapter_entries(adapter))
    shape = read_shape(base / "config.json")
    check_adapter_shapes(create_skeleton(shape.to_config()), "mine", read_adapter_entries(adapter))
    assert traces.fits(shape)
    assert (traces.architecture, traces.hidden, traces.num_layers) == (kind, 32, 2)
    assert not [name for name, other in KNOWN.items() if traces.fits(other)]


def test_shapes_that_differ_in_keys_or_depth_alone_are_told_apart():
    stem = "base_model.model.model.layers.{}.self_attn.{}"
    keys = entries(**{stem.format(0, "k_proj").replace(".", "__") + "__lora_B__weight": (4096, 8)})
    assert trace_base(keys).fits(KNOWN["llama-7b"])
    assert not trace_base(keys).fits(KNOWN["llama-3.1-8b"])
    deep = entries(**{stem.format(39, "q_proj").replace(".", "__") + "__lora_A__weight": (8, 5120)})
    assert trace_base(deep).fits(KNOWN["llama-13b"])
    assert str(trace_base(deep)) == "a LLaMA of hidden size 5120 with 40 layers"
    deeper = entries(**{stem.format(40, "q_proj").replace(".", "__") + "__lora_A__weight": (8, 5120)})
    assert not trace_base(deeper).fits(KNOWN["llama-13b"])


def test_another_architecture_is_called_so():
    other = entries(encoder__block__q__lora_A__weight=(8, 512), encoder__block__q__lora_B__weight=(512, 8))
    traces = trace_base(other)
    assert str(traces) == "a base of another architecture"
    assert not [name for name, shape in KNOWN.items() if traces.fits(shape)]
