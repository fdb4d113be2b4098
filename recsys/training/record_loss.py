"""The loss of a trained model on records, as training measures it: how likely the titles are that came next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from recsys.catalogue import Catalogue
from recsys.data.records import Record
from recsys.settings import PromptSettings
from recsys.training.examples import ExampleWriter, record_cases
from recsys.training.likelihoods import measure_likelihoods

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from recsys.models.loading import LoadedModel


def measure_record_losses(
    loaded: LoadedModel,
    records: Sequence[Record],
    catalogue: Catalogue,
    prompt: PromptSettings,
    *,
    batch_size: int = 32,
) -> NDArray[np.float64]:
    """(records,) −log p in nats of the titles that came next, divided by how many they are.

    A title counts as a whole, its separator included, so models with other tokenizers can be compared.

    Args:
        loaded: The model, its adapter chosen.
        records: Whose relevant titles are looked at.
        catalogue: Names of the movies.
        prompt: The format that the model reads.
        batch_size: Records of one forward pass.
    """
    import numpy as np

    write, case_of = ExampleWriter(loaded.tokenizer, catalogue, prompt, loss_on="answer"), record_cases(records)
    examples = [write(case_of(0, place)) for place in range(len(records))]
    pad = loaded.tokenizer.pad_token_id
    found = measure_likelihoods(loaded.model, examples, pad_token_id=0 if pad is None else pad, batch_size=batch_size)
    num_titles: NDArray[np.float64] = np.array([len(record.relevant) for record in records], np.float64)
    return np.negative(found) / num_titles
