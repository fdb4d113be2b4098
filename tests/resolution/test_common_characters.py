"""The story's first try, counted by hand, and its flaw on real titles."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie
from recsys.resolution.common_characters import CommonCharactersResolver, count_characters
from recsys.resolution.flaw import compare_resolvers, flaw_example
from recsys.resolution.levenshtein import LevenshteinResolver

CATALOGUE = Catalogue(
    (Movie(1, "Up"), Movie(2, "Pup Troupe"), Movie(3, "Heat", 1995), Movie(4, "Hate", 2000)), {4: 2, 3: 1}
)


def nearest(title, year=None):
    (candidate,) = CommonCharactersResolver(CATALOGUE).nearest([title], [year])
    return candidate


def test_the_share_is_of_the_characters_that_were_written():
    # Of h, e, a, d, s the word "heat" has three.
    candidate = nearest("Heads", 1995)
    assert candidate.item_ids[0] == 3
    assert candidate.similarity == pytest.approx(3 / 5)
    assert candidate.distance == pytest.approx(2 / 5)


def test_the_order_of_letters_counts_for_nothing_so_the_year_or_popularity_decides():
    assert nearest("Heta").item_ids == (4, 3)
    assert nearest("Heta", 1995).item_ids == (3, 4)


def test_a_longer_wrong_title_shares_as_much_as_the_right_one_or_more():
    longer_wins = Catalogue((Movie(1, "Up"), Movie(2, "Pup Troupe")))
    (candidate,) = CommonCharactersResolver(longer_wins).nearest(["Upp"], [None])
    assert candidate.item_ids == (2,)
    (right,) = LevenshteinResolver(longer_wins).nearest(["Upp"], [None])
    assert right.item_ids == (1,)


def test_letters_of_every_script_are_counted():
    assert count_characters("ab ba1侍侍").sum() == 7
    assert count_characters("x" * 1000).max() == 255


@settings(max_examples=100, deadline=None)
@given(title=st.text(max_size=30))
def test_the_share_is_that_of_two_bags_of_characters(title):
    candidate = nearest(title)
    bags = {m.item_id: Counter(m.title.lower().replace(" ", "")) for m in CATALOGUE}
    ascii_only = "".join(c for c in title.lower() if c in "heatup")
    if ascii_only == title and title:
        written = Counter(ascii_only)
        shared = {i: sum((written & bag).values()) for i, bag in bags.items()}
        assert candidate.similarity == pytest.approx(max(shared.values()) / len(title))
        assert set(candidate.item_ids) == {i for i, value in shared.items() if value == max(shared.values())}
    assert 0 <= candidate.similarity <= 1


def test_the_real_catalogue_has_a_misspelling_that_shows_the_flaw(embedded):
    from recsys.data.records import split_records

    catalogue = Catalogue(embedded.movies, split_records(embedded).popularity("train"))
    example = flaw_example(catalogue)
    assert example is not None
    by_edits, by_characters = example.answers
    assert not catalogue.find(example.written).item_ids
    assert by_edits.movie == example.meant
    assert by_edits.distance == 1
    assert by_characters.movie != example.meant
    assert by_characters.title_characters > by_edits.title_characters
    assert by_characters.shared_characters >= by_edits.shared_characters
    resolvers = (LevenshteinResolver(catalogue), CommonCharactersResolver(catalogue))
    assert compare_resolvers(example.written, catalogue, resolvers) == example.answers


def test_a_catalogue_without_the_flaw_has_no_example():
    assert flaw_example(Catalogue((Movie(1, "Alien"), Movie(2, "Brazil Nuts Film")))) is None
