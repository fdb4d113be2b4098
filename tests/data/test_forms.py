"""100K, 1M, 10M, the csv releases and their zips: one data set written in each is read as the same."""

import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.data.movielens import load
from recsys.errors import DataFormatError
from recsys.zip_reading import MAX_RATIO
from tests.data.dat_files import FORMS, write_form, zipped

MOVIES = [
    (1, "Toy Story (1995)", ("Animation", "Children", "Comedy")),
    (2, "Shawshank Redemption, The (1994)", ("Drama",)),
    (5, "Amélie (Fabuleux destin d'Amélie Poulain, Le) (2001)", ("Comedy", "Romance")),
    (9, "Nothing Known", ()),
]
RATINGS = [(1, 1, 4.0, 964982703), (1, 2, 5.0, 964982931), (7, 5, 1.0, 847117005), (7, 9, 3.0, 847117006)]


def plain(dataset):
    movies = [(m.item_id, m.title, m.year, tuple(sorted(m.genres))) for m in dataset.movies]
    return movies, dataset.ratings.to_dict("list"), {n: str(kind) for n, kind in dataset.ratings.dtypes.items()}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_as_the_same_data_set(tmp_path, form):
    read = load(write_form(tmp_path / form, form, MOVIES, RATINGS))
    assert plain(read) == plain(load(write_form(tmp_path / "other", "csv", MOVIES, RATINGS)))
    assert read.name == form
    assert read.movies[1].display() == "The Shawshank Redemption (1994)"


@pytest.mark.parametrize("form", ["dat", "100k"])
def test_the_older_forms_may_be_latin_1(tmp_path, form):
    read = load(write_form(tmp_path / form, form, MOVIES, RATINGS, encoding="latin-1"))
    assert read.movies[2].title == "Amélie"


@pytest.mark.parametrize("form", FORMS)
def test_a_zip_is_read_as_the_folder_in_it(tmp_path, form):
    folder = write_form(tmp_path / "set", form, MOVIES, RATINGS)
    archive = zipped(folder, tmp_path / "ml-mine.zip")
    assert plain(load(archive)) == plain(load(folder))
    assert load(archive).name == "ml-mine"


titles = st.text(st.characters(codec="latin-1", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30).filter(
    lambda text: text.strip() and not set(text) & set('|:"\x85') and text.strip() == text
)
genres = st.lists(st.sampled_from(["Drama", "Comedy", "War"]), unique=True, max_size=2).map(tuple)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    movies=st.lists(st.tuples(st.integers(1, 10**6), titles, genres), min_size=1, max_size=6, unique_by=lambda m: m[0]),
    data=st.data(),
)
def test_whatever_the_titles_all_forms_agree(tmp_path_factory, movies, data):
    ids = [movie[0] for movie in movies]
    rating = st.tuples(
        st.integers(1, 10**6),
        st.sampled_from(ids),
        st.integers(1, 10).map(lambda half: half / 2),
        st.integers(0, 2**40),
    )
    ratings = data.draw(st.lists(rating, min_size=1, max_size=8))
    root = tmp_path_factory.mktemp("forms")
    read = [plain(load(write_form(root / form, form, movies, ratings))) for form in FORMS]
    assert read[0] == read[1] == read[2]


