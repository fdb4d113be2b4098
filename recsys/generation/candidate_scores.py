"""Exact log-likelihoods of chosen titles after prompts, each shared beginning of titles computed once.

The candidates' part of the tree is laid out behind the prompt as it is, node by node, each node seeing
the prompt and its own ancestors: one pass scores hundreds of titles of a record. Each prompt has candidates
of its own, and prompts are scored side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recsys.errors import CancelledError
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.packed_model import PackedModel
from recsys.generation.prefix_cache import Prefill
from recsys.generation.ragged_cache import Ints
from recsys.generation.title_scores import Floats, OutputLayer, TitleScore, TokenPairs
from recsys.generation.trie_nodes import TrieNodes

if TYPE_CHECKING:
    from torch import Tensor

_TOKENS_AT_ONCE = 2048
_FEWEST_NODES = 64


class _Branches(NamedTuple):
    """The nodes from the root to some leaves, each once for each prompt, by prompt and then breadth first.

    Attributes:
        key: (nodes,) prompt × nodes of the tree + node, in ascending order.
        row: (nodes,) the prompt.
        node: (nodes,) the node of the tree.
        parent: (nodes,) index of its parent here; -1 at a root.
        path: (leaves, longest + 1) indices of the nodes on the way to each leaf; -1 beyond its end.
    """

    key: Ints
    row: Ints
    node: Ints
    parent: Ints
    path: Ints

    @classmethod
    def of(cls, nodes: TrieNodes, row: Ints, leaf: Ints) -> Self:
        num_nodes = len(nodes.lo)
        paths = nodes.of_leaf[leaf]
        paths = paths[:, : int((paths >= 0).sum(axis=1).max())]
        named = np.where(paths >= 0, row[:, None] * num_nodes + paths, -1)
        key = np.unique(named[paths >= 0])
        path = np.where(paths >= 0, np.searchsorted(key, named), -1)
        parent = np.full(len(key), -1, np.int64)
        inside = path[:, 1:] >= 0
        parent[path[:, 1:][inside]] = path[:, :-1][inside]
        return cls(key, key // num_nodes, key % num_nodes, parent, path)


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

    def __call__(
        self, prompts: Prefill, leaves: Sequence[Ints], closed: Ints, cancel: threading.Event | None = None
    ) -> list[Floats]:
        """For each prompt the log-likelihoods of its leaves.

        Args:
            prompts: The prompts, computed; their cache is as before afterwards.
            leaves: For each prompt distinct leaves in ascending order, all of one form.
            closed: (prompts, m) excluded leaves: they are not among the allowed tokens of the tree score.
            cancel: Set from another thread to stop.

        Raises:
            CancelledError: when stopped.
        """
        scores = [np.zeros(len(own)) for own in leaves]
        # A pass takes a part of every prompt's leaves: many of one prompt would make its row of the cache long,
        # and with it all rows.
        for parts in zip_longest(*(self._parts(own, len(leaves)) for own in leaves), fillvalue=slice(0)):
            if cancel is not None and cancel.is_set():
                raise CancelledError("the scoring was stopped")
            taken = [own[part] for own, part in zip(leaves, parts, strict=True)]
            counts = [len(own) for own in taken]
            found = self._score(prompts, np.repeat(np.arange(len(taken)), counts), np.concatenate(taken), closed)
            for own, part, values in zip(scores, parts, np.split(found, np.cumsum(counts)[:-1]), strict=True):
                own[part] = values
            prompts.cache.truncate(prompts.lengths)
        return scores

    def _parts(self, leaves: Ints, num_rows: int) -> Iterator[slice]:
        """Neighbouring leaves of a prompt whose nodes fit one pass."""
        if not len(leaves):
            return
        room = max(_TOKENS_AT_ONCE // num_rows, _FEWEST_NODES)
        paths = self.trie.nodes.of_leaf[leaves]
        is_run = self._is_run(paths) & (paths >= 0)
        is_new = np.ones(paths.shape, bool)
        is_new[1:] = paths[1:] != paths[:-1]
        start, used = 0, 0
        for i, more in enumerate((is_run & is_new).sum(axis=1).tolist()):
            if i > start and used + more > room:
                yield slice(start, i)
                start, used = i, 0
                more = int(is_run[i].sum())
            used += more
        yield slice(start, len(leaves))

    def _is_run(self, node: Ints) -> NDArray[np.bool_]:
        """Whether what follows a node is asked: not a title's end, nor what follows the tree score's last choice."""
        nodes = self.trie.nodes
        more = nodes.hi[node] - nodes.lo[node] - 1 if self.score == "tree" else nodes.num_children[node]
        return np.asarray(more > 0)

    def _score(self, prompts: Prefill, row: Ints, leaf: Ints, closed: Ints) -> Floats:
        """(leaves,) log-likelihood of each leaf after the prompt of its row, rows in ascending order."""
        branches = _Branches.of(self.trie.nodes, row, leaf)
        states = np.flatnonzero((branches.parent < 0) | self._is_run(branches.node))
        hidden = self._run(prompts, branches, states)
        if self.score == "full":
            gained = self._in_vocabulary(branches, states, hidden)
        else:
            gained = self._in_tree(branches, states, hidden, closed)
        scores = np.where(branches.path >= 0, gained[branches.path], 0.0).sum(axis=1)
        is_closed = (closed[row] == leaf[:, None]).any(axis=1)
        return np.where(is_closed, -np.inf, scores)

    def _in_vocabulary(self, branches: _Branches, states: Ints, hidden: Tensor) -> Floats:
        """(nodes,) log-probability of each node's token over the whole vocabulary; 0 at roots."""
        gained = np.zeros(len(branches.key))
        steps = np.flatnonzero(branches.parent >= 0)
        state = np.searchsorted(states, branches.parent[steps])
        order = np.argsort(state, kind="stable")
        steps, state = steps[order], state[order]
        logits = self.output.logits(hidden, TokenPairs(state, self.trie.nodes.token[branches.node[steps]]))
        gained[steps] = logits - self.output.log_normalisers(hidden)[state]
        return gained

    def _in_tree(self, branches: _Branches, states: Ints, hidden: Tensor, closed: Ints) -> Floats:
        """(nodes,) log-probability of each node's token over the allowed ones; 0 where it is forced."""
        gained = np.zeros(len(branches.key))
        row = branches.row[states]
        choices = self.trie.open_choices(branches.node[states], closed[row])
        logits = self.output.logits(hidden, TokenPairs(choices.beam, choices.token))
        top = np.full(len(states), -np.inf)
        np.maximum.at(top, choices.beam, logits)
        total = np.zeros(len(states))
        np.add.at(total, choices.beam, np.exp(logits - top[choices.beam]))
        chosen = row[choices.beam] * len(self.trie.nodes.lo) + choices.child
        at = np.minimum(np.searchsorted(branches.key, chosen), len(branches.key) - 1)
        asked = branches.key[at] == chosen
        gained[at[asked]] = (logits - top[choices.beam] - np.log(total[choices.beam]))[asked]
        return gained

    def _run(self, prompts: Prefill, branches: _Branches, states: Ints) -> Tensor:
        """(states, hidden) the state after each of these nodes; at a root, that after the prompt."""
        import torch

        nodes = self.trie.nodes
        device = prompts.hidden.device
        run = states[branches.parent[states] >= 0]
        after_prompts = prompts.hidden[
            torch.as_tensor(branches.row[states[branches.parent[states] < 0]], device=device)
        ]
        if not len(run):
            return after_prompts
        row, node = branches.row[run], branches.node[run]
        place = prompts.cache.claim(row, self.model.device)
        visible = np.zeros((len(run), int(prompts.cache.lengths.max())), bool)
        visible[:, : prompts.visible.shape[1]] = prompts.visible[row]
        token = np.full(len(branches.key) + 1, -1)  # of -1, beyond a path's end, too
        token[run] = np.arange(len(run))
        on_path = token[branches.path]
        for depth in range(1, on_path.shape[1]):
            own = on_path[on_path[:, depth] >= 0, 1 : depth + 1]
            visible[own[:, -1:], place[own]] = True
        position = prompts.lengths[row] + nodes.depth[node] - 1
        hidden = self.model.forward(prompts.cache, row, nodes.token[node], position, visible)
        order = np.argsort(np.concatenate([np.setdiff1d(states, run), run]))
        return torch.cat([after_prompts, hidden])[torch.as_tensor(order, device=device)]
