"""Adapters come from the Hub by their known files alone; a small server stands in for the Hub."""

import pytest

from recsys.errors import AdapterError, ModelUnavailableError, UnknownModelError
from recsys.models.adapter_adding import add_from_hub
from tests.fixtures.adapter_zips import adapter_members
from tests.fixtures.fake_hub import serve_hub


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """The files of open/tiny on the Hub."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name, data in {**adapter_members(base_model="smollm2-135m"), "run.py": b"1/0", "x.bin": b"x"}.items():
        (folder / name).write_bytes(data)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # huggingface_hub waits before it tries again
    with serve_hub(folder, tmp_path / "cache", monkeypatch):
        yield folder


def test_the_known_files_alone_are_fetched(repository, tmp_path):
    added = add_from_hub("open/tiny", tmp_path / "adapters")
    assert (added.info.name, added.model) == ("tiny", "smollm2-135m")
    known = ["adapter_config.json", "adapter_model.safetensors", "recsys.json"]
    assert sorted(path.name for path in added.info.path.iterdir()) == known
    assert not any(path.is_symlink() for path in added.info.path.iterdir())
    assert not list((tmp_path / "cache").rglob("x.bin"))


def test_once_fetched_it_is_added_again_without_a_network(repository, tmp_path, monkeypatch):
    add_from_hub("open/tiny", tmp_path / "adapters")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert add_from_hub("open/tiny", tmp_path / "adapters").info.name == "tiny-2"


def test_a_pickled_adapter_is_refused_before_it_is_fetched(repository, tmp_path):
    (repository / "adapter_model.safetensors").rename(repository / "adapter_model.bin")
    with pytest.raises(AdapterError, match=r"open/tiny is pickled.*adapters convert"):
        add_from_hub("open/tiny", tmp_path / "adapters")
    assert not list((tmp_path / "cache").rglob("adapter_*"))


def test_a_repository_without_an_adapter_is_told(repository, tmp_path):
    (repository / "adapter_config.json").unlink()
    with pytest.raises(AdapterError, match=r"open/tiny holds no adapter_config.json"):
        add_from_hub("open/tiny", tmp_path / "adapters")


def test_one_too_large_is_refused_before_it_is_fetched(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("recsys.models.adapter_archive.MAX_WEIGHTS_BYTES", 1000)
    with pytest.raises(AdapterError, match=r"adapter_model.safetensors is too large"):
        add_from_hub("open/tiny", tmp_path / "adapters")
    assert not list((tmp_path / "cache").rglob("adapter_*"))


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("no-slash", AdapterError, "no id of the Hub.*owner/name"),
        ("../../etc/passwd", AdapterError, "no id of the Hub"),
        ("closed/missing", UnknownModelError, "no model of that id, or it is private"),
        ("closed/gated", ModelUnavailableError, "asks for its licence"),
        ("open/tiny@v9", UnknownModelError, "has no such revision"),
        ("closed/down", ModelUnavailableError, "cannot be reached.*bring the adapter as a zip"),
    ],
)
def test_what_the_hub_refuses_is_worded(repository, tmp_path, name, error, match):
    with pytest.raises(error, match=match):
        add_from_hub(name, tmp_path / "adapters")
    assert not list((tmp_path / "adapters").iterdir())


def test_without_a_network_one_sentence_tells_it(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ModelUnavailableError, match="the Hub cannot be reached, and open/tiny is not in this machine's"
    ):
        add_from_hub("open/tiny", tmp_path / "adapters")
