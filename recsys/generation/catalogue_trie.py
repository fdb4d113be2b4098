"""The tokenised catalogue as a flattened prefix tree, walked for a whole batch of beams at once.

Leaves are sorted by their tokens, so that every node is an interval [lo, hi) of leaves, and nodes are
numbered breadth first, so that the children of a node are neighbours too. Where two leaves part is the
length of their common prefix: the tokens that are forced from a node on are read off the first and the
last live leaf below it, however long the chain and whatever is excluded, without a walk.

It knows tokens, leaves and item ids; it knows no model, no scores and no text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Movie
from recsys.generation.title_tokens import PADDING, ListForm, to_matrix, tokenise_in_list
from recsys.generation.trie_nodes import Ints, TrieNodes

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_LEAF = 1 << 40
"""Padding of exclusion rows: beyond every leaf, and never part of a run of leaves."""


class Advance(NamedTuple):
    """Where each beam comes to rest after the tokens that leave it no choice.

    Attributes:
        node: (beams,) the next node with a choice; the leaf's own node where a title is complete.
        leaf: (beams,) the leaf of a complete title, else -1.
        forced: (beams, longest) the forced tokens, padded with PADDING.
        num_forced: (beams,) how many.
    """

    node: Ints
    leaf: Ints
    forced: NDArray[np.int32]
    num_forced: Ints


class OpenChoices(NamedTuple):
    """The live children of a batch of nodes, flat and in beam order.

    Attributes:
        beam: (choices,) index of the beam in the batch.
        child: (choices,) the child node.
        token: (choices,) the token that leads to it.
    """

    beam: Ints
    child: Ints
    token: Ints


@dataclass(frozen=True, eq=False)
class CatalogueTrie:
    """Every title of a catalogue as a path of tokens.

    A catalogue may be written in several forms (a first title without a leading space, say); each has a
    root of its own. Titles of equal tokens share one leaf.

    Attributes:
        leaf_tokens: (leaves, longest) tokens by leaf, padded with PADDING, sorted.
        leaf_length: (leaves,) number of tokens of each leaf.
        leaf_items: The item ids of each leaf.
        leaf_form: (leaves,) index of the form that the leaf is written in.
        unreachable: Items whose tokens begin with all the tokens of another title, tail included: nothing
            would tell them from that title followed by the next, so they are left out.
    """

    leaf_tokens: NDArray[np.int32]
    leaf_length: Ints
    leaf_items: tuple[tuple[int, ...], ...]
    leaf_form: Ints
    unreachable: tuple[int, ...] = ()

    @classmethod
    def build(
        cls,
        movies: Iterable[Movie],
        tokenizer: PreTrainedTokenizerBase,
        *,
        include_years: bool,
        form: ListForm | None = None,
    ) -> Self:
        """Tokenises every title as it stands in a list of this form.

        Raises:
            SettingsError: when the tokenizer joins the text before a title with the title.
        """
        form = form or ListForm()
        movies = tuple(movies)
        titles = [movie.display(include_year=include_years) for movie in movies]
        item_ids = [movie.item_id for movie in movies]
        leads = dict.fromkeys((form.first_lead, form.lead))
        sequences: list[list[list[int]]] = []
        for lead in leads:
            before = form.tail if lead == form.lead else "\n"
            strings = [f"{lead}{title}{form.tail}" for title in titles]
            sequences.append(tokenise_in_list(strings, tokenizer, after=before))
        return cls.of_sequences(item_ids, sequences)

    @classmethod
    def of_sequences(cls, item_ids: Sequence[int], forms: Sequence[Sequence[Sequence[int]]]) -> Self:
        """Makes the tree from token sequences.

        Args:
            item_ids: One for each title; several titles may have the same tokens.
            forms: For each form, the tokens of each title in the order of ``item_ids``.
        """
        items: dict[tuple[int, tuple[int, ...]], list[int]] = defaultdict(list)
        for index, sequences in enumerate(forms):
            for item_id, sequence in zip(item_ids, sequences, strict=True):
                items[index, tuple(sequence)].append(item_id)
        unreachable: list[int] = []
        kept: list[tuple[int, tuple[int, ...]]] = []
        for form, tokens in sorted(items):
            before_form, before = kept[-1] if kept else (-1, ())
            if form == before_form and tokens[: len(before)] == before:
                unreachable.extend(items[form, tokens])
            else:
                kept.append((form, tokens))
        matrix, lengths = to_matrix([tokens for _, tokens in kept])
        return cls(
            matrix,
            lengths,
            tuple(tuple(items[key]) for key in kept),
            np.fromiter((form for form, _ in kept), np.int64, len(kept)),
            tuple(dict.fromkeys(unreachable)),
        )

    def restrict(self, allowed: Collection[int]) -> CatalogueTrie:
        """The tree of some items alone: a filter by genre, years or any list.

        Args:
            allowed: Item ids; ids that the tree does not have are ignored.
        """
        wanted = frozenset(allowed)
        items = [tuple(item for item in leaf if item in wanted) for leaf in self.leaf_items]
        keep = np.flatnonzero(np.fromiter((bool(leaf) for leaf in items), bool, len(items)))
        longest = int(self.leaf_length[keep].max(initial=0))
        return CatalogueTrie(
            self.leaf_tokens[keep, :longest],
            self.leaf_length[keep],
            tuple(items[leaf] for leaf in keep),
            self.leaf_form[keep],
            tuple(item for item in self.unreachable if item in wanted),
        )

    def __len__(self) -> int:
        return len(self.leaf_items)

    @cached_property
    def nodes(self) -> TrieNodes:
        """The nodes of the tree, laid out when first asked for."""
        return TrieNodes.of_leaves(self.leaf_tokens, self.leaf_length, self.leaf_form)

    @cached_property
    def leaves_of(self) -> Mapping[int, tuple[int, ...]]:
        """Item id → its leaves, one in each form."""
        leaves: dict[int, list[int]] = defaultdict(list)
        for leaf, items in enumerate(self.leaf_items):
            for item in items:
                leaves[item].append(leaf)
        return {item: tuple(found) for item, found in leaves.items()}

    @cached_property
    def same_title(self) -> Ints:
        """(leaves, forms) each leaf's title in every form; padded with NO_LEAF."""
        found = [self.leaves_of[items[0]] for items in self.leaf_items]
        return self.exclusions(found)

    def excluded_leaves(self, item_ids: Iterable[int]) -> list[int]:
        """The leaves that these items close, in order: a shared leaf closes only when all of its items are excluded."""
        excluded = frozenset(item_ids)
        touched = {leaf for item in excluded for leaf in self.leaves_of.get(item, ())}
        return sorted(leaf for leaf in touched if excluded.issuperset(self.leaf_items[leaf]))

    def exclusions(self, leaves: Sequence[Collection[int]]) -> Ints:
        """Sets of leaves as sorted rows of one matrix, padded with NO_LEAF."""
        matrix = np.full((len(leaves), max((len(row) for row in leaves), default=0)), NO_LEAF, np.int64)
        for row, closed in enumerate(leaves):
            matrix[row, : len(closed)] = sorted(closed)
        return matrix

    def exclude(self, exclusions: Ints, leaf: Ints) -> Ints:
        """The rows with one more title each, closed in all its forms, where ``leaf`` is not -1."""
        more = np.where(leaf[:, None] >= 0, self.same_title[leaf], NO_LEAF)
        merged = np.sort(np.concatenate([exclusions, more], axis=1), axis=1)
        used = int((merged < NO_LEAF).sum(axis=1).max(initial=0))
        return merged[:, :used]

    def num_live(self, node: Ints, exclusions: Ints) -> Ints:
        """(beams,) leaves below each node that are not excluded."""
        lo, hi = self.nodes.lo[node], self.nodes.hi[node]
        inside = (exclusions >= lo[:, None]) & (exclusions < hi[:, None])
        return np.asarray(hi - lo - inside.sum(axis=1))

    def advance(self, node: Ints, exclusions: Ints) -> Advance:
        """Follows the forced tokens of each beam to its next choice, or to the end of its title.

        Args:
            node: (beams,) nodes with at least one live leaf each.
            exclusions: (beams, m) excluded leaves by beam, as ``exclusions`` makes them.
        """
        first, last = (
            self._first_live(self.nodes.lo[node], exclusions),
            self._last_live(self.nodes.hi[node] - 1, exclusions),
        )
        depth = self.nodes.depth[node]
        differs = self.leaf_tokens[first] != self.leaf_tokens[last]
        parting = np.where(first == last, self.leaf_length[first], differs.argmax(axis=1))
        num_forced = parting - depth
        steps = np.arange(int(num_forced.max(initial=0)))
        columns = np.minimum(depth[:, None] + steps, self.leaf_tokens.shape[1] - 1)
        forced = np.where(steps < num_forced[:, None], self.leaf_tokens[first[:, None], columns], PADDING)
        return Advance(
            self.nodes.of_leaf[first, parting], np.where(first == last, first, -1), forced.astype(np.int32), num_forced
        )

    def open_choices(self, node: Ints, exclusions: Ints) -> OpenChoices:
        """The live children of each beam's node, as flat arrays in beam order."""
        nodes = self.nodes
        degree = nodes.num_children[node]
        offset = np.cumsum(degree) - degree
        beam = np.repeat(np.arange(len(node)), degree)
        child = np.arange(int(degree.sum())) + np.repeat(nodes.first_child[node] - offset, degree)
        inside = (exclusions >= nodes.lo[node][:, None]) & (exclusions < nodes.hi[node][:, None])
        inside &= degree[:, None] > 0
        if inside.any():
            of_beam, column = np.nonzero(inside)
            touched = nodes.of_leaf[exclusions[of_beam, column], nodes.depth[node[of_beam]] + 1]
            place, count = np.unique(offset[of_beam] + touched - nodes.first_child[node[of_beam]], return_counts=True)
            dead = place[count == (nodes.hi - nodes.lo)[child[place]]]
            beam, child = np.delete(beam, dead), np.delete(child, dead)
        return OpenChoices(beam, child, nodes.token[child])

    def _first_live(self, leaf: Ints, exclusions: Ints) -> Ints:
        """The first leaf from ``leaf`` on that is not excluded: past the run of excluded leaves that it starts."""
        return leaf + _run_length(exclusions, leaf)

    def _last_live(self, leaf: Ints, exclusions: Ints) -> Ints:
        return leaf - _run_length(-exclusions[:, ::-1], -leaf)


def _run_length(rows: Ints, start: Ints) -> Ints:
    """How many of start, start + 1, start + 2, … stand in each sorted row without a gap."""
    columns = np.arange(rows.shape[1])
    before = (rows < start[:, None]).sum(axis=1)
    in_run = (rows - columns == (start - before)[:, None]) & (columns >= before[:, None])
    return np.asarray(in_run.sum(axis=1))
