import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from recsys.generation.generator import TransformersGenerator
from recsys.generation.token_view import UNFINISHED, apply_sliders, completion_logits, view_completion
from recsys.generation.tokenization import PromptTokenizer
from recsys.settings import GenerationSettings

NEUTRAL = GenerationSettings(temperature=1, top_p=1, top_k=0, repetition_penalty=1)


def stock_chain(settings, at_least=1):
    """transformers' own processors in the documented order."""
    chain = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(settings.repetition_penalty)])
    if settings.do_sample:
        chain.append(TemperatureLogitsWarper(settings.temperature))
        if settings.top_k:
            chain.append(TopKLogitsWarper(settings.top_k, min_tokens_to_keep=at_least))
        if settings.top_p < 1:
            chain.append(TopPLogitsWarper(settings.top_p, min_tokens_to_keep=at_least))
    return chain


def write(loaded, prompt, **changes):
    settings = GenerationSettings(max_new_tokens=12, seed=3).replace(**changes)
    return TransformersGenerator(loaded).generate([prompt], settings)[0]


def stepwise_logits(loaded, prompt, token_ids):
    """The scores of each step, each by a pass of its own over what was there then."""
    ids = list(PromptTokenizer(loaded.tokenizer)(prompt).ids)
    with torch.inference_mode():
        steps = [
            loaded.model(torch.tensor([[*ids, *token_ids[:place]]])).logits[0, -1] for place in range(len(token_ids))
        ]
    return torch.stack(steps).float()


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_completion_tells_the_tokens_of_its_text(loaded, prompts, num_beams):
    completion = write(loaded, prompts[1], num_beams=num_beams)
    assert len(completion.token_ids) == completion.completion_tokens == 12
    view = view_completion(loaded, prompts[1], completion.token_ids, completion.settings)
    assert [token.written.token_id for token in view.tokens] == list(completion.token_ids)
    shown = "".join(token.written.text for token in view.tokens)
    assert completion.text.startswith(shown)  # a last character may lack a part
    assert len(completion.text) - len(shown) <= 1


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0.6, "top_k": 7, "top_p": 0.8, "repetition_penalty": 1.6},
        {"temperature": 1.5, "top_k": 0, "top_p": 0.5},
        {"temperature": 0.7, "top_k": 5, "top_p": 1.0, "num_beams": 3, "repetition_penalty": 1.3},
        {"temperature": 0, "num_beams": 4, "repetition_penalty": 1.3},
    ],
)
def test_every_token_is_seen_as_transformers_own_processors_see_it(loaded, prompts, changes):
    completion = write(loaded, prompts[0], **changes)
    settings = completion.settings
    view = view_completion(loaded, prompts[0], completion.token_ids, settings)
    steps = stepwise_logits(loaded, prompts[0], completion.token_ids)
    # Sampling within beams keeps one more token than there are ends; beams give log-probabilities.
    chain = stock_chain(settings, at_least=2 if settings.num_beams > 1 else 1)
    for place, (token, raw) in enumerate(zip(view.tokens, steps, strict=True)):
        before = raw.softmax(dim=-1)
        scores = raw.log_softmax(dim=-1) if settings.num_beams > 1 else raw
        scores = chain(torch.tensor([completion.token_ids[:place]], dtype=torch.long), scores[None])[0]
        after, is_kept = scores.softmax(dim=-1), scores.isfinite()
        own = token.written.token_id
        assert token.written.before == pytest.approx(float(before[own]), abs=1e-5)
        assert token.written.after == pytest.approx(float(after[own]), abs=1e-4)
        assert token.num_kept == int(is_kept.sum())
        assert token.rank == 1 + int((before > before[own]).sum())
        kept = [one for one in token.likeliest_before if one.cut_by is None]
        assert {one.token_id for one in kept} == {
            one.token_id for one in token.likeliest_before if is_kept[one.token_id]
        }
        best = after.topk(min(10, token.num_kept)).values.tolist()
        assert [one.after for one in token.likeliest_after] == pytest.approx(best, abs=1e-4)


def test_at_temperature_0_only_the_likeliest_after_the_penalty_is_left(loaded, prompts):
    completion = write(loaded, prompts[0], temperature=0, repetition_penalty=2)
    view = view_completion(loaded, prompts[0], completion.token_ids, completion.settings)
    assert view.notes == ("Temperature 0 always takes the likeliest token, so after the sliders it is one or nothing.",)
    for token in view.tokens:
        assert [one.token_id for one in token.likeliest_after] == [token.written.token_id]
        assert (token.written.after, token.num_kept, token.entropy_after) == (1.0, 1, 0.0)
        cut = [one.cut_by for one in token.likeliest_before if one.token_id != token.written.token_id]
        assert set(cut) == {"temperature"}


def test_neutral_sliders_change_nothing(loaded, prompts):
    completion = write(loaded, prompts[2])
    for token in view_completion(loaded, prompts[2], completion.token_ids, NEUTRAL).tokens:
        assert token.likeliest_after == token.likeliest_before
        assert token.entropy_after == token.entropy_before
        assert token.written.after == token.written.before


