import numpy as np
import pytest
import torch

from recsys.generation.encoder import MAX_TOKENS, TextEncoder

TEXTS = ["Alien", "Spirited Away (2001) Animation, Fantasy", "Léon 🎬", "The Good, the Bad and the Ugly (1966) Western"]


def test_a_vector_is_the_mean_of_the_last_hidden_states_at_unit_length(loaded):
    got = TextEncoder(loaded).encode(TEXTS)
    for text, vector in zip(TEXTS, got, strict=True):
        with torch.inference_mode():
            ids = torch.tensor([loaded.tokenizer(text)["input_ids"]])
            mean = loaded.model(ids, output_hidden_states=True).hidden_states[-1][0].mean(dim=0).numpy()
        assert vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
    assert got.dtype == np.float32
    assert np.linalg.norm(got, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_a_text_has_the_same_vector_in_any_company_and_order(loaded):
    encoder = TextEncoder(loaded)
    many = [f"{text} {'and more ' * (index % 7)}" for index, text in enumerate(TEXTS * 60)]
    together = encoder.encode(many)
    assert encoder.encode(many[::-1])[::-1] == pytest.approx(together, abs=1e-5)
    assert encoder.encode(many[5:6])[0] == pytest.approx(together[5], abs=1e-5)


def test_no_texts_give_an_empty_matrix(tiny_gptj):
    assert TextEncoder(tiny_gptj).encode([]).shape == (0, 32)


def test_blank_and_endless_texts_have_a_vector(loaded):
    got = TextEncoder(loaded).encode(["", "word " * 5000])
    assert np.isfinite(got).all()
    assert np.linalg.norm(got, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_a_text_is_cut_after_the_most_tokens(tiny_llama):
    tokenizer = tiny_llama.tokenizer
    ids = tokenizer("word " * 500)["input_ids"]
    cut = tokenizer.decode(ids[:MAX_TOKENS])
    assert tokenizer(cut)["input_ids"] == ids[:MAX_TOKENS]
    long, short = TextEncoder(tiny_llama).encode(["word " * 500, cut])
    assert long == pytest.approx(short, abs=1e-5)


@pytest.mark.parametrize("is_selected", [True, False])
def test_adapters_do_not_change_a_vector_and_stay_as_they_were(tiny_llama_folder, is_selected):
    from peft import LoraConfig, get_peft_model

    from tests.generation.conftest import load_tiny

    loaded = load_tiny(tiny_llama_folder)
    base = TextEncoder(loaded).encode(TEXTS)
    ids = torch.tensor([loaded.tokenizer("Alien")["input_ids"]])
    torch.manual_seed(0)
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    loaded.model = get_peft_model(loaded.model, config).eval()
    if not is_selected:
        loaded.model.base_model.disable_adapter_layers()
    with torch.inference_mode():
        before = loaded.model(ids).logits
        assert TextEncoder(loaded).encode(TEXTS) == pytest.approx(base, abs=1e-6)
        assert torch.equal(loaded.model(ids).logits, before)
