"""Budgets are read and kept to, and what cannot stay on disk is refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recsys.cli.main import main
from recsys.errors import ModelUnavailableError, SettingsError
from recsys.models import host as host_module
from recsys.models import loading
from recsys.models.host import ModelChoice, ModelHost
from recsys.models.loading import load_model
from recsys.models.memory_plan import AnswerSize, plan_memory
from recsys.models.placement import PlacementSettings
from recsys.models.planning import fit_model
from recsys.models.registry import find_model
from recsys.models.shapes import KNOWN
from recsys.models.too_large import ways_out

GB = 10**9


def test_budgets_are_read_with_decimal_and_binary_units() -> None:
    assert PlacementSettings("0:20GB, 1:1.5GiB,cpu:300mb").budgets == {
        0: 20 * GB,
        1: 3 * 2**29,
        "cpu": 300_000_000,
    }
    assert PlacementSettings().budgets == {}


@pytest.mark.parametrize("wrong", ["", "20GB", "0=20GB", "gpu:1GB", "0:20", "0:-1GB", "0:1GB,,1:1GB", "cpu:infGB"])
def test_budgets_that_cannot_be_read_are_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"max_memory.*0:20GB,1:20GB,cpu:30GB"):
        PlacementSettings(wrong)


def test_a_device_has_one_budget() -> None:
    with pytest.raises(SettingsError, match="twice"):
        PlacementSettings("cpu:1GB,CPU:2GB")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SettingsError, match="offload_folder is a file"):
        PlacementSettings(offload_folder=file)


def test_a_budget_limits_what_is_free_and_adds_nothing() -> None:
    assert PlacementSettings("cpu:3GB").limit("cpu", 20 * GB) == 3 * GB
    assert PlacementSettings("cpu:30GB").limit("cpu", 20 * GB) == 20 * GB
    assert PlacementSettings().limit("cpu", 20 * GB) == 20 * GB


def test_a_gpu_that_is_not_used_takes_no_budget() -> None:
    with pytest.raises(SettingsError, match=r"names a GPU that is not used.*none is in use here"):
        PlacementSettings("0:20GB,cpu:3GB").limit("cpu", 20 * GB)


def test_several_processes_share_no_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SettingsError, match="several processes"):
        PlacementSettings("cpu:3GB").limit("cpu", GB)


def test_without_settings_all_weights_go_to_the_device() -> None:
    assert PlacementSettings().loading_options("cpu", GB, fits=True, quantised=False) == {"device_map": {"": "cpu"}}


def test_what_fits_in_memory_stays_there_though_a_folder_is_given() -> None:
    told = PlacementSettings(offload_folder=Path("x")).loading_options("cpu", GB, fits=True, quantised=False)
    assert told == {"device_map": {"": "cpu"}}


def test_what_does_not_fit_leaves_a_fifth_of_the_memory_for_answers() -> None:
    told = PlacementSettings(offload_folder=Path("x")).loading_options("cpu", 10 * GB, fits=False, quantised=False)
    assert told == {"device_map": "auto", "max_memory": {"cpu": 8 * GB}, "offload_folder": "x"}


class FakeGpus:
    """Two GPUs with 10 GB free each, as torch tells of them."""

    @staticmethod
    def device_count() -> int:
        return 2

    @staticmethod
    def mem_get_info(index: int) -> tuple[int, int]:
        return 10 * GB, 12 * GB


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch, "cuda", FakeGpus)
    monkeypatch.setattr("recsys.models.placement.machine_bytes_left", lambda: 30 * GB)


@pytest.mark.usefixtures("gpus")
def test_gpus_take_their_budgets_and_quantised_weights_none_beside_them() -> None:
    asked = PlacementSettings("0:4GB,1:5GB,cpu:6GB")
    assert asked.limit("cuda", 20 * GB) == 15 * GB
    plain = asked.loading_options("cuda", 15 * GB, fits=True, quantised=False)
    assert plain == {"device_map": "auto", "max_memory": {0: 4 * GB, 1: 5 * GB, "cpu": 6 * GB}}
    quantised = asked.loading_options("cuda", 15 * GB, fits=True, quantised=True)
    assert quantised["max_memory"] == {0: 4 * GB, 1: 5 * GB}


@pytest.mark.usefixtures("gpus")
def test_offload_without_budgets_fills_gpus_then_memory_then_the_disk() -> None:
    asked = PlacementSettings(offload_folder=Path("x"))
    told = asked.loading_options("cuda", 44 * GB, fits=False, quantised=False)
    assert told["max_memory"] == {0: 8 * GB, 1: 8 * GB, "cpu": 24 * GB}
    assert told["offload_folder"] == "x"


@pytest.mark.parametrize("precision", ["int8", "nf4"])
def test_quantised_weights_are_not_left_on_disk(
    precision: Any, tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "available_bytes", lambda _: 10_000)
    placement = PlacementSettings(offload_folder=tmp_path)
    with pytest.raises(ModelUnavailableError, match=f"weights in {precision} cannot stay on disk.*choose precision"):
        load_model(find_model(str(tiny_llama_folder)), precision, device="cpu", placement=placement)
    fit = fit_model(find_model(str(tiny_llama_folder)), precision, device="cpu", available=9_000, placement=placement)
    assert fit is not None
    with pytest.raises(ModelUnavailableError, match="cannot stay on disk"):
        fit.require()


def test_a_budget_that_is_too_small_is_told_before_loading(tiny_llama_folder: Path) -> None:
    host = ModelHost(device="cpu", placement=PlacementSettings("cpu:30KB"))
    refused = pytest.raises(ModelUnavailableError, match="does not fit in any precision here")
    with refused as told, host.use(ModelChoice(str(tiny_llama_folder))):
        pass
    assert "--engine openai --base-url" in str(told.value)


def test_a_host_with_a_folder_answers_with_weights_on_disk(
    tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enough_for_answers = 21_000_000  # of which the plan counts 20 MB for tokenizer and modules
    monkeypatch.setattr(host_module, "available_bytes", lambda _: enough_for_answers)
    monkeypatch.setattr(loading, "available_bytes", lambda _: 50_000)
    host = ModelHost(device="cpu", placement=PlacementSettings(offload_folder=tmp_path))
    with host.use(ModelChoice(str(tiny_llama_folder), "fp32")) as loaded:
        assert "disk" in loaded.model.hf_device_map.values()
    assert "read from disk for each token" in host.state().message


def plans_of(name: str, available: float, folder: str | None = None) -> Any:
    shape = KNOWN[name]
    placement = PlacementSettings(offload_folder=Path(folder)) if folder else None
    size = AnswerSize(1, 1, 512)
    return plan_memory(name, shape.count_weights(), shape, int(available * GB), size, placement=placement)


def test_a_plan_with_a_folder_says_how_much_is_read_from_disk() -> None:
    plans = plans_of("llama-13b", 20, "x")
    plan = plans.of("bf16")
    assert plan.fits
    assert not plan.fits_in_memory
    assert f"about {plan.on_disk / 1e9:.1f} GB of its weights stay on disk" in plans.sentence("bf16")
    plans.require("bf16")
    assert not plans_of("llama-13b", 20).of("bf16").fits


def test_a_plan_needs_room_for_the_largest_tensor_though_all_is_on_disk() -> None:
    shape = KNOWN["llama-13b"]
    plan = plans_of("llama-13b", 20, "x").of("bf16")
    assert plan.least == plan.cache + plan.working + 32000 * shape.hidden * 2
    assert not plans_of("llama-13b", plan.least / GB - 0.01, "x").of("bf16").fits


def test_where_nothing_fits_disk_and_server_are_proposed_with_numbers() -> None:
    plans, spec = plans_of("llama-65b", 20), find_model("huggyllama/llama-65b")
    told = ways_out(plans, spec, free_on_disk=200 * GB)
    assert "--offload-folder FOLDER --precision bf16 leaves about" in told
    assert "of 130.6 GB on disk (of 200.0 GB free there)" in told
    assert "--engine openai --base-url http://HOST:8000/v1 asks a server that has the" in told


def test_a_disk_that_is_too_small_is_not_proposed() -> None:
    plans, spec = plans_of("llama-65b", 20), find_model("huggyllama/llama-65b")
    told = ways_out(plans, spec, free_on_disk=80 * GB)
    assert "130.6 GB in bf16 are more than the 80.0 GB free on disk; --engine openai" in told
    assert "--offload-folder" not in told


def test_too_little_memory_for_even_one_layer_leaves_the_server() -> None:
    told = ways_out(plans_of("llama-65b", 0.1), find_model("huggyllama/llama-65b"), free_on_disk=200 * GB)
    assert told.startswith("even with its weights on disk bf16 needs")


@pytest.mark.parametrize("option", ["--max-memory=cpu:4GB", "--offload-folder=/tmp/x"])
def test_training_refuses_them(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--name", "x", option]) == 2
    assert "training keeps all weights in memory" in capsys.readouterr().err


def test_a_command_answers_with_a_budget_and_refuses_a_wrong_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--max-memory", "cpu:4GB"]) == 0
    assert "and 4.0 GB are free" in capsys.readouterr().out
    assert main(["models", "list", "--max-memory", "4"]) == 2
    assert "max_memory is not a list of devices and sizes" in capsys.readouterr().err
