import shutil
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recsys.data.movielens import embedded_folder, load
from recsys.errors import DataFormatError

FIXTURE = Path(__file__).parents[1] / "fixtures" / "movielens_csv"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(FIXTURE, tmp_path / "ml-tiny"))


@pytest.fixture(scope="module")
def embedded():
    return load()


def replace_line(path, line, text):
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line - 1] = text if isinstance(text, bytes) else text.encode() + b"\n"
    path.write_bytes(b"".join(lines))


def test_the_shipped_data_set_is_the_one_that_facts_and_figures_are_about(embedded):
    assert embedded.name == "MovieLens latest-small (2016)"
    assert len(embedded.movies) == 9_061
    assert len(embedded.ratings) == 99_997
    assert embedded.ratings["user_id"].nunique() == 671
    assert embedded.notices == ("7 ratings of 5 movies were left out: the source gives these no title.",)


def test_the_shipped_columns_have_the_promised_types(embedded):
    assert {name: str(kind) for name, kind in embedded.ratings.dtypes.items()} == {
        "user_id": "int32",
        "item_id": "int32",
        "rating": "float32",
        "timestamp": "int64",
    }


def test_shipped_titles_years_and_genres_are_understood(embedded):
    movies = {movie.item_id: movie for movie in embedded.movies}
    assert movies[318].display() == "The Shawshank Redemption (1994)"
    assert movies[318].source_title == "Shawshank Redemption, The"
    assert movies[5618].alternative_titles == ("Sen to Chihiro no kamikakushi",)
    assert movies[1].genres == ("Adventure", "Animation", "Children", "Comedy", "Fantasy")
    assert sum(not movie.genres for movie in embedded.movies) == 15
    assert [movie.item_id for movie in embedded.movies if movie.display() == "War of the Worlds (2005)"] == [
        34048,
        64997,
    ]


def test_every_shipped_rating_is_of_a_shipped_movie_and_in_range(embedded):
    assert set(embedded.ratings["item_id"]) == {movie.item_id for movie in embedded.movies}
    assert embedded.ratings["rating"].between(0.5, 5).all()
    assert [movie.item_id for movie in embedded.movies] == sorted({movie.item_id for movie in embedded.movies})


def test_the_shipped_files_stay_small():
    assert sum(path.stat().st_size for path in embedded_folder().iterdir()) < 1_500_000


def test_a_csv_folder_is_read(folder):
    dataset = load(folder)
    movies = {movie.item_id: movie for movie in dataset.movies}
    assert dataset.name == "ml-tiny"
    assert dataset.notices == ()
    assert len(movies) == len(dataset.movies) == 13
    assert list(movies) == sorted(movies)
    assert dataset.ratings.shape == (16, 4)
    assert dataset.ratings.iloc[0].to_dict() == {
        "user_id": 1,
        "item_id": 318,
        "rating": 5.0,
        "timestamp": 1_000_000_000,
    }


def test_csv_titles_survive_in_every_form(folder):
    movies = {movie.item_id: movie for movie in load(folder).movies}
    assert (movies[318].title, movies[318].year) == ("The Shawshank Redemption", 1994)
    assert movies[47].names == ("Seven", "Seven (a.k.a. Se7en)", "Se7en")
    assert (movies[40697].title, movies[40697].year) == ("Babylon 5", None)
    assert (movies[108548].title, movies[108548].year) == ("The Big Bang Theory", 2007)
    assert movies[1924].title == '"Great Performances" Cats'
    assert movies[4973].alternative_titles == ("Le Fabuleux destin d'Amélie Poulain",)
    assert movies[122888].title == "The Adventures of Priscilla, Queen of the Desert"
    assert movies[122888].genres == ()
    assert movies[64997].display() == movies[34048].display() == "War of the Worlds (2005)"
    assert {movies[1411].year, movies[3598].year} == {1996, 2000}


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_do_not_matter(folder):
    expected = load(folder)
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    found = load(folder)
    assert found.movies == expected.movies
    assert found.ratings.equals(expected.ratings)


def test_columns_may_stand_in_another_order_and_more_of_them(folder):
    expected = load(folder).ratings
    rows = [line.split(",") for line in (folder / "ratings.csv").read_text().splitlines()]
    (folder / "ratings.csv").write_text("".join(f"{r[3]},{r[2]},{r[1]},{r[0]},x\n" for r in rows))
    assert load(folder).ratings.equals(expected)


