"""Each rank that was asked for is in one part."""

from dataclasses import replace

from recsys.several import PARTS, count_titles
from tests.evaluation.answers import make_answer, title


def counted(answer):
    return {part: number for part, number in count_titles(answer).items() if number}


def test_every_title_is_of_one_part_and_what_was_not_written_fills_up_to_n():
    answer = make_answer([1, title(2, "fuzzy"), title(None, "none", name="Void")])
    asked = answer.prompt.num_recommendations
    assert counted(answer) == {"exact": 1, "resolved": 1, "out_of_catalogue": 1, "not_written": asked - 3}
    assert sum(count_titles(answer).values()) == asked
    assert tuple(count_titles(answer)) == PARTS


def test_the_same_title_but_for_case_counts_as_exact_and_a_near_meaning_as_resolved():
    answer = make_answer([title(1, "normalised"), title(2, "semantic")])
    assert counted(answer) | {"not_written": 0} == {"exact": 1, "resolved": 1, "not_written": 0}


def test_a_title_of_the_history_is_known_and_no_repeat_though_it_was_named_before():
    flagged = make_answer([1, 2])
    first, second = flagged.resolutions
    repeated = replace(first, flags=frozenset({"repeated"}))
    known = replace(second, flags=frozenset({"repeated", "already_liked"}))
    assert counted(replace(flagged, resolutions=(repeated, known))) | {"not_written": 0} == {
        "repeated": 1,
        "already_known": 1,
        "not_written": 0,
    }


def test_prose_holds_no_title_so_nothing_was_written_at_any_rank():
    answer = make_answer([])
    assert counted(answer) == {"not_written": answer.prompt.num_recommendations}
