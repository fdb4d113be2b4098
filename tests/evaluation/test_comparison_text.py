"""Two runs side by side as text."""

from dataclasses import replace

from recsys.evaluation.comparison import compare_runs
from recsys.evaluation.comparison_text import render_comparison, setting_text
from recsys.evaluation.request import EvaluationRequest
from recsys.settings import GenerationSettings, ResolutionSettings
from tests.evaluation.test_comparison import MOVIES, OURS, THEIRS, run

GREEDY = EvaluationRequest(generation=GenerationSettings(temperature=0))


def text_of(a, b, catalogue=MOVIES):
    return render_comparison(compare_runs(*a, *b, catalogue))


def row(text, start):
    return next(line.split() for line in text.splitlines() if line.startswith(start))


def test_the_text_tells_runs_denominators_verdict_and_every_metric():
    text = text_of(OURS, run(THEIRS[1], fingerprint="b" * 16, request=GREEDY))
    told = " ".join(text.split())
    assert text.startswith("A: smollm2-135m, few-shot, T 0.7 (run aaaaaaaaaaaaaaaa, 2026-11-22T21:05:09+00:00)\nB: ")
    assert "On the 3 records of 3 users that both have; A has 1 more alone, B 1." in told
    assert "A scores higher on 2, B on 0, both alike on 1." in told
    assert "No clear difference between A and B: MAP@4 0.4167 and 0.1250, A minus B +0.2917 [" in told
    assert "], p = 0.5000, smallest visible " in told
    assert row(text, "R@4 ")[1] == "0.4167"
    assert row(text, "HR@4 ")[-4:] == ["+0.0000", "[0.0000,", "0.0000]", "1.0000"]
    assert row(text, "MAP@4, exact only")[3] == "0.4167"
    assert row(text, "generation.temperature") == ["generation.temperature", "0.7", "0"]


def test_distances_and_decades_have_a_column_for_each_run():
    text = text_of(OURS, THEIRS)
    assert row(text, "0 ") == ["0", "5", "(0)", "2", "(0)"]
    assert row(text, "near nothing") == ["near", "nothing", "1", "2"]
    assert row(text, "1980s") == ["1980s", "50.0%", "33.3%", "50.0%", "100.0%"]
    assert row(text, "mean year") == ["mean", "year", "1991.5", "1994.0", "1992.8", "1989.0"]
    assert "All settings are the same." in text


def test_what_cannot_be_compared_is_said_or_left_out():
    letters = run(
        THEIRS[1], fingerprint="b" * 16, request=EvaluationRequest(resolution=ResolutionSettings("embedding"))
    )
    text = text_of(OURS, letters, None)
    assert "their distances count different things" in text
    assert "mean year" not in text


def test_one_user_has_no_interval_and_no_p():
    one = (replace(OURS[0], fingerprint="c" * 16), OURS[1][:1])
    text = text_of(one, THEIRS)
    assert "Too few users to tell A from B" in text
    assert row(text, "MAP@4 ")[-1] == "–"


def test_settings_are_told_as_people_type_them():
    assert [setting_text(value) for value in (None, True, 0.7, 4, "auto", ["a", "b"], [])] == [
        "–",
        "true",
        "0.7",
        "4",
        "auto",
        "a, b",
        "–",
    ]
