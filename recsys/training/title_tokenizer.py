"""The tokenizer of a small model that reads lists of movie titles.

A title that a few training users like is one token, so that a place in a list is one choice among titles. Everything
else is written by a byte-level BPE whose merges may run over spaces. It is fitted on the catalogue's titles and on what
training users like, and on nobody else's likes: held-out users leave no trace in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recsys.catalogue import Catalogue
from recsys.errors import SettingsError
from recsys.settings import PromptSettings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LEAST_BPE_TOKENS = 300
"""The 256 bytes and a few merges."""
_END_OF_TEXT = "<|endoftext|>"
_MARKS = "Disliked:|Liked:|\n"
"""What a history prompt is made of besides titles; split off before merges, so that each is a token of its own."""


def train_tokenizer(
    catalogue: Catalogue,
    likes: Mapping[int, Sequence[int]],
    prompt: PromptSettings,
    *,
    vocab_size: int,
    title_token_likes: int,
    longest: int,
) -> PreTrainedTokenizerBase:
    """Fits the tokenizer: every title once, and once more for each training user who likes it.

    Args:
        catalogue: The titles.
        likes: Of training users alone.
        prompt: How titles are written.
        vocab_size: Tokens at most, those of titles among them.
        title_token_likes: A title that so many users like is a token of its own; 0 makes none.
        longest: Tokens of the longest text.

    Raises:
        SettingsError: when the tokens of titles leave no room for bytes.
    """
    from tokenizers import Tokenizer, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tail = prompt.list_separator
    written = {m.item_id: f" {m.display(include_year=prompt.include_years)}{tail}" for m in catalogue}
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    whole = [as_bytes.pre_tokenize_str(title)[0][0] for title in _liked_titles(written, likes, title_token_likes)]
    if vocab_size - len(whole) < LEAST_BPE_TOKENS:
        mend = f"raise vocab_size to {len(whole) + LEAST_BPE_TOKENS} or more, or raise title_token_likes"
        raise SettingsError(f"{len(whole)} titles leave no room for other tokens", seen=vocab_size, mend=mend)

    def corpus() -> Iterator[str]:
        yield from ("Disliked:", "Liked:") * 100
        yield from written.values()
        for items in likes.values():
            yield from (written[item] for item in items)

    described = json.loads(_train_bpe(corpus(), vocab_size - len(whole), tail))
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=Tokenizer.from_str(json.dumps(_add_whole(described, whole))),
        eos_token=_END_OF_TEXT,
        pad_token=_END_OF_TEXT,
        model_max_length=longest,
        padding_side="left",
    )


def _train_bpe(corpus: Iterator[str], vocab_size: int, tail: str) -> str:
    """A byte-level BPE as JSON; its merges run over spaces, but not beyond the end of a title."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    marks = pre_tokenizers.Split(Regex(_MARKS), "isolated")
    titles = pre_tokenizers.Split(tail, "merged_with_previous")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([marks, titles, as_bytes])
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[_END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus, trainer)
    described: str = bpe.to_str()
    return described


def _liked_titles(written: Mapping[int, str], likes: Mapping[int, Sequence[int]], least: int) -> list[str]:
    """Each title that at least so many users like, the most liked first; movies of one name count together."""
    if not least:
        return []
    counted = Counter(written[item] for items in likes.values() for item in items)
    return sorted((title for title, count in counted.items() if count >= least), key=lambda t: (-counted[t], t))


def _add_whole(described: dict[str, Any], whole: Sequence[str]) -> dict[str, Any]:
    """The tokenizer with a token for each whole title, which is taken before anything is merged."""
    model = described["model"]
    for title in whole:
        model["vocab"].setdefault(title, len(model["vocab"]))
    return {**described, "model": {**model, "ignore_merges": True}}
