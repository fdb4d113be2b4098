"""A person's own descriptions: what is read, and the line of what is wrong."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.descriptions import (
    MAX_DESCRIPTION_LENGTH,
    details_hash,
    read_descriptions,
    require_details,
    with_details,
)
from recsys.errors import DataFormatError, SettingsError

IDS = (1, 2571, 5618)


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "descriptions.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_file_gives_the_description_of_each_movie(write):
    path = write('movieId,description\n1,Toys live.\n5618,"A girl, a bathhouse; ""ghosts""."\n2571,\n')
    assert read_descriptions(path, IDS) == {1: "Toys live.", 5618: 'A girl, a bathhouse; "ghosts".'}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_line_ends_byte_order_marks_and_accents_are_read(write, ending, encoding):
    text = ending.join(["movieId,description", "1,Des jouets vivent à côté.", ""])
    assert read_descriptions(write(text.encode(encoding)), IDS) == {1: "Des jouets vivent à côté."}


def test_a_description_may_span_lines_and_the_next_error_still_names_its_line(write):
    path = write('movieId,description\n1,"one\ntwo\nthree"\n99,x\n')
    with pytest.raises(DataFormatError, match=r"line 5: the data set has no such movie \(seen: 99\)"):
        read_descriptions(path, IDS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "line 1: the header is another"),
        ("id,text\n1,x\n", r"line 1: the header is another \(seen: 'id,text'\). write movieId,description first"),
        ("movieId,description\n", "describes no movie"),
        ("movieId,description\n1,\n", "describes no movie"),
        ("movieId,description\n1,a\n\n7,x\n", r"line 4: the data set has no such movie \(seen: 7\)"),
        ("movieId,description\n1,a\n2571,b\n1,c\n", "line 4: the movieId was already used in line 2"),
        ("movieId,description\none,a\n", "line 2: movieId is not a whole number"),
        ("movieId,description\n-1,a\n", "line 2: movieId is not a whole number"),
        ("movieId,description\n1,a,b\n", "line 2: the row has 3 fields instead of 2"),
        ("movieId,description\n1\n", "line 2: the row has 1 fields instead of 2"),
        ('movieId,description\n1,ok\n2571,"open\n', "line 3: the row cannot be read"),
        ('movieId,description\n1,"a"b\n', "line 2: the row cannot be read"),
        (f"movieId,description\n1,{'x' * 2001}\n", r"line 2: the description is too long \(seen: '2,001 characters'\)"),
        ("movieId,description\n1,ok\n2571,caf\u00e9\n".encode("latin-1"), "line 3: the line is not UTF-8 text"),
        (b"PK\x03\x04\x00\x00", "not a text file.*zip archive: unpack it"),
        (b"movieId,description\n1,a\x00b\n", "line 2: this is not a text file"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_mend(write, content, message):
    path = write(content)
    with pytest.raises(DataFormatError, match=message) as caught:
        read_descriptions(path, IDS)
    assert str(path) in str(caught.value)
    assert caught.value.mend


def test_the_longest_description_is_still_read(write):
    path = write(f"movieId,description\n1,{'x' * MAX_DESCRIPTION_LENGTH}\n")
    assert len(read_descriptions(path, IDS)[1]) == MAX_DESCRIPTION_LENGTH


def test_a_missing_file_a_folder_and_a_huge_file_are_told(tmp_path, monkeypatch):
    with pytest.raises(DataFormatError, match="cannot be read"):
        read_descriptions(tmp_path / "none.csv", IDS)
    with pytest.raises(DataFormatError, match="a folder, not a file"):
        read_descriptions(tmp_path, IDS)
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(10_000_000_000)  # sparse: takes no room on the disk
    with pytest.raises(DataFormatError, match=r"too large \(seen: '10,000.0 MB'\). give at most 100 MB"):
        read_descriptions(huge, IDS)


@given(
    st.dictionaries(
        st.sampled_from(IDS),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=80).filter(
            lambda text: text.strip()
        ),
        min_size=1,
    )
)
def test_whatever_a_csv_writer_writes_is_read_back(tmp_path_factory, descriptions):
    path = tmp_path_factory.mktemp("descriptions") / "own.csv"
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([("movieId", "description"), *descriptions.items()])
    path.write_bytes(buffer.getvalue().encode())
    assert read_descriptions(path, IDS) == {item: text.strip() for item, text in descriptions.items()}


def test_tags_and_descriptions_stand_beside_their_movies_and_no_others(catalogue):
    movies = with_details(catalogue.movies, {1: ("pixar", "toys")}, {1: "Toys live.", 2571: "A hacker."})
    assert [movie.item_id for movie in movies] == [movie.item_id for movie in catalogue.movies]
    by_id = {movie.item_id: movie for movie in movies}
    assert by_id[1].details("tags") == ("pixar", "toys")
    assert by_id[1].details("description") == ("Toys live.",)
    assert by_id[2571].details("tags") == ()
    assert by_id[5618] is catalogue[5618]


def test_details_that_no_movie_has_are_refused(catalogue):
    for kind in ("none", "genres"):
        require_details(catalogue.movies, kind)
    with pytest.raises(SettingsError, match=r"this data set has no tags .*tags.csv"):
        require_details(catalogue.movies, "tags")
    with pytest.raises(SettingsError, match=r"this data set has no descriptions .*--descriptions"):
        require_details(catalogue.movies, "description")
    require_details(with_details(catalogue.movies, {}, {1: "Toys live."}), "description")


def test_other_descriptions_have_another_name_and_the_same_ones_the_same(catalogue):
    one, two, moved = (
        with_details(catalogue.movies, {}, described) for described in ({1: "Toys."}, {1: "Toys!"}, {2571: "Toys."})
    )
    names = {details_hash(movies, "description") for movies in (one, two, moved, catalogue.movies)}
    assert len(names) == 4
    assert details_hash(one, "genres") == details_hash(two, "genres")
    assert details_hash(one, "none") == ""
