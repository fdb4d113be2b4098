"""Disks that fill up or cannot be written, and a cache that is the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.made_data import write_made_zip


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RECSYS_TRAINING", raising=False)
    monkeypatch.delenv("RECSYS_RUNS", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def made_zip(tmp_path: Path) -> Path:
    """Twenty users who like the same twelve movies."""
    return write_made_zip(tmp_path / "made.zip")


def _mounts(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


class SmallDisk:
    """A file system of its own in memory, which can be filled to the last byte and closed for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, leaving: int = 0) -> None:
        """Takes all the room but so many bytes."""
        with (self.path / "ballast").open("wb") as file:
            left = shutil.disk_usage(self.path).free - leaving
            file.write(bytes(max(left, 0)))

    def make_room(self) -> None:
        (self.path / "ballast").unlink()

    def close(self) -> None:
        """Nothing can be written from now on, by root neither."""
        assert _mounts("-o", "remount,ro", str(self.path))

    def open(self) -> None:
        assert _mounts("-o", "remount,rw", str(self.path))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], SmallDisk]]:
    """Makes a disk of so many MB; skipped where this process may not mount one."""
    mounted: list[Path] = []

    def make(megabytes: int) -> SmallDisk:
        path = tmp_path / f"disk-{len(mounted)}"
        path.mkdir()
        if os.name == "nt" or shutil.which("mount") is None or not _mounts(
            "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)
        ):  # fmt: skip
            pytest.skip("a small disk needs the right to mount one: root, and a container that allows it")
        mounted.append(path)
        return SmallDisk(path)

    yield make
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
