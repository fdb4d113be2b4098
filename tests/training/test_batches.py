import numpy as np
import pytest

from recsys.settings import PromptSettings
from recsys.training.batches import NO_TARGET, LengthBatches, collate, padding_share
from recsys.training.examples import EpochExamples, Example, ExampleWriter, record_cases, sub_history_cases


@pytest.fixture(scope="module")
def examples(embedded, tiny_gptj_folder):
    """All training records of the embedded data."""
    from transformers import AutoTokenizer

    from recsys.catalogue import Catalogue
    from recsys.data.records import split_records

    split = split_records(embedded)
    catalogue = Catalogue(embedded.movies, split.popularity("train"))
    write = ExampleWriter(
        AutoTokenizer.from_pretrained(tiny_gptj_folder), catalogue, PromptSettings("history"), loss_on="answer"
    )
    records = split.records["train"]
    return EpochExamples(record_cases(records), len(records), write)


@pytest.mark.parametrize("batch_size", [1, 16, 64])
def test_under_a_twentieth_of_a_batch_is_padding(examples, batch_size):
    batches = list(LengthBatches(examples, batch_size, seed=0))
    lengths = examples.lengths.tolist()
    assert padding_share(lengths, batches) < 0.05
    plain = [list(range(i, min(i + batch_size, len(lengths)))) for i in range(0, len(lengths), batch_size)]
    assert batch_size == 1 or padding_share(lengths, plain) > 0.15


def test_padding_is_counted_by_places():
    assert padding_share([3, 1, 2], [[0, 1], [2]]) == pytest.approx(1 - 6 / 8)
    assert padding_share([], []) == 0


def test_every_example_is_in_one_batch_of_each_epoch(examples):
    batches = LengthBatches(examples, 16, seed=0)
    made = list(batches)
    assert len(made) == len(batches)
    assert sorted(index for batch in made for index in batch) == list(range(len(examples)))
    assert [len(batch) for batch in made[:-1]] == [16] * (len(made) - 1)


def test_the_order_is_of_seed_and_epoch_alone(tiny_gptj_folder, training_data):
    from transformers import AutoTokenizer

    write = ExampleWriter(
        AutoTokenizer.from_pretrained(tiny_gptj_folder),
        training_data.catalogue,
        PromptSettings("history"),
        loss_on="titles",
    )
    draw = sub_history_cases(training_data.split.likes_of("train"), history_length=4, num_relevant=2, seed=0)

    def order(seed, *epochs):
        drawn = EpochExamples(draw, 40, write)
        for epoch in epochs:
            drawn.set_epoch(epoch)
        return list(LengthBatches(drawn, 4, seed=seed))

    assert order(0, 3) == order(0, 1, 2, 3)
    assert order(0, 3) != order(0, 2)
    assert order(0, 3) != order(1, 3)


def test_a_batch_has_each_target_one_place_before_its_token():
    short = Example(np.array([7, 8, 9], np.int32), 2)
    long = Example(np.array([1, 2, 3, 4, 5], np.int32), 1)
    batch = collate([short, long], pad_token_id=0)
    assert batch["input_ids"].tolist() == [[7, 8, 0, 0], [1, 2, 3, 4]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    no = NO_TARGET
    assert batch["labels"].tolist() == [[no, 9, no, no], [2, 3, 4, 5]]


def test_the_first_token_is_never_a_target_since_nothing_stands_before_it():
    batch = collate([Example(np.array([4, 5, 6], np.int32), 0)], pad_token_id=0)
    assert batch["labels"].tolist() == [[5, 6]]
