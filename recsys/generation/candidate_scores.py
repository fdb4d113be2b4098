"""Exact log-likelihoods of chosen titles after prompts, each shared beginning of titles computed once.

The candidates' part of the tree is laid out behind the prompt as it is, node by node, each node seeing
the prompt and its own ancestors: one pass scores hundreds of titles of a record.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recsys.errors import CancelledError
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.packed_model import PackedModel
from recsys.generation.prefix_cache import Prefill
from recsys.generation.ragged_cache import Ints
from recsys.generation.title_scores import Floats, OutputLayer, TitleScore, TokenPairs

if TYPE_CHECKING:
    from torch import Tensor

_TOKENS_AT_ONCE = 2048
_FEWEST_NODES = 64


@dataclass(frozen=True, eq=False)
class CandidateScorer:
    """Scores leaves of one tree.

    Attributes:
        model: The decoder.
        output: Its output layer.
        trie: The titles.
        score: What likelihood means.
    """

    model: PackedModel
    output: OutputLayer
    trie: CatalogueTrie
    score: TitleScore

    def __call__(self, prompts: Prefill, leaves: Ints, closed: Ints, cancel: threading.Event | None = None) -> Floats:
        """(prompts, leaves) log-likelihood of each leaf after each prompt.

        Args:
            prompts: The prompts, computed; their cache is as before afterwards.
            leaves: (leaves,) distinct, in ascending order, of one form.
            closed: (prompts, m) excluded leaves: they are not among the allowed tokens of the tree score.
            cancel: Set from another thread to stop.

        Raises:
            CancelledError: when stopped.
        """
        scores = np.zeros((len(prompts.lengths), len(leaves)))
        for part in self._parts(leaves, len(prompts.lengths)):
            if cancel is not None and cancel.is_set():
                raise CancelledError("the scoring was stopped")
            scores[:, part] = self._score(prompts, leaves[part], closed)
            prompts.cache.truncate(prompts.lengths)
        return scores

    def _parts(self, leaves: Ints, num_rows: int) -> Iterator[slice]:
        """Neighbouring leaves whose nodes fit one pass."""
        room = max(_TOKENS_AT_ONCE // num_rows, _FEWEST_NODES)
        paths = self.trie.nodes.of_leaf[leaves]
        is_new = np.ones(paths.shape, bool)
        is_new[1:] = paths[1:] != paths[:-1]
        new_nodes = np.where(paths >= 0, is_new, False).sum(axis=1)
        start, used = 0, 0
        for i, more in enumerate(new_nodes):
            if i > start and used + more > room:
                yield slice(start, i)
                start, used = i, 0
                more = int((paths[i] >= 0).sum())
            used += int(more)
        yield slice(start, len(leaves))

    def _score(self, prompts: Prefill, leaves: Ints, closed: Ints) -> Floats:
        nodes = self.trie.nodes
        paths = nodes.of_leaf[leaves, : int(self.trie.leaf_length[leaves].max()) + 1]
        root, steps = int(paths[0, 0]), np.unique(paths[:, 1:][paths[:, 1:] >= 0])
        # Nobody reads on after the end of a title; for the tree score not even after the last choice.
        is_run = nodes.hi[steps] - nodes.lo[steps] > 1 if self.score == "tree" else nodes.num_children[steps] > 0
        run = steps[is_run]
        hidden = self._run(prompts, run, paths)
        num_rows, num_states = len(prompts.lengths), len(run) + 1
        states = np.append(root, run)
        of_state = np.full(len(nodes.lo), -1)
        of_state[states] = np.arange(num_states)
        gained = np.zeros((num_rows, len(nodes.lo)))
        if self.score == "full":
            parent = np.zeros(len(nodes.lo), np.int64)
            on_path = paths[:, 1:] >= 0
            parent[paths[:, 1:][on_path]] = paths[:, :-1][on_path]
            parent_state = of_state[parent[steps]]
            state = (np.arange(num_rows)[:, None] * num_states + parent_state).ravel()
            order = np.argsort(state, kind="stable")
            pairs = TokenPairs(state[order], np.tile(nodes.token[steps], num_rows)[order])
            logits = np.empty(len(order))
            logits[order] = self.output.logits(hidden, pairs)
            normaliser = self.output.log_normalisers(hidden)
            gained[:, steps] = (logits - normaliser[state]).reshape(num_rows, len(steps))
        else:
            row = np.repeat(np.arange(num_rows), num_states)
            choices = self.trie.open_choices(np.tile(states, num_rows), closed[row])
            logits = self.output.logits(hidden, TokenPairs(choices.beam, choices.token))
            top = np.full(len(row), -np.inf)
            np.maximum.at(top, choices.beam, logits)
            total = np.zeros(len(row))
            np.add.at(total, choices.beam, np.exp(logits - top[choices.beam]))
            gained[row[choices.beam], choices.child] = logits - top[choices.beam] - np.log(total[choices.beam])
        inside = paths[:, 1:] >= 0
        scores: Floats = np.where(inside, gained[:, np.maximum(paths[:, 1:], 0)], 0.0).sum(axis=2)
        is_closed = (closed[:, :, None] == leaves).any(axis=1)
        return np.where(is_closed, -np.inf, scores)

    def _run(self, prompts: Prefill, run: Ints, paths: Ints) -> Tensor:
        """States of (prompts × (1 + nodes)): after each prompt, then after each node, prompt by prompt."""
        import torch

        num_rows, count = len(prompts.lengths), len(run)
        if not count:
            return prompts.hidden
        nodes = self.trie.nodes
        row = np.repeat(np.arange(num_rows), count)
        place = prompts.cache.claim(row, self.model.device)
        index = np.full(len(nodes.lo), -1)
        index[run] = np.arange(count)
        on_path = index[paths]
        ancestor = np.zeros((count, count), bool)
        for depth in range(1, on_path.shape[1]):
            here = on_path[:, depth] >= 0
            ancestor[on_path[here, depth][:, None], np.maximum(on_path[here, 1 : depth + 1], 0)] = True
        visible = np.zeros((len(row), int(prompts.cache.lengths.max())), bool)
        visible[:, : prompts.visible.shape[1]] = prompts.visible[row]
        own = place.reshape(num_rows, 1, count)
        np.put_along_axis(
            visible.reshape(num_rows, count, -1),
            np.broadcast_to(own, (num_rows, count, count)),
            np.broadcast_to(ancestor, (num_rows, count, count)),
            axis=2,
        )
        position = prompts.lengths[row] + np.tile(nodes.depth[run] - 1, num_rows)
        hidden = self.model.forward(prompts.cache, row, np.tile(nodes.token[run], num_rows), position, visible)
        states = [prompts.hidden[:, None], hidden.view(num_rows, count, -1)]
        return torch.cat(states, dim=1).flatten(0, 1)
