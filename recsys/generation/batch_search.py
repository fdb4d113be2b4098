"""One batch of records on its way through the catalogue's tree.

Beams meet at choices only: each step every beam takes one allowed token, is led along the tokens that are
forced after it to its next choice, and all of it runs in one forward pass. A step keeps the ``num_beams``
best continuations of a record. A hypothesis that is complete leaves the beam, and what scores below the
``num_best``-th complete one is dropped, which loses nothing because scores only fall. One beam without
scores is greedy search or plain sampling.

It knows tokens, leaves and log-probabilities; it knows no prompt text and no movies.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from recsys.generation.beams import Beams
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.choice import cut, gumbel, log_sum_exp, pick
from recsys.generation.hypotheses import Hypothesis, SearchPlan
from recsys.generation.packed_model import PackedModel, passes
from recsys.generation.prefix_cache import Prefill
from recsys.generation.ragged_cache import Ints
from recsys.generation.title_scores import Floats, OutputLayer, TokenPairs, penalise

if TYPE_CHECKING:
    from torch import Tensor

_SQUEEZE_FROM = 256


class BatchSearch:
    """One batch of records on its way through the tree; runs once.

    Args:
        model: The decoder.
        output: Its output layer.
        trie: The titles.
        plan: What is searched for.
        prompts: Of the records, computed.
        seeds: (records,) of each record's draws.
        cancel: Ends the search.

    Attributes:
        num_computed: Tokens that went through the model so far.
        num_passes: Forward passes so far.
    """

    def __init__(
        self,
        model: PackedModel,
        output: OutputLayer,
        trie: CatalogueTrie,
        plan: SearchPlan,
        prompts: Prefill,
        seeds: Ints,
        cancel: threading.Event | None,
    ) -> None:
        self.model, self.output, self.trie, self.plan = model, output, trie, plan
        self.prompts, self.seeds, self.cancel = prompts, seeds, cancel
        self.num_computed = self.num_passes = 0
        self.best = np.full((len(seeds), plan.num_best), -np.inf)
        self.finished: list[list[Hypothesis]] = [[] for _ in seeds]
        self.row = np.arange(len(seeds))  # of each record in the cache

    def run(self, closed: Ints) -> list[list[Hypothesis]]:
        """The best hypotheses of each record, best first.

        Args:
            closed: (records, most) excluded leaves of each, as CatalogueTrie.exclusions makes them.
        """
        beams = self._open(closed)
        step = 0
        while len(beams) and not (self.cancel is not None and self.cancel.is_set()):
            beams = self._choose(beams, step)
            self._follow(beams)
            beams = self._collect(self._compute(beams))
            step += 1
        self._keep(beams)
        return [sorted(found, key=lambda one: -one.score)[: self.plan.num_best] for found in self.finished]

    def _open(self, closed: Ints) -> Beams:
        """One beam for each record, led to its first choice."""
        prompts, plan = self.prompts, self.plan
        root = int(self.trie.nodes.roots[0])
        beams = Beams.start(np.arange(len(closed)), closed, plan.num_titles, root, prompts.visible, prompts.hidden)
        if plan.needs_normalisers:
            beams.normaliser = self.output.log_normalisers(beams.hidden)
        self._follow(beams)
        forced = np.flatnonzero(beams.length)
        if plan.needs_normalisers and len(forced):
            logits = self.output.logits(beams.hidden, TokenPairs(forced, beams.tokens[forced, 0]))
            beams.log_probabilities[forced, 0] = logits - beams.normaliser[forced]
            beams.score[forced] += logits - beams.normaliser[forced]
        return self._collect(self._compute(beams))

    def _choose(self, beams: Beams, step: int) -> Beams:
        """Takes one allowed token in every beam and keeps the best beams of each record."""
        plan = self.plan
        choices = self.trie.open_choices(beams.node, beams.closed)
        degree = np.bincount(choices.beam, minlength=len(beams))
        column = np.arange(len(choices.beam)) - (np.cumsum(degree) - degree)[choices.beam]
        allowed = np.full((len(beams), int(degree.max())), -np.inf)
        allowed[choices.beam, column] = self._logits(beams, TokenPairs(choices.beam, choices.token))
        place = np.zeros(allowed.shape, np.int64)
        place[choices.beam, column] = np.arange(len(choices.beam))
        within_tree = allowed - log_sum_exp(allowed)[:, None]
        log_probabilities = allowed - beams.normaliser[:, None] if plan.needs_normalisers else within_tree
        total = beams.score[:, None] + log_probabilities
        keys = total
        if plan.sampling:
            keys = beams.score[:, None] + cut(within_tree, plan.sampling)
            keys = keys + self._noise(beams, step, choices.token[place])
        if plan.needs_scores:
            keys = np.where(total < self._bar(beams.record)[:, None], -np.inf, keys)
        picked = pick(keys, beams.record, plan.num_beams)
        taken = beams.take(picked.beam)
        chosen = place[picked.beam, picked.column]
        taken.write(np.arange(len(taken)), choices.token[chosen][:, None], np.ones(len(taken), np.int64))
        taken.node = choices.child[chosen]
        last = np.arange(len(taken)), taken.length - 1
        taken.num_choices[last] = degree[picked.beam]
        if plan.needs_scores:
            taken.log_probabilities[last] = log_probabilities[picked.beam, picked.column]
            taken.score = total[picked.beam, picked.column]
        return taken

    def _logits(self, beams: Beams, pairs: TokenPairs) -> Floats:
        logits = self.output.logits(beams.hidden, pairs)
        if self.plan.repetition_penalty == 1:
            return logits
        covered = beams.penalised(np.arange(len(beams)), beams.length)
        return penalise(logits, pairs, covered, self.plan.repetition_penalty)

    def _noise(self, beams: Beams, step: int, token: Ints) -> Floats:
        rank = np.arange(len(beams)) - np.searchsorted(beams.record, beams.record)
        return gumbel(self.seeds[beams.record][:, None], step, rank[:, None], token)

    def _follow(self, beams: Beams) -> None:
        """Writes the forced tokens of every beam, past the ends of titles, up to its next choice or its end."""
        moving = np.arange(len(beams))
        while len(moving):
            moved = self.trie.advance(beams.node[moving], beams.closed[moving])
            beams.write(moving, moved.forced.astype(np.int64), moved.num_forced)
            beams.node[moving] = moved.node
            ended = moved.leaf >= 0
            moving, leaf = moving[ended], moved.leaf[ended]
            if not len(moving):
                return
            beams.close_title(moving, leaf)
            self._close(beams, moving, leaf)
            root = self.trie.nodes.roots[-1]
            beams.node[moving] = root
            left = self.trie.num_live(beams.node[moving], beams.closed[moving])
            beams.done[moving] = (beams.num_titles[moving] == self.plan.num_titles) | (left == 0)
            moving = moving[~beams.done[moving]]
            for count, tokens in enumerate(self.plan.between):
                here = moving[beams.num_titles[moving] == count]
                if tokens and len(here):
                    beams.write(here, np.tile(tokens, (len(here), 1)), np.full(len(here), len(tokens)))

    def _close(self, beams: Beams, moving: Ints, leaf: Ints) -> None:
        written = np.full(len(beams), -1)
        written[moving] = leaf
        beams.closed = self.trie.exclude(beams.closed, written)

    def _compute(self, beams: Beams) -> Beams:
        """Runs what was written and not yet computed, and scores the forced tokens."""
        plan = self.plan
        # The last token of a complete list is never read on; without normalisers its forced tokens are not either.
        until = np.where(beams.done, beams.length - 1 if plan.needs_normalisers else beams.computed, beams.length)
        count = until - beams.computed
        total = int(count.sum())
        if not total:
            beams.computed = beams.length.copy()
            return beams
        beam = np.repeat(np.arange(len(beams)), count)
        index = beams.computed[beam] + np.arange(total) - (np.cumsum(count) - count)[beam]
        hidden = self._forward(beams, beam, index)
        if plan.needs_normalisers:
            self._score_forced(beams, beam, index, hidden)
        import torch

        running = np.flatnonzero(count)
        last = torch.as_tensor((np.cumsum(count) - 1)[running], device=hidden.device)
        state = beams.hidden.clone()
        state[torch.as_tensor(running, device=hidden.device)] = hidden[last]
        beams.hidden = state
        beams.computed = beams.length.copy()
        return beams

    def _forward(self, beams: Beams, beam: Ints, index: Ints) -> Tensor:
        """The states after these tokens of the beams, which come in order of their rows."""
        import torch

        cache = self.prompts.cache
        record = beams.record[beam]
        row = self.row[record]
        added = np.bincount(row, minlength=len(cache.lengths))
        start = np.cumsum(added) - added
        place = cache.lengths[row] + np.arange(len(row)) - start[row]
        self._show(beams, beam, place)
        token, position = beams.tokens[beam, index], self.prompts.lengths[record] + index
        states = []
        for rows in passes(added):
            part = slice(start[rows[0]], start[rows[-1]] + added[rows[-1]])
            if part.start == part.stop:
                continue
            cache.claim(row[part], self.model.device)
            places = np.arange(int(cache.lengths.max()))
            shown = beams.visible[beam[part], : len(places)] & (places <= place[part, None])
            states.append(self.model.forward(cache, row[part], token[part], position[part], shown))
            self.num_passes += 1
        self.num_computed += len(beam)
        return torch.cat(states)

    def _show(self, beams: Beams, beam: Ints, place: Ints) -> None:
        """Lets the beams see the places that their new tokens take, neighbours in each beam."""
        width = max(int(self.prompts.cache.lengths.max()), int(place.max()) + 1)
        first, last = np.full(len(beams), width), np.full(len(beams), -1)
        np.minimum.at(first, beam, place)
        np.maximum.at(last, beam, place)
        places = np.arange(width)
        visible = np.zeros((len(beams), width), bool)
        visible[:, : beams.visible.shape[1]] = beams.visible
        beams.visible = visible | ((places >= first[:, None]) & (places <= last[:, None]))

    def _score_forced(self, beams: Beams, beam: Ints, index: Ints, hidden: Tensor) -> None:
        """Adds the log-probability of each forced token, and keeps the normaliser of the next choice."""
        penalty = self.plan.repetition_penalty
        covered = beams.penalised(beam, index + 1) if penalty != 1 else None
        normaliser = self.output.log_normalisers(hidden, covered, penalty)
        follows = np.flatnonzero(index + 1 < beams.length[beam])
        pairs = TokenPairs(follows, beams.tokens[beam[follows], index[follows] + 1])
        logits = self.output.logits(hidden, pairs)
        if covered is not None:
            logits = penalise(logits, pairs, covered, penalty)
        gained = logits - normaliser[follows]
        beams.log_probabilities[beam[follows], index[follows] + 1] = gained
        np.add.at(beams.score, beam[follows], gained)
        beams.normaliser[beam] = normaliser

    def _collect(self, beams: Beams) -> Beams:
        """Moves complete hypotheses out of the beam and drops beams that can no longer be among the best."""
        if beams.done.any():
            complete = beams.take(np.flatnonzero(beams.done))
            self._keep(complete)
            for record, score in zip(complete.record, complete.score, strict=True):
                row = np.append(self.best[record], score)
                self.best[record] = np.sort(row)[::-1][: self.plan.num_best]
        going = ~beams.done
        if self.plan.needs_scores:
            going &= beams.score >= self._bar(beams.record)
        return self._squeezed(beams.take(np.flatnonzero(going)))

    def _bar(self, record: Ints) -> Floats:
        """(beams,) the score below which a hypothesis of the record is not among the best any more."""
        return np.asarray(self.best[record, -1])

    def _squeezed(self, beams: Beams) -> Beams:
        """Lets go of cache rows that have ended and of places that no beam sees, once they are many."""
        cache, width = self.prompts.cache, beams.visible.shape[1]
        going = np.unique(beams.record)  # in ascending order, as the beams are
        if 0 < 2 * len(going) <= len(cache.lengths):
            cache.keep_rows(self.row[going])
            self.row[going] = np.arange(len(going))
            width = min(width, int(cache.lengths.max()))
            beams.visible = beams.visible[:, :width]
        if width < _SQUEEZE_FROM or not len(beams):
            return beams
        seen = np.zeros((len(cache.lengths), width), bool)
        np.logical_or.at(seen, self.row[beams.record], beams.visible)
        if 2 * int(seen.sum(axis=1).max()) > width:
            return beams
        order = cache.squeeze(seen)
        beams.visible = np.take_along_axis(beams.visible, order[self.row[beams.record]], axis=1)
        return beams

    def _keep(self, beams: Beams) -> None:
        for i in range(len(beams)):
            n = int(beams.length[i])
            if not beams.done[i] and self.finished[beams.record[i]]:
                continue
            self.finished[beams.record[i]].append(
                Hypothesis(
                    tuple(beams.leaves[i, : beams.num_titles[i]].tolist()),
                    float(beams.score[i]),
                    tuple(beams.tokens[i, :n].tolist()),
                    tuple(beams.log_probabilities[i, :n].tolist()),
                    tuple(beams.num_choices[i, :n].tolist()),
                    bool(beams.done[i]),
                )
            )
