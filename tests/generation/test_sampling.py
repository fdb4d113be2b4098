import math

import pytest
import torch
from scipy.stats import chisquare
from transformers import GenerationConfig, TopPLogitsWarper

from recsys.generation.sampling import SeededGumbel, TopP, generation_config, logits_processors
from recsys.settings import GenerationSettings

NO_IDS = torch.zeros((1, 0), dtype=torch.long)


def apply(processors, scores, ids):
    for processor in processors:
        scores = processor(ids, scores)
    return scores


def test_gumbel_noise_over_many_seeds_samples_from_the_softmax():
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -torch.inf, -2.0])
    num_draws = 20_000
    noisy = SeededGumbel(range(num_draws))(NO_IDS, logits.repeat(num_draws, 1))
    counts = torch.bincount(noisy.argmax(dim=-1), minlength=len(logits)).numpy()
    assert counts[5] == 0
    possible = [0, 1, 2, 3, 4, 6]
    expected = logits.softmax(dim=-1).double().numpy()[possible]
    assert chisquare(counts[possible], expected / expected.sum() * num_draws).pvalue > 1e-3


def test_gumbel_noise_over_the_steps_of_one_seed_samples_from_the_softmax():
    logits = torch.tensor([[1.0, 0.0, -0.5, -1.5]])
    gumbel = SeededGumbel([5])
    num_draws = 20_000
    drawn = torch.tensor([int(gumbel(NO_IDS, logits).argmax()) for _ in range(num_draws)])
    expected = logits[0].softmax(dim=-1).double().numpy()
    assert chisquare(torch.bincount(drawn, minlength=4).numpy(), expected / expected.sum() * num_draws).pvalue > 1e-3


def test_a_row_draws_the_same_alone_in_a_batch_and_in_another_order():
    scores = torch.randn((3, 50), generator=torch.Generator().manual_seed(0))
    together, reordered, alone = SeededGumbel([7, 8, 9]), SeededGumbel([9, 7, 8]), SeededGumbel([8])
    for _ in range(4):
        batch = together(NO_IDS, scores)
        assert torch.equal(reordered(NO_IDS, scores[[2, 0, 1]]), batch[[2, 0, 1]])
        assert torch.equal(alone(NO_IDS, scores[1:2]), batch[1:2])


