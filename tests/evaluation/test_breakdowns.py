"""Groups of records: thirds with ties, decades, and figures that add up to the whole."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.breakdowns import BREAKDOWNS, TERCILES, UNKNOWN, break_down, tercile_names
from recsys.evaluation.results import RecordResult
from tests.evaluation.answers import CONTEXT

ALWAYS = [name for name, breakdown in BREAKDOWNS.items() if not breakdown.needs_difference]
numbers = st.lists(st.integers(0, 9), min_size=1, max_size=30)


def result(record_id, history=(1, 2), relevant=(3,)):
    """A record's result; of a result only the record counts here."""
    return RecordResult(
        record_id=record_id,
        user_id=int(record_id.split("-")[0]),
        history=history,
        relevant=relevant,
        completion="",
        problem=None,
        well_formed=True,
        num_titles=0,
        num_asked=4,
        titles=(),
        item_ids=(),
        exact_item_ids=(),
    )


def rows_of(name, results, values, context=CONTEXT):
    rows = [row for row in break_down(results, {"ours": values}, context) if row.by == name]
    return {row.group: row for row in rows}


def figures(rows):
    return {name: (row.num_records, row.num_users, row.scores["ours"].mean) for name, row in rows.items()}


def test_nine_different_values_make_three_groups_of_three():
    assert tercile_names([*range(9)], among=[*range(9)]) == [name for name in TERCILES for _ in range(3)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5], ["middle"]),
        ([5, 5, 5, 5], ["middle"] * 4),
        ([1, 2], ["low", "high"]),
        ([1, 1, 1, 1, 2], ["middle"] * 4 + ["high"]),  # mid-ranks 2 and 4.5 of 5
        ([1, 2, 2, 2, 2], ["low"] + ["middle"] * 4),
        ([3, 1, 2], ["high", "low", "middle"]),
    ],
)
def test_equal_values_share_the_third_of_their_mid_rank(values, expected):
    assert tercile_names(values, among=values) == expected


@given(numbers)
def test_a_greater_value_is_in_no_lower_third_and_equal_ones_in_the_same(values):
    places = [TERCILES.index(name) for name in tercile_names(values, among=values)]
    assert [place for _, place in sorted(zip(values, places, strict=True))] == sorted(places)
    assert len(set(zip(values, places, strict=True))) == len(set(values))


@given(numbers.map(lambda values: [*dict.fromkeys(values)]))
def test_thirds_of_different_values_differ_in_size_by_one_at_most(values):
    names = tercile_names(values, among=values)
    sizes = [names.count(name) for name in TERCILES]
    assert max(sizes) - min(sizes) <= 1


def test_the_coherence_of_a_history_is_the_overlap_of_its_genres():
    results = [
        result("7-0", history=(1, 3)),  # nothing in common
        result("8-0", history=(1, 2)),  # a half
        result("9-0", history=(2, 5)),  # two thirds
        result("9-1", history=(1, 4)),  # of 4 no genre is known
    ]
    rows = rows_of("coherence", results, [0.1, 0.2, 0.3, 0.4])
    assert figures(rows) == {"low": (1, 1, 0.1), "middle": (1, 1, 0.2), "high": (1, 1, 0.3), UNKNOWN: (1, 1, 0.4)}
    assert list(rows) == ["low", "middle", "high", UNKNOWN]
    assert (rows["low"].low, rows["middle"].high, rows["high"].low) == (0.0, 0.5, pytest.approx(2 / 3))
    assert rows[UNKNOWN].low is rows[UNKNOWN].high is None


def test_the_popularity_is_that_of_what_was_to_be_found():
    results = [result("7-0", relevant=(6,)), result("7-1", relevant=(4, 5)), result("8-0", relevant=(1, 2))]
    assert figures(rows_of("popularity", results, [0.9, 0.0, 0.5])) == {
        "low": (1, 1, 0.0),
        "middle": (1, 1, 0.5),
        "high": (1, 1, 0.9),
    }


