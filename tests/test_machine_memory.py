"""What the machine, or a container's limit, leaves."""

from pathlib import Path

from recsys.machine_memory import cgroup_bytes_left, machine_bytes_left

GB = 10**9


def write_cgroup(folder: Path, limit: str, used: int, cached: int, *, version: int = 2) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = {2: ("memory.max", "memory.current", "inactive_file"),
             1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")}[version]  # fmt: skip
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cached}\n")


def test_a_container_limit_counts_and_file_cache_is_free(tmp_path: Path) -> None:
    write_cgroup(tmp_path, str(16 * GB), used=10 * GB, cached=3 * GB)
    (tmp_path / "process").write_text("0::/\n")
    assert cgroup_bytes_left(tmp_path, tmp_path / "process") == 9 * GB


def test_the_tightest_limit_of_every_level_counts(tmp_path: Path) -> None:
    write_cgroup(tmp_path / "outer", str(8 * GB), used=2 * GB, cached=0)
    write_cgroup(tmp_path / "outer" / "inner", "max", used=1 * GB, cached=0)
    (tmp_path / "process").write_text("0::/outer/inner\n")
    assert cgroup_bytes_left(tmp_path, tmp_path / "process") == 6 * GB


def test_the_first_version_of_control_groups_is_read_too(tmp_path: Path) -> None:
    write_cgroup(tmp_path / "memory" / "docker", str(4 * GB), used=1 * GB, cached=0, version=1)
    write_cgroup(tmp_path / "memory", str(2**63 - 4096), used=1 * GB, cached=0, version=1)
    (tmp_path / "process").write_text("5:cpu,cpuacct:/docker\n4:memory:/docker\n")
    assert cgroup_bytes_left(tmp_path, tmp_path / "process") == 3 * GB


def test_without_limits_nothing_is_told(tmp_path: Path) -> None:
    assert cgroup_bytes_left(tmp_path, tmp_path / "none") is None
    (tmp_path / "memory.max").write_text("garbage")
    assert cgroup_bytes_left(tmp_path, tmp_path / "none") is None


def test_a_limit_that_is_overdrawn_leaves_nothing(tmp_path: Path) -> None:
    write_cgroup(tmp_path, str(1 * GB), used=2 * GB, cached=0)
    assert cgroup_bytes_left(tmp_path, tmp_path / "none") == 0


def test_this_process_may_take_no_more_than_the_machine_has() -> None:
    import psutil

    assert 0 < machine_bytes_left() <= psutil.virtual_memory().total
