"""``deploy``: put this checkout on a Hugging Face Space.

The Hub refuses plain pushes of binary files, so the files go up through huggingface_hub.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from recsys.errors import InputError, ModelUnavailableError

SPACE_FILES = (
    "app.py",
    "requirements.txt",
    "README.md",
    "LICENSE",
    "THIRD_PARTY.md",
    "recsys/**/*",
    "assets/**/*",
    "adapters/**/*",
)
LEFT_OUT = ("__pycache__",)
LARGEST_FILE = 10_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("space", help="user/name of the Space; made where it does not exist")
    parser.add_argument("--private", action="store_true", help="make a private Space")
    parser.add_argument("--dry-run", action="store_true", help="list the files that would go up, and stop")


def run(arguments: argparse.Namespace) -> int:
    """Uploads the files of a Space."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", arguments.space):
        raise InputError(
            "a Space is named user/name", seen=arguments.space, mend="for example: make deploy SPACE=me/recsys"
        )
    root = Path(__file__).resolve().parents[2]
    files = space_files(root)
    if arguments.dry_run:
        for path in files:
            print(f"{(root / path).stat().st_size:>10,}  {path}")
        return 0
    _upload(root, files, arguments.space, private=arguments.private)
    print(f"{len(files)} files are on the Space {arguments.space}")
    return 0


def space_files(root: Path) -> list[Path]:
    """The files of a Space, relative to the checkout.

    Raises:
        InputError: when one is too large for a plain upload.
    """
    found = {path for pattern in SPACE_FILES for path in root.glob(pattern) if path.is_file()}
    kept = sorted(path.relative_to(root) for path in found if not set(LEFT_OUT) & set(path.parts))
    for path in kept:
        if (root / path).stat().st_size > LARGEST_FILE:
            raise InputError("a file is too large for a Space", seen=str(path), mend="keep files under 10 MB")
    return kept


def _upload(root: Path, files: Sequence[Path], space: str, *, private: bool) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi()
    try:
        api.create_repo(space, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=space,
            repo_type="space",
            folder_path=root,
            allow_patterns=[path.as_posix() for path in files],
            commit_message="Deploy",
        )
    except HfHubHTTPError as error:
        raise ModelUnavailableError(
            "the Hub refused the upload", seen=str(error), mend="log in with a token that may write (HF_TOKEN)"
        ) from error
    except OSError as error:
        raise ModelUnavailableError("the Hub cannot be reached", seen=str(error), mend="check the network") from error
