"""What a search of the catalogue's tree found, as titles: a completion of a list, or a ranked title."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsys.catalogue import Catalogue
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.completion import Completion
from recsys.generation.hypotheses import Hypothesis, RankedTitle
from recsys.generation.title_tokens import ListForm
from recsys.generation.tokenization import TokenizedPrompt
from recsys.settings import DecodingSettings, GenerationSettings

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel


@dataclass(frozen=True, kw_only=True)
class CatalogueAnswers:
    """Turns the leaves of hypotheses into titles of one catalogue.

    Attributes:
        loaded: The model that was searched with.
        catalogue: The movies.
        form: How a list is written.
        include_years: Whether titles carry their year.
    """

    loaded: LoadedModel
    catalogue: Catalogue
    form: ListForm
    include_years: bool

    def completion(
        self,
        tokenized: TokenizedPrompt,
        trie: CatalogueTrie,
        found: Hypothesis | None,
        settings: GenerationSettings,
        seconds: float,
    ) -> Completion:
        """The list of a hypothesis; an empty one, which is complete, where no title was left.

        Args:
            tokenized: The prompt.
            trie: What was searched.
            found: The best hypothesis.
            settings: In effect, with the prompt's own seed.
            seconds: Of the whole batch.
        """
        titles = [self._title(trie.leaf_items[leaf][0]) for leaf in (found.leaves if found else ())]
        return Completion(
            text=self.form.write(titles) if titles else "",
            prompt_text=tokenized.text,
            prompt_tokens=len(tokenized.ids),
            completion_tokens=len(found.tokens) if found else 0,
            seconds=seconds,
            finish_reason="titles_complete" if found is None or found.complete else "stopped",
            settings=settings,
            base_model=self.loaded.spec.name,
            precision=self.loaded.precision,
            adapter=self.loaded.adapter,
            without_effect=DecodingSettings("catalogue_list").without_effect(settings),
        )

    def ranked(self, found: Hypothesis, trie: CatalogueTrie, excluded: Collection[int]) -> RankedTitle:
        """The title of a hypothesis that holds one, with what of its movies is not excluded."""
        items = [item for item in trie.leaf_items[found.leaves[0]] if item not in excluded]
        item_ids = self.catalogue.choose(items).item_ids
        texts = tuple(self.loaded.tokenizer.batch_decode([[token] for token in found.tokens]))
        return RankedTitle(
            item_ids[0], item_ids, found.score, found.tokens, found.log_probabilities, found.num_choices, texts
        )

    def _title(self, item_id: int) -> str:
        return self.catalogue[item_id].display(include_year=self.include_years)
