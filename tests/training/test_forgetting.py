import math

import pytest
import torch

from recsys.training.forgetting import TEXT, perplexity


@pytest.mark.parametrize("load", ["load_tiny_gptj", "load_tiny_llama"])
def test_perplexity_is_the_exponential_of_the_models_own_loss_on_the_text(request, load):
    loaded = request.getfixturevalue(load)()
    ids = torch.tensor([loaded.tokenizer(TEXT)["input_ids"][: loaded.model.config.max_position_embeddings]])
    with torch.inference_mode():
        expected = math.exp(float(loaded.model(input_ids=ids, labels=ids).loss))
    assert perplexity(loaded, loaded.model) == pytest.approx(expected, rel=1e-4)


def test_a_short_context_reads_the_beginning_of_the_text(load_tiny_gptj):
    loaded = load_tiny_gptj()
    assert len(loaded.tokenizer(TEXT)["input_ids"]) > 64
    loaded.model.config.n_positions = 64
    ids = torch.tensor([loaded.tokenizer(TEXT)["input_ids"][:64]])
    with torch.inference_mode():
        expected = math.exp(float(loaded.model(input_ids=ids, labels=ids).loss))
    assert perplexity(loaded, loaded.model) == pytest.approx(expected, rel=1e-4)
