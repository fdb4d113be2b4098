"""What a search of the catalogue's tree is asked for, and what it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.title_scores import TitleScore
from recsys.settings import GenerationSettings

_PLACES_OF_A_TOKEN = 1.6
"""More than one, since beams that are dropped have taken places too."""


@dataclass(frozen=True)
class SearchPlan:
    """What is searched for.

    Attributes:
        num_titles: Titles of one hypothesis.
        num_beams: Hypotheses of a record that are followed side by side.
        num_best: Hypotheses returned for each record, at most.
        score: How hypotheses are scored.
        with_scores: Whether scores are wanted where one beam needs none.
        repetition_penalty: For the tokens of the hypothesis; those that close a title are spared.
        sampling: temperature, top_k and top_p of a draw; None always takes the likeliest.
        between: For each number of titles written, the tokens before the next one.
    """

    num_titles: int
    num_beams: int
    num_best: int
    score: TitleScore
    with_scores: bool
    repetition_penalty: float = 1.0
    sampling: GenerationSettings | None = None
    between: tuple[tuple[int, ...], ...] = ()

    def expected_places(self, trie: CatalogueTrie) -> int:
        """Cache places that a record takes after its prompt, as a rule."""
        of_a_title = _PLACES_OF_A_TOKEN * float(trie.leaf_length.mean()) if len(trie) else 0.0
        return math.ceil(self.num_beams * self.num_titles * of_a_title)

    @property
    def needs_scores(self) -> bool:
        """Whether hypotheses are compared at all."""
        return self.with_scores or self.num_beams > 1

    @property
    def needs_normalisers(self) -> bool:
        """Whether the log-normaliser over the vocabulary is needed."""
        return self.needs_scores and self.score == "full"


class Hypothesis(NamedTuple):
    """One result: the leaves of its titles, and its tokens.

    Attributes:
        leaves: Titles in the order written.
        score: Log-likelihood of the tokens; 0 where scores were not asked for.
        tokens: All tokens.
        log_probabilities: Of each token.
        num_choices: Allowed tokens at each token; 1 where it was forced.
        complete: Whether it has all titles that were asked for, or all that there are.
    """

    leaves: tuple[int, ...]
    score: float
    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    num_choices: tuple[int, ...]
    complete: bool


@dataclass(frozen=True)
class RankedTitle:
    """A title and how likely the model finds it as the next one.

    Attributes:
        item_id: The movie: of several that are written alike, the most popular one that is not excluded.
        item_ids: All movies that are written so and not excluded, ``item_id`` first.
        score: Log-likelihood, not divided by the length.
        tokens: The title's tokens, separator included.
        token_logprobs: Log-probability of each token; 0 for forced ones of the tree score.
        num_choices: Allowed tokens at each token; 1 where it was forced.
        token_texts: Each token as text.
    """

    item_id: int
    item_ids: tuple[int, ...]
    score: float
    tokens: tuple[int, ...]
    token_logprobs: tuple[float, ...]
    num_choices: tuple[int, ...]
    token_texts: tuple[str, ...] = ()

    @property
    def num_open(self) -> int:
        """How many of the tokens were a choice."""
        return sum(count > 1 for count in self.num_choices)
