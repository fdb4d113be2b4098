"""Classic recommenders that tell what they expect next, so that a language model learns from more than people wrote.

A teacher that was fitted on the very histories that it is asked about gives back much of what their people liked,
nearest first; one that was fitted on other users alone knows only what those did (docs/LOG.md has what each is good
for). What is learnt is a distribution over titles, as with soft targets (Hinton et al., "Distilling the Knowledge in a
Neural Network", 2015).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from recsys.baselines.blend import Blend, fit_blend
from recsys.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recsys.baselines.base import Recommender

_FLOOR = 0.2
"""What a title weighs beside its standardised score: any can be expected."""


class Teacher:
    """Expects each title in proportion to (max(score, 0) + a floor)^(1 / temperature), liked ones not at all.

    Linear recommenders regress on what is liked, so their scores are in proportion to how much it is expected.

    Args:
        recommender: Whose scores; standardised, as those of a blend.
        temperature: The lower, the more the top alone is expected.

    Attributes:
        item_ids: Column → item id.
    """

    def __init__(self, recommender: Recommender, temperature: float) -> None:
        self.item_ids = recommender.item_ids
        self._recommender = recommender
        self._temperature = temperature
        self._column_of = {item: column for column, item in enumerate(recommender.item_ids.tolist())}

    def expect(self, histories: Sequence[Sequence[int]], disliked: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """(histories, items) how much each title is expected next; rows add up to 1, to 0 where all titles are known.

        Args:
            histories: Liked items in time order.
            disliked: For each of them what is not expected either.
        """
        weights = np.maximum(self._recommender.scores(histories), 0) + np.float32(_FLOOR)
        # Weights of 10^(1 / temperature) overflow where the temperature is low, so the highest is made 1.
        weights /= weights.max(axis=1, initial=_FLOOR, keepdims=True)
        weights **= np.float32(1 / self._temperature)
        for row, known in enumerate(zip(histories, disliked, strict=True)):
            weights[row, [self._column_of[item] for items in known for item in items if item in self._column_of]] = 0
        total = weights.sum(axis=1, keepdims=True)
        expected: NDArray[np.float32] = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
        return expected


class Teachers:
    """One teacher for each fold of users, fitted on all others; or one for all, fitted on all.

    Args:
        likes: Liked items in time order, by user.
        temperature: Of each teacher.
        num_folds: Folds that users are dealt to; 1 fits one teacher on everybody.
        seed: Deals them.

    Raises:
        SettingsError: when there are fewer users than folds, or no movie that three of a teacher's users like.
    """

    def __init__(
        self, likes: Mapping[int, Sequence[int]], temperature: float, *, num_folds: int, seed: int = 0
    ) -> None:
        users = np.array(sorted(likes), dtype=np.int64)
        if len(users) < num_folds:
            mend = "train without a teacher, or on more users"
            raise SettingsError("a teacher needs more users than folds", seen=len(users), mend=mend)
        np.random.default_rng(seed).shuffle(users)
        self._fold_of = {user: place % num_folds for place, user in enumerate(users.tolist())}
        self._teachers = [
            Teacher(_fit_some(likes, [u for u in likes if num_folds == 1 or self._fold_of[u] != fold]), temperature)
            for fold in range(num_folds)
        ]

    def by_user(self, user_ids: Sequence[int]) -> Iterator[tuple[Teacher, list[int]]]:
        """Each teacher that any of the users has, with the places of those users."""
        folds = [self._fold_of[user] for user in user_ids]
        for fold in sorted(set(folds)):
            yield self._teachers[fold], [place for place, its in enumerate(folds) if its == fold]

    @property
    def item_ids(self) -> frozenset[int]:
        """What any of them knows."""
        return frozenset(item for teacher in self._teachers for item in teacher.item_ids.tolist())


def _fit_some(likes: Mapping[int, Sequence[int]], users: Sequence[int]) -> Blend:
    blend = fit_blend({user: likes[user] for user in users})
    if not len(blend.item_ids):
        mend = "train without a teacher, or on more ratings"
        raise SettingsError("a teacher has nothing to teach", seen="no movie is liked by three users", mend=mend)
    return blend
