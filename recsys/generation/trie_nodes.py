"""The nodes of a prefix tree over sorted leaves, as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrieNodes:
    """All nodes in breadth-first order; the children of a node are neighbours, in the order of their tokens.

    Attributes:
        lo: (nodes,) first leaf below the node.
        hi: (nodes,) the leaf after the last one below it.
        depth: (nodes,) tokens between the root and the node.
        token: (nodes,) the token that leads to the node; -1 at a root.
        first_child: (nodes,) its first child, where it has children.
        num_children: (nodes,) how many children it has.
        of_leaf: (leaves, longest + 1) the node at each depth on the way to a leaf; -1 beyond its length.
        roots: (forms,) the root of each form.
    """

    lo: Ints
    hi: Ints
    depth: Ints
    token: Ints
    first_child: Ints
    num_children: Ints
    of_leaf: Ints
    roots: Ints

    @classmethod
    def of_leaves(cls, tokens: NDArray[np.int32], length: Ints, form: Ints) -> TrieNodes:
        """Lays out the nodes.

        Args:
            tokens: (leaves, longest) sorted by form, then by token; padded on the right with a negative value.
            length: (leaves,) number of tokens.
            form: (leaves,) which root the leaf hangs from.
        """
        num_leaves, longest = tokens.shape
        common = np.full(num_leaves, -1, np.int64)
        if num_leaves > 1:
            differs = tokens[1:] != tokens[:-1]
            common[1:] = np.where(form[1:] != form[:-1], -1, differs.argmax(axis=1))
        depths = np.arange(longest + 1)
        on_path = depths <= length[:, None]
        is_new = on_path & (depths > common[:, None])
        number = np.cumsum(is_new.T.ravel()).reshape(longest + 1, num_leaves).T - 1
        of_leaf = np.where(on_path, number, -1)
        depth, lo = np.nonzero(is_new.T)
        num_nodes = len(lo)
        hi = lo + np.bincount(of_leaf[on_path], minlength=num_nodes)
        roots = np.flatnonzero(depth == 0)
        below = slice(len(roots), num_nodes)
        token = np.full(num_nodes, -1, np.int64)
        token[below] = tokens[lo[below], depth[below] - 1]
        parent = of_leaf[lo[below], depth[below] - 1]
        return cls(
            lo,
            hi,
            depth,
            token,
            np.searchsorted(parent, np.arange(num_nodes)) + len(roots),
            np.bincount(parent, minlength=num_nodes),
            of_leaf,
            roots,
        )
