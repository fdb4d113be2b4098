"""How likely a model finds the titles that examples end with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.training.batches import collate
from recsys.training.examples import Example

if TYPE_CHECKING:
    from numpy.typing import NDArray


def measure_likelihoods(
    model: Any, examples: Sequence[Example], *, pad_token_id: int, batch_size: int
) -> NDArray[np.float64]:
    """(examples,) the log-likelihood of each example's targets in nats, without dropout.

    Args:
        model: A causal LM; in training or not, it is left as it was.
        examples: In any order: those of a length go together, which pads least.
        pad_token_id: Fills batches up.
        batch_size: Examples of one forward pass.
    """
    import torch

    from recsys.training.target_loss import title_log_likelihoods

    was_training = model.training
    model.eval()
    head, device = model.get_output_embeddings(), next(model.parameters()).device
    order = np.argsort([len(example) for example in examples], kind="stable")
    found = np.zeros(len(examples))
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        batch = collate([examples[place] for place in part], pad_token_id=pad_token_id)
        with torch.no_grad():
            here = title_log_likelihoods(model, head, {name: values.to(device) for name, values in batch.items()})
        found[part] = here.double().cpu().numpy()
    model.train(was_training)
    return found
