"""Shares of records and of titles, counted by hand."""

from dataclasses import replace

import pytest

from recsys.evaluation.results import RecordResult
from recsys.evaluation.text_quality import DESCRIPTIONS, MATCH_SHARES, Share, distance_histogram, text_quality
from tests.evaluation.answers import make_answer, make_record, title


def result(*titles, **changes):
    answer = make_answer(titles, **changes)
    return RecordResult.from_recommendation(make_record("7-0"), answer, k=4)


RESULTS = [
    result(1, 2, title(3, "normalised"), title(4, "fuzzy", "wrong_year", distance=2.0)),
    result(title(1, "semantic", distance=0.3), title(1, "exact", "repeated"), title(901, "exact", "already_liked")),
    result(title(None, "none", distance=9.0), num_titles=6),
    result(text="def f():", problem="code"),
    result(text="Well, I think", problem="prose"),
]


def test_each_share_has_the_numerator_and_denominator_counted_by_hand():
    shares = text_quality(RESULTS)
    records = {name: share.numerator for name, share in shares.items() if share.of == "records"}
    titles = {name: share.numerator for name, share in shares.items() if share.of == "generated titles"}
    assert records == {"well_formed": 3, "exactly_n": 1, "empty": 0, "code": 1, "prose": 1, "other_script": 0}
    assert titles == {
        "exact": 4,
        "normalised": 1,
        "fuzzy": 1,
        "semantic": 1,
        "out_of_catalogue": 1,
        "repeated": 1,
        "already_liked": 1,
        "already_disliked": 0,
        "wrong_year": 1,
        "ambiguous": 0,
    }
    assert {share.denominator for share in shares.values() if share.of == "records"} == {5}
    assert {share.denominator for share in shares.values() if share.of == "generated titles"} == {8}


def test_the_parts_of_the_stacked_bar_add_up_to_every_title():
    shares = text_quality(RESULTS)
    assert sum(shares[name].numerator for name in MATCH_SHARES) == shares["exact"].denominator


def test_every_share_is_described():
    assert set(text_quality([])) == set(DESCRIPTIONS)


def test_a_share_of_nothing_has_no_value():
    assert text_quality([])["exact"].value is None
    assert str(Share(0, 0, "records")) == "0 of 0 records (–)"
    assert str(Share(12, 200, "generated titles")) == "12 of 200 generated titles (6.0%)"


@pytest.mark.parametrize(("num_titles", "expected"), [(3, 0), (4, 1), (5, 0)])
def test_exactly_n_counts_neither_too_few_nor_too_many_titles(num_titles, expected):
    one = replace(RESULTS[0], num_titles=num_titles, num_asked=4)
    assert text_quality([one])["exactly_n"].numerator == expected


def test_edits_are_counted_in_whole_numbers_with_an_open_last_bin():
    far = result(
        title(None, "none", distance=40.0), title(None, "none", distance=None), title(8, "fuzzy", distance=12.0)
    )
    got = distance_histogram([*RESULTS, far], resolver="levenshtein")
    assert got.edges == tuple(range(13))
    assert got.resolved == (6, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    assert got.out_of_catalogue == (0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1)
    assert got.num_without == 1


def test_shares_of_distance_are_counted_in_tenths_and_a_third_tenth_is_the_third():
    titles = [title(1, "semantic", distance=distance) for distance in (0.0, 0.05, 0.1, 0.3, 0.99, 1.0)]
    got = distance_histogram([result(*titles)], resolver="embedding")
    assert got.resolved == (2, 1, 0, 1, 0, 0, 0, 0, 0, 2)
