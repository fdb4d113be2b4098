"""A larger list of films: read from every form, asked by name and year, and clear about bad files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.catalogue import Movie
from recsys.data.known_films import KnownFilms, read_known_films
from recsys.data.movielens import embedded_folder, load, load_movies
from recsys.errors import DataFormatError
from tests.data.dat_files import FORMS, write_form, zipped

MOVIES = [
    (1, "Parasite (Gisaengchung) (2019)", ("Drama",)),
    (2, "Host, The (Gwoemul) (2006)", ("Horror",)),
    (3, "Host, The (2013)", ()),
    (5, "Undated", ()),
]
RATINGS = [(1, 1, 4.0, 964982703)]


@pytest.fixture
def films(tmp_path):
    return read_known_films(write_form(tmp_path / "ml-big", "csv", MOVIES, RATINGS))


def test_a_film_is_known_by_any_of_its_names_however_they_are_written(films):
    assert (films.name, films.num_films) == ("ml-big", 4)
    for name in ("Parasite", "PARASITE!", "Gisaengchung", "The Host", "Host, The", "host"):
        assert films.holds(name)
    assert not films.holds("Zorblax")
    assert not films.holds("Parasites")


def test_a_year_must_be_that_of_a_film_of_this_name(films):
    assert films.holds("The Host", 2006)
    assert films.holds("The Host", 2013)
    assert not films.holds("The Host", 2007)
    assert not films.holds("Parasite", 2006)
    assert films.holds("Undated", 1950)  # an unknown year contradicts none


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_without_its_ratings(tmp_path, form):
    folder = write_form(tmp_path / "set", form, MOVIES, RATINGS)
    whole = load(folder).movies
    archive = zipped(folder, tmp_path / "ml-big.zip")
    for ratings in ("ratings.csv", "ratings.dat", "u.data"):
        (folder / ratings).unlink(missing_ok=True)
    assert load_movies(folder) == whole == load_movies(archive)
    assert read_known_films(archive).description == "ml-big.zip, 4 films"


def test_a_file_of_movies_is_enough(tmp_path):
    folder = write_form(tmp_path / "set", "csv", MOVIES, RATINGS)
    alone = (folder / "movies.csv").rename(tmp_path / "my films.csv")
    assert load_movies(alone) == load_movies(write_form(tmp_path / "other", "csv", MOVIES, RATINGS))
    assert read_known_films(alone).description == "my films.csv, 4 films"


def test_the_shipped_data_set_is_a_list_of_films():
    assert read_known_films(embedded_folder()).num_films == 9_061


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the file is empty"),
        ("movieId,title,genres\n", "holds no film"),
        ("title\nAlien\n", "line 1: the column movieId is missing"),
        ("movieId,title,genres\n1,Alien (1979),Horror\nx,Aliens (1986),Action\n", "line 3: movieId is not a whole"),
        ("movieId,title,genres\n1,Alien (1979),Horror\n1,Aliens (1986),Action\n", "line 3: the movieId was already"),
        ("movieId,title,genres\n1, ,Horror\n", "line 2: the title is empty"),
        ("movieId,title,genres\n1,Alien (1979),Horror", "line 2: the last line does not end"),
    ],
)
def test_a_bad_file_is_told_with_its_line(tmp_path, content, told):
    path = tmp_path / "movies.csv"
    path.write_text(content)
    with pytest.raises(DataFormatError, match=told):
        read_known_films(path)


def test_what_is_not_there_or_no_list_is_told(tmp_path):
    with pytest.raises(DataFormatError, match="no such folder or file"):
        read_known_films(tmp_path / "none")
    with pytest.raises(DataFormatError, match="not a MovieLens data set"):
        read_known_films(tmp_path)
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataFormatError, match="damaged or cut off"):
        read_known_films(tmp_path / "cut.zip")


@given(st.lists(st.tuples(st.text(min_size=1).filter(str.strip), st.none() | st.integers(1900, 2030)), max_size=5))
def test_every_film_of_the_list_is_in_it(named):
    films = KnownFilms.of_movies("made", [Movie(n, name, year) for n, (name, year) in enumerate(named, start=1)])
    assert films.num_films == len(named)
    assert all(films.holds(name, year) and films.holds(name) for name, year in named)
