import pytest

from recsys.settings import PromptSettings
from recsys.training.pretrain import PretrainSettings, create_model
from recsys.training.title_tokenizer import train_tokenizer

HISTORY = PromptSettings("history")
SMALL = PretrainSettings(vocab_size=600, n_embd=32, n_layer=2, n_head=2)


def test_the_default_shape_has_under_five_million_weights(catalogue):
    import torch

    tokenizer = train_tokenizer(catalogue, {1: (1,)}, HISTORY, vocab_size=6144, title_token_likes=3, longest=512)
    loaded = create_model("mini", tokenizer, PretrainSettings(), seed=0)
    width, layers, vocabulary = 256, 4, len(tokenizer)
    # Attention 4 n², MLP 8 n² + 5 n, one norm 2 n; the norm before the output; the output layer's bias.
    by_hand = vocabulary * width + layers * (12 * width**2 + 7 * width) + 2 * width + vocabulary
    assert sum(parameter.numel() for parameter in loaded.model.parameters()) == by_hand
    assert 6144 * width + layers * (12 * width**2 + 7 * width) + 2 * width + 6144 == 4_732_416
    again = create_model("mini", tokenizer, PretrainSettings(), seed=0)
    pairs = zip(loaded.model.parameters(), again.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("changes", [{"n_embd": 33}, {"rotary_dim": 64}, {"rotary_dim": 7}])
def test_heads_that_do_not_fit_the_width_are_refused(changes):
    from recsys.errors import SettingsError

    with pytest.raises(SettingsError, match="heads do not fit"):
        PretrainSettings(**changes)
