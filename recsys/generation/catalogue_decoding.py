"""Catalogue decoding: a language model that can only answer with real, new movies.

Two ways of asking. ``list_titles`` writes one completion of N distinct titles, as free generation would,
greedy, sampled or with beams; ``rank_titles`` finds the titles with the highest likelihood as the next
one. ``score_candidates`` and ``score_each`` give the exact likelihood of chosen titles. What was written, what
is already liked and whatever else is excluded cannot come out.

The model must be held by the caller for as long as a call runs (models.host). The search itself is
tree_search's and what it finds becomes titles in catalogue_answers; this module turns prompts into its input.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from recsys.catalogue import Catalogue
from recsys.errors import CancelledError, SettingsError
from recsys.generation.candidate_scores import CandidateScorer
from recsys.generation.catalogue_answers import CatalogueAnswers
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.completion import Completion
from recsys.generation.hypotheses import Hypothesis, RankedTitle, SearchPlan
from recsys.generation.model_facts import context_length
from recsys.generation.packed_model import PackedModel
from recsys.generation.prefix_cache import PrefixCache, common_length, prefill
from recsys.generation.title_scores import Floats, OutputLayer, TitleScore
from recsys.generation.title_tokens import ListForm, tokenise_in_list
from recsys.generation.tokenization import PromptTokenizer, TokenizedPrompt, require_room
from recsys.generation.tree_search import TreeSearch
from recsys.prompts import Prompt
from recsys.settings import GenerationSettings

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel

_Value = TypeVar("_Value")


class CatalogueDecoder:
    """Decodes one catalogue with one model; keep it as long as the model, for the tree takes a second to build.

    Args:
        loaded: The model. Its adapter may change between calls.
        catalogue: What can be recommended.
        include_years: Whether titles carry their year, as in the prompts.
        separator: What closes a title where ``form`` is not given.
        form: How a list is written after the prompts, see ``ListForm.of``.
        prefixes: Prompts computed before; share one between decoders of a model.

    Raises:
        ModelUnavailableError: for an architecture that cannot be decoded in this way.
        SettingsError: when the tokenizer joins titles.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        catalogue: Catalogue,
        *,
        include_years: bool,
        separator: str = ";",
        form: ListForm | None = None,
        prefixes: PrefixCache | None = None,
    ) -> None:
        self.loaded = loaded
        self.catalogue = catalogue
        self.include_years = include_years
        self.form = form or ListForm(tail=separator)
        self.prefixes = prefixes if prefixes is not None else PrefixCache()
        self.trie = CatalogueTrie.build(catalogue, loaded.tokenizer, include_years=include_years, form=self.form)
        self._answers = CatalogueAnswers(
            loaded=loaded, catalogue=catalogue, form=self.form, include_years=include_years
        )
        self._model = PackedModel(loaded)
        self.tokenize = PromptTokenizer(loaded.tokenizer)
        self._restricted: tuple[frozenset[int], CatalogueTrie] | None = None
        self.num_computed = 0
        self.num_passes = 0

    def list_titles(
        self,
        prompts: Sequence[Prompt],
        settings: GenerationSettings,
        *,
        excluded: Sequence[Collection[int]] = (),
        allowed: Collection[int] | None = None,
        seeds: Sequence[int] | None = None,
        score: TitleScore = "full",
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        """Writes lists of titles, one completion for each prompt.

        Args:
            prompts: Any number.
            settings: num_recommendations is N; max_new_tokens has no effect.
            excluded: Item ids that must not come out, for each prompt; empty excludes nothing.
            allowed: Item ids that may come out; None is the whole catalogue.
            seeds: One for each prompt; ``settings.seed`` for each without them.
            score: How beams are compared; one beam needs no score.
            cancel: Set from another thread to stop: whole titles written by then are returned as "stopped".

        Returns:
            Completions of exactly the titles and separators, "titles_complete"; fewer than N titles only
            where no more are left.

        Raises:
            HistoryError: when a prompt is too long for the model.
            SettingsError: when seeds or exclusions are not as many as the prompts.
        """
        start = time.perf_counter()
        trie = self._trie(allowed)
        plan = SearchPlan(
            num_titles=settings.num_recommendations,
            num_beams=settings.num_beams,
            num_best=1,
            score=score,
            with_scores=False,
            repetition_penalty=settings.repetition_penalty,
            sampling=settings if settings.do_sample else None,
            between=self._between(settings.num_recommendations),
        )
        tokenized = self._tokenized(prompts, settings.num_recommendations * int(trie.leaf_length.max(initial=0)))
        own_seeds = _one_each(prompts, seeds, settings.seed, "seed")
        closed = _one_each(prompts, excluded or None, (), "set of excluded items")
        results = self._search(tokenized, trie, plan, closed, own_seeds, cancel)
        seconds = time.perf_counter() - start
        return [
            self._answers.completion(one, trie, found[0] if found else None, settings.replace(seed=seed), seconds)
            for one, found, seed in zip(tokenized, results, own_seeds, strict=True)
        ]

    def rank_titles(
        self,
        prompts: Sequence[Prompt],
        *,
        n: int,
        num_beams: int,
        excluded: Sequence[Collection[int]] = (),
        allowed: Collection[int] | None = None,
        score: TitleScore = "full",
        cancel: threading.Event | None = None,
    ) -> list[tuple[RankedTitle, ...]]:
        """The likeliest next titles of each prompt, the likeliest first, as beam search finds them.

        With as many beams as titles the ranking is exact.

        Args:
            prompts: Any number.
            n: Titles for each prompt; fewer come out only where fewer are left.
            num_beams: Width of the search, at least ``n``.
            excluded: Item ids that must not come out, for each prompt; empty excludes nothing.
            allowed: Item ids that may come out; None is the whole catalogue.
            score: What likelihood means.
            cancel: Set from another thread to stop.

        Raises:
            CancelledError: when stopped; a ranking that was not finished would not be one.
            HistoryError: when a prompt is too long for the model.
            SettingsError: when num_beams is below n, or exclusions are not as many as the prompts.
        """
        if not 1 <= n <= num_beams:
            raise SettingsError(
                f"ranking {n} titles needs at least as many beams", seen=num_beams, mend="raise num_beams"
            )
        trie = self._trie(allowed)
        plan = SearchPlan(num_titles=1, num_beams=num_beams, num_best=n, score=score, with_scores=True)
        tokenized = self._tokenized(prompts, int(trie.leaf_length.max(initial=0)))
        closed = _one_each(prompts, excluded or None, (), "set of excluded items")
        results = self._search(tokenized, trie, plan, closed, [0] * len(prompts), cancel)
        if cancel is not None and cancel.is_set():
            raise CancelledError("the ranking was stopped")
        return [
            tuple(self._answers.ranked(one, trie, frozenset(out)) for one in found)
            for found, out in zip(results, closed, strict=True)
        ]

    def score_candidates(
        self,
        prompts: Sequence[Prompt],
        item_ids: Sequence[int],
        *,
        excluded: Sequence[Collection[int]] = (),
        allowed: Collection[int] | None = None,
        score: TitleScore = "full",
        cancel: threading.Event | None = None,
    ) -> Floats:
        """(prompts, items) exact log-likelihood of the same titles after each prompt; see ``score_each``."""
        each = [item_ids] * len(prompts)
        scores = self.score_each(prompts, each, excluded=excluded, allowed=allowed, score=score, cancel=cancel)
        return np.array(scores).reshape(len(prompts), len(item_ids))

    def score_each(
        self,
        prompts: Sequence[Prompt],
        item_ids: Sequence[Sequence[int]],
        *,
        excluded: Sequence[Collection[int]] = (),
        allowed: Collection[int] | None = None,
        score: TitleScore = "full",
        cancel: threading.Event | None = None,
    ) -> list[Floats]:
        """The exact log-likelihood of chosen titles as the next one, of each prompt its own.

        Args:
            prompts: Any number.
            item_ids: For each prompt movies; those that are written alike have one score.
            excluded: Item ids that are not among the allowed tokens of the tree score, for each prompt.
            allowed: Item ids that are; None is the whole catalogue.
            score: What likelihood means.
            cancel: Set from another thread to stop.

        Returns:
            For each prompt a log-likelihood for each of its movies; minus infinity for an excluded movie and
            for one that no tokens reach (``trie.unreachable``).

        Raises:
            CancelledError: when stopped.
            HistoryError: for an item that the catalogue does not have, or a prompt too long for the model.
        """
        for item_id in {item for items in item_ids for item in items}:
            self.catalogue[item_id]
        trie = self._trie(allowed)
        tokenized = self._tokenized(prompts, int(trie.leaf_length.max(initial=0)))
        closed = _one_each(prompts, excluded or None, (), "set of excluded items")
        leaf_of = [np.array([trie.leaves_of.get(item, (-1,))[0] for item in items], np.int64) for items in item_ids]
        scores = [np.full(len(items), -np.inf) for items in item_ids]
        scorer = CandidateScorer(self._model, OutputLayer(self.loaded), trie, score)
        for part in self._batches(tokenized, 0) if any((own >= 0).any() for own in leaf_of) else ():
            computed = prefill(self._model, [tokenized[i].ids for i in part], self.prefixes, self._weights)
            exclusions = trie.exclusions([trie.excluded_leaves(closed[i]) for i in part])
            leaves = [np.unique(leaf_of[i][leaf_of[i] >= 0]) for i in part]
            for i, own, found in zip(part, leaves, scorer(computed, leaves, exclusions, cancel), strict=True):
                reached = leaf_of[i] >= 0
                scores[i][reached] = found[np.searchsorted(own, leaf_of[i][reached])]
        return scores

    def num_tokens(self, item_ids: Sequence[int]) -> int:
        """The tokens of these titles, separators included; items that no tokens reach have none."""
        leaves = [self.trie.leaves_of[item][0] for item in item_ids if item in self.trie.leaves_of]
        return int(self.trie.leaf_length[leaves].sum())

    @property
    def _weights(self) -> tuple[str, str | None, str | None, str]:
        loaded = self.loaded
        return loaded.weight_hash, loaded.adapter, loaded.adapter_hash, loaded.precision

    def _trie(self, allowed: Collection[int] | None) -> CatalogueTrie:
        if allowed is None:
            return self.trie
        wanted = frozenset(allowed)
        if self._restricted is None or self._restricted[0] != wanted:
            self._restricted = wanted, self.trie.restrict(wanted)
        return self._restricted[1]

    def _batches(self, tokenized: Sequence[TokenizedPrompt], more: int) -> list[list[int]]:
        texts = [one.ids for one in tokenized]
        return self._model.batches(list(map(len, texts)), more, shared=common_length(texts) if texts else 0)

    def _tokenized(self, prompts: Sequence[Prompt], longest_answer: int) -> list[TokenizedPrompt]:
        tokenized = [self.tokenize(prompt) for prompt in prompts]
        require_room(tokenized, longest_answer, context_length(self.loaded.model))
        return tokenized

    def _between(self, num_titles: int) -> tuple[tuple[int, ...], ...]:
        texts = [self.form.between(count) for count in range(num_titles)]
        tokens = tokenise_in_list([text for text in texts if text], self.loaded.tokenizer, after=self.form.tail)
        found = iter(tokens)
        return tuple(tuple(next(found)) if text else () for text in texts)

    def _search(
        self,
        tokenized: Sequence[TokenizedPrompt],
        trie: CatalogueTrie,
        plan: SearchPlan,
        excluded: Sequence[Collection[int]],
        seeds: Sequence[int],
        cancel: threading.Event | None,
    ) -> list[list[Hypothesis]]:
        search = TreeSearch(self._model, OutputLayer(self.loaded), self.prefixes, self._weights)
        results: list[list[Hypothesis]] = [[] for _ in tokenized]
        for part in self._batches(tokenized, plan.expected_places(trie)):
            closed = [trie.excluded_leaves(excluded[i]) for i in part]
            found = search.run([tokenized[i].ids for i in part], trie, closed, plan, [seeds[i] for i in part], cancel)
            for i, hypotheses in zip(part, found, strict=True):
                results[i] = hypotheses
        self.num_computed += search.num_computed
        self.num_passes += search.num_passes
        return results


def _one_each(prompts: Sequence[Prompt], given: Sequence[_Value] | None, default: _Value, what: str) -> list[_Value]:
    values = [default] * len(prompts) if given is None else list(given)
    if len(values) != len(prompts):
        raise SettingsError(f"each prompt needs one {what}", seen=f"{len(values)} for {len(prompts)} prompts")
    return values
