"""What a person types in the picker, and what comes first."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie
from recsys.resolution.search import MAX_QUERY, TitleSearch

CATALOGUE = Catalogue(
    (
        Movie.from_source(1, "Matrix, The", 1999, ("Action",)),
        Movie(2, "The Matrix Reloaded", 2003),
        Movie.from_source(3, "Spirited Away (Sen to Chihiro no kamikakushi)", 2001, ("Animation",)),
        Movie(4, "2001: A Space Odyssey", 1968),
        Movie(5, "Spider-Man", 2002),
        Movie(6, "Heat", 1995),
        Movie(7, "In the Heat of the Night", 1967),
        Movie(8, "Heathers", 1989),
        Movie.from_source(9, "Amelie (Fabuleux destin d'Amélie Poulain, Le)", 2001, ()),
        Movie(10, "Hamlet", 1996),
        Movie(11, "Hamlet", 1948),
        Movie(12, "Nosferatu"),
        Movie.from_source(13, "Seven Samurai (七人の侍)", 1954, ()),
    ),
    {1: 50, 2: 45, 3: 20, 4: 30, 7: 99, 8: 12, 6: 5, 9: 40, 10: 1, 11: 3},
)
SEARCH = TitleSearch(CATALOGUE)


def found(query, limit=20):
    return [hit.item_id for hit in SEARCH.search(query, limit=limit)]


def test_an_empty_query_gives_the_most_popular_movies():
    assert found("", 3) == found(" \t ", 3) == [7, 1, 2]


def test_the_name_itself_comes_first_then_names_that_start_with_it_then_the_rest_by_popularity():
    assert found("heat") == [6, 8, 7]
    assert found("matrix") == found("the matrix") == found("MATRIX, THE") == [1, 2]
    assert found("hea") == [8, 6, 7]


def test_a_hit_says_by_which_name_it_was_found():
    (hit,) = SEARCH.search("chihiro")
    assert (hit.item_id, hit.title, hit.year, hit.genres) == (3, "Spirited Away", 2001, ("Animation",))
    assert hit.matched_name == "Sen to Chihiro no kamikakushi"
    assert SEARCH.search("spirited")[0].matched_name == "Spirited Away"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("amélie", 9),
        ("le fabuleux", 9),
        ("七人", 13),
        ("spiderman", 5),
        ("matrx", 1),
        ("spirted awy", 3),
        ("teh matrix", 1),
        ("nosfertau", 12),
        ("odyssey space", 4),
        ("hamlet 1948", 11),
        ("hamlet 1996", 10),
        ("matrix 2003", 2),
    ],
)
def test_accents_other_names_typing_errors_and_years_find_the_movie(query, expected):
    assert found(query)[0] == expected


def test_a_year_finds_names_that_start_with_it_then_the_movies_of_that_year():
    assert found("2001") == [4, 9, 3]


def test_a_year_that_no_such_movie_is_of_is_left_out_of_the_search():
    assert found("spirited away 1912") == [3]


def test_what_nothing_resembles_finds_nothing():
    assert found("zzzzqqqq") == []
    assert found("!") == []


def test_only_the_first_hundred_characters_are_read():
    assert found("heat" + " " * MAX_QUERY + "zzzz") == [6, 8, 7]
    assert found("x" * 20_000) == []


def test_no_limit_no_hits_and_no_catalogue_no_hits():
    assert found("heat", 0) == found("heat", -1) == []
    assert TitleSearch(Catalogue(())).search("heat") == []


@settings(max_examples=200, deadline=None)
@given(
    query=st.one_of(st.text(max_size=130), st.sampled_from(CATALOGUE.movies).map(lambda m: m.display()[:9])),
    limit=st.integers(-1, 15),
)
def test_any_query_gives_each_movie_at_most_once_and_no_more_than_asked_for(query, limit):
    hits = found(query, limit)
    assert len(hits) == len(set(hits)) <= max(limit, 0)
    assert all(item_id in CATALOGUE for item_id in hits)


@settings(max_examples=60, deadline=None)
@given(movie=st.sampled_from(CATALOGUE.movies), length=st.integers(1, 30))
def test_typing_any_beginning_of_a_title_keeps_its_movie_among_the_hits(movie, length):
    assert movie.item_id in found(movie.title[:length])


@pytest.mark.parametrize(
    "query", ["a", "the", "matrix", "dark knigt ris", "lord of the rings retrun", "1999", "zzzzqq"]
)
def test_hits_come_within_fifty_milliseconds_in_the_embedded_catalogue(embedded, query):
    search = TitleSearch(Catalogue(embedded.movies))
    search.search("warm up")
    assert min(_seconds(search, query) for _ in range(20)) < 0.050


def _seconds(search, query):
    start = time.process_time()
    search.search(query)
    return time.process_time() - start
