import json

import pytest

from recsys.errors import DataFormatError
from recsys.training.curves import Curves, RankingPoint, TrainPoint, ValidationPoint, read_curves

CURVES = Curves(
    "smollm2-story",
    steps_per_epoch=2.5,
    num_train_epochs=10,
    train=(TrainPoint(1, 0.4, 3.5, 1e-3, 2.0), TrainPoint(2, 0.8, 3.0, 5e-4, 4.0)),
    validation=(ValidationPoint(2, 0.8, 3.25),),
    ranking=(RankingPoint(2, 0.8, 0.01, None, None, 4, 10, 1),),
)


def test_curves_come_back_from_their_file_as_they_were(tmp_path):
    CURVES.save(tmp_path / "curves.json")
    assert read_curves(tmp_path / "curves.json") == CURVES


def test_a_run_that_goes_on_from_a_checkpoint_forgets_what_came_after_it():
    kept = CURVES.up_to(1)
    assert [len(points) for points in (kept.train, kept.validation, kept.ranking)] == [1, 0, 0]
    assert CURVES.up_to(2) == CURVES


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 2}', json.dumps({**CURVES.to_dict(), "train": [{"step": 1}]}), '{"version": 1}'],
)
def test_broken_curves_are_told_with_their_file(tmp_path, text):
    path = tmp_path / "curves.json"
    path.write_text(text)
    with pytest.raises(DataFormatError, match=r"curves\.json.*train again"):
        read_curves(path)


def test_missing_curves_are_told(tmp_path):
    with pytest.raises(DataFormatError, match="cannot be read"):
        read_curves(tmp_path / "curves.json")
