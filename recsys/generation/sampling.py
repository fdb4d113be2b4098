"""How the next token is chosen: the logits processors in their one order, and the config of each mode.

The order is repetition penalty → (catalogue mask) → temperature → top-k → top-p → Gumbel noise. Sampling
without beams takes the largest of score plus Gumbel noise, which is an exact draw from the softmax of the
scores; the noise of a row comes from that row's own generator, so a row's draw depends on its seed and
its scores alone, never on the batch around it. The classes here follow transformers' LogitsProcessor
protocol without deriving from it, because importing this module must not import transformers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from recsys.generation.model_facts import base_model
from recsys.settings import GenerationSettings

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import GenerationConfig, LogitsProcessor

COLDEST = 1e-6
"""Temperatures above 0 and below this one are taken as this one: dividing by less could overflow float32."""

COLDEST_WITH_BEAMS = 1e-3
"""The same with beams: their sums must stay above the -1e9 with which transformers marks an absent beam."""

_FIRST_CANDIDATES = 256


class TopP:
    """Keeps the likeliest tokens until their mass reaches ``top_p``, the token that crosses it included.

    Keeps what transformers' TopPLogitsWarper keeps, but looks at the likeliest few first: sorting a
    vocabulary of 49,152 takes longer on a CPU than a small model needs for a token.

    Args:
        top_p: Mass to keep, above 0 and below 1.
        min_tokens_to_keep: Tokens kept whatever their mass; beam search needs more than one.
    """

    def __init__(self, top_p: float, min_tokens_to_keep: int = 1) -> None:
        self.top_p = top_p
        self.min_tokens_to_keep = min_tokens_to_keep

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores of shape (batch, vocabulary) with all but the nucleus at minus infinity."""
        import torch

        vocabulary = scores.shape[-1]
        normaliser = scores.logsumexp(dim=-1, keepdim=True)
        num_candidates = min(max(_FIRST_CANDIDATES, self.min_tokens_to_keep), vocabulary)
        while True:
            best, indices = scores.topk(num_candidates, dim=-1)
            probabilities = (best - normaliser).exp()
            mass_before = probabilities.cumsum(dim=-1) - probabilities
            keep = mass_before < self.top_p
            # A candidate beyond the nucleus, in every row, shows that the nucleus was seen whole.
            if num_candidates == vocabulary or not bool(keep[:, -1].any()):
                break
            num_candidates = min(16 * num_candidates, vocabulary)
        keep[:, : self.min_tokens_to_keep] = True
        kept = best.masked_fill(~keep, -torch.inf)
        return torch.full_like(scores, -torch.inf).scatter(-1, indices, kept)


class SeededGumbel:
    """Adds Gumbel noise, row by row from that row's own generator; the argmax is then a sample.

    The noise is drawn on the CPU over the whole vocabulary: the same seed gives the same noise on every
    device, and a token keeps its noise when another slider moves.

    Args:
        seeds: One for each row of the batch.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        import torch

        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores of shape (batch, vocabulary), the batch being the seeds', plus noise."""
        import torch

        noise = torch.empty(scores.shape, dtype=torch.float32)
        for row, generator in zip(noise, self._generators, strict=True):
            torch.rand(len(row), generator=generator, out=row)
        noise.log_().neg_().log_().neg_()
        return scores + noise.to(scores.device)


def logits_processors(
    settings: GenerationSettings, *, prompt_length: int, seeds: Sequence[int], num_end_tokens: int
) -> list[LogitsProcessor]:
    """The processors of these settings, in order.

    Args:
        settings: The sliders.
        prompt_length: Width of the batch of prompts, padding included: the repetition penalty spares it.
        seeds: One for each row; used when sampling without beams.
        num_end_tokens: End-of-text tokens of the model: sampling within beams keeps one more token than
            these, so that a beam can always go on.
    """
    from transformers import RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper

    processors: list[Any] = []
    if settings.repetition_penalty != 1:
        penalty = float(settings.repetition_penalty)
        processors.append(RepetitionPenaltyLogitsProcessor(penalty, prompt_ignore_length=prompt_length))
    if not settings.do_sample:
        return processors
    at_least = 1 if settings.num_beams == 1 else num_end_tokens + 1
    if settings.temperature != 1:
        coldest = COLDEST if settings.num_beams == 1 else COLDEST_WITH_BEAMS
        processors.append(TemperatureLogitsWarper(max(float(settings.temperature), coldest)))
    if settings.top_k > 0:
        processors.append(TopKLogitsWarper(settings.top_k, min_tokens_to_keep=at_least))
    if settings.top_p < 1:
        processors.append(TopP(settings.top_p, min_tokens_to_keep=at_least))
    if settings.num_beams == 1:
        processors.append(SeededGumbel(seeds))
    return processors


def generation_config(settings: GenerationSettings, *, end_ids: Sequence[int], pad_token_id: int) -> GenerationConfig:
    """The config of a mode, with every field that matters set, as a field left out is filled in.

    The sliders act through logits_processors, so the sampling fields here are the neutral ones.
    Beam search goes on until no open beam can beat the finished ones: ending at num_beams finished ones
    saves a token or none on real prompts, and can lose the likeliest list.
    """
    from transformers import GenerationConfig

    draws_within_beams = settings.do_sample and settings.num_beams > 1
    return GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=settings.max_new_tokens,
        min_new_tokens=0,
        do_sample=draws_within_beams,
        num_beams=settings.num_beams,
        num_return_sequences=1,
        early_stopping=False,
        length_penalty=1.0,
        temperature=1.0,
        # 0 is "keep all" but is warned about where nothing is drawn; there 50 has no effect.
        top_k=0 if draws_within_beams else 50,
        top_p=1.0,
        typical_p=1.0,
        repetition_penalty=1.0,
        encoder_repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        renormalize_logits=False,
        remove_invalid_values=False,
        use_cache=True,
        return_dict_in_generate=True,
        output_scores=False,
        output_logits=False,
        output_attentions=False,
        output_hidden_states=False,
        eos_token_id=list(end_ids) or None,
        pad_token_id=pad_token_id,
    )


@contextmanager
def without_own_generation_config(model: Module) -> Iterator[None]:
    """Sets a model's own generation_config aside for the block.

    Fields whose neutral value is None (forced and suppressed tokens, stop strings, min_p …) cannot be set
    explicitly: transformers fills every None from the model's own config.
    """
    from transformers import GenerationConfig

    holders = [holder for holder in {model, base_model(model)} if "generation_config" in vars(holder)]
    own = [holder.generation_config for holder in holders]
    for holder in holders:
        holder.generation_config = GenerationConfig()  # type: ignore[no-untyped-call, assignment]
    try:
        yield
    finally:
        for holder, config in zip(holders, own, strict=True):
            holder.generation_config = config
