"""Fetches an adapter of the Hugging Face Hub: its known files alone, never a pickle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.errors import AdapterError, RecsysError
from recsys.models.adapter_archive import ADAPTER_FILES, require_size
from recsys.models.adapter_files import CONFIG_FILE, CONVERT, PICKLED_FILE, WEIGHTS_FILE
from recsys.models.hub import explain_hub_error
from recsys.models.registry import ModelSpec, read_hub_id

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

_OTHERWISE = "bring the adapter as a zip"


def fetch_adapter(name: str, folder: Path) -> str:
    """Writes the known files of an adapter on the Hub into an empty folder.

    Args:
        name: owner/name, or owner/name@revision.
        folder: Where they are written.

    Returns:
        What the adapter is called: the repository without its owner.

    Raises:
        AdapterError: when that is no id, the repository holds no adapter in safetensors, or a file is too large.
        UnknownModelError: no such repository or revision.
        ModelUnavailableError: access refused, or no network.
    """
    found = read_hub_id(name.strip())
    if found is None:
        raise AdapterError("this is no id of the Hub", seen=name, mend="write it as owner/name or owner/name@revision")
    location, revision = found
    cached = _fetch(ModelSpec(name, location, "hub", location, None, None, "", revision=revision))
    for path in (cached / file for file in ADAPTER_FILES):
        if path.is_file():
            require_size(path.name, path.stat().st_size)
            shutil.copyfile(path, folder / path.name)
    return location.partition("/")[2]


def _fetch(spec: ModelSpec) -> Path:
    """The repository's folder in the Hub's cache."""
    import httpx2
    from huggingface_hub import HfApi, errors, snapshot_download

    try:
        try:
            _require_files(HfApi().model_info(spec.location, revision=spec.revision, files_metadata=True), spec)
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
            raise
        except (OSError, httpx2.HTTPError):
            pass  # an earlier visit may have left it in the cache, which is tried next
        names = list(ADAPTER_FILES)
        return Path(snapshot_download(spec.location, revision=spec.revision, allow_patterns=names))
    except (OSError, ValueError, httpx2.HTTPError) as error:
        raise _explain(error, spec) from error


def _require_files(info: ModelInfo, spec: ModelSpec) -> None:
    """Refuses a repository by its list of files, before any is fetched."""
    sizes = {entry.rfilename: entry.size for entry in info.siblings or ()}
    if CONFIG_FILE not in sizes:
        mend = "take a repository that holds a PEFT adapter"
        raise AdapterError(f"{spec.location} holds no {CONFIG_FILE}", mend=mend)
    if WEIGHTS_FILE not in sizes:
        if PICKLED_FILE in sizes:
            problem = f"{spec.location} is pickled, and a pickle can run code"
            raise AdapterError(problem, seen=PICKLED_FILE, mend=f"download it and {CONVERT}")
        raise AdapterError(f"{spec.location} holds no {WEIGHTS_FILE}", mend="take one that is saved as safetensors")
    for name in ADAPTER_FILES:
        require_size(name, sizes.get(name) or 0)


def _explain(error: Exception, spec: ModelSpec) -> RecsysError:
    return explain_hub_error(error, spec, otherwise=_OTHERWISE)
