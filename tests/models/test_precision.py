"""Which device and precision are taken, and why."""

from pathlib import Path
from typing import Any

import pytest

from recsys.errors import ModelUnavailableError, SettingsError
from recsys.models import precision as precision_module
from recsys.models.memory import WeightCounts
from recsys.models.precision import compute_precision, cpu_has_fast_bf16, resolve_device, resolve_precision

X86 = "processor : 0\nflags\t\t: fpu avx2 avx512f {}\nbugs : none\n"
ARM = "processor : 0\nFeatures\t: fp asimd {}\n"


@pytest.mark.parametrize(
    ("cpuinfo", "fast"),
    [
        (X86.format("avx512_bf16"), True),
        (X86.format("amx_tile amx_bf16"), True),
        (ARM.format("i8mm bf16"), True),
        (X86.format("avx512_fp16"), False),
        (ARM.format("i8mm"), False),
        ("", False),
    ],
)
def test_the_processor_tells_whether_it_computes_in_bf16(cpuinfo: str, fast: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert cpu_has_fast_bf16(tmp_path / "cpuinfo") is fast


def test_a_system_that_does_not_tell_counts_as_without(tmp_path: Path) -> None:
    assert not cpu_has_fast_bf16(tmp_path / "none")


@pytest.mark.parametrize(("fast", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_on_a_processor_is_its_fastest(monkeypatch: pytest.MonkeyPatch, fast: bool, expected: str) -> None:
    monkeypatch.setattr(precision_module, "cpu_has_fast_bf16", lambda: fast)
    chosen, reason = resolve_precision("auto", "cpu")
    assert chosen == expected
    assert reason.endswith(".")
    assert "processor" in reason


@pytest.mark.parametrize(("supported", "expected"), [(True, "bf16"), (False, "fp16")])
def test_auto_on_a_gpu_is_what_it_computes_in(monkeypatch: pytest.MonkeyPatch, supported: bool, expected: str) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda **_: supported)
    assert resolve_precision("auto", "cuda")[0] == expected
    assert resolve_precision("auto", "mps")[0] == "fp16"


def test_auto_shrinks_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision_module, "cpu_has_fast_bf16", lambda: False)
    weights = WeightCounts(linear=10**9, other=0)  # peaks: fp32 4.4 GB, bf16 2.2, int8 1.1, nf4 0.62
    taken = [
        resolve_precision("auto", "cpu", weights=weights, available=int(free * 1e9))[0] for free in (5, 4, 2, 1, 0.5)
    ]
    # Nothing fits in half a GB: the refusal tells the rest.
    assert taken == ["fp32", "bf16", "int8", "nf4", "fp32"]
    reason = resolve_precision("auto", "cpu", weights=weights, available=4 * 10**9)[1]
    assert reason == "fp32 would be faster but needs 4.4 GB and 4.0 GB are free."


@pytest.mark.parametrize("asked", ["fp32", "bf16", "fp16", "int8", "nf4"])
def test_what_was_asked_for_is_taken(asked: Any) -> None:
    assert resolve_precision(asked, "cpu") == (asked, f"{asked} was asked for.")


@pytest.mark.parametrize(("gpu_has_bf16", "expected"), [(True, "bf16"), (False, "fp16")])
def test_quantised_weights_are_computed_with_in_half_precision(
    monkeypatch: pytest.MonkeyPatch, gpu_has_bf16: bool, expected: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda **_: gpu_has_bf16)
    assert compute_precision("nf4", "cuda") == expected
    assert compute_precision("nf4", "cpu") == "bf16"
    assert {compute_precision("int8", device) for device in ("cpu", "cuda", "mps")} == {"fp16"}
    assert compute_precision("fp32", "cuda") == "fp32"


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="precision is not known"):
        resolve_precision("int4", "cpu")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="device is not known"):
        resolve_device("tpu")


def test_auto_takes_the_gpu_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(ModelUnavailableError, match="no cuda device"):
        resolve_device("cuda")
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    assert resolve_device("auto") == "mps"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert resolve_device("auto") == "cuda"
