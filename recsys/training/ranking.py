"""MAP@4 of validation users while a model is trained: ranked as serving ranks, with its weights of now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from recsys.catalogue import Catalogue
from recsys.catalogue_recommend import find_decoder
from recsys.data.records import Record, to_example
from recsys.evaluation.intervals import clustered_interval, mean_over_records
from recsys.evaluation.metrics import average_precision
from recsys.prompts import PromptExample, render
from recsys.settings import PromptSettings
from recsys.training.curves import RankingPoint

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel

K = 4
NUM_BEAMS = 10
_RECORDS_AT_ONCE = 64


def rank_records(
    loaded: LoadedModel,
    records: Sequence[Record],
    catalogue: Catalogue,
    prompt: PromptSettings,
    worked: Sequence[PromptExample] = (),
) -> RankingPoint:
    """Ranks the catalogue for each record by tree score with ten beams, and scores the first four.

    Args:
        loaded: The model; decoders that were made for it before are not used, since its weights have changed.
        records: At least one.
        catalogue: What is ranked.
        prompt: The prompt's format.
        worked: Worked examples of a few-shot prompt.
    """
    loaded = replace(loaded, decoders={})
    cases = [to_example(record, catalogue) for record in records]
    prompts = [
        render(case.liked, prompt, num_recommendations=K, disliked=case.disliked, examples=worked) for case in cases
    ]
    decoder = find_decoder(loaded, catalogue, prompts[0])
    values: list[float] = []
    for start in range(0, len(records), _RECORDS_AT_ONCE):
        part = records[start : start + _RECORDS_AT_ONCE]
        rankings = decoder.rank_titles(
            prompts[start : start + _RECORDS_AT_ONCE],
            n=K,
            num_beams=NUM_BEAMS,
            excluded=[frozenset((*record.history, *record.disliked)) for record in part],
            score="tree",
        )
        values += [
            average_precision(record.relevant, [title.item_id for title in ranked], K)
            for record, ranked in zip(part, rankings, strict=True)
        ]
    users = [record.user_id for record in records]
    interval = clustered_interval(values, users, num_resamples=2_000)
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return RankingPoint(0, 0.0, mean_over_records(values), low, high, K, len(records), len(set(users)))


class RankingMeasure:
    """Ranks validation records after each epoch; ``last`` is what was found.

    Args:
        loaded: What the trained model was loaded as; its tokenizer and precision hold.
        records: Records of validation users.
        catalogue: What is ranked.
        prompt: The prompt's format.
        worked: Worked examples of a few-shot prompt.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        records: Sequence[Record],
        catalogue: Catalogue,
        prompt: PromptSettings,
        worked: Sequence[PromptExample],
    ) -> None:
        self.last: RankingPoint | None = None
        self._rank: Callable[[Any], RankingPoint] = lambda model: rank_records(
            replace(loaded, model=model), records, catalogue, prompt, worked
        )

    def __call__(self, model: Any) -> dict[str, float]:
        self.last = self._rank(model)
        return {"eval_map": self.last.map}
