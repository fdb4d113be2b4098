"""Exports of Letterboxd and IMDb and plain lists: what is read, and where it says what is wrong."""

import csv
import datetime
import io
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.own_history import MAX_FILE_BYTES, read_own_history, read_own_history_file
from recsys.data.title_lists import MAX_LINES
from recsys.errors import DataFormatError

RATINGS = "Date,Name,Year,Letterboxd URI,Rating\n"
DIARY = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
FILMS = "Date,Name,Year,Letterboxd URI\n"
IMDB = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres,"
    "Num Votes,Release Date,Directors\n"
)
OLD_IMDB = (
    '"position","const","created","modified","description","Title","Title type","Directors","You rated",'
    '"IMDb Rating","Runtime (mins)","Year","Genres","Num. Votes","Release Date (month/day/year)","URL"\n'
)


def read(text, name="ratings.csv"):
    return read_own_history(text if isinstance(text, bytes) else text.encode(), name)


def liked(history):
    return [title.display() for title in history.titles if title.opinion == "liked"]


def disliked(history):
    return [title.display() for title in history.titles if title.opinion == "disliked"]


def imdb_row(title, rating, *, kind="Movie", date="2020-01-01", year=1995, original=""):
    return f'tt1,{rating},{date},"{title}",{original},https://x,{kind},8.0,100,{year},Drama,1,1995-01-01,Somebody\n'


def test_letterboxd_ratings_are_liked_from_four_and_disliked_to_two_in_time_order():
    history = read(
        RATINGS
        + "2021-03-01,Heat,1995,https://boxd.it/1,4\n"
        + "2020-01-01,Alien,1979,https://boxd.it/2,5\n"
        + "2020-02-01,Cats,2019,https://boxd.it/3,0.5\n"
        + "2020-02-02,Up,2009,https://boxd.it/4,3.5\n"
        + "2020-02-03,Jaws,1975,https://boxd.it/5,2\n"
        + "2020-02-04,Tenet,2020,https://boxd.it/6,2.5\n"
    )
    assert history.source == "Letterboxd ratings"
    assert [title.display() for title in history.titles] == [
        "Alien (1979)",
        "Cats (2019)",
        "Jaws (1975)",
        "Heat (1995)",
    ]
    assert liked(history) == ["Alien (1979)", "Heat (1995)"]
    assert disliked(history) == ["Cats (2019)", "Jaws (1975)"]
    assert history.num_neutral == 2
    assert history.notices == ()


def test_a_diary_is_in_the_order_of_watching_and_the_last_opinion_counts():
    history = read(
        DIARY
        + '2022-05-01,Heat,1995,u,1,,,2019-01-01\n2022-05-02,Heat,1995,u,4.5,Yes,"crime, noir",2021-01-01\n'
        + "2022-05-03,Alien,1979,u,5,,,2018-01-01\n2022-05-04,Alien,1979,u,3,Yes,,2022-01-01\n"
        + "2022-05-05,Up,2009,u,4,,,2020-01-01\n2022-05-06,Up,2009,u,,,,2022-02-01\n",
        "diary.csv",
    )
    assert liked(history) == ["Up (2009)", "Heat (1995)"]
    assert disliked(history) == []
    assert history.num_neutral == 2


def test_a_list_of_likes_has_no_ratings_and_all_of_it_is_liked():
    history = read(FILMS + "2020-01-02,Heat,1995,u\n2020-01-01,Alien,1979,u\n", "likes/films.csv")
    assert history.source == "Letterboxd likes"
    assert liked(history) == ["Alien (1979)", "Heat (1995)"]
    assert "all of it counts as liked" in history.notices[0]


@pytest.mark.parametrize(("name", "what"), [("watched.csv", "was watched"), ("a/b/watchlist.csv", "to be watched")])
def test_what_was_watched_is_not_taken_for_liked(name, what):
    with pytest.raises(DataFormatError, match=f"{what}, not what was liked.*ratings.csv"):
        read(FILMS + "2020-01-01,Heat,1995,u\n", name)


def test_imdb_ratings_are_liked_from_eight_and_disliked_to_four_and_series_are_left_out():
    history = read(
        IMDB
        + imdb_row("Heat", 8, date="2020-01-02")
        + imdb_row("Alien", 10, date="2020-01-01")
        + imdb_row("Cats", 4, date="2020-01-03")
        + imdb_row("Up", 7)
        + imdb_row("Tenet", 5)
        + imdb_row("Lost", 10, kind="TV Series")
        + imdb_row("The End", 10, kind="tvEpisode")
        + imdb_row("Chernobyl", 10, kind="TV Mini Series")
        + imdb_row("Duel", 9, kind="TV Movie", date="2020-01-04")
    )
    assert history.source == "IMDb ratings"
    assert liked(history) == ["Alien (1995)", "Heat (1995)", "Duel (1995)"]
    assert disliked(history) == ["Cats (1995)"]
    assert history.notices == ("3 series, episodes or games are left out: the catalogue has movies only.",)