@pytest.mark.parametrize(
    ("form", "file", "line", "text", "problem"),
    [
        ("dat", "ratings.dat", 2, "1::2::5.5::1\n", "rating is not from 0.5 to 5"),
        ("dat", "ratings.dat", 2, "1::2::x::1\n", "rating is not a number"),
        ("dat", "ratings.dat", 3, "1::2::5\n", "3 fields instead of 4"),
        ("dat", "ratings.dat", 2, "1::77::5::1\n", "not in movies.dat"),
        ("dat", "movies.dat", 2, "1::Again (1999)::Drama\n", "already used in line 1"),
        ("dat", "movies.dat", 2, "x::Title::Drama\n", "not a whole number"),
        ("dat", "movies.dat", 2, "2:: ::Drama\n", "title is empty"),
        ("100k", "u.data", 1, "0\t1\t4\t5\n", "not from 1"),
        ("100k", "u.data", 1, "1,1,4,5\n", "1 fields instead of 4"),
        ("100k", "u.item", 1, "1|Toy Story (1995)|x\n", "3 fields instead of 24"),
        ("100k", "u.item", 1, "1|T (1995)|||" + "|2" * 19 + "\n", "neither 0 nor 1"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path, form, file, line, text, problem):
    path = write_form(tmp_path / form, form, MOVIES, RATINGS) / file
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line - 1] = text.encode()
    path.write_bytes(b"".join(lines))
    with pytest.raises(DataFormatError, match=problem) as raised:
        load(tmp_path / form)
    assert raised.value.path == path
    assert raised.value.line == line
    assert raised.value.mend


def test_a_file_of_two_encodings_is_refused_with_both_lines(tmp_path):
    folder = write_form(tmp_path / "mixed", "dat", MOVIES, RATINGS)
    with (folder / "movies.dat").open("ab") as file:
        file.write("11::Señorita (1990)::Drama\n".encode("latin-1"))
    with pytest.raises(DataFormatError, match="mixes two encodings") as raised:
        load(folder)
    assert raised.value.line == 5


def test_ratings_that_end_in_mid_row_are_cut_off(tmp_path):
    folder = write_form(tmp_path / "cut", "dat", MOVIES, RATINGS)
    data = (folder / "ratings.dat").read_bytes()
    (folder / "ratings.dat").write_bytes(data[:-4])
    with pytest.raises(DataFormatError, match="last line does not end"):
        load(folder)


def test_a_table_beyond_the_free_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    import types

    folder = write_form(tmp_path / "big", "csv", MOVIES, RATINGS)
    monkeypatch.setattr("psutil.virtual_memory", lambda: types.SimpleNamespace(available=100))
    with pytest.raises(DataFormatError, match="too large for this machine"):
        load(folder)


def test_a_cut_or_altered_archive_is_damaged(tmp_path):
    archive = zipped(write_form(tmp_path / "set", "csv", MOVIES, RATINGS), tmp_path / "a.zip")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataFormatError, match="damaged or cut off"):
        load(archive)
    altered = bytearray(whole)
    altered[60] ^= 0xFF
    archive.write_bytes(bytes(altered))
    with pytest.raises(DataFormatError, match="damaged"):
        load(archive)


def test_names_that_lead_elsewhere_are_never_written(tmp_path):
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("../../evil.txt", "x")
        opened.writestr("../movies.csv", "movieId,title,genres\n1,A (1990),Drama\n")
        opened.writestr("../ratings.csv", "userId,movieId,rating,timestamp\n1,1,4,1\n")
    assert [movie.title for movie in load(archive).movies] == ["A"]
    assert not (tmp_path.parent / "evil.txt").exists()
    assert not (tmp_path.parent / "movies.csv").exists()


def test_a_decompression_bomb_is_refused_by_what_it_says_of_itself(tmp_path):
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("m/movies.csv", "movieId,title,genres\n1,A,Drama\n")
        opened.writestr("m/ratings.csv", b"0" * 8_000_000)
    assert 8_000_000 / archive.stat().st_size > MAX_RATIO
    with pytest.raises(DataFormatError, match="bomb"):
        load(archive)


def test_an_archive_of_several_sets_or_of_none_is_told(tmp_path):
    folder = write_form(tmp_path / "set", "csv", MOVIES, RATINGS)
    several = zipped(folder, tmp_path / "several.zip")
    with zipfile.ZipFile(several, "a") as opened:
        opened.write(folder / "movies.csv", "other/movies.csv")
    with pytest.raises(DataFormatError, match="several data sets"):
        load(several)
    none = tmp_path / "none.zip"
    with zipfile.ZipFile(none, "w") as opened:
        opened.writestr("photo.png", "x")
    with pytest.raises(DataFormatError, match="no MovieLens data set"):
        load(none)


def test_a_bad_row_in_an_archive_is_named_by_archive_and_file(tmp_path):
    folder = write_form(tmp_path / "set", "csv", MOVIES, [(1, 1, 9.0, 5)])
    archive = zipped(folder, tmp_path / "bad.zip")
    with pytest.raises(DataFormatError, match="rating is not from") as raised:
        load(archive)
    assert raised.value.path == archive / "ratings.csv"
    assert raised.value.line == 2
    assert str(raised.value).count("line 2") == 1
