"""Hypotheses of a batch of records as flat arrays, one element for each beam.

Beams of one record stand side by side, records in ascending order. This module keeps the books; which
beams go on is batch_search's business.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from recsys.generation.ragged_cache import Ints
from recsys.generation.title_scores import TokenPairs
from recsys.generation.title_tokens import PADDING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(eq=False)
class Beams:
    """What is known of each beam; every array's first axis is the beam.

    Attributes:
        record: (beams,) the record, also its row of the cache.
        node: (beams,) where the beam stands in the tree.
        closed: (beams, m) excluded leaves, the beam's own titles among them.
        score: (beams,) log-likelihood of all tokens written.
        tokens: (beams, n) tokens written, padded with PADDING.
        log_probabilities: (beams, n) of each token.
        num_choices: (beams, n) allowed tokens at each token; 1 where it was forced.
        ends_title: (beams, n) whether the token closes a title.
        length: (beams,) tokens written.
        computed: (beams,) tokens whose keys and values are in the cache.
        leaves: (beams, titles) titles written, padded with -1.
        num_titles: (beams,) how many.
        done: (beams,) whether the list is complete.
        visible: (beams, places) places of the record's row that belong to this beam.
        hidden: (beams, hidden) state after the last computed token.
        normaliser: (beams,) log-normaliser of the logits there; 0 where it is not needed.
    """

    record: Ints
    node: Ints
    closed: Ints
    score: NDArray[np.float64]
    tokens: Ints
    log_probabilities: NDArray[np.float64]
    num_choices: Ints
    ends_title: NDArray[np.bool_]
    length: Ints
    computed: Ints
    leaves: Ints
    num_titles: Ints
    done: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    hidden: Tensor
    normaliser: NDArray[np.float64]

    @classmethod
    def start(
        cls, record: Ints, closed: Ints, num_titles: int, root: int, visible: NDArray[np.bool_], hidden: Tensor
    ) -> Self:
        """One beam for each record, with nothing written."""
        count = len(record)
        zeros = np.zeros(count, np.int64)
        return cls(
            record=record,
            node=np.full(count, root),
            closed=closed,
            score=np.zeros(count),
            tokens=np.zeros((count, 0), np.int64),
            log_probabilities=np.zeros((count, 0)),
            num_choices=np.zeros((count, 0), np.int64),
            ends_title=np.zeros((count, 0), bool),
            length=zeros,
            computed=zeros.copy(),
            leaves=np.full((count, num_titles), -1),
            num_titles=zeros.copy(),
            done=np.zeros(count, bool),
            visible=visible,
            hidden=hidden,
            normaliser=np.zeros(count),
        )

    def __len__(self) -> int:
        return len(self.record)

    def take(self, beam: Ints) -> Self:
        """A copy of some beams, in the order given and as often as given."""
        import torch

        index = torch.as_tensor(beam, device=self.hidden.device)
        values = {f.name: getattr(self, f.name)[index if f.name == "hidden" else beam] for f in fields(self)}
        return type(self)(**values)

    def write(self, beam: Ints, tokens: Ints, count: Ints) -> None:
        """Appends tokens to some beams, as forced ones: free, and without a choice.

        Args:
            beam: (n,) which beams.
            tokens: (n, longest) the tokens, padded.
            count: (n,) how many.
        """
        needed = int((self.length[beam] + count).max(initial=0))
        if needed > self.tokens.shape[1]:
            self._widen(needed)
        row, column = np.nonzero(np.arange(tokens.shape[1]) < count[:, None])
        at = beam[row], self.length[beam[row]] + column
        self.tokens[at] = tokens[row, column]
        self.num_choices[at] = 1
        self.length[beam] += count

    def close_title(self, beam: Ints, leaf: Ints) -> None:
        """Notes that the last token of these beams closed these titles."""
        self.leaves[beam, self.num_titles[beam]] = leaf
        self.num_titles[beam] += 1
        self.ends_title[beam, self.length[beam] - 1] = True

    def penalised(self, beam: Ints, length: Ints) -> TokenPairs:
        """What the repetition penalty covers: what precedes each state, but for tokens that close a title.

        Args:
            beam: (states,) a beam for each state.
            length: (states,) how many of its tokens precede the state.
        """
        covered = (np.arange(self.tokens.shape[1]) < length[:, None]) & ~self.ends_title[beam]
        state, column = np.nonzero(covered)
        return TokenPairs(state, self.tokens[beam[state], column])

    def _widen(self, needed: int) -> None:
        more = needed - self.tokens.shape[1]
        room = (len(self), more)
        self.tokens = np.concatenate([self.tokens, np.full(room, PADDING)], axis=1)
        self.log_probabilities = np.concatenate([self.log_probabilities, np.zeros(room)], axis=1)
        self.num_choices = np.concatenate([self.num_choices, np.zeros(room, np.int64)], axis=1)
        self.ends_title = np.concatenate([self.ends_title, np.zeros(room, bool)], axis=1)