def test_imdb_tells_the_original_title_where_it_is_another():
    history = read(IMDB + imdb_row("Spirited Away", 9, original="Sen to Chihiro") + imdb_row("Up", 9, original="Up"))
    assert [title.other_titles for title in history.titles] == [("Sen to Chihiro",), ()]


def test_an_imdb_header_without_original_title_is_read_too():
    header = IMDB.replace("Original Title,", "")
    history = read(header + "tt1,9,2020-01-01,Heat,https://x,movie,8.0,100,1995,Drama,1,1995-01-01,Somebody\n")
    assert liked(history) == ["Heat (1995)"]


def test_the_imdb_export_of_old_is_read_with_its_dates():
    def row(title, created, rating, kind="Feature Film"):
        return (
            f'"1","tt1","{created}","","","{title}","{kind}","X","{rating}","8","100","1995","drama","9","1995","u"\n'
        )

    history = read(
        OLD_IMDB
        + row("Heat", "Tue Mar  4 00:00:00 2014", 9)
        + row("Alien", "Sat Dec 28 00:00:00 2013", 8)
        + row("Lost", "Sat Dec 28 00:00:00 2013", 9, "TV Series")
    )
    assert liked(history) == ["Alien (1995)", "Heat (1995)"]


def test_a_plain_list_has_years_dashes_and_commas_in_titles():
    history = read("Heat (1995)\n\n  The Good, the Bad and the Ugly\n- Cats (2019)\n−Tenet\nAlien, 1979\n", "pasted")
    assert history.source == "List of titles"
    assert liked(history) == ["Heat (1995)", "The Good, the Bad and the Ugly", "Alien (1979)"]
    assert disliked(history) == ["Cats (2019)", "Tenet"]


def test_headings_divide_a_list_and_dashes_under_them_are_bullets():
    history = read("Liked:\n- Heat\n* Alien\nDisliked:\n- Cats\nTenet\nliked movies:\nUp\n", "pasted")
    assert liked(history) == ["Heat", "Alien", "Up"]
    assert disliked(history) == ["Cats", "Tenet"]


def test_a_list_of_dashes_alone_is_a_list_of_likes_and_says_so():
    history = read("- Heat\n- Alien\n", "pasted")
    assert liked(history) == ["Heat", "Alien"]
    assert "read as bullets" in history.notices[0]
    assert disliked(read("- Heat\n", "pasted")) == ["Heat"]


@pytest.mark.parametrize("title", ["Title", "*batteries not included", "#Alive", "2001: A Space Odyssey", "$", "9"])
def test_a_title_that_looks_like_something_else_stays_a_title(title):
    assert liked(read(title, "pasted")) == [title]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("content", [RATINGS + "2020-01-01,Amélie,2001,u,5\n", "Amélie (2001)\n"])
def test_line_ends_and_byte_order_marks_make_no_difference(content, encoding, ending):
    name = "ratings.csv" if "," in content else "list.txt"
    assert liked(read(content.replace("\n", ending).encode(encoding), name)) == ["Amélie (2001)"]


def test_western_text_of_older_exports_is_read_with_a_notice():
    history = read((RATINGS + "2020-01-01,Amélie,2001,u,5\n2020-01-02,Heat,1995,u,5\n").encode("cp1252"))
    assert liked(history) == ["Amélie (2001)", "Heat (1995)"]
    assert "not UTF-8" in history.notices[0]


def test_quotes_commas_and_line_breaks_in_a_field_are_read_and_lines_still_count():
    reviews = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n"
    text = reviews + '2020-01-01,"The ""Burbs, of course",1989,u,5,,"one\ntwo\nthree",,2020-01-01\n'
    assert liked(read(text)) == ['The "Burbs, of course (1989)']
    with pytest.raises(DataFormatError, match="line 5: the rating is not one"):
        read(text + "2020-01-01,Heat,1995,u,9,,,,2020-01-01\n")


