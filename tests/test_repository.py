"""What a fresh clone must hold: the files of a Space, pinned packages, nothing too large."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIXED_PACKAGES = {"gradio", "transformers", "peft", "accelerate", "bitsandbytes", "pandas", "rapidfuzz", "plotly"}


@pytest.fixture(scope="module")
def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).exists()]


def test_no_tracked_file_is_too_large_for_the_hub(tracked):
    assert not [path.name for path in tracked if path.stat().st_size > 10_000_000]


def test_the_movielens_data_is_under_its_size(tracked):
    sizes = [path.stat().st_size for path in tracked if path.parent.name == "movielens" and path.suffix == ".parquet"]
    assert len(sizes) == 2
    assert sum(sizes) < 1_500_000


def test_requirements_are_pinned_and_hold_the_eight_fixed_packages():
    lines = (ROOT / "requirements.txt").read_text("utf-8").split()
    pinned = {re.fullmatch(r"([\w-]+)==[\w.]+", line)[1] for line in lines}
    assert pinned >= FIXED_PACKAGES


def test_the_lock_file_holds_every_requirement_but_torch_at_its_version_with_hashes():
    wanted = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text("utf-8").split())
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text("utf-8"))
    locked = [re.match(r"([\w.-]+)==([\w.]+)", block) for block in blocks if not block.startswith("#")]
    versions = {found[1].replace("-", "_"): found[2] for found in locked}
    assert "torch" not in versions
    for name, version in wanted.items():
        if name != "torch":
            assert versions[name.replace("-", "_")] == version, f"{name}: run make lock"
    assert all("--hash=sha256:" in block for block in blocks if not block.startswith("#"))
    assert not re.search(r"https?://|file:", "".join(blocks))


def test_the_licence_of_every_locked_package_is_listed():
    table = (ROOT / "docs/licences.md").read_text("utf-8").lower().replace("_", "-")
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    # A package for other systems or newer Pythons alone is not installed where the table is made.
    for name in ["torch", *re.findall(r"^([\w.-]+)==[\w.]+ \\\\$", lock, flags=re.MULTILINE)]:
        assert f"| {name.replace('_', '-')} " in table, f"{name}: run make licences"


def test_every_fixed_package_is_really_used():
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "recsys").rglob("*.py"))
    for package in FIXED_PACKAGES - {"accelerate", "bitsandbytes"}:
        assert re.search(rf"(?:import|from) {package}\b", code), package
    # transformers uses these two: 8-bit weights, and a model on several devices.
    assert "BitsAndBytesConfig(" in code
    assert "device_map" in code


def test_the_readme_has_the_front_matter_of_a_space_and_the_commands_of_the_makefile():
    readme = (ROOT / "README.md").read_text("utf-8")
    front = readme.split("---")[1]
    version = re.search(r"gradio==([\d.]+)", (ROOT / "requirements.txt").read_text("utf-8"))[1]
    assert f"sdk_version: {version}" in front
    assert "app_file: app.py" in front
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("run", "test", "deploy"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
    for image in re.findall(r"!\[[^]]*\]\((\S+)\)", readme):
        assert (ROOT / image).is_file(), image


def test_app_py_is_a_short_entry():
    assert len((ROOT / "app.py").read_text("utf-8").splitlines()) < 30
