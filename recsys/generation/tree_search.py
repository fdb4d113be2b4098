"""Beam search over the catalogue's tree, for a whole batch of prompts at once.

Prompts that have a title left are computed, or found in the cache, and batch_search takes them through the tree.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from recsys.generation.batch_search import BatchSearch
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.hypotheses import Hypothesis, SearchPlan
from recsys.generation.packed_model import PackedModel
from recsys.generation.prefix_cache import PrefixCache, prefill
from recsys.generation.title_scores import OutputLayer


@dataclass(eq=False)
class TreeSearch:
    """Searches one tree with one model.

    Attributes:
        model: The decoder.
        output: Its output layer.
        prefixes: Prompts computed before.
        key: Names the weights in ``prefixes``.
        num_computed: Tokens that went through the model so far, over all searches.
        num_passes: Forward passes after the prompts, over all searches.
    """

    model: PackedModel
    output: OutputLayer
    prefixes: PrefixCache
    key: Hashable
    num_computed: int = 0
    num_passes: int = 0

    def run(
        self,
        prompts: Sequence[Sequence[int]],
        trie: CatalogueTrie,
        closed: Sequence[Sequence[int]],
        plan: SearchPlan,
        seeds: Sequence[int],
        cancel: threading.Event | None = None,
    ) -> list[list[Hypothesis]]:
        """The best hypotheses of each prompt, best first.

        Args:
            prompts: Token ids of each.
            trie: The titles.
            closed: Excluded leaves of each prompt.
            plan: What is searched for.
            seeds: Of each prompt's draws.
            cancel: Ends the search: what each record's best beam has written is then returned as incomplete.
        """
        record = np.array([i for i, leaves in enumerate(closed) if len(leaves) < len(trie.leaf_length) and len(trie)])
        if not len(record):
            return [[] for _ in prompts]
        done = prefill(
            self.model, [prompts[i] for i in record], self.prefixes, self.key, room=plan.expected_places(trie)
        )
        own_seeds = np.array([seeds[i] for i in record])
        search = BatchSearch(self.model, self.output, trie, plan, done, own_seeds, cancel)
        found = search.run(trie.exclusions([closed[i] for i in record]))
        self.num_computed += done.num_computed + search.num_computed
        self.num_passes += search.num_passes
        results: list[list[Hypothesis]] = [[] for _ in prompts]
        for i, hypotheses in zip(record.tolist(), found, strict=True):
            results[i] = hypotheses
        return results