def test_one_pass_gives_the_scores_of_every_step(loaded, prompts):
    token_ids = write(loaded, prompts[1]).token_ids
    ids = PromptTokenizer(loaded.tokenizer)(prompts[1]).ids
    got = completion_logits(loaded, ids, token_ids)
    assert torch.allclose(got, stepwise_logits(loaded, prompts[1], token_ids), atol=1e-4)


def test_hand_computed_knobs_and_entropies():
    settings = GenerationSettings(temperature=0.5, top_k=3, top_p=0.8, repetition_penalty=2.0)
    logits = torch.tensor([[3.0, 2.0, 1.9, 1.0, -5.0]])
    steps = apply_sliders(logits, [0, 1], settings, num_end_tokens=1)
    # Penalty: token 0 was written, so 3 → 1.5. Temperature: 3, 4, 3.8, 2, -10. Top-k cuts tokens 3 and 4;
    # 1 and 2 hold 0.83 of what is left, so top-p cuts token 0.
    assert steps.is_penalised.tolist() == [[True, False, False, False, False]]
    assert steps.cut.tolist() == [[3, 0, 0, 2, 2]]
    share = 1 / (1 + math.exp(-0.2))
    assert steps.after[0].tolist() == pytest.approx([0, share, 1 - share, 0, 0], abs=1e-6)
    assert steps.before[0, 1] == pytest.approx(math.exp(2) / sum(map(math.exp, (3, 2, 1.9, 1, -5))))


def test_entropies_are_in_bits(loaded, prompts, monkeypatch):
    from recsys.generation import token_view

    even = torch.zeros((2, len(loaded.tokenizer)))
    monkeypatch.setattr(token_view, "completion_logits", lambda *_: even)
    view = view_completion(loaded, prompts[0], (5, 6), GenerationSettings(temperature=2, top_k=4, top_p=1))
    assert view.tokens[1].entropy_before == pytest.approx(math.log2(len(loaded.tokenizer)), abs=1e-4)
    assert all(math.log2(token.num_kept) == pytest.approx(token.entropy_after, abs=1e-4) for token in view.tokens)


def test_each_place_is_penalised_for_what_stands_before_it_alone():
    logits = torch.ones((130, 140))
    written = [place % 140 for place in range(131)]
    steps = apply_sliders(logits, written, NEUTRAL.replace(repetition_penalty=2), num_end_tokens=1)
    for place in range(130):
        assert steps.is_penalised[place].nonzero()[:, 0].tolist() == list(range(place + 1))
    first = apply_sliders(logits[:1], written[:1], NEUTRAL.replace(repetition_penalty=2), num_end_tokens=1)
    assert not first.is_penalised.any()


def test_special_tokens_and_parts_of_characters_have_a_text(tiny_llama, prompts):
    tokenizer = tiny_llama.tokenizer
    parts = tokenizer("é", add_special_tokens=False)["input_ids"]
    accent = tokenizer("→", add_special_tokens=False)["input_ids"]
    end = tokenizer.eos_token_id
    view = view_completion(tiny_llama, prompts[0], (*parts, *accent, end), GenerationSettings())
    assert "".join(token.written.text for token in view.tokens) == "é→<|im_end|>"
    assert len(accent) > 1
    from recsys.generation.token_view import _Texts

    assert _Texts(tiny_llama, (1,))(accent[0]) == UNFINISHED


def test_an_empty_completion_has_no_tokens(tiny_llama, prompts):
    assert view_completion(tiny_llama, prompts[0], (), GenerationSettings()).tokens == ()


@given(
    logits=st.lists(st.floats(-20, 20), min_size=2, max_size=30),
    temperature=st.floats(0.05, 2),
    top_k=st.integers(0, 40),
    top_p=st.floats(0.05, 1),
    repetition_penalty=st.floats(1, 2),
)
def test_what_is_drawn_from_sums_to_one_and_the_nucleus_is_no_larger_than_it_must_be(
    logits, temperature, top_k, top_p, repetition_penalty
):
    settings = GenerationSettings(
        temperature=temperature, top_k=top_k, top_p=top_p, repetition_penalty=repetition_penalty
    )
    steps = apply_sliders(torch.tensor([logits]), [0, 1], settings, num_end_tokens=1)
    assert float(steps.after.sum()) == pytest.approx(1, abs=1e-5)
    assert not steps.after[0][steps.cut[0] > 0].any()
    scores = torch.where(steps.is_penalised[0], _penalised(logits, repetition_penalty), torch.tensor(logits))
    open_to_top_p = steps.cut[0] != 2
    shares = (scores / temperature).masked_fill(~open_to_top_p, -torch.inf).softmax(dim=-1)
    kept = shares[steps.cut[0] == 0]
    assert float(kept.sum()) >= top_p - 1e-4
    assert len(kept) == 1 or float(kept.sum() - kept.min()) < top_p + 1e-4
    cut = shares[steps.cut[0] == 3]
    assert not len(cut) or float(cut.max()) <= float(kept.min()) + 1e-6


def _penalised(logits, penalty):
    scores = torch.tensor(logits)
    return torch.where(scores < 0, scores * penalty, scores / penalty)
