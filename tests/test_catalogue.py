import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie, NameMatch
from recsys.data.movielens import load
from recsys.errors import HistoryError


def make_movie(item_id, source_title, year=None, genres=()):
    return Movie.from_source(item_id, source_title, year, genres)


@pytest.fixture
def catalogue():
    movies = (
        make_movie(1, "Pride and Prejudice", 1995),
        make_movie(2, "Pride & Prejudice", 2005),
        make_movie(3, "Hamlet", 1996),
        make_movie(4, "Hamlet", 2000),
        make_movie(5, "Hamlet", 2000),
        make_movie(6, "Mary Shelley's Frankenstein (Frankenstein)", 1994),
        make_movie(7, "Frankenstein", 1931),
        make_movie(8, "Spirited Away (Sen to Chihiro no kamikakushi)", 2001, ("Animation",)),
        make_movie(9, "Shawshank Redemption, The", 1994),
        make_movie(10, "Untitled Pilot"),
        make_movie(11, "2012", 2009),
    )
    return Catalogue(movies, {3: 5, 4: 7, 5: 9, 6: 50, 7: 2})


def test_a_movie_is_made_from_the_title_as_movielens_writes_it():
    movie = make_movie(5618, "Professional, The  (a.k.a. Leon) (1994)", None, ["Crime", "Drama"])
    assert movie.title == "The Professional"
    assert movie.year == 1994
    assert movie.genres == ("Crime", "Drama")
    assert movie.alternative_titles == ("Leon",)
    assert movie.source_title == "Professional, The (a.k.a. Leon)"
    assert movie.names == ("The Professional", "Professional, The (a.k.a. Leon)", "Leon")


def test_a_title_that_ends_in_a_number_keeps_it_when_the_year_is_given():
    assert make_movie(1, "1984 ", 1956).display() == "1984 (1956)"


def test_a_title_is_shown_with_its_year_unless_it_has_none_or_none_is_wanted():
    assert make_movie(1, "Heat", 1995).display() == "Heat (1995)"
    assert make_movie(1, "Heat", 1995).display(include_year=False) == "Heat"
    assert make_movie(1, "Heat").display() == "Heat"


def test_every_name_finds_the_movie(catalogue):
    for name in ("Spirited Away", "Sen to Chihiro no kamikakushi"):
        assert catalogue.find_exact(name) == NameMatch((8,))
    assert catalogue.find_exact("Shawshank Redemption, The") == NameMatch((9,))
    assert catalogue.find_exact("the shawshank redemption") == NameMatch(())
    assert catalogue.find_normalised("the shawshank redemption") == NameMatch((9,))


def test_an_unknown_name_finds_nothing(catalogue):
    assert catalogue.find("Star Wars (1977)") == NameMatch(())


def test_of_one_name_without_a_year_the_most_popular_comes_first_and_is_called_ambiguous(catalogue):
    assert catalogue.find("Hamlet") == NameMatch((5, 4, 3), ambiguous=True)


def test_an_exact_year_wins_over_popularity(catalogue):
    assert catalogue.find("Hamlet (1996)") == NameMatch((3, 5, 4))


def test_two_movies_of_one_name_and_year_stay_ambiguous(catalogue):
    assert catalogue.find("Hamlet (2000)") == NameMatch((5, 4, 3), ambiguous=True)


def test_a_year_of_no_such_movie_is_flagged_and_the_nearest_year_comes_first(catalogue):
    assert catalogue.find("Hamlet (1997)") == NameMatch((3, 5, 4), wrong_year=True)


def test_a_title_of_its_own_comes_before_a_more_popular_movie_with_that_other_name(catalogue):
    assert catalogue.find("Frankenstein") == NameMatch((7, 6))
    assert catalogue.find("Frankenstein (1994)") == NameMatch((6, 7))


def test_the_year_decides_between_two_spellings(catalogue):
    assert catalogue.find("Pride and Prejudice (2005)").item_ids[0] == 2
    assert not catalogue.find("Pride and Prejudice (2005)").wrong_year
    assert catalogue.find("Pride and Prejudice (1995)") == NameMatch((1,))
    assert catalogue.find("Pride and Prejudice (1940)").wrong_year


def test_a_movie_without_a_year_does_not_contradict_the_year_written(catalogue):
    assert catalogue.find("Untitled Pilot (2003)") == NameMatch((10,))


def test_a_title_that_is_a_number_is_not_taken_for_a_year(catalogue):
    assert catalogue.find("2012") == NameMatch((11,))
    assert catalogue.find("2012 (2009)") == NameMatch((11,))


def test_a_history_of_ids_and_free_text_gives_each_known_item_once(catalogue):
    assert catalogue.known_items([9, "no such movie", "hamlet (1996)", 404, 3]) == (9, 3)


def test_an_unknown_item_is_an_error_that_shows_the_id(catalogue):
    with pytest.raises(HistoryError, match="seen: 404"):
        catalogue[404]


def test_popularity_can_be_replaced_without_touching_the_movies(catalogue):
    other = catalogue.with_popularity({3: 100})
    assert other.find("Hamlet").item_ids == (3, 4, 5)
    assert catalogue.find("Hamlet").item_ids == (5, 4, 3)
    assert len(other) == len(catalogue) == 11
    assert [movie.item_id for movie in other] == list(range(1, 12))
    assert 3 in other
    assert 404 not in other


def test_choosing_among_ids_keeps_them_all(catalogue):
    assert catalogue.choose([3, 4]) == NameMatch((4, 3), ambiguous=True)
    assert catalogue.choose([3, 4], 1996) == NameMatch((3, 4))


TITLES = st.sampled_from(["Alien", "Aliens", "Heat, The", "Heat", "Ring (Ringu)", "Ringu (Ring)", "Them!", "Them"])
YEARS = st.none() | st.integers(1990, 1993)


@given(
    st.lists(st.tuples(TITLES, YEARS, st.integers(0, 3)), min_size=1, max_size=12),
    st.sampled_from(["Alien", "Heat", "The Heat", "Ring", "Ringu", "them"]),
    YEARS,
)
def test_a_lookup_returns_exactly_the_movies_of_that_name_in_a_sound_order(rows, name, year):
    movies = tuple(make_movie(i, title, made) for i, (title, made, _) in enumerate(rows))
    popularity = {i: likes for i, (_, _, likes) in enumerate(rows)}
    found = Catalogue(movies, popularity).find_exact(name, year)
    named = [movie.item_id for movie in movies if name in movie.names]
    assert sorted(found.item_ids) == named
    if not named:
        assert found == NameMatch(())
        return
    best = movies[found.item_ids[0]]
    if year is None:
        own = [i for i in named if movies[i].title == name] or named
        assert popularity[best.item_id] == max(popularity[i] for i in own)
        assert found.ambiguous == (len(own) > 1)
        assert not found.wrong_year
    else:
        assert found.wrong_year == all(movies[i].year not in (year, None) for i in named)
        if any(movies[i].year == year for i in named):
            assert best.year == year


def test_every_movie_of_the_shipped_data_is_found_by_what_a_page_shows():
    dataset = load()
    catalogue = Catalogue(dataset.movies)
    for movie in dataset.movies:
        found = catalogue.find(movie.display())
        assert movie.item_id in found.item_ids, movie
        assert catalogue[found.item_ids[0]].year == movie.year, movie
        assert not found.wrong_year, movie
