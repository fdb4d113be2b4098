"""A short run of the fuzzing that `make fuzz` does at length, and proof that it can find something."""

import pytest

from recsys.errors import RecsysError
from tests.fuzz.mutation import MAX_BYTES, cases
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_answers_or_tells_an_error_of_ours(name):
    target = TARGETS[name]
    for case in cases(target.seeds, 60 * min(target.share, 5), seed=7):
        try:
            target.run(case)
        except RecsysError:
            continue


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "trie"])
def test_the_seeds_are_read_to_their_end(name):
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)


def test_mutation_reaches_a_fault_that_needs_two_rare_things():
    found = [case for case in cases([b"1::Heat::Drama"], 20_000, seed=1) if case.count(b"::") > 2 and b"NaN" in case]
    assert found


def test_the_same_seed_gives_the_same_cases_within_the_size():
    one, two = (list(cases([b"Heat; Toy Story", b"10"], 500, seed=3)) for _ in range(2))
    assert one == two
    assert len(set(one)) > 400
    assert max(map(len, one)) <= MAX_BYTES
