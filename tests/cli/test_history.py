"""A person's own history on the command line."""

import json

import pytest

from recsys.cli.main import main


@pytest.fixture
def titles(tmp_path):
    path = tmp_path / "titles.txt"
    path.write_text("Toy Story (1995)\nSpirted Away\nxyzzy\n- Speed 2: Cruise Control\n", encoding="utf-8")
    return str(path)


def test_doubtful_titles_are_shown_and_left_out(titles, capsys):
    assert main(["history", titles]) == 0
    printed = capsys.readouterr().out
    assert "List of titles: 2 sure, 1 doubtful, 1 unknown" in printed
    assert "line 2: Spirted Away - 1 letter away" in printed
    assert "Liked, most recent last:\n  Toy Story (1995)\n" in printed
    assert "Disliked, most recent last:\n  Speed 2: Cruise Control (1997)\n" in printed


def test_doubtful_titles_are_taken_when_asked_for(titles, capsys):
    assert main(["history", titles, "--accept-doubtful", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["liked"], found["disliked"]) == ([1, 5618], [1556])
    assert [row["verdict"] for row in found["rows"]] == ["sure", "doubtful", "unknown", "sure"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["history", "/no/such/file.csv"], "the file cannot be read"),
        (["history", "{titles}", "--most", "0"], "--most is out of range"),
        (["recommend", "Alien", "--history", "{titles}"], "given more than once"),
        (["recommend", "--history", "/no/such/file.csv"], "the file cannot be read"),
    ],
)
def test_bad_input_ends_with_exit_code_2(titles, arguments, message, capsys):
    assert main([argument.format(titles=titles) for argument in arguments]) == 2
    assert message in capsys.readouterr().err
