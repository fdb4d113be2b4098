"""A person's titles against the catalogue: what is sure, what waits for a word, what is not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie
from recsys.data.own_history import OwnHistory, OwnTitle, read_own_history
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.resolution.own_history import MAX_TITLES_READ, review_history


@pytest.fixture
def review(catalogue):
    resolver = LevenshteinResolver(catalogue)

    def review(history, **options):
        if isinstance(history, str):
            history = read_own_history(history.encode())
        return review_history(history, catalogue, resolver, **options)

    return review


@pytest.mark.parametrize(
    ("written", "item_id"),
    [
        ("Toy Story (1995)", 1),
        ("toy story", 1),
        ("The Matrix (1999)", 2571),
        ("Matrix, The", 2571),
        ("Amélie (2001)", 4973),
        ("Solaris (1972)", 7234),
        ("Mononoke-hime (1997)", 3000),
        ("Nosferatu (1922)", 9000),
        ("Spirited Away 2001", 5618),
        ("2001: A Space Odyssey", 924),
    ],
)
def test_a_known_name_with_its_year_or_no_other_of_that_name_is_sure(review, written, item_id):
    (row,) = review(written).rows
    assert (row.verdict, row.candidates, row.suggested) == ("sure", (item_id,), item_id)


@pytest.mark.parametrize(
    ("written", "candidates", "reason", "suggested"),
    [
        ("Solaris", (7234, 7076), "several movies have this name", 7234),
        ("Shawshank Redemtion", (318,), "1 letter away", 318),
        ("The Matrix (1998)", (2571,), "the catalogue has it from 1999", 2571),
        ("Toy Story (2019)", (1,), "the catalogue has it from 1995", None),
        ("Solaris (2003)", (7076, 7234), "the catalogue has it from 2002", 7076),
    ],
)
def test_anything_else_that_is_found_is_doubtful_and_says_why(review, written, candidates, reason, suggested):
    (row,) = review(written).rows
    assert (row.verdict, row.candidates, row.reason, row.suggested) == ("doubtful", candidates, reason, suggested)


def test_a_title_that_nothing_is_like_is_unknown(review):
    (row,) = review("My Holiday Video").rows
    assert (row.verdict, row.suggested) == ("unknown", None)


def test_the_original_title_finds_a_movie_whose_name_here_is_another(review):
    own = OwnTitle("Le Voyage de Chihiro", 2001, "liked", 2, ("Sen to Chihiro no kamikakushi",))
    (row,) = review(OwnHistory("IMDb ratings", (own,))).rows
    assert (row.verdict, row.candidates) == ("sure", (5618,))


def test_doubtful_and_unknown_titles_are_entries_only_where_the_person_says_so(review):
    found = review("Toy Story\nShawshank Redemtion\nMy Holiday Video (2020)\n- Solaris (1972)\n- Toy Story (2019)")
    assert (found.count("sure"), found.count("doubtful"), found.count("unknown")) == (2, 2, 1)
    assert found.entries("liked") == (1,)
    assert found.entries("disliked") == (7234,)
    assert found.entries("liked", chosen=found.suggestions()) == (1, 318)
    assert found.entries("liked", chosen=found.suggestions(), keep_unknown=True) == (1, 318, "My Holiday Video (2020)")
    assert found.entries("liked", chosen=found.suggestions(), most=1) == (318,)


def test_the_person_may_take_another_movie_of_the_same_name_or_name_an_unknown_one(review):
    found = review("Solaris\nMy Holiday Video")
    assert found.entries("liked", chosen={0: 7076, 1: 1}) == (7076, 1)


def test_a_movie_under_two_names_counts_once_with_the_last_opinion(review):
    found = review("Spirited Away\n- Sen to Chihiro no kamikakushi")
    assert [(row.written.opinion, row.candidates) for row in found.rows] == [("disliked", (5618,))]


def test_a_doubtful_title_takes_a_sure_movie_from_the_other_side_only_when_it_is_accepted(review):
    found = review("The Matrix\n- The Matrixx")
    assert (found.entries("liked"), found.entries("disliked")) == ((2571,), ())
    assert found.entries("liked", chosen=found.suggestions()) == ()
    assert found.entries("disliked", chosen=found.suggestions()) == (2571,)


def test_the_most_recent_movies_that_the_catalogue_has_are_kept_in_time_order(review):
    found = review("Toy Story\nThe Matrix\nNo Such Movie\nSpirited Away\nNothing Like It", most=2)
    assert found.entries("liked") == (2571, 5618)
    assert found.notices == ("Of 5 liked movies the 2 most recent that the catalogue has are kept.",)
    assert review("Toy Story\nThe Matrix", most=2).notices == ()


def test_one_side_that_is_complete_does_not_end_the_other(review):
    found = review("Toy Story\n- The Matrix\nSpirited Away\n- Solaris (1972)\nNosferatu", most=1)
    assert (found.entries("liked"), found.entries("disliked")) == ((9000,), (7234,))


def test_of_a_very_long_history_the_most_recent_titles_are_looked_up(catalogue):
    titles = tuple(OwnTitle(f"zzz {n}", None, "liked", n) for n in range(MAX_TITLES_READ + 1))
    found = review_history(OwnHistory("x", titles), Catalogue(()), LevenshteinResolver(Catalogue(())))
    assert len(found.rows) == MAX_TITLES_READ
    assert found.rows[0].written.title == "zzz 1"
    assert found.notices == (f"Only the {MAX_TITLES_READ:,} most recent titles were looked up.",)


WORDS = ("alpha", "bravo", "charlie", "delta", "echo")
MOVIES = tuple(Movie(n, f"Film {word}", 1990 + n) for n, word in enumerate(WORDS))


@given(
    st.lists(st.tuples(st.sampled_from([*MOVIES, None]), st.sampled_from(["liked", "disliked"])), min_size=1),
    st.integers(1, 4),
)
def test_each_movie_has_its_last_opinion_and_the_most_recent_ones_are_kept(written, most):
    catalogue = Catalogue(MOVIES)
    titles = tuple(
        OwnTitle("Nothing like it", None, opinion, n)
        if movie is None
        else OwnTitle(movie.title, movie.year, opinion, n)
        for n, (movie, opinion) in enumerate(written)
    )
    found = review_history(OwnHistory("x", titles), catalogue, LevenshteinResolver(catalogue), most=most)
    last = {}
    for movie, opinion in written:
        if movie is not None:
            last.pop(movie.item_id, None)
            last[movie.item_id] = opinion
    for opinion in ("liked", "disliked"):
        wanted = tuple(item for item, side in last.items() if side == opinion)[-most:]
        assert found.entries(opinion) == wanted