def test_dates_that_a_spreadsheet_has_changed_keep_the_order_of_the_file_and_say_so():
    history = read(RATINGS + "04/03/2021,Heat,1995,u,5\n01/01/2020,Alien,1979,u,5\n")
    assert liked(history) == ["Heat (1995)", "Alien (1979)"]
    assert "dates cannot be read" in history.notices[0]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "a.csv", "the file is empty"),
        (" \n\n", "a.txt", "no title in it"),
        ("Liked:\n", "a.txt", "no title in it"),
        ("userId,movieId,rating,timestamp\n1,2,3,4\n", "pasted", "line 1: the file has no header that is known"),
        ("Title;Year\nHeat;1995\n", "a.csv", "line 1: the file has no header that is known"),
        ("Heat\n" + "x" * 201, "a.txt", "line 2: the line is too long for a title"),
        ("Heat\n-\nUp", "a.txt", "line 2: there is no title in the line"),
        ("Heat\n" * (MAX_LINES + 1), "a.txt", f"line {MAX_LINES + 1}: the list is too long"),
        (RATINGS, "ratings.csv", "nothing in it is liked or disliked"),
        (RATINGS + "2020-01-01,Up,2009,u,3\n", "ratings.csv", "nothing in it is liked or disliked"),
        (RATINGS + "2020-01-01,Up,2009,u,5.5\n", "ratings.csv", "line 2: the rating is not one from 0.5 to 5"),
        (RATINGS + "2020-01-01,Up,2009,u,0\n", "ratings.csv", "line 2: the rating is not one"),
        (RATINGS + "2020-01-01,Up,2009,u,4.2\n", "ratings.csv", "line 2: the rating is not one"),
        (RATINGS + "2020-01-01,Up,2009,u,nan\n", "ratings.csv", "line 2: the rating is not one"),
        (RATINGS + "2020-01-01,Up,2009,u,5\n2020-01-01,Up,09,u,5\n", "r.csv", "line 3: the year is not a year"),
        (RATINGS + "2020-01-01,,2009,u,5\n", "ratings.csv", "line 2: the title is empty"),
        (RATINGS + "2020-01-01,A, B,2009,u,5\n", "ratings.csv", "line 2: the row has 6 fields, the header 5"),
        (RATINGS + '2020-01-01,"Up,2009,u,5\n', "ratings.csv", "line 2: the row cannot be read"),
        (RATINGS + f"2020-01-01,{'x' * 301},2009,u,5\n", "ratings.csv", "line 2: the title is too long"),
        (IMDB + imdb_row("Up", 11), "ratings.csv", "line 2: the rating is not one from 1 to 10"),
        (IMDB + imdb_row("Up", 7.5), "ratings.csv", "line 2: the rating is not one from 1 to 10"),
        (b"PK\x03\x04zip", "letterboxd.zip", "not a text file.*zip archive: unpack it"),
        (b"\x7fELF\x02\x00\x00\xff", "a.csv", "not a text file"),
        ("Amélie\n".encode() + "Café\n".encode("latin-1"), "a.txt", "line 2: the file mixes encodings"),
        (b"Heat\nx\x81y\n", "a.txt", "line 2: the line is not UTF-8"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_mend(content, name, message):
    with pytest.raises(DataFormatError, match=message) as caught:
        read(content, name)
    assert name in str(caught.value)
    assert caught.value.mend


def test_a_file_of_fifty_megabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(DataFormatError, match=r"too large \(seen: '50.0 MB'\). give at most 5 MB"):
        read_own_history_file(path)
    with pytest.raises(DataFormatError, match="too large"):
        read_own_history(b"x" * (MAX_FILE_BYTES + 1))


def test_a_file_is_read_as_its_content_is(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text(RATINGS + "2020-01-01,Heat,1995,u,5\n", encoding="utf-8")
    assert read_own_history_file(path) == read_own_history(path.read_bytes(), path)


TITLES = st.text(string.ascii_letters + string.digits + "\"',:!é日 ", min_size=1, max_size=30).filter(str.strip)
ROWS = st.lists(
    st.tuples(st.dates(datetime.date(2010, 1, 1)), TITLES, st.integers(1900, 2026), st.integers(1, 10)),
    min_size=1,
    max_size=12,
)


@given(ROWS)
def test_whatever_an_export_holds_each_rating_has_its_opinion_and_the_order_is_of_time(rows):
    rows = [(date, f"{number} {title}", year, stars) for number, (date, title, year, stars) in enumerate(rows)]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(RATINGS.strip().split(","))
    writer.writerows((date.isoformat(), title, year, "u", stars / 2) for date, title, year, stars in rows)
    by_time = sorted(rows, key=lambda row: row[0])
    wanted = {
        "liked": [(title.strip(), year) for _, title, year, stars in by_time if stars >= 8],
        "disliked": [(title.strip(), year) for _, title, year, stars in by_time if stars <= 4],
    }
    if not any(wanted.values()):
        with pytest.raises(DataFormatError, match="nothing in it"):
            read(buffer.getvalue())
        return
    history = read(buffer.getvalue())
    for opinion, titles in wanted.items():
        assert [(own.title, own.year) for own in history.titles if own.opinion == opinion] == titles
    assert history.num_neutral == len(rows) - len(wanted["liked"]) - len(wanted["disliked"])


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_give_titles_or_are_refused(data):
    try:
        history = read_own_history(data)
    except DataFormatError:
        return
    assert history.titles
    assert all(title.title.strip() for title in history.titles)
