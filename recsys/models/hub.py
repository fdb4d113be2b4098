"""Fetches a model of the Hugging Face Hub into the Hub's own cache and words what can go wrong.

Only safetensors, configuration and tokenizer files are fetched, never pickles or code. The token is
taken from HF_TOKEN or the Hub's login by huggingface_hub itself.
"""

from __future__ import annotations

import errno
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.errors import ModelUnavailableError, RecsysError, UnknownModelError
from recsys.models.artifacts import Progress
from recsys.models.registry import DEFAULT_MODEL, ModelSpec, read_architecture

if TYPE_CHECKING:
    from tqdm import tqdm  # type: ignore[import-untyped]

_FILES = (
    "config.json",
    "generation_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)
_OTHERWISE = f"choose {DEFAULT_MODEL} or a local folder"


def fetch_from_hub(spec: ModelSpec, progress: Progress) -> Path:
    """Returns the local folder of a Hub model, downloaded where it is not cached yet.

    Raises:
        UnknownModelError: no such repository or revision, or another architecture.
        ModelUnavailableError: access refused, offline, or no room on the disk.
    """
    import httpx2
    from huggingface_hub import hf_hub_download, snapshot_download

    try:
        config = hf_hub_download(spec.location, "config.json", revision=spec.revision)
        read_architecture(json.loads(Path(config).read_text(encoding="utf-8")), spec.name)
        return Path(
            snapshot_download(
                spec.location,
                revision=spec.revision,
                allow_patterns=list(_FILES),
                tqdm_class=_progress_bar(spec, progress),
            )
        )
    except (OSError, ValueError, httpx2.HTTPError) as error:
        raise explain_hub_error(error, spec) from error


def cached_config(spec: ModelSpec) -> Path | None:
    """The config.json of a Hub model where an earlier visit left it on this machine; asks no network."""
    if spec.source != "hub":
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(spec.location, "config.json", revision=spec.revision)
    return Path(found) if isinstance(found, str) else None


def fetch_config(spec: ModelSpec) -> Path:
    """The config.json of a Hub model, a few kB, so that its size is known before its weights are fetched.

    Raises:
        UnknownModelError, ModelUnavailableError: as fetch_from_hub.
    """
    import httpx2
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(spec.location, "config.json", revision=spec.revision))
    except (OSError, ValueError, httpx2.HTTPError) as error:
        raise explain_hub_error(error, spec) from error


def explain_hub_error(error: Exception, spec: ModelSpec, *, otherwise: str = _OTHERWISE) -> RecsysError:
    """Words an error of huggingface_hub for people; ``otherwise`` is what works without a network."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return ModelUnavailableError(
            f"{spec.location} asks for its licence to be accepted",
            seen=_status(error),
            mend="accept it on the model's page of the Hub and set HF_TOKEN to a token of that account",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        mend = "take a branch, tag or commit of the model's page"
        return UnknownModelError(f"{spec.location} has no such revision", seen=spec.revision, mend=mend)
    if isinstance(error, errors.RepositoryNotFoundError):
        return UnknownModelError(
            "the Hub has no model of that id, or it is private",
            seen=spec.location,
            mend="check the spelling, or set HF_TOKEN to a token that may read it",
        )
    if isinstance(error, errors.RemoteEntryNotFoundError):
        mend = "take a repository that holds config.json and model.safetensors"
        return UnknownModelError("the repository is no transformers model", seen=spec.location, mend=mend)
    return _explain_transport(error, spec, otherwise)


def _explain_transport(error: Exception, spec: ModelSpec, otherwise: str) -> RecsysError:
    from huggingface_hub import errors

    status = _status(error)
    if status in {401, 403}:
        mend = "set HF_TOKEN to a valid token that may read it"
        return ModelUnavailableError(f"the Hub refuses access to {spec.location}", seen=status, mend=mend)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        mend = "free some, or set HF_HOME to a folder on another disk"
        return ModelUnavailableError(f"there is no room on the disk for {spec.location}", mend=mend)
    if isinstance(error, errors.HFValidationError):
        return UnknownModelError("that is no id of a Hub model", seen=spec.location, mend="write it as owner/name")
    return ModelUnavailableError(
        f"the Hub cannot be reached, and {spec.location} is not in this machine's cache",
        seen=status or type(error).__name__,
        mend=f"check the network and HF_HUB_OFFLINE, or {otherwise}",
    )


def _status(error: BaseException | None) -> int | None:
    """The HTTP status of an error or of what caused it: huggingface_hub looks into its cache before it gives up."""
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__
    return None


def _progress_bar(spec: ModelSpec, progress: Progress) -> type[tqdm]:
    """A bar class for huggingface_hub that reports bytes instead of drawing.

    Files are found and fetched in several threads, so the total grows while bytes come in. The share done is
    taken of what the weights must take at least, where that is known, and never steps back.
    """
    from tqdm import tqdm

    expected = 2 * (spec.num_parameters or 0)
    reporting = threading.Lock()
    furthest = 0.0

    class ReportingBar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: object, **kwargs: object) -> None:
            kwargs["disable"] = True
            self._counts_bytes = kwargs.get("unit") == "B"
            self._done = 0.0
            super().__init__(*args, **kwargs)

        def update(self, n: float | None = 1) -> bool | None:
            self._done += n or 0
            if self._counts_bytes and self.total:
                self._report(max(self.total, expected))
            return None

        def _report(self, total: float) -> None:
            nonlocal furthest
            with reporting:
                furthest = max(furthest, min(self._done / total, 1.0))
                megabytes = f"{self._done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
                progress(furthest, f"Downloading {spec.title}: {megabytes}.")

    return ReportingBar
