"""Whether a model says of itself that it has learnt from the users whom it is asked about."""

import pytest

from recsys.models.host import ModelChoice
from recsys.models.learnt_from import has_learnt_from, learnt_warning


@pytest.mark.parametrize(
    ("model", "adapter", "learnt"),
    [
        ("gptj-mini", None, ["train", "validation"]),
        ("gptj-mini", "gptj-mini-story", ["train", "validation"]),
        ("smollm2-135m", "smollm2-liked", ["train"]),
        ("smollm2-135m", None, []),
    ],
)
def test_a_model_that_has_learnt_from_the_users_is_found_out(model, adapter, learnt):
    splits = ("train", "validation", "test")
    assert [split for split in splits if has_learnt_from(split, ModelChoice(model, adapter=adapter), None)] == learnt


def test_the_warning_names_the_model_and_the_users_and_is_silent_otherwise():
    told = learnt_warning("validation", ModelChoice("gptj-mini", adapter="gptj-mini-story"), None)
    assert told.startswith("gptj-mini with gptj-mini-story was trained on these very validation users")
    assert learnt_warning("test", ModelChoice("gptj-mini"), None) == ""