@pytest.mark.parametrize(
    ("file", "line", "text", "problem"),
    [
        ("ratings.csv", 5, "one,5618,5.0,1000000003", "userId is not a whole number"),
        ("ratings.csv", 5, "1,56x8,5.0,1000000003", "movieId is not a whole number"),
        ("ratings.csv", 5, "1,5618.5,5.0,1000000003", "movieId is not a whole number"),
        ("ratings.csv", 5, "1,-5618,5.0,1000000003", "movieId is not a whole number"),
        ("ratings.csv", 5, "0,5618,5.0,1000000003", "userId is not from 1"),
        ("ratings.csv", 5, "99999999999,5618,5.0,1000000003", "userId is not from 1"),
        ("ratings.csv", 5, "1,5618,5.0,", "timestamp is not a whole number"),
        ("ratings.csv", 5, "1,5618,5.0,-3", "timestamp is not a whole number"),
        ("ratings.csv", 5, "1,5618,five,1000000003", "rating is not a number"),
        ("ratings.csv", 5, "1,5618,,1000000003", "rating is not a number"),
        ("ratings.csv", 5, "1,5618,5.5,1000000003", "rating is not from 0.5 to 5"),
        ("ratings.csv", 5, "1,5618,0,1000000003", "rating is not from 0.5 to 5"),
        ("ratings.csv", 5, "1,5618,nan,1000000003", "rating is not from 0.5 to 5"),
        ("ratings.csv", 5, "1,5618,inf,1000000003", "rating is not from 0.5 to 5"),
        ("ratings.csv", 5, "1,5618,5.0", "the line has 3 fields instead of 4"),
        ("ratings.csv", 2, "1,5618,5.0,1000000003,1", "the line has 5 fields instead of 4"),
        ("ratings.csv", 5, "1,999999,5.0,1000000003", "the movie is not in movies.csv"),
        ("ratings.csv", 1, "userId,movieId,rating", "the column timestamp is missing"),
        ("ratings.csv", 1, "1,31,2.5,1260759144", "the column userId is missing"),
        ("ratings.csv", 1, "userId,movieId,rating,timestamp,rating", "a column is named twice"),
        ("ratings.csv", 17, b"3,40697,5.0,12", "the last line does not end"),
        ("movies.csv", 4, "x318,A Movie (1994),Drama", "movieId is not a whole number"),
        ("movies.csv", 4, "47,A Movie (1994),Drama", "the movieId was already used further up"),
        ("movies.csv", 4, "318,,Drama", "the title is empty"),
        ("movies.csv", 4, "318,Shawshank Redemption, The (1994),Drama", "the line has 4 fields instead of 3"),
        ("movies.csv", 4, '318,"Shawshank Redemption, The (1994),Drama', "a quotation mark is not closed"),
        ("movies.csv", 4, b"318,Am\xe9lie (2001),Drama\n", "the line is not UTF-8 text"),
        ("movies.csv", 1, "movieId,title", "the column genres is missing"),
        ("movies.csv", 14, b'122888,"Adventures of Priscilla, Que', "the last line does not end"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong_and_what_to_do(folder, file, line, text, problem):
    replace_line(folder / file, line, text)
    with pytest.raises(DataFormatError, match=problem) as raised:
        load(folder)
    assert raised.value.path == folder / file
    assert raised.value.line == line
    assert raised.value.seen is not None
    assert raised.value.mend


@pytest.mark.parametrize("file", ["movies.csv", "ratings.csv"])
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    with pytest.raises(DataFormatError) as raised:
        load(folder)
    assert raised.value.path == folder / file


@pytest.mark.parametrize("file", ["movies.csv", "ratings.csv"])
def test_an_empty_file_is_named(folder, file):
    (folder / file).write_bytes(b"")
    with pytest.raises(DataFormatError, match="the file is empty") as raised:
        load(folder)
    assert raised.value.path == folder / file


def test_a_movies_file_cut_off_between_lines_is_found_by_the_ratings_that_lack_a_movie(folder):
    movies = folder / "movies.csv"
    movies.write_bytes(b"".join(movies.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataFormatError, match=r"ratings\.csv, line 16: the movie is not in movies\.csv"):
        load(folder)


def test_a_ratings_file_with_fewer_rows_than_the_readme_counts_is_noticed(folder):
    text = "It contains 100 ratings and 3 tag applications across 13 movies."
    (folder / "README.txt").write_text(text)
    assert load(folder).notices == ("ratings.csv has 16 rows, README.txt counts 100: the file may be cut off.",)


def test_a_path_that_is_no_data_set_is_told_apart(tmp_path, folder):
    with pytest.raises(DataFormatError, match="there is no such folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(DataFormatError, match="neither a folder nor a zip"):
        load(folder / "movies.csv")
    with pytest.raises(DataFormatError, match=r"give .*ml-tiny"):
        load(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataFormatError, match=r"not a MovieLens data set.*an empty folder"):
        load(tmp_path / "empty")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "ratings.dat").write_text("1::1::5::1\n")
    with pytest.raises(DataFormatError, match=r"movies\.dat: the file cannot be read"):
        load(tmp_path / "old")


@settings(max_examples=150, deadline=None)
@given(
    file=st.sampled_from(["movies.csv", "ratings.csv"]),
    position=st.floats(0, 1),
    inserted=st.binary(max_size=4) | st.sampled_from([b",", b'"', b"\n", b"\r", b"-", b"9", b"\x00", b"\xff"]),
    removed=st.integers(0, 12),
)
@example(file="ratings.csv", position=0.279, inserted=b"\x1c", removed=7)
@example(file="ratings.csv", position=0.5, inserted=b"\n\x1c1,1,5.0,7\n", removed=0)
@example(file="ratings.csv", position=0.5, inserted=b"\n" + b"9" * 5000 + b",1,5.0,7\n", removed=0)
@example(file="movies.csv", position=0.5, inserted=b"\n" + b"9" * 5000 + b",A,B\n", removed=0)
def test_a_damaged_file_loads_or_is_refused_by_name_but_never_crashes(
    tmp_path_factory, file, position, inserted, removed
):
    folder = tmp_path_factory.mktemp("damaged")
    for path in FIXTURE.iterdir():
        content = path.read_bytes()
        if path.name == file:
            at = int(position * len(content))
            content = content[:at] + inserted + content[at + removed :]
        (folder / path.name).write_bytes(content)
    refused = None
    try:
        dataset = load(folder)
    except DataFormatError as error:
        refused = error
    if refused is not None:
        assert refused.path.parent == folder
        assert refused.line is None or 1 <= refused.line <= len(refused.path.read_bytes().split(b"\n"))
    else:
        assert dataset.ratings["rating"].between(0.5, 5).all()
        assert set(dataset.ratings["item_id"]) <= {movie.item_id for movie in dataset.movies}
