"""The data benchmark on a set of a few thousand ratings, and the set that it makes up."""

import json

import pandas as pd
import pytest

from recsys.catalogue import Catalogue
from recsys.cli.bench_data import render_data_table
from recsys.cli.data_stages import STAGES
from recsys.cli.main import main
from recsys.cli.synthetic_ratings import Shape, write_synthetic_folder
from recsys.data.movielens import load
from recsys.errors import SettingsError

SHAPE = Shape(ratings=6_000, users=120, movies=700)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made-up")
    write_synthetic_folder(folder, SHAPE, Catalogue(load().movies))
    return folder


def test_both_sides_find_the_same_records_and_popularity(tmp_path, capsys):
    sizes = ["--ratings", "6000", "--users", "120", "--movies", "700"]
    assert main(["bench", "data", *sizes, "--json", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "data.json").read_text()) == found
    assert found["agree"] == {"numbers_of_records": True, "records": True, "popularity": True}
    for side in ("ours", "pandas"):
        assert tuple(found[side]["seconds"]) == STAGES
        assert found[side]["peak_gigabytes"] > 0
        assert sum(found[side]["records"].values()) > 100
    table = (tmp_path / "data.md").read_text()
    assert table == render_data_table(found)
    assert all(stage in table for stage in STAGES)


def test_the_made_up_set_has_the_size_asked_for_and_loads(folder):
    dataset = load(folder)
    assert len(dataset.movies) == SHAPE.movies
    assert len(dataset.ratings) == SHAPE.ratings
    assert dataset.ratings["user_id"].nunique() == SHAPE.users


def test_nobody_rates_a_movie_twice_and_everybody_rates_twenty(folder):
    ratings = load(folder).ratings
    assert not ratings.duplicated(["user_id", "item_id"]).any()
    assert ratings["user_id"].value_counts().min() >= 20


def test_some_people_and_some_movies_have_far_more_ratings_than_most(folder):
    ratings = load(folder).ratings
    for column in ("user_id", "item_id"):
        numbers = ratings[column].value_counts()
        assert numbers.max() > 4 * numbers.median()


def test_half_of_the_ratings_are_likes_and_times_are_those_of_movielens(folder):
    ratings = load(folder).ratings
    assert 0.4 < (ratings["rating"] >= 4).mean() < 0.6
    years = pd.to_datetime(ratings["timestamp"], unit="s").dt.year
    assert years.min() >= 1995
    assert years.max() <= 2023


def test_rows_are_sorted_by_user_and_movie_as_in_the_official_files(folder):
    ratings = load(folder).ratings
    assert ratings.index.equals(ratings.sort_values(["user_id", "item_id"], kind="stable").index)


def test_the_same_seed_writes_the_same_files(folder, tmp_path):
    write_synthetic_folder(tmp_path, SHAPE, Catalogue(load().movies))
    for name in ("movies.csv", "ratings.csv"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("wrong", [(100, 10, 700), (10**6, 10, 700), (100, 0, 700)])
def test_a_size_that_cannot_be_is_refused(wrong):
    with pytest.raises(SettingsError, match="cannot be spread"):
        Shape(*wrong)
