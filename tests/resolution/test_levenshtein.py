"""Nearest names by edits, against a plain dynamic program and against titles misspelt by hand."""

import csv
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie
from recsys.resolution.levenshtein import OTHER_NUMBER_SIMILARITY, SHORT_NAME_SIMILARITY, LevenshteinResolver
from recsys.resolution.names import comparable_name

HARD_TITLES = Path(__file__).parents[1] / "fixtures" / "hard_titles.csv"
CATALOGUE = Catalogue(
    (
        Movie(1, "Heat", 1995),
        Movie(2, "Seat", 1950),
        Movie(3, "Toy Story", 1995),
        Movie(4, "Toy Story 2", 1999),
        Movie(5, "The Godfather: Part II", 1974),
        Movie(6, "Léon: The Professional", 1994, (), ("Léon",)),
        Movie(7, "Alien: Resurrection", 1997),
        Movie(8, "Alien", 1979),
        Movie(9, "Kill Bill: Vol. 1", 2003),
        Movie(10, "Kill Bill: Vol. 2", 2004),
    ),
    {2: 5, 10: 7, 9: 3, 1: 1},
)


def nearest(title, year=None, catalogue=CATALOGUE):
    (candidate,) = LevenshteinResolver(catalogue).nearest([title], [year])
    return candidate


def edits(a, b):
    """The textbook dynamic program, written without looking at the resolver."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def test_case_accents_punctuation_and_articles_cost_nothing():
    assert nearest("the leon!!") == nearest("Léon")
    assert nearest("the leon!!").distance == 0


def test_one_edit_in_eight_letters_is_seven_eighths():
    candidate = nearest("Toy Stori", None)
    assert (candidate.item_ids, candidate.distance) == ((3,), 1)
    assert candidate.similarity == pytest.approx(8 / 9)


def test_equally_near_names_are_all_given_the_most_popular_first_unless_a_year_decides():
    assert nearest("Beat").item_ids == (2, 1)
    assert nearest("Beat", 1995).item_ids == (1, 2)
    assert nearest("Beat", 1951).item_ids == (2, 1)


def test_a_year_that_agrees_counts_as_four_equal_letters():
    assert nearest("Beat").similarity == pytest.approx(3 / 4)
    assert nearest("Beat", 1995).similarity == pytest.approx(7 / 8)


def test_a_series_answers_to_the_part_before_its_subtitle_but_less_than_a_title_does():
    candidate = nearest("Kill Bill")
    assert candidate.item_ids == (10, 9)
    assert candidate.distance == 0
    assert candidate.similarity == pytest.approx(SHORT_NAME_SIMILARITY)
    assert nearest("Kill Bill", 2003).item_ids == (9, 10)
    assert nearest("Alien").item_ids == (8,)


def test_sequels_in_roman_and_arabic_numbers_are_the_same():
    assert nearest("The Godfather Part 2").distance == 0
    assert comparable_name("V for Vendetta") == "v for vendetta"


def test_another_number_is_another_movie():
    candidate = nearest("Toy Story 4")
    assert candidate.item_ids == (4,)
    assert candidate.similarity == pytest.approx(10 / 11 * OTHER_NUMBER_SIMILARITY)
    assert candidate.similarity < LevenshteinResolver.default_threshold


@settings(max_examples=150, deadline=None)
@given(title=st.text(alphabet="alien toyskbh:2é", min_size=1, max_size=15))
def test_the_distance_is_that_of_the_dynamic_program_and_no_name_is_nearer(title):
    plain = Catalogue(tuple(Movie(i, name) for i, name in enumerate(["Heat", "Toy Story", "Alien", "Le Bal"], start=1)))
    candidate = nearest(title, None, plain)
    written = comparable_name(title)
    names = {movie.item_id: comparable_name(movie.title) for movie in plain}
    likeness = {i: 1 - edits(written, name) / max(len(written), len(name)) for i, name in names.items()}
    if not any(c.isdigit() for c in written):
        assert candidate.similarity == pytest.approx(max(likeness.values()), abs=1e-5)
        best = {i for i, value in likeness.items() if value > max(likeness.values()) - 1e-9}
        assert set(candidate.item_ids) == best
        assert candidate.distance == min(edits(written, names[i]) for i in best)


def hard_titles():
    with HARD_TITLES.open(encoding="utf-8", newline="") as file:
        return [
            (row["written"], int(row["year"]) if row["year"] else None, row["expected"]) for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def real(embedded):
    from recsys.data.records import split_records

    return Catalogue(embedded.movies, split_records(embedded).popularity("train"))


def right_at(threshold, catalogue, candidates):
    return sum(
        (catalogue[c.item_ids[0]].title if c.similarity >= threshold - 1e-6 else "none") == expected
        for c, (_, _, expected) in zip(candidates, hard_titles(), strict=True)
    )


def test_the_default_threshold_is_the_best_on_titles_misspelt_and_invented_by_hand(real):
    rows = hard_titles()
    assert len(rows) >= 80
    resolver = LevenshteinResolver(real)
    candidates = resolver.nearest([row[0] for row in rows], [row[1] for row in rows])
    right = {percent: right_at(percent / 100, real, candidates) for percent in range(50, 100)}
    at_default = right[round(resolver.default_threshold * 100)]
    assert at_default >= 0.95 * len(rows)
    assert at_default >= max(right.values()) - 1


def test_a_thousand_titles_resolve_in_well_under_a_second(real):
    rows = [row[0] for row in hard_titles()]
    titles = [f"{rows[i % len(rows)]} {i // len(rows)}" for i in range(1000)]
    resolver = LevenshteinResolver(real)
    resolver.nearest(["warm up"], [None])
    start = time.process_time()
    resolver.nearest(titles, [None] * len(titles))
    assert time.process_time() - start < 1
