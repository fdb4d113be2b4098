"""The class of every rank, counted by hand, and shares that add up whatever is written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.catalogue import Movie
from recsys.data.known_films import KnownFilms
from recsys.evaluation.misses import (
    FAILURE,
    MISS_CLASSES,
    class_of_item,
    classify_answer,
    classify_ranking,
    count_answers,
    count_rankings,
    is_reason,
    miss_definitions,
    miss_title,
    with_failure,
)
from recsys.evaluation.results import RecordResult
from recsys.evaluation.text_quality import Share
from tests.evaluation.answers import CONTEXT, MADE_MOVIES, make_answer, make_record, title

FILMS = KnownFilms.of_movies("ml-32m", [Movie(1, "The Host", 2006), Movie(2, "Parasite", 2019), Movie(3, "Undated")])
CHECKED = replace(CONTEXT, known_films=FILMS)
movies = st.sampled_from([movie.item_id for movie in MADE_MOVIES])


def out(name, *flags, year=None):
    """A title that the catalogue lacks."""
    resolution = title(None, "none", *flags, distance=9.0, name=name)
    return replace(resolution, generated=replace(resolution.generated, year=year))


def answer(*titles, relevant=(3,), num_asked=4, well_formed=True):
    result = RecordResult.from_recommendation(make_record("7-0", relevant), make_answer(titles), k=4)
    return replace(result, num_asked=num_asked, well_formed=well_formed)


def test_a_relevant_movie_is_a_hit_and_one_that_shares_half_of_all_genres_is_near():
    """1 Drama; 2 Drama, Comedy; 3 Comedy; 4 unknown; 5 Action, Drama, Comedy; 6 Action."""
    assert class_of_item(3, (3, 1), CONTEXT) == "hit"
    assert class_of_item(2, (3,), CONTEXT) == "near"  # 1 of 2
    assert class_of_item(5, (3,), CONTEXT) == "other_kind"  # 1 of 3
    assert class_of_item(5, (3, 2), CONTEXT) == "near"  # 2 of 3 with one of them
    assert class_of_item(6, (3,), CONTEXT) == "other_kind"
    assert class_of_item(1, (), CONTEXT) == "other_kind"


def test_a_movie_of_unknown_genres_is_near_nothing_and_nothing_is_near_it():
    assert class_of_item(4, (3,), CONTEXT) == "other_kind"
    assert class_of_item(3, (4,), CONTEXT) == "other_kind"
    assert class_of_item(999, (3,), CONTEXT) == "other_kind"  # the catalogue has changed since the run


def test_each_rank_of_an_answer_has_the_class_worked_by_hand():
    got = answer(3, 2, 6, out("Parasite"), out("Zorblax"), title(3, "exact", "repeated"), num_asked=8)
    expected = ("hit", "near", "other_kind", "discovery", "no_such_film", "repeated", "unfilled", "unfilled")
    assert classify_answer(got, CHECKED) == expected


@pytest.mark.parametrize("flag", ["already_liked", "already_disliked"])
def test_what_is_liked_or_disliked_already_is_so_at_every_rank(flag):
    got = answer(title(901, "exact", flag), title(901, "exact", flag, "repeated"), num_asked=2)
    assert classify_answer(got, CONTEXT) == ("already_liked", "already_liked")


def test_a_film_out_of_the_catalogue_is_discovered_once():
    got = answer(out("Parasite"), out("Parasite", "repeated"), out("The Host", "already_liked"), num_asked=3)
    assert classify_answer(got, CHECKED) == ("discovery", "repeated", "already_liked")


def test_an_unknown_title_is_malformed_in_prose_and_a_film_is_a_film_there_too():
    got = answer(out("I think that"), out("Parasite"), 3, well_formed=False, num_asked=3)
    assert classify_answer(got, CHECKED) == ("malformed", "discovery", "hit")
    assert classify_answer(got, CONTEXT) == ("malformed", "malformed", "hit")


def test_the_year_that_is_written_must_be_the_films():
    got = answer(out("Parasite", year=2019), out("The Host", year=1906), out("Undated", year=1950), num_asked=3)
    assert classify_answer(got, CHECKED) == ("discovery", "no_such_film", "discovery")


def test_without_a_list_of_films_nothing_is_a_discovery_and_the_definition_says_so():
    shares = count_answers([answer(out("Parasite"), out("Zorblax"))], CONTEXT)
    assert "discovery" not in shares
    assert shares["no_such_film"] == Share(2, 4, "ranks asked for")
    assert "discovery" not in miss_definitions("")
    assert "nothing to check it against" in miss_definitions("")["no_such_film"]
    assert miss_title("no_such_film", "") == "Not in the catalogue"
    assert "no film of ml-32m, 3 films;" in miss_definitions("ml-32m, 3 films")["no_such_film"]
    assert miss_title("no_such_film", "ml-32m, 3 films") == "No such film"


def test_the_shares_of_three_records_are_counted_by_hand():
    results = [answer(3, 2, 6, out("Parasite")), answer(3, 3), answer(out("Zorblax"), well_formed=False)]
    shares = count_answers(results, CHECKED)
    assert {name: share.numerator for name, share in shares.items() if share.numerator} == {
        "hit": 3,
        "near": 1,
        "discovery": 1,
        "other_kind": 1,
        "malformed": 1,
        "unfilled": 5,
    }
    assert {(share.denominator, share.of) for share in shares.values()} == {(12, "ranks asked for")}
    assert str(shares["hit"]) == "3 of 12 ranks asked for (25.0%)"


def test_a_recommender_without_a_text_comes_to_four_classes_over_the_same_ranks():
    results = [answer(3), answer(3, relevant=(6,))]
    shares = count_rankings(results, [(3, 2, 6, 1, 5), (5,)], CONTEXT)
    assert {name: share.numerator for name, share in shares.items()} == {
        "hit": 1,
        "near": 1,
        "other_kind": 3,  # 6 and 1 for the first; 1 of 3 genres for the second
        "unfilled": 3,
    }
    assert {share.denominator for share in shares.values()} == {8}


def test_a_ranking_is_cut_and_filled_up_at_the_number_asked_for():
    assert classify_ranking((3, None, 6), (3,), CONTEXT, num_asked=2) == ("hit", "unfilled")
    assert classify_ranking((), (3,), CONTEXT, num_asked=2) == ("unfilled", "unfilled")


def test_failures_are_summed_up_before_their_reasons():
    shares = with_failure(count_answers([answer(3, 6, title(6, "exact", "repeated"))], CHECKED))
    assert list(shares) == ["hit", "near", "discovery", "no_such_film", "failure", *filter(is_reason, MISS_CLASSES)]
    assert shares["failure"] == Share(3, 4, "ranks asked for")  # another kind, repeated and unfilled
    assert with_failure({}) == {}
    assert not is_reason(FAILURE.name)


def test_no_records_have_shares_of_nothing():
    assert {share.value for share in count_answers([], CHECKED).values()} == {None}


titles = st.one_of(
    movies,
    st.builds(
        lambda item, flags: title(item, "exact", *flags),
        movies,
        st.sets(st.sampled_from(["repeated", "already_liked", "already_disliked", "wrong_year"])),
    ),
    st.builds(
        lambda name, flags: out(name, *flags),
        st.sampled_from(["Parasite", "Zorblax", "%"]),
        st.sets(st.sampled_from(["repeated", "already_liked"])),
    ),
)
answers = st.builds(
    lambda written, relevant, num_asked, well_formed: answer(
        *written, relevant=relevant, num_asked=num_asked, well_formed=well_formed
    ),
    st.lists(titles, max_size=6),
    st.lists(movies, min_size=1, max_size=3, unique=True),
    st.integers(0, 6),
    st.booleans(),
)


@given(st.lists(answers, max_size=5), st.sampled_from([CONTEXT, CHECKED]))
def test_every_rank_is_in_exactly_one_class_and_the_shares_add_up_to_one(results, context):
    shares = count_answers(results, context)
    asked = sum(result.num_asked for result in results)
    assert {share.denominator for share in shares.values()} == {asked}
    assert sum(share.numerator for share in shares.values()) == asked
    if asked:
        assert sum(share.value for share in shares.values()) == pytest.approx(1.0)
    in_rows = [share for name, share in with_failure(shares).items() if not is_reason(name)]
    assert sum(share.numerator for share in in_rows) == asked
    relevant_and_counted = sum(
        item in result.relevant for result in results for item in result.item_ids[: result.num_asked]
    )
    assert shares["hit"].numerator == relevant_and_counted


@given(st.lists(answers, max_size=5), st.data())
def test_the_shares_of_a_ranking_add_up_to_one_too(results, data):
    rankings = [data.draw(st.lists(movies, max_size=6, unique=True)) for _ in results]
    shares = count_rankings(results, rankings, CONTEXT)
    assert sum(share.numerator for share in shares.values()) == sum(result.num_asked for result in results)


@given(movies, st.lists(movies, max_size=4, unique=True), movies)
def test_another_relevant_movie_makes_nothing_worse(item, relevant, more):
    order = ("other_kind", "near", "hit")
    before, after = (class_of_item(item, known, CONTEXT) for known in (relevant, [*relevant, more]))
    assert order.index(after) >= order.index(before)


def test_every_class_has_a_definition_with_its_denominator():
    told = miss_definitions("ml-32m, 3 films")
    assert set(told) == {*MISS_CLASSES, "failure"}
    assert all(text.endswith("denominator: ranks asked for") and "{" not in text for text in told.values())
