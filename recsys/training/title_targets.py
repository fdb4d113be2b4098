"""What teachers expect as the next title, as targets of the tokens that a title is made of.

Drawn titles would teach the same, with noise. Here each place where catalogue titles part gets the whole distribution
over the tokens that may follow: the expectation of the cross-entropy over draws, as with the soft targets of Hinton
et al., "Distilling the Knowledge in a Neural Network", 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.generation.catalogue_trie import CatalogueTrie

if TYPE_CHECKING:
    from recsys.training.examples import Example
    from recsys.training.teacher import Teachers

Ints = NDArray[np.int64]
_LEAST_MASS = 1e-9
"""Where a teacher expects less than this below a prefix, what the person liked is the only target."""


class Expected(NamedTuple):
    """Distributions over the next token, flat; all tokens of a place are neighbours.

    Attributes:
        row: (entries,) the example in the batch.
        place: (entries,) the place in the example's ids of the token that is expected.
        token: (entries,) a token that may stand there.
        probability: (entries,) how much it is expected; those of a place add up to 1.
        is_listed: (entries,) whether all titles that go on so are liked or disliked already.
    """

    row: Ints
    place: Ints
    token: Ints
    probability: NDArray[np.float32]
    is_listed: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TitleTargets:
    """Asks teachers what they expect after every history that a batch holds.

    Attributes:
        trie: Titles of what the teachers know, in the one form that a list writes them in.
        teachers: One for each fold of users; all of them know items of the trie alone.
        share: How much of a target is the teacher's; the rest is what the person liked next.
        unlikelihood: How much it weighs that listed titles are unlikely.
    """

    trie: CatalogueTrie
    teachers: Teachers
    share: float
    unlikelihood: float = 0.0

    def __call__(self, examples: Sequence[Example]) -> Expected:
        """The expectations at every place of a batch where titles part and a history stands before."""
        asked = [
            (row, number)
            for row, example in enumerate(examples)
            for number, start in enumerate(example.starts)
            if number and start >= example.first_target
        ]
        if not asked:
            return _nothing()
        histories = [examples[row].items[:number] for row, number in asked]
        users = [examples[row].user_id for row, _ in asked]
        disliked = [examples[row].disliked for row, _ in asked]
        upto = _sum_before(self._leaf_mass(users, histories, disliked))
        listed = np.zeros((len(asked), len(self.trie)), np.int32)
        for index, items in enumerate(zip(histories, disliked, strict=True)):
            listed[index, self.trie.excluded_leaves([*items[0], *items[1]])] = 1
        history, node, place = self._nodes_of(examples, asked)
        row = np.array([row for row, _ in asked])[history]
        return self._children(upto, _sum_before(listed), history, node, row, place)

    def _leaf_mass(
        self, users: Sequence[int], histories: Sequence[Sequence[int]], disliked: Sequence[Sequence[int]]
    ) -> NDArray[np.float64]:
        """(histories, leaves) how much each title is expected."""
        mass = np.zeros((len(histories), len(self.trie)))
        for teacher, rows in self.teachers.by_user(users):
            leaf = self._leaf_of(teacher.item_ids)
            expected = teacher.expect([histories[row] for row in rows], [disliked[row] for row in rows])
            known = leaf >= 0
            # Several movies may be written alike, so their masses add up; ufunc.at is slow, sorting once is not.
            order = np.argsort(leaf[known], kind="stable")
            leaves, first = np.unique(leaf[known][order], return_index=True)
            mass[np.ix_(np.array(rows), leaves)] = np.add.reduceat(expected[:, known][:, order], first, axis=1)
        return mass

    def _leaf_of(self, item_ids: Ints) -> Ints:
        return np.array([self.trie.leaves_of.get(item, (-1,))[0] for item in item_ids.tolist()], np.int64)

    def _nodes_of(self, examples: Sequence[Example], asked: Sequence[tuple[int, int]]) -> tuple[Ints, Ints, Ints]:
        """For every place inside an asked title where titles part: which history, which node, which place."""
        nodes = self.trie.nodes
        history, node, place = [], [], []
        for index, (row, number) in enumerate(asked):
            start = examples[row].starts[number]
            leaf = self.trie.leaves_of.get(examples[row].items[number], (-1,))[0]
            path = nodes.of_leaf[leaf, : self.trie.leaf_length[leaf]] if leaf >= 0 else nodes.roots[:1]
            parting = np.flatnonzero(nodes.num_children[path] > 1)
            history += [index] * len(parting)
            node += path[parting].tolist()
            place += (start + parting).tolist()
        return np.array(history, np.int64), np.array(node, np.int64), np.array(place, np.int64)

    def _children(
        self, upto: NDArray[np.float64], listed: Ints, history: Ints, node: Ints, row: Ints, place: Ints
    ) -> Expected:
        nodes = self.trie.nodes
        below = upto[history, nodes.hi[node]] - upto[history, nodes.lo[node]]
        kept = np.flatnonzero(below > _LEAST_MASS)
        degree = nodes.num_children[node[kept]]
        of_place = np.repeat(kept, degree)
        offset = np.cumsum(degree) - degree
        child = np.arange(int(degree.sum())) + np.repeat(nodes.first_child[node[kept]] - offset, degree)
        whose, lo, hi = history[of_place], nodes.lo[child], nodes.hi[child]
        probability = ((upto[whose, hi] - upto[whose, lo]) / below[of_place]).astype(np.float32)
        is_listed = listed[whose, hi] - listed[whose, lo] == hi - lo
        return Expected(row[of_place], place[of_place], nodes.token[child], probability, is_listed)


def _sum_before(values: NDArray[Any]) -> NDArray[Any]:
    """(rows, columns + 1) the sum of all values before each place."""
    return np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))


def _nothing() -> Expected:
    none = np.empty(0, np.int64)
    return Expected(none, none, none, np.empty(0, np.float32), np.empty(0, np.bool_))
