import pytest

from recsys.data.movielens import load
from recsys.data.tags import read_tags
from recsys.errors import DataFormatError
from tests.data.dat_files import write_form

CSV = (
    "userId,movieId,tag,timestamp\n"
    "1,1,Pixar,5\n2,1,pixar ,6\n2,1,pixar,7\n3,1,funny,8\n4,1,animation,9\n"
    '1,2,"prison, hope",3\n9,2,  ,4\n'
)


def test_the_tags_that_most_people_gave_come_first_and_ties_by_name(tmp_path):
    (tmp_path / "tags.csv").write_text(CSV)
    assert read_tags(tmp_path) == {1: ("pixar", "animation", "funny"), 2: ("prison, hope",)}
    assert read_tags(tmp_path, top=1) == {1: ("pixar",), 2: ("prison, hope",)}


def test_tags_of_10m_may_hold_the_separator(tmp_path):
    (tmp_path / "tags.dat").write_text("1::1::Pixar::5\n2::1::pixar::6\n3::1::a::b::7\n")
    assert read_tags(tmp_path) == {1: ("pixar", "a::b")}


def test_a_data_set_without_tags_has_none(tmp_path):
    assert read_tags(tmp_path) == {}


def test_a_data_set_carries_its_tags(tmp_path):
    folder = write_form(tmp_path / "set", "csv", [(1, "A (1990)", ("Drama",))], [(1, 1, 4.0, 1)])
    (folder / "tags.csv").write_text("userId,movieId,tag,timestamp\n1,1,Quiet,5\n")
    assert load(folder).tags == {1: ("quiet",)}


@pytest.mark.parametrize(
    ("file", "content", "line", "problem"),
    [
        ("tags.csv", b"movieId,tag\n1,x\n", 1, "header is another"),
        ("tags.csv", b"userId,movieId,tag,timestamp\n1,x,y,2\n", 2, "not a whole number"),
        ("tags.csv", b"userId,movieId,tag,timestamp\n1,1,y,2\n1,2\n", 3, "2 fields instead of 4"),
        ("tags.csv", b"userId,movieId,tag,timestamp\n1,1,\xff,2\n", 1, "not UTF-8"),
        ("tags.dat", b"1::1::x\n", 1, "3 fields instead of 4"),
    ],
)
def test_a_bad_file_of_tags_is_told_with_its_line(tmp_path, file, content, line, problem):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataFormatError, match=problem) as raised:
        read_tags(tmp_path)
    assert raised.value.path == tmp_path / file
    assert raised.value.line == line
