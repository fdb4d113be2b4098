"""Catalogue decoding written to be read: token by token, no cache, no tree, plain Python lists.

It states what recsys.generation.catalogue_decoding means, and is the oracle of its tests. Each forward
pass computes the whole text anew; each step looks through all titles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recsys.generation.choice import gumbel
from recsys.settings import GenerationSettings

Tokens = tuple[int, ...]


@dataclass
class Written:
    """One hypothesis."""

    tokens: list[int] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    choices: list[int] = field(default_factory=list)
    titles: list[Tokens] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    closers: set[int] = field(default_factory=set)

    @property
    def score(self) -> float:
        return sum(self.steps)

    def copy(self) -> Written:
        return Written(
            list(self.tokens),
            list(self.steps),
            list(self.choices),
            list(self.titles),
            list(self.begun),
            set(self.closers),
        )


@dataclass
class Oracle:
    """Searches ``titles`` (token sequences) after one prompt with a transformers model.

    Attributes:
        model: A causal LM.
        prompt: Token ids.
        first: The live titles as the first of a list.
        later: The same titles, in the same order, as later ones.
        full: Whether scores are over the whole vocabulary.
    """

    model: Any
    prompt: Sequence[int]
    first: Sequence[Tokens]
    later: Sequence[Tokens]
    full: bool
    num_titles: int = 1
    num_beams: int = 1
    num_best: int = 1
    repetition_penalty: float = 1.0
    sampling: GenerationSettings | None = None
    seed: int = 0
    between: Sequence[Sequence[int]] = ()

    def search(self) -> list[Written]:
        finished: list[Written] = []
        live = [self.follow(Written())]
        finished += [one for one in live if self.is_done(one)]
        live = [one for one in live if not self.is_done(one)]
        step = 0
        while live:
            candidates = []
            for rank, one in enumerate(live):
                for token, key, gain in self.weighed(one, rank, step):
                    total = one.score + gain
                    if self.sampling and self.compares and total < self.bar(finished):
                        continue
                    candidates.append((key, one, token, gain, len(self.allowed(one))))
            candidates.sort(key=lambda candidate: -candidate[0])
            live = []
            for _, one, token, gain, count in candidates[: self.num_beams]:
                longer = one.copy()
                self.append(longer, token, gain, count)
                self.follow(longer)
                (finished if self.is_done(longer) else live).append(longer)
            if self.sampling and self.compares:
                live = [one for one in live if one.score >= self.bar(finished)]
            step += 1
        return sorted(finished, key=lambda one: -one.score)[: self.num_best]

    @property
    def compares(self) -> bool:
        return self.num_beams > 1

    def bar(self, finished: list[Written]) -> float:
        scores = sorted((one.score for one in finished), reverse=True)
        return scores[self.num_best - 1] if len(scores) >= self.num_best else -math.inf

    def left(self, one: Written) -> list[Tokens]:
        """The titles that may still be written, in the form of the place where they would stand."""
        gone = {self.later.index(title) if i else self.first.index(title) for i, title in enumerate(one.titles)}
        titles = self.later if one.titles else self.first
        return [title for i, title in enumerate(titles) if i not in gone]

    def allowed(self, one: Written) -> list[int]:
        n = len(one.begun)
        return sorted({title[n] for title in self.left(one) if list(title[:n]) == one.begun})

    def is_done(self, one: Written) -> bool:
        return bool(one.titles) and not one.begun and (len(one.titles) == self.num_titles or not self.left(one))

    def append(self, one: Written, token: int, gain: float, count: int) -> None:
        one.tokens.append(token)
        one.steps.append(gain)
        one.choices.append(count)
        one.begun.append(token)
        if tuple(one.begun) in self.left(one):
            one.titles.append(tuple(one.begun))
            one.begun = []
            one.closers.add(len(one.tokens) - 1)
            if not self.is_done(one) and self.between:
                for extra in self.between[len(one.titles)]:
                    gain = self.log_probability(one, extra, [extra])
                    one.tokens.append(extra)
                    one.steps.append(gain)
                    one.choices.append(1)

    def follow(self, one: Written) -> Written:
        """Writes tokens for as long as only one is allowed."""
        while not self.is_done(one) and len(self.allowed(one)) == 1:
            (token,) = self.allowed(one)
            self.append(one, token, self.log_probability(one, token, [token]), 1)
        return one

    def weighed(self, one: Written, rank: int, step: int) -> list[tuple[int, float, float]]:
        """(token, what is compared, log-probability) of each allowed token."""
        allowed = self.allowed(one)
        gains = [self.log_probability(one, token, allowed) for token in allowed]
        if self.sampling is None:
            return [(token, one.score + gain, gain) for token, gain in zip(allowed, gains, strict=True)]
        logits = self.logits(one)
        kept = cut_slowly({token: logits[token] for token in allowed}, self.sampling)
        weighed = []
        for token, gain in zip(allowed, gains, strict=True):
            if token in kept:
                noise = float(gumbel(np.array(self.seed), step, np.array(rank), np.array(token)))
                score = one.score if self.compares else 0.0
                weighed.append((token, score + kept[token] + noise, gain))
        return weighed

    def log_probability(self, one: Written, token: int, allowed: Sequence[int]) -> float:
        logits = self.logits(one)
        over = logits.values() if self.full else [logits[t] for t in allowed]
        return logits[token] - log_sum_exp(list(over))

    def logits(self, one: Written) -> dict[int, float]:
        import torch

        with torch.inference_mode():
            row = self.model(torch.tensor([[*self.prompt, *one.tokens]])).logits[0, -1].double().tolist()
        written = {token for i, token in enumerate(one.tokens) if i not in one.closers}
        for token in written:
            row[token] = (
                row[token] / self.repetition_penalty if row[token] > 0 else row[token] * self.repetition_penalty
            )
        return dict(enumerate(row))


def log_sum_exp(values: list[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def cut_slowly(logits: dict[int, float], settings: GenerationSettings) -> dict[int, float]:
    """Temperature → top-k → top-p over a handful of tokens; log-probabilities of what is left."""
    scaled = {token: value / settings.temperature for token, value in logits.items()}
    best_first = sorted(scaled, key=lambda token: -scaled[token])
    if settings.top_k:
        best_first = best_first[: settings.top_k]
    total = log_sum_exp([scaled[token] for token in best_first])
    kept, mass = [], 0.0
    for token in best_first:
        if mass >= settings.top_p:
            break
        kept.append(token)
        mass += math.exp(scaled[token] - total)
    total = log_sum_exp([scaled[token] for token in kept])
    return {token: scaled[token] - total for token in kept}
