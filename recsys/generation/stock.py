"""transformers' own ``generate`` on the task of catalogue decoding: the yardstick of the benchmark.

Nothing here serves an answer. It writes N titles as one would without this package: the prompts padded on
the left, a stop after N separators, and, to keep to the catalogue, a ``prefix_allowed_tokens_fn`` that walks
a dictionary tree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.model_facts import base_model, end_of_text_ids
from recsys.generation.sampling import generation_config, without_own_generation_config
from recsys.generation.tokenization import pad_left
from recsys.settings import GenerationSettings

if TYPE_CHECKING:
    from torch import Tensor

    from recsys.models.loading import LoadedModel

AllowedTokens = Callable[[int, "Tensor"], list[int]]


class StockGenerator:
    """Greedy search and beam search by ``model.generate``, ended after N titles or at the end of the line.

    Args:
        loaded: The model, held by the caller.
        tail: The text that closes a title.
    """

    def __init__(self, loaded: LoadedModel, tail: str) -> None:
        import torch

        self._loaded = loaded
        words = loaded.tokenizer.batch_decode([[token] for token in range(len(loaded.tokenizer))])
        self._closes_title = torch.tensor([tail in word for word in words], device=loaded.device)
        self._ends_list = torch.tensor(["\n" in word for word in words], device=loaded.device)

    def write(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        num_titles: int,
        max_new_tokens: int,
        num_beams: int = 1,
        allowed: AllowedTokens | None = None,
    ) -> list[list[int]]:
        """The tokens written after each prompt, up to the separator of the last title.

        Args:
            prompts: Token ids; all are computed as one batch.
            num_titles: N.
            max_new_tokens: Where a text that names no N titles ends.
            num_beams: 1 is greedy.
            allowed: The tokens that may come next, see ``PrefixTree.allowed``.
        """
        import torch

        settings = GenerationSettings(temperature=0, num_beams=num_beams, max_new_tokens=max_new_tokens)
        end_ids = end_of_text_ids(self._loaded)
        input_ids, attention_mask = pad_left(prompts, min(end_ids, default=0), self._loaded.device)
        width = input_ids.shape[1]

        def is_complete(ids: Tensor, _scores: object, **_: object) -> Tensor:
            written = ids[:, width:]
            return (self._closes_title[written].sum(dim=1) >= num_titles) | self._ends_list[written].any(dim=1)

        with torch.inference_mode(), without_own_generation_config(self._loaded.model):
            output = self._loaded.model.generate(
                input_ids=input_ids,
                attention_mask=attention_mask,
                generation_config=generation_config(
                    settings, end_ids=sorted(end_ids), pad_token_id=min(end_ids, default=0)
                ),
                stopping_criteria=[is_complete],
                prefix_allowed_tokens_fn=allowed,
            )
        return [_until_complete(row, self._closes_title, num_titles) for row in output.sequences[:, width:]]

    def prefill(self, prompts: Sequence[Sequence[int]]) -> int:
        """One forward pass over padded prompts, without logits; returns how many real tokens it computed."""
        import torch

        input_ids, attention_mask = pad_left(prompts, 0, self._loaded.device)
        decoder: Any = base_model(self._loaded.model)
        with torch.inference_mode():
            decoder.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=True)
        return int(attention_mask.sum())

    def count_titles(self, written: Sequence[int]) -> int:
        """How many titles these tokens close."""
        return int(self._closes_title[list(written)].sum())


def _until_complete(written: Tensor, closes_title: Tensor, num_titles: int) -> list[int]:
    closed = closes_title[written].cumsum(dim=0)
    end = int((closed < num_titles).sum()) + 1
    tokens: list[int] = written[:end].tolist()
    return tokens


class PrefixTree:
    """The tree of a catalogue as dictionaries, walked token by token as such functions usually are.

    Args:
        trie: The same titles as catalogue decoding has.
    """

    def __init__(self, trie: CatalogueTrie) -> None:
        self._trie = trie
        nodes = trie.nodes
        ends = nodes.first_child + nodes.num_children
        tokens = nodes.token.tolist()
        self._children = [
            {tokens[child]: child for child in range(first, end)}
            for first, end in zip(nodes.first_child.tolist(), ends.tolist(), strict=True)
        ]
        self._size = (nodes.hi - nodes.lo).tolist()
        self._first_leaf = nodes.lo.tolist()

    def allowed(self, width: int, excluded: Sequence[Collection[int]]) -> AllowedTokens:
        """A ``prefix_allowed_tokens_fn`` for one batch that repeats no title.

        Args:
            width: Tokens of each prompt, padding included.
            excluded: Item ids that must not come out, for each prompt.
        """
        closed = [self._trie.excluded_leaves(items) for items in excluded]

        def allowed_tokens(batch_id: int, ids: Tensor) -> list[int]:
            node, own = self._walk(ids[width:].tolist(), closed[batch_id])
            below: dict[int, int] = {}
            for leaf in own:
                for ancestor in self._trie.nodes.of_leaf[leaf].tolist():
                    below[ancestor] = below.get(ancestor, 0) + 1
            dead = {child for child, count in below.items() if count == self._size[child]}
            return [token for token, child in self._children[node].items() if child not in dead]

        return allowed_tokens

    def _walk(self, tokens: Sequence[int], excluded: Sequence[int]) -> tuple[int, set[int]]:
        """Where these tokens lead, and the leaves that are closed there."""
        roots = self._trie.nodes.roots
        node, own = int(roots[0]), set(excluded)
        for token in tokens:
            node = self._children[node].get(token, int(roots[-1]))  # a row that has ended goes on with padding
            if not self._children[node]:
                own |= {int(leaf) for leaf in self._trie.same_title[self._first_leaf[node]] if leaf < len(self._trie)}
                node = int(roots[-1])
        return node, own
