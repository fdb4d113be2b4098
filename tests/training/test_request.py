import pytest

from recsys.training.request import TrainingRequest
from recsys.training.settings import LoraSettings, TrainingSettings


@pytest.mark.parametrize(
    ("lora", "training", "recipe"),
    [
        ({}, {}, "story"),
        ({"lora_alpha": 32, "lora_dropout": 0.0}, {"num_train_epochs": 4, "loss_on": "titles"}, "story"),
        ({"r": 16}, {}, "custom"),
        ({"target_modules": ("all-linear",)}, {}, "custom"),
        ({"use_dora": True}, {}, "custom"),
        ({}, {"augmentation": "sub_histories"}, "custom"),
        ({}, {"teacher_share": 0.5}, "custom"),
        ({}, {"method": "dpo"}, "custom"),
        ({}, {"method": "full"}, "custom"),
    ],
)
def test_a_run_is_of_the_storys_recipe_only_where_it_is(lora, training, recipe):
    request = TrainingRequest("name", "base", lora=LoraSettings(**lora), training=TrainingSettings(**training))
    assert request.recipe == recipe


def test_random_weights_that_are_all_trained_are_pretrained():
    settings = TrainingSettings(method="full")
    assert TrainingRequest("mini", "mini", training=settings, is_from_scratch=True).recipe == "pretrain"


@pytest.mark.parametrize(("wanted", "found"), [(0, 0), (2, 2), (3, 3), (99, 3)])
def test_validation_records_are_spread_evenly(training_data, wanted, found):
    taken = training_data.ranking_records(TrainingSettings(ranking_records=wanted))
    records = training_data.split.records["validation"]
    assert [record in records for record in taken] == [True] * found
    assert len({record.record_id for record in taken}) == found


def test_an_epoch_of_sub_histories_is_as_long_as_is_asked_or_as_the_records(training_data):
    settings = TrainingSettings(augmentation="sub_histories")
    assert training_data.draw(TrainingRequest("a", "b", training=settings))[1] == 12
    assert training_data.draw(TrainingRequest("a", "b", training=settings, num_samples=5))[1] == 5


def test_a_run_that_learns_from_validation_users_has_none_to_be_measured_on(training_data):
    settings = TrainingSettings(learn_from="train_and_validation")
    assert list(training_data.held_out(settings)) == list(training_data.ranking_records(settings)) == []
    assert len(training_data.held_out(TrainingSettings())) == 3


def liked_in(training_data, *names):
    likes = training_data.split.likes_of(*names)
    return {tuple(items[:10]) for items in likes.values()}


@pytest.mark.parametrize("augmentation", ["records", "sub_histories"])
def test_users_that_are_not_learnt_from_give_no_case(training_data, augmentation):
    for learn_from, users, num in (("train", ("train",), 12), ("train_and_validation", ("train", "validation"), 15)):
        settings = TrainingSettings(augmentation=augmentation, learn_from=learn_from)
        draw, found = training_data.draw(TrainingRequest("a", "b", training=settings))
        assert found == num
        cases = {(*case.history, *case.answer) for epoch in range(30) for case in (draw(epoch, i) for i in range(num))}
        assert cases == liked_in(training_data, *users)
