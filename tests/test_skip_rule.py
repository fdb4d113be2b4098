"""A test of a browser, a model or a package that skips itself fails where CI is set, and only there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPPING = """
import pytest

@pytest.mark.browser
def test_in_the_body():
    pytest.skip("no Chromium")

@pytest.fixture
def missing():
    pytest.skip("no model")

@pytest.mark.model
def test_in_a_fixture(missing):
    pass

def test_unmarked():
    pytest.skip("elsewhere")

def test_of_a_package():
    pytest.importorskip("no_such_package")
"""


@pytest.mark.parametrize(("ci", "expected"), [("1", "2 failed, 1 skipped, 1 error"), ("", "4 skipped")])
def test_skips_of_marked_tests_fail_where_ci_is_set(ci: str, expected: str, tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        str(root / "pyproject.toml"),
        str(tmp_path),
    ]
    environment = os.environ | {"CI": ci, "PYTHONPATH": str(root)}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert expected in run.stdout, run.stdout
    assert ("may not be skipped where CI is set" in run.stdout) == bool(ci)
