"""Models come from the Hub with progress, and every refusal is worded; a small server stands in for the Hub."""

import errno
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from recsys.errors import ModelUnavailableError, UnknownModelError
from recsys.models.hub import cached_config, explain_hub_error, fetch_from_hub
from recsys.models.loading import load_model
from recsys.models.planning import fit_model
from recsys.models.registry import find_model
from tests.fixtures.fake_hub import serve_hub


@pytest.fixture
def hub(tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    with serve_hub(tiny_llama_folder, tmp_path / "hub", monkeypatch) as server:
        yield server


def test_a_model_of_the_hub_is_downloaded_with_progress_and_loads(
    hub: ThreadingHTTPServer, tiny_llama_folder: Path
) -> None:
    told: list[tuple[float, str]] = []
    loaded = load_model(
        find_model("open/tiny"), "fp32", device="cpu", progress=lambda fraction, text: told.append((fraction, text))
    )
    assert loaded.model.config.model_type == "llama"
    assert loaded.weight_hash == load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu").weight_hash
    assert any(text.startswith("Downloading open/tiny: ") for _, text in told)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)


def test_once_downloaded_it_loads_without_the_network(
    hub: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    spec = find_model("open/tiny")
    folder = fetch_from_hub(spec, lambda fraction, message: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch_from_hub(spec, lambda fraction, message: None) == folder


def test_the_token_of_the_environment_is_sent(hub: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    fetch_from_hub(find_model("open/tiny"), lambda fraction, message: None)
    assert "Bearer hf_of_a_test" in hub.RequestHandlerClass.tokens


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("closed/gated", ModelUnavailableError, r"asks for its licence to be accepted \(seen: 403\).*HF_TOKEN"),
        ("closed/gated-without-token", ModelUnavailableError, r"asks for its licence.*\(seen: 401\).*HF_TOKEN"),
        ("closed/missing", UnknownModelError, r"no model of that id, or it is private \(seen: 'closed/missing'\)"),
        ("closed/private", UnknownModelError, r"no model of that id, or it is private.*HF_TOKEN"),
        ("closed/forbidden", ModelUnavailableError, r"refuses access.*HF_TOKEN"),
        ("closed/down", ModelUnavailableError, r"cannot be reached.*smollm2-135m or a local folder"),
        ("open/empty", UnknownModelError, r"is no transformers model"),
        ("open/tiny@v9", UnknownModelError, r"has no such revision \(seen: 'v9'\)"),
    ],
)
def test_what_the_hub_refuses_is_worded(
    hub: ThreadingHTTPServer, name: str, error: type[Exception], match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # huggingface_hub waits before it tries again
    with pytest.raises(error, match=match):
        fetch_from_hub(find_model(name), lambda fraction, message: None)


def test_without_a_network_the_mend_names_what_works_offline(
    hub: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailableError, match=r"is not in this machine's cache.*choose smollm2-135m"):
        fetch_from_hub(find_model("open/tiny"), lambda fraction, message: None)


def test_a_full_disk_is_told() -> None:
    error = OSError(errno.ENOSPC, "No space left on device")
    told = explain_hub_error(error, find_model("huggyllama/llama-7b"))
    assert "no room on the disk for huggyllama/llama-7b" in str(told)
    assert "HF_HOME" in str(told)


def test_an_unlisted_models_size_is_known_from_its_config_alone(
    hub: ThreadingHTTPServer, tiny_llama_folder: Path
) -> None:
    spec = find_model("open/tiny")
    assert fit_model(spec, device="cpu", available=10**9) is None  # nothing is asked of the Hub unless one wants it
    fit = fit_model(spec, device="cpu", available=10**9, ask_hub=True)
    of_folder = fit_model(find_model(str(tiny_llama_folder)), device="cpu", available=10**9)
    assert fit is not None
    assert of_folder is not None
    assert fit.plan.weights == of_folder.plan.weights
    again = fit_model(spec, device="cpu", available=1000)  # from the Hub's cache
    assert again is not None
    assert not again.fits
    assert not list(Path(cached_config(spec) or "").parent.glob("*.safetensors"))
