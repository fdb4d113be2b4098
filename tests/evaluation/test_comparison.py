"""Two runs side by side, in figures made by hand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie
from recsys.errors import InputError, SettingsError
from recsys.evaluation.comparison import compare_runs, differing_settings, require_comparable
from recsys.evaluation.intervals import paired_interval
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.significance import minimum_detectable_effect, paired_permutation_test
from recsys.models.host import ModelChoice
from recsys.settings import EvaluationSettings, GenerationSettings, ResolutionSettings
from tests.ui.fake_evaluation import report_of, result, title

MOVIES = Catalogue((Movie(1, "One", 1989), Movie(2, "Two", 1994), Movie(3, "Three", 1999), Movie(4, "Four")))
RELEVANT = (1, 2, 3, 4)
GREEDY = EvaluationRequest(generation=GenerationSettings(temperature=0))


def answer(record_id, *item_ids, history=(1, 2)):
    """A record's answer with these items, each written exactly and 0 edits away; None was never a movie."""
    titles = [title(f"Movie {item}", item, match="exact" if item else "none") for item in item_ids]
    return result(record_id, titles, RELEVANT, history=history)


def run(results, *, fingerprint="a" * 16, **others):
    return report_of(results, fingerprint=fingerprint, **others), results


def compare(a, b, catalogue=None):
    return compare_runs(*a, *b, catalogue)


OURS = run([answer("5-0", 1, 2, 3, 4), answer("6-0", 1, None), answer("7-0"), answer("8-0", 1)])
THEIRS = run([answer("7-0"), answer("6-0", None, 1), answer("5-0", 1, None), answer("9-0", 2)], fingerprint="b" * 16)
"""AP@4 of A on 5-0, 6-0 and 7-0: 1, 1/4 and 0; of B: 1/4, 1/8 and 0."""


def test_only_common_records_count_and_how_many_each_has_alone_is_told():
    found = compare(OURS, THEIRS)
    assert (found.num_records, found.num_users) == (3, 3)
    assert (found.a.num_alone, found.b.num_alone) == (1, 1)
    assert [(pair.record_id, pair.a, pair.b) for pair in found.records] == [
        ("5-0", 1.0, 0.25),
        ("6-0", 0.25, 0.125),
        ("7-0", 0.0, 0.0),
    ]
    assert found.num_better == (2, 0)


def test_the_difference_is_paired_by_record_with_interval_test_and_smallest_visible_effect():
    difference = compare(OURS, THEIRS).headline.difference
    ours, theirs, users = [1.0, 0.25, 0.0], [0.25, 0.125, 0.0], [5, 6, 7]
    assert difference.mean == pytest.approx((0.75 + 0.125) / 3)
    assert difference.interval == paired_interval(ours, theirs, users)
    assert difference.permutation == paired_permutation_test(ours, theirs, users)
    assert difference.permutation.p_value == 0.5  # ++ and -- of four patterns; a user without a difference has none
    assert difference.minimum_detectable_effect == minimum_detectable_effect(ours, theirs, users)


def test_every_metric_has_both_scores_on_the_common_records():
    found = compare(OURS, THEIRS)
    assert found.metrics["map"].a.mean == pytest.approx(1.25 / 3)
    assert found.metrics["map"].b.mean == pytest.approx(0.375 / 3)
    assert found.metrics["recall"].a.mean == pytest.approx(5 / 12)
    assert found.metrics["hit_rate"].difference.mean == 0.0
    assert found.metrics["map"].a.interval.low <= 1.25 / 3 <= found.metrics["map"].a.interval.high


def test_raw_scores_count_only_what_was_written_exactly():
    nearly = result("5-0", [title("One", 1, match="fuzzy", distance=1.0)], RELEVANT)
    other = result("5-0", [title("One", 1)], RELEVANT)
    found = compare(run([nearly]), run([other], fingerprint="b" * 16))
    assert found.headline.difference.mean == 0.0
    assert found.raw.difference.mean == -0.25


@settings(deadline=None)  # each example draws thousands of resamples
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from([1, 2, 9]), max_size=4, unique=True), st.booleans()), min_size=1, max_size=6
    )
)
def test_swapping_the_runs_turns_every_difference_round(answers):
    ours = run([answer(f"{5 + place // 2}-{place}", *items) for place, (items, _) in enumerate(answers)])
    theirs = run(
        [answer(f"{5 + place // 2}-{place}", *(items if same else [])) for place, (items, same) in enumerate(answers)],
        fingerprint="b" * 16,
    )
    there, back = compare(ours, theirs), compare(theirs, ours)
    for name, pair in there.metrics.items():
        assert pair.difference.mean == pytest.approx(-back.metrics[name].difference.mean)
        assert (pair.a, pair.b) == (back.metrics[name].b, back.metrics[name].a)
    turned = {"a": "b", "b": "a"}
    assert there.verdict == turned.get(back.verdict, back.verdict)


def test_a_run_is_better_when_interval_and_test_say_so():
    users = range(5, 15)
    good = run([answer(f"{user}-0", 1) for user in users])
    bad = run([answer(f"{user}-0") for user in users], fingerprint="b" * 16)
    assert compare(good, bad).verdict == "a"
    assert compare(bad, good).verdict == "b"
    assert compare(good, run(good[1], fingerprint="b" * 16)).verdict == "alike"


