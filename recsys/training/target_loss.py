"""The loss of a batch, with logits computed only where something is learnt.

The output layer is the widest of a small model: SmolLM2's takes a fifth of its arithmetic, and its logits of a
batch would take hundreds of megabytes. A hook hands it the rows that have a target and no others, so the model is
called as a whole, as every wrapper of it (PEFT, DDP, FSDP) needs it to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy

from recsys.training.batches import NO_TARGET

_SUREST = 0.999
"""A probability of repeating above this counts as this, so that the logarithm stays finite."""


def summed_loss(model: Module, head: Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The cross-entropy of a batch, summed over its targets.

    Where the batch tells what teachers expect, the target is their distribution by their share and the label by the
    rest. Where it tells what is unwanted, −log(1 − p) of the probability p of all that comes on top (Welleck et al.,
    "Neural Text Generation with Unlikelihood Training", 2020).

    Args:
        model: A causal LM, wrapped or not.
        head: Its output layer.
        batch: What batches.collate made.

    Returns:
        The sum in nats, and the number of targets.
    """
    losses, logits, is_target = _losses(model, head, batch)
    if "expected_at" in batch:
        losses = losses + _taught(logits, losses, is_target, batch)
    return losses.sum(), is_target.sum()


def title_log_likelihoods(model: Module, head: Module, batch: Mapping[str, Tensor]) -> Tensor:
    """(rows,) the log-likelihood in nats of the targets of each row of a batch, summed over its tokens.

    Args:
        model: A causal LM, wrapped or not.
        head: Its output layer.
        batch: What batches.collate made.
    """
    losses, _, is_target = _losses(model, head, batch)
    return losses.new_zeros(len(is_target)).index_add(0, is_target.nonzero()[:, 0], -losses)


def _losses(model: Module, head: Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """(targets,) the cross-entropy of each in nats, row by row, their logits, and (rows, places) where they are."""
    labels = batch["labels"]
    is_target = labels != NO_TARGET
    with _only(head, is_target):
        output: Any = model(input_ids=batch["input_ids"], **_without_cache(model))
    logits = output.logits.float()
    return cross_entropy(logits, labels[is_target], reduction="none"), logits, is_target


def _taught(logits: Tensor, losses: Tensor, is_target: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """(targets,) what teachers change in the losses: their share of each target's is of what they expect.

    The normaliser is the same for label and expectation, so only the logits of expected tokens are looked at.
    """
    number = is_target.flatten().cumsum(0) - 1
    target, label = number[batch["expected_at"]], batch["labels"][is_target]
    wanted = logits.gather(1, label[:, None])[:, 0]
    expected = logits.flatten().index_select(0, target * logits.shape[1] + batch["expected_token"])
    taught = torch.zeros_like(losses).index_add(0, target, batch["expected_mass"] * (wanted[target] - expected))
    if not len(batch["unwanted_at"]):
        return taught
    target = number[batch["unwanted_at"]]
    normaliser = losses + wanted
    unwanted = logits.flatten().index_select(0, target * logits.shape[1] + batch["unwanted_token"])
    repeated = torch.zeros_like(losses).index_add(0, target, (unwanted - normaliser[target]).exp())
    return taught - batch["unlikelihood"] * torch.log1p(-repeated.clamp(max=_SUREST))


@contextmanager
def _only(head: Module, rows: Tensor) -> Iterator[None]:
    def select(_module: Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (args[0][rows.to(args[0].device)], *args[1:])

    handle = head.register_forward_pre_hook(select)
    try:
        yield
    finally:
        handle.remove()


def _without_cache(model: Module) -> dict[str, bool]:
    """Prefix tuning keeps its vectors in a cache; everything else trains faster without one."""
    config = getattr(model, "active_peft_config", None)
    return {} if config is not None and config.is_prompt_learning else {"use_cache": False}