@pytest.mark.parametrize("spread", [0.0, 0.01, 1.0, 5.0])
@pytest.mark.parametrize("top_p", [1e-6, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("min_tokens_to_keep", [1, 3])
def test_the_nucleus_is_that_of_transformers_whether_it_is_narrow_or_wide(spread, top_p, min_tokens_to_keep):
    # The slope keeps scores apart: equal ones may be cut in another order.
    slope = torch.linspace(0, 1e-3, 5000)[torch.randperm(5000, generator=torch.Generator().manual_seed(2))]
    scores = spread * torch.randn((4, 5000), generator=torch.Generator().manual_seed(1)) + slope
    ours = TopP(top_p, min_tokens_to_keep)(NO_IDS, scores)
    theirs = TopPLogitsWarper(top_p, min_tokens_to_keep=min_tokens_to_keep)(NO_IDS, scores.double())
    differing = (ours.isfinite() != theirs.isfinite()).sum(dim=-1)
    assert differing.max() <= 2  # the float32 sum of 5000 masses may fall on either side of the edge
    kept = ours.isfinite() & theirs.isfinite()
    assert torch.equal(ours[kept], scores[kept])


def test_the_nucleus_of_a_hand_computed_distribution_holds_the_token_that_crosses_the_mass():
    scores = torch.tensor([[0.1, 0.5, 0.15, 0.25]]).log()
    assert TopP(0.5)(NO_IDS, scores).isfinite().tolist() == [[False, True, False, False]]
    assert TopP(0.6)(NO_IDS, scores).isfinite().tolist() == [[False, True, False, True]]
    assert TopP(0.76)(NO_IDS, scores).isfinite().tolist() == [[False, True, True, True]]
    assert TopP(0.5, min_tokens_to_keep=3)(NO_IDS, scores).isfinite().tolist() == [[False, True, True, True]]


def test_processors_act_in_the_order_penalty_temperature_top_k_top_p():
    settings = GenerationSettings(temperature=0.5, top_k=3, top_p=0.8, repetition_penalty=2.0)
    prompt, written = [4, 3], [0]
    ids = torch.tensor([[*prompt, *written]])
    processors = logits_processors(settings, prompt_length=2, seeds=[11], num_end_tokens=1)
    noise = SeededGumbel([11])(NO_IDS, torch.zeros((1, 5)))
    got = apply(processors, torch.tensor([[3.0, 2.0, 1.9, 1.0, -5.0]]), ids) - noise
    # Penalty: token 0 falls to 1.5. Temperature: 3, 4, 3.8, 2, -10. Top-k: tokens 1, 2 and 0 stay, with
    # masses 0.455, 0.373 and 0.168 of the softmax over those three; top-p 0.8 closes after 1 and 2.
    z = math.exp(4) + math.exp(3.8) + math.exp(3)
    assert math.exp(4) / z < 0.8 < (math.exp(4) + math.exp(3.8)) / z
    assert got[0].isfinite().tolist() == [False, True, True, False, False]
    assert got[0, 1:3].tolist() == pytest.approx([4.0, 3.8], abs=1e-5)


def test_the_penalty_spares_prompt_and_padding_of_every_row_and_beam():
    settings = GenerationSettings(temperature=0, num_beams=2, repetition_penalty=1.5)
    (penalty,) = logits_processors(settings, prompt_length=3, seeds=[0], num_end_tokens=1)
    ids = torch.tensor([[0, 1, 2, 5], [0, 1, 2, 6], [3, 4, 5, 2], [3, 4, 5, 3]])  # two prompts, two beams each
    got = penalty(ids, torch.full((4, 7), -1.0))
    expected = torch.full((4, 7), -1.0)
    for row, token in enumerate([5, 6, 2, 3]):
        expected[row, token] = -1.5
    assert torch.equal(got, expected)
    assert torch.equal(penalty(ids[:, :3], torch.full((4, 7), -1.0)), torch.full((4, 7), -1.0))


@pytest.mark.parametrize("temperature", [5e-324, 1e-3, 1, 2])
@pytest.mark.parametrize("top_p", [5e-324, 0.5, 1])
@pytest.mark.parametrize("top_k", [0, 1, 1000])
def test_no_corner_of_the_sliders_gives_nan_or_leaves_no_token(temperature, top_p, top_k):
    settings = GenerationSettings(temperature=temperature, top_p=top_p, top_k=top_k, repetition_penalty=2)
    processors = logits_processors(settings, prompt_length=1, seeds=[0, 1], num_end_tokens=1)
    scores = torch.tensor([[60.0, -60.0, 0.0] * 100, [-1e4, -torch.inf, 0.0] * 100])
    got = apply(processors, scores, torch.tensor([[1, 0, 2], [1, 1, 1]]))
    assert not got.isnan().any()
    assert got.isfinite().any(dim=-1).all()
    assert not (got == torch.inf).any()


def test_a_mode_without_sampling_has_no_processor_but_the_penalty():
    assert (
        logits_processors(
            GenerationSettings(temperature=0, repetition_penalty=1), prompt_length=1, seeds=[0], num_end_tokens=1
        )
        == []
    )
    settings = GenerationSettings(temperature=0, num_beams=3, top_k=1, top_p=0.1, repetition_penalty=1.1)
    assert len(logits_processors(settings, prompt_length=1, seeds=[0], num_end_tokens=1)) == 1


@pytest.mark.parametrize("settings", [GenerationSettings(num_beams=b, temperature=t) for b in (1, 4) for t in (0, 0.7)])
def test_every_field_that_transformers_would_fill_in_with_a_value_is_set(settings):
    config = generation_config(settings, end_ids=[2], pad_token_id=0)
    defaults = GenerationConfig()._get_default_generation_params()
    lengths = {"max_length", "min_length"}  # set through max_new_tokens and min_new_tokens
    other_searches = {"early_exit", "num_assistant_tokens", "num_assistant_tokens_schedule", "num_beam_groups"}
    other_searches |= {
        "assistant_confidence_threshold",
        "assistant_lookbehind",
        "target_lookbehind",
        "diversity_penalty",
    }
    for name, value in defaults.items():
        if name in lengths | other_searches or value is None:
            continue
        if name in ("epsilon_cutoff", "eta_cutoff", "encoder_no_repeat_ngram_size"):
            assert value == 0
        else:
            assert getattr(config, name) is not None, name