def test_an_interval_above_zero_is_not_enough_where_the_test_is_unsure():
    three = range(5, 8)  # the least p of three users is 2 of 8
    good = run([answer(f"{user}-0", 1) for user in three])
    found = compare(good, run([answer(f"{user}-0") for user in three], fingerprint="b" * 16))
    assert found.headline.difference.interval.low == 0.25
    assert found.verdict == "unclear"


def test_one_user_tells_nothing_of_others():
    found = compare(run([answer("5-0", 1)]), run([answer("5-0")], fingerprint="b" * 16))
    assert found.verdict == "too_few"
    assert found.headline.difference.interval is None


def test_the_settings_that_differ_are_told_with_their_part_and_others_are_not():
    ours = report_of(OURS[1], request=GREEDY)
    theirs = report_of(OURS[1], request=replace(GREEDY, choice=ModelChoice(adapter="story"), baselines=()))
    theirs = replace(theirs, precision="fp32")
    assert [(row.name, row.a, row.b) for row in differing_settings(ours, theirs)] == [
        ("choice.adapter", None, "story"),
        ("baselines", ["popularity", "ease"], []),
        ("weights held in", "bf16", "fp32"),
    ]
    assert differing_settings(ours, ours) == ()


def test_provenance_differs_only_where_both_runs_tell_theirs():
    ours = report_of(OURS[1])
    old, new = replace(ours, provenance={"weights": "12ab"}), replace(ours, provenance={"weights": "34cd"})
    assert [(row.name, row.a, row.b) for row in differing_settings(old, new)] == [
        ("provenance.weights", "12ab", "34cd")
    ]
    assert differing_settings(ours, new) == ()


def test_distances_are_of_the_titles_of_common_records():
    found = compare(OURS, THEIRS)
    assert found.a.distances.resolved[0] == 5  # four of 5-0 and one of 6-0; 8-0 is A's alone
    assert found.a.distances.num_without == 1
    assert found.same_unit
    by_letters = EvaluationRequest(resolution=ResolutionSettings("common_characters"))
    assert not compare(OURS, run(THEIRS[1], fingerprint="b" * 16, request=by_letters)).same_unit


def test_decades_count_every_movie_of_every_record_and_those_without_a_year():
    found = {decades.of: decades for decades in compare(OURS, THEIRS, MOVIES).decades}
    assert found["history"].counts == {1980: 3, 1990: 3}
    assert found["history"].mean_year == pytest.approx((1989 + 1994) / 2)
    assert found["relevant"].counts == {1980: 3, 1990: 6}
    assert found["relevant"].num_unknown == 3
    assert found["relevant"].share(1990) == pytest.approx(2 / 3)
    assert found["a"].counts == {1980: 2, 1990: 2}  # 1, 2, 3 and 4 of 5-0, 1 of 6-0
    assert found["a"].num_unknown == 1
    assert found["b"].counts == {1980: 2}
    assert found["b"].share(1990) == 0.0


def test_only_the_first_k_ranks_have_a_decade():
    deep = run([answer("5-0", None, None, None, 2, 3)])
    found = compare(deep, run([answer("5-0")], fingerprint="b" * 16), MOVIES)
    assert found.decades[2].counts == {1990: 1}
    assert (found.decades[3].counts, found.decades[3].mean_year, found.decades[3].share(1990)) == ({}, None, 0.0)


def test_without_a_catalogue_there_are_no_decades():
    assert compare(OURS, THEIRS).decades == ()


AT_SEVEN = EvaluationRequest(EvaluationSettings(k=7))
VALIDATION = EvaluationRequest(EvaluationSettings(split="validation"))


@pytest.mark.parametrize(
    ("other", "error", "told"),
    [
        (OURS, InputError, "cannot be compared with itself"),
        (run(OURS[1], fingerprint="b" * 16, request=AT_SEVEN), SettingsError, "different K .seen: 'K = 4 and K = 7'"),
        (run(OURS[1], fingerprint="b" * 16, request=VALIDATION), InputError, "seen: 'test and validation users'"),
        ((replace(THEIRS[0], dataset_name="other"), THEIRS[1]), InputError, "different data sets"),
        (run([answer("9-0", 1)], fingerprint="b" * 16), InputError, "no record in common .seen: '4 and 1 records'"),
        (run([answer("5-0", 1, history=(9, 2))], fingerprint="b" * 16), InputError, "not the same in both .*5-0"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused_with_the_reason(other, error, told):
    with pytest.raises(error, match=told):
        compare(OURS, other)


def test_what_reports_alone_can_tell_is_checked_without_records():
    require_comparable(OURS[0], THEIRS[0])
    with pytest.raises(SettingsError, match="different K"):
        require_comparable(OURS[0], replace(THEIRS[0], request=AT_SEVEN))


def test_a_report_that_came_without_its_records_is_told_so():
    ours = run([answer("5-0", 1)])
    theirs = run([answer("5-0", 2)], fingerprint="b" * 16)
    with pytest.raises(InputError, match="records of a run are not here"):
        compare_runs(ours[0], ours[1], theirs[0], (), None)
