"""From written titles to items, with everything that a reader must be told."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie
from recsys.parsing import GeneratedTitle
from recsys.resolution.base import Candidate
from recsys.resolution.common_characters import CommonCharactersResolver
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.resolution.resolve import resolve_titles
from recsys.settings import ResolutionSettings

CATALOGUE = Catalogue(
    (
        Movie(1, "Alien", 1979),
        Movie(2, "Aliens", 1986),
        Movie.from_source(3, "Shawshank Redemption, The", 1994, ()),
        Movie(4, "Star Wars: Episode IV - A New Hope", 1977),
        Movie(5, "Star Wars: Episode V - The Empire Strikes Back", 1980),
        Movie(6, "Hamlet", 1996),
        Movie(7, "Hamlet", 1948),
        Movie(8, "Hamlet", 2000),
        Movie(9, "Hamlet", 2000),
        Movie(10, "Pride & Prejudice", 2005),
        Movie(11, "Pride and Prejudice", 1940),
        Movie(12, "Nosferatu"),
    ),
    {1: 50, 4: 30, 5: 20, 6: 4, 7: 9, 8: 1, 9: 2},
)


def written(*titles):
    pairs = [title if isinstance(title, tuple) else (title, None) for title in titles]
    return [GeneratedTitle(rank, title, year, 0, 1) for rank, (title, year) in enumerate(pairs, start=1)]


def resolve(*titles, catalogue=CATALOGUE, history=(), disliked=(), **options):
    resolver = LevenshteinResolver(catalogue)
    return resolve_titles(
        written(*titles), catalogue, resolver, ResolutionSettings(**options), history=history, disliked=disliked
    )


def test_exact_names_come_before_normalised_ones_and_these_before_near_ones():
    got = resolve("Alien", "the SHAWSHANK redemption", "Shawshank Redemption, The", "The Shawshenk Redemption")
    assert [(r.item_id, r.match) for r in got] == [(1, "exact"), (3, "normalised"), (3, "exact"), (3, "fuzzy")]
    assert [r.distance for r in got] == [0, 0, 0, 1]
    # 19 of the 20 letters of "shawshank redemption" stand as they should.
    assert got[3].similarity == pytest.approx(19 / 20)


def test_a_title_far_from_every_name_is_out_of_catalogue_and_names_its_nearest():
    (got,) = resolve("Alien Sunset Over Tokyo")
    assert (got.item_id, got.match, got.is_recommendation) == (None, "none", False)
    assert got.nearest_item_id in CATALOGUE
    assert 0 < got.similarity < LevenshteinResolver.default_threshold


def test_force_nearest_takes_the_nearest_and_says_so():
    (got,) = resolve("Aliexyz", force_nearest=True)
    assert (got.item_id, got.match) == (1, "fuzzy")
    assert "forced" in got.flags
    (near,) = resolve("The Shawshenk Redemption", force_nearest=True)
    assert "forced" not in near.flags


def test_the_threshold_of_the_settings_replaces_the_resolvers_own():
    assert resolve("Aliez", threshold=0.9)[0].item_id is None
    (got,) = resolve("Aliez", threshold=0.8)
    assert (got.item_id, got.similarity) == (1, pytest.approx(4 / 5))


@pytest.mark.parametrize("threshold", [0, 1])
def test_both_ends_of_the_threshold_mean_what_they_say(threshold):
    (got,) = resolve("Qwertzuiop", threshold=threshold)
    assert (got.item_id is None) == (threshold == 1)


def test_star_wars_of_2025_is_the_most_popular_of_its_series_with_a_wrong_year():
    (got,) = resolve(("Star Wars", 2025))
    assert got.item_id == 4
    assert got.flags == {"wrong_year", "ambiguous"}


def test_the_exact_year_decides_within_a_series():
    (got,) = resolve(("Star Wars", 1980))
    assert got.item_id == 5
    assert got.flags == frozenset()


def test_the_same_name_in_several_years_goes_by_the_year_or_else_by_popularity_and_says_so():
    by_year, without, twice, wrong = resolve(("Hamlet", 1996), "Hamlet", ("Hamlet", 2000), ("Hamlet", 1950))
    assert (by_year.item_id, by_year.flags) == (6, frozenset())
    assert (without.item_id, without.flags) == (7, {"ambiguous"})
    assert (twice.item_id, twice.flags) == (9, {"ambiguous"})
    assert (wrong.item_id, wrong.flags) == (7, {"wrong_year", "repeated"})


def test_of_an_exact_and_a_normalised_name_the_year_decides():
    (got,) = resolve(("Pride and Prejudice", 2005))
    assert (got.item_id, got.match, got.flags) == (10, "normalised", frozenset())
    (old,) = resolve(("Pride and Prejudice", 1940))
    assert (old.item_id, old.match) == (11, "exact")
    (neither,) = resolve(("Pride and Prejudice", 1999))
    assert (neither.match, neither.flags) == ("exact", {"wrong_year"})


@pytest.mark.parametrize(
    ("year", "is_wrong"), [(1993, False), (1994, False), (1995, False), (1996, True), (None, False)]
)
def test_a_near_title_may_be_one_year_off_but_not_more(year, is_wrong):
    (got,) = resolve(("The Shawshenk Redemption", year))
    assert got.item_id == 3
    assert ("wrong_year" in got.flags) == is_wrong


def test_a_movie_without_a_year_contradicts_no_year():
    assert resolve(("Nosferatu", 1922))[0].flags == frozenset()
    assert resolve(("Nosferatoo", 1922), threshold=0.5)[0].flags == frozenset()


def test_of_titles_for_one_item_the_first_counts_and_the_others_are_repeated():
    got = resolve("Alien", "alien", "Aliens", "Alien")
    assert [r.is_recommendation for r in got] == [True, False, True, False]
    assert [("repeated" in r.flags) for r in got] == [False, True, False, True]


def test_a_title_out_of_catalogue_can_be_repeated_too():
    first, second = resolve("Sunset Over Tokyo", "sunset over tokyo!")
    assert "repeated" not in first.flags
    assert "repeated" in second.flags


def test_what_the_person_liked_or_disliked_is_flagged_by_id_and_by_free_text():
    got = resolve("Alien", "Aliens", "Nosferatu", history=(1, "nosferatu"), disliked=("Aliens (1986)",))
    assert [set(r.flags) for r in got] == [{"already_liked"}, {"already_disliked"}, {"already_liked"}]
    assert not any(r.is_recommendation for r in got)


def test_free_text_that_the_catalogue_does_not_know_is_already_liked_as_well():
    (got,) = resolve("My Own Little Film", history=("my own little film (2020)",))
    assert (got.item_id, set(got.flags)) == (None, {"already_liked"})


def test_every_title_keeps_its_rank():
    got = resolve("Nothing Like This At All", "Alien", "Or This Either Today", "Aliens")
    assert [r.generated.rank for r in got] == [1, 2, 3, 4]
    assert [r.item_id for r in got] == [None, 1, None, 2]


def test_the_resolver_is_asked_once_and_only_for_unknown_titles():
    class Counting:
        name, match, default_threshold = "counting", "semantic", 0.5

        def __init__(self):
            self.asked = []

        def nearest(self, titles, years):
            self.asked.append((list(titles), list(years)))
            return [Candidate((2,), 0.25, 0.75) for _ in titles]

    resolver = Counting()
    titles = written("Alien", ("Unknown", 1999), "Hamlet", "Other")
    got = resolve_titles(titles, CATALOGUE, resolver, ResolutionSettings())
    assert resolver.asked == [(["Unknown", "Other"], [1999, None])]
    assert [(r.match, r.distance) for r in got] == [("exact", 0), ("semantic", 0.25), ("exact", 0), ("semantic", 0.25)]
    assert got[1].flags == {"wrong_year"}
    assert "repeated" in got[3].flags


def test_no_titles_give_no_resolutions_and_an_empty_catalogue_gives_misses():
    assert resolve() == ()
    (got,) = resolve("Alien", catalogue=Catalogue(()))
    assert (got.item_id, got.match, got.distance, got.nearest_item_id) == (None, "none", None, None)


_TITLES = st.lists(
    st.tuples(
        st.one_of(st.text(max_size=60), st.sampled_from(["Alien", "Aliens", "Hamlet", "Star Wars", "Alein"])),
        st.one_of(st.none(), st.integers(1800, 2199)),
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(titles=_TITLES, force=st.booleans(), threshold=st.one_of(st.none(), st.floats(0, 1)))
def test_any_titles_resolve_each_to_an_item_or_none_and_no_item_counts_twice(titles, force, threshold):
    got = resolve(*titles, force_nearest=force, threshold=threshold, history=(1,))
    assert [r.generated.title for r in got] == [title for title, _ in titles]
    counted = [r.item_id for r in got if r.is_recommendation]
    assert len(counted) == len(set(counted))
    assert 1 not in counted
    for resolution in got:
        assert (resolution.item_id is None) == (resolution.match == "none")
        assert resolution.item_id is None or resolution.item_id in CATALOGUE
        assert 0 <= resolution.similarity <= 1
        assert not force or resolution.item_id is not None


@pytest.mark.parametrize("make", [LevenshteinResolver, CommonCharactersResolver])
def test_figures_are_plain_numbers_that_can_be_written_as_json(make):
    for year in (None, 1979, 2030):
        for candidate in make(CATALOGUE).nearest(["Alein", "Nothing Like It", "Star Wars"], [year] * 3):
            assert json.loads(json.dumps(dataclasses.asdict(candidate)))["similarity"] == candidate.similarity
