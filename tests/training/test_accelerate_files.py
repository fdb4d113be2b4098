"""The launch files of docs/accelerate are ones that accelerate reads, and docs/training.md tells of all of them."""

import dataclasses
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser
from accelerate.utils import DistributedType

from recsys.cli.options import attribute_docs
from recsys.training.settings import LoraSettings, TrainingSettings

DOCS = Path(__file__).parents[2] / "docs"
FILES = sorted((DOCS / "accelerate").glob("*.yaml"))
GUIDE = (DOCS / "training.md").read_text("utf-8")


def read(name):
    return load_config_from_file(str(DOCS / "accelerate" / name))


def test_there_is_a_file_for_each_way_of_training():
    names = ["deepspeed_4xa100.yaml", "fsdp_4xa100.yaml", "one_gpu.yaml", "two_cpu.yaml", "v100_fp16.yaml"]
    assert [path.name for path in FILES] == names
    assert all(f"docs/accelerate/{name}" in GUIDE for name in names)


@pytest.mark.parametrize(
    ("name", "kind", "processes", "mixed_precision", "use_cpu"),
    [
        ("two_cpu.yaml", DistributedType.MULTI_GPU, 2, "no", True),
        ("one_gpu.yaml", DistributedType.NO, 1, "bf16", False),
        ("v100_fp16.yaml", DistributedType.NO, 1, "fp16", False),
        ("fsdp_4xa100.yaml", DistributedType.FSDP, 4, "bf16", False),
        ("deepspeed_4xa100.yaml", DistributedType.DEEPSPEED, 4, "bf16", False),
    ],
)
def test_accelerate_reads_what_was_meant(name, kind, processes, mixed_precision, use_cpu):
    config = read(name)
    assert config.distributed_type == kind
    assert (config.num_processes, config.mixed_precision, config.use_cpu) == (processes, mixed_precision, use_cpu)
    assert config.num_machines == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_key_of_a_plugin_is_an_option_of_accelerate_launch(path):
    config = load_config_from_file(str(path))
    options = {action.dest for action in launch_command_parser()._actions}
    assert {*config.fsdp_config, *config.deepspeed_config} <= options


def test_both_ways_of_sharing_share_the_weights():
    assert read("fsdp_4xa100.yaml").fsdp_config["fsdp_reshard_after_forward"] is True
    assert read("fsdp_4xa100.yaml").fsdp_config["fsdp_version"] == 2
    assert read("deepspeed_4xa100.yaml").deepspeed_config["zero_stage"] == 3


def test_the_layers_that_fsdp_wraps_are_llamas():
    from transformers import LlamaForCausalLM

    wrapped = read("fsdp_4xa100.yaml").fsdp_config["fsdp_transformer_layer_cls_to_wrap"]
    assert wrapped in LlamaForCausalLM._no_split_modules


@pytest.mark.parametrize("path", [path for path in FILES if "cpu" not in path.name], ids=lambda path: path.stem)
def test_what_needs_a_gpu_says_that_it_was_not_measured(path):
    assert "Not measured here" in path.read_text("utf-8").partition("compute_environment")[0]


@pytest.mark.parametrize("settings", [LoraSettings, TrainingSettings])
def test_the_guide_tells_every_setting_with_its_default_and_in_the_words_of_the_code(settings):
    told = attribute_docs(settings)
    for field in dataclasses.fields(settings):
        default = " ".join(field.default) if isinstance(field.default, tuple) else field.default
        assert f"| `{field.name}` | {default} | {told[field.name]} |" in GUIDE, field.name
