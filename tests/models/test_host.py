"""One model in memory, shared: loading, freeing, reserving, failing and taking turns."""

import gc
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recsys.errors import (
    AdapterError,
    CancelledError,
    InputError,
    ModelBusyError,
    ModelUnavailableError,
    SettingsError,
    UnknownModelError,
)
from recsys.models import host as host_module
from recsys.models.host import ModelChoice, ModelHost
from tests.fixtures.tiny_adapters import save_tiny_adapter


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within twenty seconds"
        time.sleep(0.005)


@pytest.fixture
def llama(tiny_llama_folder: Path) -> ModelChoice:
    return ModelChoice(str(tiny_llama_folder), "fp32")


@pytest.fixture
def gptj(tiny_gptj_folder: Path) -> ModelChoice:
    return ModelChoice(str(tiny_gptj_folder), "fp32")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that were really loaded, in order."""
    names: list[str] = []

    def load(spec: Any, *arguments: Any, **options: Any) -> Any:
        names.append(spec.title)
        return real(spec, *arguments, **options)

    real = host_module.load_model
    monkeypatch.setattr(host_module, "load_model", load)
    return names


def test_the_first_use_loads_and_the_second_finds_it_loaded(llama: ModelChoice, loads: list[str]) -> None:
    host = ModelHost(device="cpu")
    assert host.state().phase == "empty"
    for _ in range(2):
        with host.use(llama) as loaded:
            assert loaded.model.config.model_type == "llama"
    state = host.state()
    assert loads == ["tiny-llama"]
    assert (state.phase, state.choice, state.precision, state.progress) == ("ready", llama, "fp32", 1.0)
    assert state.memory_bytes == loaded.memory_bytes > 0


def test_auto_and_the_precision_it_stood_for_are_one_model(tiny_llama_folder: Path, loads: list[str]) -> None:
    host = ModelHost(device="cpu")
    with host.use(ModelChoice(str(tiny_llama_folder))) as loaded:
        chosen = loaded.precision
    with host.use(ModelChoice(str(tiny_llama_folder), chosen)):
        pass
    assert loads == ["tiny-llama"]
    other = "fp32" if chosen == "bf16" else "bf16"
    with host.use(ModelChoice(str(tiny_llama_folder), other)) as loaded:
        assert loaded.precision == other
    assert loads == ["tiny-llama", "tiny-llama"]


def test_the_old_model_is_gone_before_the_new_one_is_loaded(
    llama: ModelChoice, gptj: ModelChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = ModelHost(device="cpu")
    with host.use(llama) as loaded:
        old = weakref.ref(loaded.model)
    del loaded
    alive: list[bool] = []
    real = host_module.load_model

    def load(*arguments: Any, **options: Any) -> Any:
        alive.append(old() is not None)
        return real(*arguments, **options)

    monkeypatch.setattr(host_module, "load_model", load)
    with host.use(gptj) as loaded:
        assert loaded.model.config.model_type == "gptj"
    assert alive == [False]


def test_the_old_model_is_gone_even_after_adapters_were_used(
    llama: ModelChoice, gptj: ModelChoice, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    save_tiny_adapter(tiny_llama_folder, tmp_path / "mine")
    host = ModelHost(adapters_folder=tmp_path, device="cpu")
    with host.use(ModelChoice(llama.model, "fp32", "mine")) as loaded:
        old = weakref.ref(loaded.model)
    del loaded
    with host.use(gptj):
        gc.collect()
        assert old() is None


def test_adapters_change_without_another_load(
    llama: ModelChoice, tiny_llama_folder: Path, tmp_path: Path, loads: list[str]
) -> None:
    notes = {"base_model": "another", "base_weight_hash": "0" * 16}
    save_tiny_adapter(tiny_llama_folder, tmp_path / "mine", notes=notes)
    host = ModelHost(adapters_folder=tmp_path, device="cpu")
    with host.use(llama) as loaded:
        assert (loaded.adapter, loaded.adapter_hash, host.state().warnings) == (None, None, ())
    with host.use(ModelChoice(llama.model, "fp32", "mine")) as loaded:
        assert loaded.adapter == "mine"
        assert len(loaded.adapter_hash) == 16
        assert "other weights" in host.state().warnings[0]
    with host.use(llama) as loaded:
        assert (loaded.adapter, loaded.adapter_hash, host.state().warnings) == (None, None, ())
    assert loads == ["tiny-llama"]


def test_a_missing_adapter_fails_and_the_base_stays_usable(
    llama: ModelChoice, tmp_path: Path, loads: list[str]
) -> None:
    host = ModelHost(adapters_folder=tmp_path, device="cpu")
    with host.use(llama):
        pass
    with pytest.raises(AdapterError, match="no such adapter"), host.use(ModelChoice(llama.model, "fp32", "gone")):
        pytest.fail("the block ran")
    assert host.state().phase == "failed"
    with host.use(llama):
        assert host.state().phase == "ready"
    assert loads == ["tiny-llama"]


def test_loading_in_the_background_tells_how_far_it_is(llama: ModelChoice, monkeypatch: pytest.MonkeyPatch) -> None:
    host, go_on = ModelHost(device="cpu"), threading.Event()
    real = host_module.load_model

    def load(*arguments: Any, progress: Callable[[float, str], None], **options: Any) -> Any:
        progress(0.8, "Loading tiny-llama.")
        assert go_on.wait(20)
        return real(*arguments, progress=progress, **options)

    monkeypatch.setattr(host_module, "load_model", load)
    host.start_loading(llama)
    assert host.state().phase == "loading"
    wait_for(lambda: host.state().progress == 0.8)
    assert host.state().message == "Loading tiny-llama."  # and asking did not wait for the loader
    go_on.set()
    wait_for(lambda: host.state().phase == "ready")


def test_a_failed_load_keeps_its_message_and_the_next_use_tries_again(llama: ModelChoice, tmp_path: Path) -> None:
    folder = tmp_path / "late"
    host = ModelHost(device="cpu")
    choice = ModelChoice(str(folder), "fp32")
    host.start_loading(choice)
    wait_for(lambda: host.state().phase == "failed")
    assert "there is no such model" in host.state().message
    assert host.state().choice == choice
    with pytest.raises(UnknownModelError), host.use(choice):
        pytest.fail("the block ran")
    folder.symlink_to(llama.model)
    with host.use(choice):
        assert host.state().phase == "ready"


def test_a_name_that_is_no_model_leaves_the_loaded_one_in_memory(llama: ModelChoice, loads: list[str]) -> None:
    host = ModelHost(device="cpu")
    with host.use(llama):
        pass
    with pytest.raises(UnknownModelError), host.use(ModelChoice("nonsense")):
        pytest.fail("the block ran")
    with host.use(llama):
        pass
    assert loads == ["tiny-llama"]


def test_a_public_host_loads_no_folder(llama: ModelChoice) -> None:
    with pytest.raises(UnknownModelError, match="does not offer"), ModelHost(public=True, device="cpu").use(llama):
        pytest.fail("the block ran")


def test_a_reserved_model_is_not_replaced_but_its_adapters_may_change(
    llama: ModelChoice, gptj: ModelChoice, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    save_tiny_adapter(tiny_llama_folder, tmp_path / "mine")
    host = ModelHost(adapters_folder=tmp_path, device="cpu")
    with host.reserve(llama):
        with host.use(llama, priority="batch"):
            pass
        with host.use(ModelChoice(llama.model, "fp32", "mine")) as loaded:
            assert loaded.adapter == "mine"
        with pytest.raises(ModelBusyError, match="a long job is using"), host.use(gptj):
            pytest.fail("the block ran")
        with pytest.raises(ModelBusyError):
            host.start_loading(gptj)
        with pytest.raises(ModelBusyError), host.reserve(llama):
            pytest.fail("reserved twice")
        assert host.state().choice.model == llama.model
    with host.use(gptj) as loaded:
        assert loaded.model.config.model_type == "gptj"


def test_a_reserved_auto_precision_lets_in_what_it_stands_for(tiny_llama_folder: Path) -> None:
    host, choice = ModelHost(device="cpu"), ModelChoice(str(tiny_llama_folder))
    with host.reserve(choice):
        with host.use(choice, priority="batch") as loaded:
            chosen = loaded.precision
        with host.use(ModelChoice(choice.model, chosen)):
            pass
        with pytest.raises(ModelBusyError), host.use(ModelChoice(choice.model, "int8")):
            pytest.fail("the block ran")


def test_another_threshold_of_int8_is_another_base_and_counts_in_int8_alone(tiny_llama_folder: Path) -> None:
    host, model = ModelHost(device="cpu"), str(tiny_llama_folder)

    def thresholds(choice: ModelChoice) -> set[float]:
        with host.use(choice) as loaded:
            return {m.state.threshold for m in loaded.model.modules() if type(m).__name__ == "Linear8bitLt"}

    assert thresholds(ModelChoice(model, "int8")) == {6.0}
    assert thresholds(ModelChoice(model, "int8", int8_threshold=2.5)) == {2.5}
    with host.reserve(ModelChoice(model, "int8")), pytest.raises(ModelBusyError):
        thresholds(ModelChoice(model, "int8", int8_threshold=1))
    with host.use(ModelChoice(model, "fp32")) as first, pytest.raises(SettingsError, match="int8_threshold"):
        ModelChoice(model, int8_threshold=-1)
    with host.use(ModelChoice(model, "fp32", int8_threshold=1)) as second:
        assert first is second


def test_who_waited_while_the_model_was_reserved_is_told_so(llama: ModelChoice, gptj: ModelChoice) -> None:
    host, outcome = ModelHost(device="cpu"), []

    def ask() -> None:
        try:
            with host.use(gptj):
                outcome.append("ran")
        except ModelBusyError:
            outcome.append("busy")

    with host.use(llama):
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        wait_for(lambda: host._turns.num_waiting == 1)
        reservation = host.reserve(llama)
        reservation.__enter__()
    thread.join(20)
    reservation.__exit__(None, None, None)
    assert outcome == ["busy"]


def test_waiting_for_the_model_can_be_cancelled(llama: ModelChoice) -> None:
    host, cancel, outcome = ModelHost(device="cpu"), threading.Event(), []

    def ask() -> None:
        try:
            with host.use(llama, cancel=cancel):
                outcome.append("ran")
        except CancelledError:
            outcome.append("cancelled")

    with host.use(llama):
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        wait_for(lambda: host._turns.num_waiting == 1)
        cancel.set()
        thread.join(20)
    assert outcome == ["cancelled"]
    assert host.state().phase == "ready"


def test_a_person_gets_the_model_after_one_batch_of_a_long_job(llama: ModelChoice) -> None:
    host, events, fifth = ModelHost(device="cpu"), [], threading.Event()

    def long_job() -> None:
        with host.reserve(llama):
            for block in range(20):
                with host.use(llama, priority="batch"):
                    events.append(block)
                    if block == 5:
                        fifth.set()
                        wait_for(lambda: host._turns.num_waiting == 1)

    job = threading.Thread(target=long_job, daemon=True)
    job.start()
    assert fifth.wait(20)
    with host.use(llama):
        events.append("person")
    job.join(20)
    assert events == [*range(6), "person", *range(6, 20)]


def test_the_speed_is_told_until_another_model_is_loaded(llama: ModelChoice, gptj: ModelChoice) -> None:
    host = ModelHost(device="cpu")
    with host.use(llama):
        host.report_speed(12.5)
    assert host.state().tokens_per_second == 12.5
    with host.use(gptj):
        assert host.state().tokens_per_second is None


def test_a_model_that_cannot_fit_is_refused_before_it_is_fetched_and_the_present_one_stays(
    llama: ModelChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = ModelHost()
    with host.use(llama) as loaded:
        pass
    monkeypatch.setattr(host_module, "available_bytes", lambda device: 10**9)
    monkeypatch.setattr(host_module, "fetch_model", lambda *_: pytest.fail("it was fetched"))
    sentence = "LLaMA 65B does not fit in any precision here"
    with pytest.raises(ModelUnavailableError, match=sentence), host.use(ModelChoice("huggyllama/llama-65b")):
        pass
    assert sentence in host.state().message
    with host.use(llama) as again:
        assert again is loaded
    assert host.free_bytes() == 10**9 + loaded.memory_bytes


@pytest.mark.parametrize(
    "made_up",
    [ModelChoice("buy my things"), ModelChoice("evil/model"), ModelChoice("gptj-mini", adapter="buy my things")],
)
def test_what_a_visitor_made_up_is_refused_and_told_to_nobody_else(made_up):
    host = ModelHost(public=True)
    before = host.state()
    with pytest.raises(InputError):
        host.start_loading(made_up)
    with pytest.raises(InputError), host.use(made_up):
        pass
    assert host.state() == before
