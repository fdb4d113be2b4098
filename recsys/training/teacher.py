"""Classic recommenders that answer histories, so that a language model learns from more than people wrote.

Titles are drawn by the teacher's scores, not taken from the top: what is learnt is how much each title is expected,
as with soft targets (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015). A teacher
that was fitted on the very histories that it answers gives back much of what their people liked, nearest first; one
that was fitted on other users alone knows only what those did (docs/LOG.md has what each is good for).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from recsys.baselines.blend import Blend
from recsys.baselines.ease import Ease
from recsys.baselines.slit import Slit
from recsys.errors import SettingsError
from recsys.training.examples import Case

if TYPE_CHECKING:
    from recsys.baselines.base import Recommender

_WEIGHT_OF_EASE = 0.5
"""Beside SLIT's of 1; chosen by five user folds of training and validation users (docs/LOG.md)."""
_FLOOR = 0.2
"""What a title weighs beside its standardised score: any can be drawn."""
_STREAM = 1
"""Keeps the teacher's random numbers apart from those that draw a history from the same seed, epoch and index."""


class Teacher:
    """Answers a history with titles drawn by (max(score, 0) + a floor)^(1 / temperature), liked ones left out.

    Linear recommenders regress on what is liked, so their scores are in proportion to how much it is expected.

    Args:
        recommender: Whose scores; standardised, as those of a blend.
        temperature: The lower, the more the top alone is drawn.
    """

    def __init__(self, recommender: Recommender, temperature: float) -> None:
        self._recommender = recommender
        self._temperature = temperature
        self._column_of = {item: column for column, item in enumerate(recommender.item_ids.tolist())}

    def answer(self, history: Sequence[int], num: int, rng: np.random.Generator) -> tuple[int, ...]:
        """Draws titles one after another without putting any back; fewer where it knows no more."""
        scores = self._recommender.scores([history])[0]
        # The highest of logits with Gumbel noise are a draw from their softmax without replacement (Vieira, 2014).
        noisy = np.log(np.maximum(scores, 0) + _FLOOR) / self._temperature + rng.gumbel(size=len(scores))
        given = [self._column_of[item] for item in history if item in self._column_of]
        noisy[given] = -np.inf
        num = min(num, len(noisy) - len(set(given)))
        best = np.argpartition(-noisy, num - 1)[:num] if num > 0 else np.empty(0, np.intp)
        ordered = best[np.argsort(-noisy[best])]
        return tuple(self._recommender.item_ids[ordered].tolist())


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

    def of(self, user_id: int) -> Teacher:
        """The teacher of the user's fold."""
        return self._teachers[self._fold_of[user_id]]


def _fit_some(likes: Mapping[int, Sequence[int]], users: Sequence[int]) -> Blend:
    blend = fit_blend({user: likes[user] for user in users})
    if not len(blend.item_ids):
        mend = "train without a teacher, or on more ratings"
        raise SettingsError("a teacher has nothing to teach", seen="no movie is liked by three users", mend=mend)
    return blend


def fit_blend(likes: Mapping[int, Sequence[int]]) -> Blend:
    """SLIT, which reads the order of likes, blended with EASE, which does not."""
    return Blend([(Slit.fit(likes), 1.0), (Ease.fit(likes), _WEIGHT_OF_EASE)])


def answered_by(
    teachers: Teachers, draw: Callable[[int, int], Case], *, share: float, seed: int
) -> Callable[[int, int], Case]:
    """The same cases, a share of them with a teacher's answer in place of what the person liked next.

    Args:
        teachers: Who answer; every user of a case is one of theirs.
        draw: The case of (epoch, index).
        share: From 0 to 1.
        seed: Draws which, and the answers, together with epoch and index.
    """

    def draw_or_ask(epoch: int, index: int) -> Case:
        case = draw(epoch, index)
        rng = np.random.default_rng((seed, epoch, index, _STREAM))
        if rng.random() >= share:
            return case
        answer = teachers.of(case.user_id).answer(case.history, len(case.answer), rng)
        return replace(case, answer=answer) if answer else case

    return draw_or_ask
