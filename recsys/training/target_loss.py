"""The loss of a batch, with logits computed only where something is learnt.

The output layer is the widest of a small model: SmolLM2's takes a fifth of its arithmetic, and its logits of a
batch would take hundreds of megabytes. A hook hands it the rows that have a target and no others, so the model is
called as a whole, as every wrapper of it (PEFT, DDP, FSDP) needs it to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy

from recsys.training.batches import NO_TARGET


def summed_loss(model: Module, head: Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The cross-entropy of a batch, summed over its targets.

    Args:
        model: A causal LM, wrapped or not.
        head: Its output layer.
        batch: What batches.collate made.

    Returns:
        The sum in nats, and the number of targets.
    """
    losses, is_target = _losses(model, head, batch)
    return losses.sum(), is_target.sum()


def title_log_likelihoods(model: Module, head: Module, batch: Mapping[str, Tensor]) -> Tensor:
    """(rows,) the log-likelihood in nats of the targets of each row of a batch, summed over its tokens.

    Args:
        model: A causal LM, wrapped or not.
        head: Its output layer.
        batch: What batches.collate made.
    """
    losses, is_target = _losses(model, head, batch)
    return losses.new_zeros(len(is_target)).index_add(0, is_target.nonzero()[:, 0], -losses)


def _losses(model: Module, head: Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """(targets,) the cross-entropy of each target in nats, row by row, and (rows, places) where they are."""
    labels = batch["labels"]
    is_target = labels != NO_TARGET
    with _only(head, is_target):
        output: Any = model(input_ids=batch["input_ids"], **_without_cache(model))
    return cross_entropy(output.logits.float(), labels[is_target], reduction="none"), is_target


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
