"""``bench dislikes`` on made-up data and a tiny model: the figures are told as JSON and as lines."""

import json

import pytest

from recsys.cli.main import main
from tests.made_data import write_made_zip


@pytest.fixture
def asked(tiny_llama_folder, tmp_path):
    data = write_made_zip(tmp_path / "made.zip", num_disliked=3)
    return ["bench", "dislikes", "--model", str(tiny_llama_folder), "--data", str(data)]


def test_each_kind_is_told_without_and_with_dislikes_named(asked, capsys):
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cases"], told["users"]) == (8, 2), "two validation users with a record of four titles to find"
    liked, disliked, gap = told["shifts"]
    assert [one["kind"] for one in (liked, disliked, gap)] == ["liked", "disliked", "gap"]
    assert liked["plain"] != liked["told"], "the prompt names dislikes"
    assert gap["change"] == pytest.approx(liked["change"] - disliked["change"], abs=1e-6)


def test_the_lines_say_whose_records_they_are_of(asked, capsys):
    assert main([*asked, "--split", "test"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "12 pairs of a title liked next and one disliked, of 3 test users"
    assert [line.split()[0] for line in lines[2:]] == ["liked", "disliked", "gap"]


def test_data_without_dislikes_are_refused(tiny_llama_folder, tmp_path, capsys):
    data = write_made_zip(tmp_path / "made.zip")
    assert main(["bench", "dislikes", "--model", str(tiny_llama_folder), "--data", str(data)]) == 2
    assert "nobody has one dislike to ask for" in capsys.readouterr().err
