"""A short run of the fuzzing that `make fuzz` does at length, and proof that it can find something."""

import pytest

from recsys.errors import RecsysError
from recsys.models.adapter_adding import add_archive
from tests.fuzz import adapter_zip
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


@pytest.mark.parametrize("told", adapter_zip.REFUSED)
def test_a_hostile_adapter_zip_is_refused_for_what_it_is(told):
    with pytest.raises(RecsysError, match=told):
        adapter_zip.adapter_zip(adapter_zip.REFUSED[told])


def test_the_adapter_target_sees_what_is_left_behind_or_written_elsewhere(monkeypatch):
    def careless(archive, root):
        (root.parent / "kept.txt").write_text("gone", encoding="utf-8")
        return add_archive(archive, root)

    def leaves_its_work(archive, root):
        try:
            return add_archive(archive, root)
        finally:
            (root / ".adding-x").mkdir()

    sound, hostile = adapter_zip.SEEDS[0], adapter_zip.REFUSED["too large"]
    for adding, case in ((careless, sound), (leaves_its_work, sound), (leaves_its_work, hostile)):
        monkeypatch.setattr(adapter_zip, "add_archive", adding)
        with pytest.raises(AssertionError):
            adapter_zip.adapter_zip(case)
