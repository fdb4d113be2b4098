"""What naming dislikes does to the likelihood of titles: the cases, and the figures against plain log-softmax."""

import numpy as np
import pytest
import torch

from recsys.data.records import Record
from recsys.errors import SettingsError
from recsys.models.loading import load_model
from recsys.models.registry import find_model
from recsys.settings import PromptSettings
from recsys.training.examples import Case, ExampleWriter
from recsys.training.likelihood_shift import ShiftCase, measure_shift, shift_cases
from tests.fixtures.tiny_runs import DATA

PROMPT = PromptSettings("history")


@pytest.fixture(scope="module")
def loaded(tiny_llama_folder):
    return load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")


def test_each_liked_title_goes_with_a_dislike_in_turn_that_is_not_named():
    record = Record("7-0", 7, (1, 2), (3, 4), (8, 9))
    assert shift_cases([record]) == [ShiftCase(7, (1, 2), 3, 8, (9,)), ShiftCase(7, (1, 2), 4, 9, (8,))]


def test_a_person_with_one_dislike_or_none_gives_no_case():
    assert shift_cases([Record("7-0", 7, (1,), (3,), (8,)), Record("8-0", 8, (1,), (3,))]) == []


def test_nothing_that_comes_after_the_history_is_named():
    records = DATA.split.records["validation"]
    told_of = {record.user_id: set(record.disliked) for record in records}
    cases = shift_cases(records)
    assert cases
    assert all(set(case.told) <= told_of[case.user_id] - {case.disliked} for case in cases)


def test_the_shift_is_the_change_of_the_mean_log_likelihood(loaded):
    records = DATA.split.records["validation"]
    shifts, num_cases, num_users = measure_shift(loaded, records, DATA.catalogue, PROMPT, batch_size=3)
    cases = shift_cases(records)
    assert (num_cases, num_users) == (len(cases), len({case.user_id for case in cases}))

    def mean(kind, *, told):
        format_ = PROMPT.replace(include_disliked=told)
        write = ExampleWriter(loaded.tokenizer, DATA.catalogue, format_, loss_on="answer")
        values = []
        for case in cases:
            example = write(Case(case.history, (getattr(case, kind),), case.told if told else ()))
            ids = torch.from_numpy(example.ids).long()
            with torch.inference_mode():
                tokens = loaded.model(input_ids=ids[None]).logits[0].log_softmax(-1)
            values.append(sum(float(tokens[i - 1, ids[i]]) for i in range(example.first_target, len(ids))))
        return np.mean(values)

    liked, disliked, gap = shifts
    for shift in (liked, disliked):
        assert shift.plain == pytest.approx(mean(shift.kind, told=False), rel=1e-4)
        assert shift.told == pytest.approx(mean(shift.kind, told=True), rel=1e-4)
        assert shift.interval.low <= shift.change <= shift.interval.high
    assert gap.change == pytest.approx(liked.change - disliked.change, rel=1e-3, abs=1e-6)


def test_records_without_two_dislikes_are_refused(loaded):
    with pytest.raises(SettingsError, match="one dislike to ask for"):
        measure_shift(loaded, [Record("7-0", 7, (1,), (3,), (8,))], DATA.catalogue, PROMPT)
