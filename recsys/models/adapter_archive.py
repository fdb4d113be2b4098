"""An adapter's folder as one zip file, for whoever wants to take it along: the app and the command line make it here.

Only files that an adapter is known to have go in, so that nothing else of a folder leaves the machine.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import BinaryIO

from recsys.errors import AdapterError
from recsys.models.adapter_files import CONFIG_FILE, NOTES_FILE, WEIGHTS_FILE

ADAPTER_FILES = (CONFIG_FILE, WEIGHTS_FILE, "README.md", NOTES_FILE, "curves.json")
"""PEFT's own two, and what a training run writes beside them."""

_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The same adapter gives the same bytes, whenever it is packed."""


def adapter_files(folder: Path) -> tuple[Path, ...]:
    """The known files that an adapter's folder has.

    Raises:
        AdapterError: when the settings or the weights are missing.
    """
    for needed in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / needed).is_file():
            mend = "save the adapter again with save_pretrained"
            raise AdapterError(f"adapter {folder.name} has no {needed}", mend=mend)
    return tuple(folder / name for name in ADAPTER_FILES if (folder / name).is_file())


def write_archive(folder: Path, file: BinaryIO) -> None:
    """Writes a zip that holds one folder of the adapter's name, ready to be put under adapters/.

    Raises:
        AdapterError: when the settings or the weights are missing, or a file cannot be read.
    """
    try:
        with zipfile.ZipFile(file, "w") as archive:
            for path in adapter_files(folder):
                entry = zipfile.ZipInfo(f"{folder.name}/{path.name}", _NO_TIME)
                # Weights hardly get smaller, and a page waits for the download.
                entry.compress_type = zipfile.ZIP_STORED if path.name == WEIGHTS_FILE else zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                    while block := source.read(1 << 20):
                        target.write(block)
    except PermissionError as error:
        mend = "let this program read it"
        raise AdapterError(f"adapter {folder.name} cannot be read", seen=error.strerror, mend=mend) from error
