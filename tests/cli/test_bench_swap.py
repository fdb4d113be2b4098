"""What ``bench swap`` tells of hand-made measurements, and which adapters take turns."""

import pytest

from recsys.cli.bench_swap import adapter_row, model_rows
from recsys.errors import AdapterError
from recsys.generation.measure_swap import AdapterSwap, ModelSwap, _two_adapters, measure_adapter_swap


def test_an_adapters_change_is_judged_by_its_median_and_the_slowest_is_told():
    row = adapter_row(AdapterSwap("m", ("a", "b"), (0.5, 0.04), (0.001, 0.002, 0.9), (0.001, 0.001, 0.003), True))
    assert row["first_ms"] == "500 and 40"
    assert (row["median_ms"], row["slowest_ms"], row["median_CPU_ms"]) == (2, 900, 1)
    assert (row["reloaded"], row["within_goal"]) == ("no", "yes")


@pytest.mark.parametrize(("later", "same"), [((0.4, 0.4, 0.1), True), ((0.1, 0.1, 0.1), False)])
def test_a_slow_change_or_a_reload_misses_the_goal(later, same):
    assert adapter_row(AdapterSwap("m", ("a", "b"), (0.1, 0.1), later, later, same))["within_goal"] == "no"


@pytest.mark.parametrize(("last", "verdict"), [(522, "yes"), (478, "yes"), (530, "no"), (470, "no")])
def test_the_model_that_comes_back_is_held_against_itself(last, verdict):
    rows = model_rows(ModelSwap(("a", "b", "a"), 200 * 10**6, (500 * 10**6, 250 * 10**6, last * 10**6), (1, 1, 1)))
    assert [row["of_the_first"] for row in rows] == [None, None, f"{last / 500:.1%}"]
    assert rows[2]["within_goal"] == verdict
    assert rows[1]["beyond_empty_MB"] == 50


def test_where_one_adapter_comes_with_the_repository_its_copy_is_the_second(tmp_path):
    assert _two_adapters("gptj-mini", tmp_path) == ("gptj-mini-story", "gptj-mini-story-copy")
    assert len(set(_two_adapters("smollm2-135m", tmp_path))) == 2
    with pytest.raises(AdapterError, match="no adapter comes with the repository"):
        _two_adapters("no such model", tmp_path)


def test_changing_adapters_of_the_small_model_loads_nothing_again():
    swap = measure_adapter_swap("gptj-mini", 2)
    assert swap.same_model
    assert len(swap.later) == len(swap.first) == 2
