"""The app's command line."""

from pathlib import Path

import pytest

from recsys.arguments import read_settings
from recsys.data.splits import SplitSettings
from recsys.ui.app import launch, read_options


def test_the_split_is_chosen_as_on_the_command_line():
    options = read_options(["--split-by", "record", "--split-records", "900", "--split-seed", "7"])
    assert read_settings(options, SplitSettings) == SplitSettings("record", split_records=900, split_seed=7)
    assert read_settings(read_options([]), SplitSettings) == SplitSettings()


def test_a_split_that_cannot_be_is_told_without_a_trace(capsys):
    with pytest.raises(SystemExit) as stop:
        launch(["--split-records", "900"])
    assert stop.value.code == 2
    assert "numbers of records are chosen where records are drawn" in capsys.readouterr().err


def test_a_list_of_known_films_may_be_named():
    assert read_options([]).known_films is None
    assert read_options(["--known-films", "films/movies.csv"]).known_films == Path("films/movies.csv")