def test_the_decade_is_that_of_the_mean_year_of_the_history():
    results = [
        result("7-0", history=(1, 2)),  # 1990 and 2000
        result("7-1", history=(1, 4)),  # 4 has no year
        result("8-0", history=(3, 1)),  # 2010 and 1990
        result("9-0", history=(4,)),
        result("9-1", history=(6, 5)),  # 1970 and 1980
    ]
    rows = rows_of("decade", results, [0.2, 0.4, 1.0, 0.5, 0.0])
    assert list(rows) == ["1970s", "1990s", "2000s", UNKNOWN]
    assert figures(rows)["1990s"] == (2, 1, pytest.approx(0.3))
    assert (rows["1990s"].low, rows["1990s"].high) == (1990.0, 1995.0)
    assert rows["1990s"].scores["ours"].interval is None  # both are of one user


def test_activity_cuts_users_not_records_into_thirds():
    """User 9 holds most of the records and is still one of three users."""
    results = [result("7-0"), result("8-0"), *(result(f"9-{window}") for window in range(6))]
    rows = rows_of("activity", results, [0.1, 0.2, *[0.3] * 6])
    assert figures(rows) == {"low": (1, 1, 0.1), "middle": (1, 1, 0.2), "high": (6, 1, pytest.approx(0.3))}
    assert [(row.low, row.high) for row in rows.values()] == [(20, 20), (30, 30), (90, 90)]


def test_a_user_whose_likes_are_not_known_is_in_a_group_of_their_own():
    rows = rows_of("activity", [result("7-0"), result("5-0")], [0.1, 0.2])
    assert figures(rows) == {"middle": (1, 1, 0.1), UNKNOWN: (1, 1, 0.2)}


def test_records_are_grouped_by_the_number_of_liked_movies_where_it_differs():
    results = [
        result("7-0", history=()),
        result("7-1", history=(1, 2)),
        result("8-0", history=(2, 1)),
        result("9-0", history=(1, 2, 3, 4, 5, 6, 1, 2, 3, 4)),
    ]
    rows = rows_of("history_length", results, [0.0, 0.2, 0.4, 1.0])
    assert list(rows) == ["0", "2", "10"]
    assert figures(rows) == {"0": (1, 1, 0.0), "2": (2, 2, pytest.approx(0.3)), "10": (1, 1, 1.0)}
    assert {row.range for row in rows.values()} == {""}  # "2: 2 to 2" would tell nothing


def test_histories_of_one_length_are_no_groups():
    assert rows_of("history_length", [result("7-0"), result("8-0")], [0.0, 1.0]) == {}


@given(st.lists(st.integers(0, 6), max_size=12))
def test_the_groups_by_length_hold_each_record_once(lengths):
    results = [result(f"7-{place}", history=(1,) * length) for place, length in enumerate(lengths)]
    rows = rows_of("history_length", results, [0.5] * len(lengths))
    counted = {name: row.num_records for name, row in rows.items()}
    differ = len(set(lengths)) > 1
    assert counted == ({str(length): lengths.count(length) for length in set(lengths)} if differ else {})


def test_every_row_has_every_system_on_the_same_records():
    results = [result(f"{user}-{window}") for user in (7, 8, 9) for window in range(2)]
    rows = break_down(results, {"ours": [1, 0, 1, 0, 1, 0], "theirs": [0.5] * 6}, CONTEXT)
    assert {row.by for row in rows} == set(ALWAYS)
    for row in rows:
        assert row.scores.keys() == {"ours", "theirs"}
        assert row.scores["ours"].mean == row.scores["theirs"].mean == 0.5
        if row.num_users > 1:
            assert row.scores["ours"].interval is not None


@given(
    st.lists(
        st.tuples(st.sampled_from([7, 8, 9]), st.integers(1, 6), st.integers(1, 6), st.integers(0, 4)), max_size=12
    )
)
def test_the_groups_of_a_breakdown_hold_each_record_once_and_add_up_to_the_whole(rows):
    results = [
        replace(result(f"{user}-{place}"), history=(one, 2), relevant=(other,))
        for place, (user, one, other, _) in enumerate(rows)
    ]
    values = [quarter / 4 for *_, quarter in rows]
    for name in ALWAYS:
        found = rows_of(name, results, values).values()
        assert sum(row.num_records for row in found) == len(rows)
        total = sum(row.num_records * row.scores["ours"].mean for row in found)
        assert total == pytest.approx(sum(values), abs=1e-9)
        assert all(row.num_users <= row.num_records for row in found)


def test_no_records_have_no_rows():
    assert break_down([], {"ours": []}, CONTEXT) == ()


def test_each_definition_says_what_is_grouped():
    assert BREAKDOWNS["activity"].definition == "Activity of the user: likes in the whole data set; thirds of the users"
