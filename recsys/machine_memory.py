"""How much of the machine's memory is left, or of what a container's limit allows of it.

Models and dense baselines ask before they take gigabytes. This module knows no GPU.
"""

from __future__ import annotations

from pathlib import Path


def machine_bytes_left() -> int:
    """Memory that this process may still take, caches that the kernel gives up included."""
    import psutil

    left = [int(psutil.virtual_memory().available)]
    limit = cgroup_bytes_left()
    return min(left if limit is None else [*left, limit])


def cgroup_bytes_left(root: Path = Path("/sys/fs/cgroup"), process: Path = Path("/proc/self/cgroup")) -> int | None:
    """What a container's memory limit leaves, or None where there is no limit.

    File cache counts as free, since the kernel gives it up. Limits of every level above count too.
    """
    left = [
        found
        for folder in _cgroup_folders(root, process)
        for names in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        )
        if (found := _left_under(folder, *names)) is not None
    ]
    return max(0, min(left)) if left else None


def _cgroup_folders(root: Path, process: Path) -> list[Path]:
    try:
        lines = process.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    folders = [root, root / "memory"]
    for line in lines:
        number, controllers, path = line.split(":", 2)
        base = root if number == "0" else root / "memory"
        if number == "0" or "memory" in controllers.split(","):
            parts = Path(path.lstrip("/")).parts
            folders.extend(base.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1))
    return folders


def _left_under(folder: Path, limit_name: str, used_name: str, cached_name: str) -> int | None:
    try:
        limit = (folder / limit_name).read_text(encoding="utf-8").strip()
        used = int((folder / used_name).read_text(encoding="utf-8"))
        statistics = dict(
            line.split(maxsplit=1) for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
        )
    except (OSError, ValueError):
        return None
    unlimited = limit == "max" or int(limit) >= 1 << 60
    return None if unlimited else int(limit) - used + int(statistics.get(cached_name, 0))
