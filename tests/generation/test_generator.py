import threading

import pytest
import torch
from scipy.stats import chisquare
from transformers import GenerationConfig, RepetitionPenaltyLogitsProcessor

from recsys.errors import HistoryError, SettingsError
from recsys.generation.detokenization import Detokenizer
from recsys.generation.generator import TransformersGenerator
from recsys.generation.tokenization import PromptTokenizer
from recsys.prompts import render
from recsys.settings import GenerationSettings, PromptSettings

GREEDY = GenerationSettings(temperature=0, repetition_penalty=1, max_new_tokens=16)
SAMPLED = GenerationSettings(temperature=1.0, top_p=0.95, top_k=100, max_new_tokens=16, seed=3)
BEAMS = GenerationSettings(temperature=0, repetition_penalty=1, num_beams=4, max_new_tokens=12)
DRAWN_BEAMS = GenerationSettings(num_beams=3, max_new_tokens=8, seed=5)
MODES = [GREEDY, SAMPLED, BEAMS, DRAWN_BEAMS]


def texts(completions):
    return [completion.text for completion in completions]


def prompt_ids(loaded, prompt):
    return list(PromptTokenizer(loaded.tokenizer)(prompt).ids)


def decode_after(loaded, ids, written):
    """The text of the new tokens; how a Detokenizer reads them is tested beside it."""
    detokenizer = Detokenizer(loaded.tokenizer)
    growing = detokenizer.start(ids)
    for token in written:
        growing = detokenizer.extend(growing, token)
    return detokenizer.finish(growing)


@torch.inference_mode()
def argmax_by_hand(loaded, ids, settings):
    """Greedy search without cache, padding or generate; the penalty over the new tokens alone."""
    written = []
    for _ in range(settings.max_new_tokens):
        scores = loaded.model(torch.tensor([[*ids, *written]])).logits[0, -1].float()
        for token in set(written):
            penalised = scores[token] / settings.repetition_penalty
            scores[token] = penalised if scores[token] > 0 else scores[token] * settings.repetition_penalty
        written.append(int(scores.argmax()))
        if written[-1] == loaded.tokenizer.eos_token_id:
            break
    return written


@pytest.mark.parametrize("penalty", [1.0, 1.4])
def test_temperature_0_takes_the_argmax_and_the_penalty_spares_the_prompt(loaded, prompts, penalty):
    settings = GREEDY.replace(repetition_penalty=penalty)
    for prompt, got in zip(prompts, TransformersGenerator(loaded).generate(prompts, settings), strict=True):
        ids = prompt_ids(loaded, prompt)
        written = argmax_by_hand(loaded, ids, settings)
        assert got.text == decode_after(loaded, ids, written)
        assert got.completion_tokens == len(written)
        assert got.prompt_tokens == len(ids)


def test_the_penalty_changes_what_is_written(tiny_llama, prompts):
    generator = TransformersGenerator(tiny_llama)
    assert texts(generator.generate(prompts, GREEDY)) != texts(
        generator.generate(prompts, GREEDY.replace(repetition_penalty=1.4))
    )


@pytest.mark.parametrize("settings", MODES)
def test_the_same_seed_gives_the_same_text(loaded, prompts, settings):
    first, again = (TransformersGenerator(loaded).generate(prompts, settings) for _ in range(2))
    assert texts(first) == texts(again)


@pytest.mark.parametrize("settings", [SAMPLED, DRAWN_BEAMS])
def test_different_seeds_give_different_texts(loaded, prompts, settings):
    written = {TransformersGenerator(loaded).generate(prompts[:1], settings.replace(seed=s))[0].text for s in range(4)}
    assert len(written) == 4


@pytest.mark.parametrize("settings", MODES)
def test_a_batch_writes_what_each_prompt_gets_alone_in_any_order(loaded, prompts, settings):
    generator = TransformersGenerator(loaded)
    together = generator.generate(prompts, settings, seeds=[1, 2, 3])
    assert texts(generator.generate(prompts[::-1], settings, seeds=[3, 2, 1])) == texts(together)[::-1]
    for prompt, seed, completion in zip(prompts, [1, 2, 3], together, strict=True):
        alone = generator.generate([prompt], settings.replace(seed=seed))[0]
        assert (alone.text, alone.settings) == (completion.text, completion.settings)


def test_the_first_token_is_drawn_from_the_softmax_of_the_model(tiny_llama, prompts):
    settings = GenerationSettings(temperature=1.5, top_k=6, top_p=1, repetition_penalty=1, max_new_tokens=1)
    num_draws = 2000
    drawn = TransformersGenerator(tiny_llama).generate(prompts[1:2] * num_draws, settings, seeds=range(num_draws))
    ids = prompt_ids(tiny_llama, prompts[1])
    with torch.inference_mode():
        best = tiny_llama.model(torch.tensor([ids])).logits[0, -1].float().topk(6)
    names = [decode_after(tiny_llama, ids, [int(token)]) for token in best.indices]
    assert len(set(names)) == 6
    counts = [sum(completion.text == name for completion in drawn) for name in names]
    expected = (best.values / 1.5).softmax(dim=-1).double().numpy()
    assert sum(counts) == num_draws
    assert chisquare(counts, expected / expected.sum() * num_draws).pvalue > 1e-3


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-6}])
def test_the_narrowest_sampling_is_greedy_search(loaded, prompts, narrow):
    generator = TransformersGenerator(loaded)
    settings = SAMPLED.replace(repetition_penalty=1, **narrow)
    assert texts(generator.generate(prompts, settings)) == texts(generator.generate(prompts, GREEDY))


@pytest.mark.parametrize(
    "change", [{"temperature": 2.0}, {"top_k": 2}, {"top_p": 0.2}, {"repetition_penalty": 2.0}, {"num_beams": 3}]
)
def test_each_slider_has_an_effect(tiny_llama, prompts, change):
    generator = TransformersGenerator(tiny_llama)
    base = GenerationSettings(temperature=1.0, top_k=0, top_p=1, repetition_penalty=1, max_new_tokens=40)
    seeds = range(3)
    assert texts(generator.generate(prompts, base, seeds=seeds)) != texts(
        generator.generate(prompts, base.replace(**change), seeds=seeds)
    )


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_four_beams_are_the_beam_search_of_transformers(loaded, prompts, penalty):
    for prompt in prompts:
        ids = prompt_ids(loaded, prompt)
        spared = RepetitionPenaltyLogitsProcessor(penalty, prompt_ignore_length=len(ids))
        sequences = loaded.model.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones((1, len(ids)), dtype=torch.long),
            num_beams=4,
            do_sample=False,
            max_new_tokens=12,
            logits_processor=[spared],
            pad_token_id=loaded.tokenizer.eos_token_id,
        )
        got = TransformersGenerator(loaded).generate([prompt], BEAMS.replace(repetition_penalty=penalty))[0]
        assert got.text == decode_after(loaded, ids, sequences[0, len(ids) :].tolist())


def test_drawing_within_beams_leaves_the_global_random_state_alone(tiny_llama, prompts):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    TransformersGenerator(tiny_llama).generate(prompts, DRAWN_BEAMS)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    "corner", [{"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-9}, {"temperature": 2.0, "top_k": 0, "top_p": 1}]
)
def test_beams_survive_the_corners_of_the_sliders(loaded, prompts, corner):
    settings = GenerationSettings(**{"num_beams": 16, "max_new_tokens": 6, "repetition_penalty": 2, **corner})
    assert all(
        completion.completion_tokens for completion in TransformersGenerator(loaded).generate(prompts[:1], settings)
    )


@pytest.mark.parametrize("settings", MODES)
def test_the_config_of_the_base_model_never_leaks(tiny_llama_folder, tiny_llama, prompts, settings):
    from tests.generation.conftest import load_tiny

    clean = TransformersGenerator(tiny_llama).generate(prompts, settings)
    tainted = load_tiny(tiny_llama_folder)
    own = GenerationConfig(
        do_sample=True, temperature=0.1, top_k=1, top_p=0.1, min_p=0.5, typical_p=0.2, repetition_penalty=5.0,
        max_length=12, min_length=40, max_time=1e-9, num_beams=2, num_return_sequences=2, early_stopping=True,
        length_penalty=-3.0, no_repeat_ngram_size=1, bad_words_ids=[[40], [41]], suppress_tokens=[42, 43, 44],
        begin_suppress_tokens=list(range(50, 300)), forced_bos_token_id=9, forced_eos_token_id=2, epsilon_cutoff=0.1,
        exponential_decay_length_penalty=(2, 2.0), use_cache=False, eos_token_id=tainted.tokenizer.eos_token_id,
    )  # fmt: skip
    tainted.model.generation_config = own
    assert texts(TransformersGenerator(tainted).generate(prompts, settings)) == texts(clean)
    assert tainted.model.generation_config is own


class After:
    """Calls a list complete once it has so many characters, and counts how often it was asked."""

    def __init__(self, num_characters):
        self.num_characters = num_characters
        self.asked = 0

    def __call__(self, text, prompt):
        self.asked += 1
        return len(text) >= self.num_characters


@pytest.mark.parametrize("settings", [GREEDY, SAMPLED])
def test_each_row_stops_where_its_own_list_is_complete(loaded, prompts, settings):
    generator = TransformersGenerator(loaded)
    settings = settings.replace(max_new_tokens=40)
    whole = generator.generate(prompts, settings)
    wanted = {prompt.text: 5 + 10 * index for index, prompt in enumerate(prompts)}
    got = generator.generate(prompts, settings, is_complete=lambda text, prompt: len(text) >= wanted[prompt.text])
    for prompt, full, cut in zip(prompts, whole, got, strict=True):
        assert cut.finish_reason == "titles_complete"
        assert full.text.startswith(cut.text)
        assert len(cut.text) >= wanted[prompt.text]
        assert cut.completion_tokens < full.completion_tokens
    assert len({completion.completion_tokens for completion in got}) == 3


@pytest.mark.parametrize("settings", [BEAMS, DRAWN_BEAMS])
def test_the_best_beam_ends_with_the_token_that_completes_its_list(loaded, prompts, settings):
    settings = settings.replace(max_new_tokens=40)
    got = TransformersGenerator(loaded).generate(prompts, settings, is_complete=After(12))
    longest_token = max(map(len, loaded.tokenizer.get_vocab()))
    for completion in got:
        assert completion.finish_reason == "titles_complete"
        assert 12 <= len(completion.text) < 12 + longest_token
        assert completion.completion_tokens < 40


def test_among_beams_that_are_complete_the_likeliest_wins(tiny_llama, prompts):
    ids = prompt_ids(tiny_llama, prompts[1])
    with torch.inference_mode():
        likeliest = int(tiny_llama.model(torch.tensor([ids])).logits[0, -1].argmax())
    got = TransformersGenerator(tiny_llama).generate([prompts[1]], BEAMS, is_complete=After(1))[0]
    assert got.text == decode_after(tiny_llama, ids, [likeliest])
    assert got.completion_tokens == 1


def test_the_text_ends_before_any_token_that_the_model_says_ends_it(loaded, prompts, monkeypatch):
    ids = prompt_ids(loaded, prompts[0])
    written = argmax_by_hand(loaded, ids, GREEDY)
    place = next(i for i in range(2, len(written)) if written[i] not in written[:i])
    monkeypatch.setattr(loaded.model.generation_config, "eos_token_id", [written[place]])
    got = TransformersGenerator(loaded).generate(prompts, GREEDY)
    assert got[0].finish_reason == "end_of_text"
    assert got[0].completion_tokens == place + 1
    assert got[0].text == decode_after(loaded, ids, written[:place])


def test_a_beam_that_ends_its_text_shows_no_trace_of_the_end(loaded, prompts, monkeypatch):
    with torch.inference_mode():
        likeliest = loaded.model(torch.tensor([prompt_ids(loaded, prompts[0])])).logits[0, -1].topk(20).indices
    monkeypatch.setattr(loaded.model.generation_config, "eos_token_id", likeliest.tolist())
    got = TransformersGenerator(loaded).generate(prompts[:1], BEAMS)[0]
    assert (got.text, got.completion_tokens, got.finish_reason) == ("", 1, "end_of_text")


@pytest.mark.parametrize("settings", MODES)
def test_a_cancel_before_the_start_gives_empty_stopped_completions(tiny_llama, prompts, settings):
    cancel = threading.Event()
    cancel.set()
    for completion in TransformersGenerator(tiny_llama).generate(prompts, settings, cancel=cancel):
        assert (completion.text, completion.finish_reason, completion.completion_tokens) == ("", "stopped", 0)
        assert completion.prompt_text


@pytest.mark.parametrize("settings", [GREEDY, SAMPLED])
def test_a_cancel_midway_returns_what_was_written(loaded, prompts, settings):
    cancel = threading.Event()
    asked = After(10**6)

    def cancel_at_the_fifth(text, prompt):
        asked(text, prompt)
        if asked.asked == 5:
            cancel.set()
        return False

    generator = TransformersGenerator(loaded)
    got = generator.generate(prompts[:1], settings, is_complete=cancel_at_the_fifth, cancel=cancel)[0]
    whole = generator.generate(prompts[:1], settings)[0]
    assert got.finish_reason == "stopped"
    assert 5 <= got.completion_tokens < whole.completion_tokens
    assert got.text
    assert whole.text.startswith(got.text)


@pytest.mark.parametrize("settings", [BEAMS, DRAWN_BEAMS])
def test_a_cancel_midway_returns_the_best_beam_so_far_and_starts_no_other_record(tiny_llama, prompts, settings):
    cancel = threading.Event()

    def cancel_at_once(text, prompt):
        cancel.set()
        return False

    got = TransformersGenerator(tiny_llama).generate(prompts, settings, is_complete=cancel_at_once, cancel=cancel)
    assert {completion.finish_reason for completion in got} == {"stopped"}
    assert 0 < got[0].completion_tokens <= 2
    assert got[0].text


def test_a_row_that_was_complete_before_the_cancel_stays_complete(tiny_llama, prompts):
    cancel = threading.Event()

    def first_then_cancel(text, prompt):
        if prompt is prompts[0]:
            return True
        if len(text) > 12:
            cancel.set()
        return False

    got = TransformersGenerator(tiny_llama).generate(prompts, GREEDY, is_complete=first_then_cancel, cancel=cancel)
    assert [completion.finish_reason for completion in got] == ["titles_complete", "stopped", "stopped"]


def test_what_the_callback_raises_is_not_swallowed_and_the_model_stays_usable(tiny_llama, prompts):
    def broken(text, prompt):
        raise KeyError("parser")

    own = tiny_llama.model.generation_config
    with pytest.raises(KeyError, match="parser"):
        TransformersGenerator(tiny_llama).generate(prompts, DRAWN_BEAMS, is_complete=broken)
    assert tiny_llama.model.generation_config is own
    assert TransformersGenerator(tiny_llama).generate(prompts, GREEDY)


def test_the_settings_in_effect_come_with_the_completion(tiny_gptj, prompts):
    got = TransformersGenerator(tiny_gptj).generate(prompts[:2], GREEDY.replace(max_new_tokens=3), seeds=[4, 5])
    assert [completion.settings.seed for completion in got] == [4, 5]
    assert set(got[0].without_effect) == {"top_p", "top_k"}
    assert (got[0].base_model, got[0].precision, got[0].adapter) == ("tiny-gptj", "fp32", None)
    assert got[0].finish_reason == "max_new_tokens"
    assert got[0].completion_tokens == 3
    assert got[0].seconds > 0


def test_an_empty_batch_is_answered_by_nothing(tiny_llama):
    assert TransformersGenerator(tiny_llama).generate([], GREEDY) == []


def test_seeds_that_are_not_as_many_as_the_prompts_are_refused(tiny_llama, prompts):
    with pytest.raises(SettingsError, match="2 seeds for 3 prompts"):
        TransformersGenerator(tiny_llama).generate(prompts, GREEDY, seeds=[1, 2])


def test_a_prompt_longer_than_the_context_is_refused_with_numbers(loaded):
    title = "A Very Long Title About Nothing in Particular " * 4
    prompt = render([title] * 50, PromptSettings(style="zero_shot"), num_recommendations=4)
    with pytest.raises(HistoryError, match="reads and writes 1024 tokens together, so 1008 are left"):
        TransformersGenerator(loaded).generate([prompt], GREEDY)
    with pytest.raises(SettingsError, match="max_new_tokens 1024"):
        TransformersGenerator(loaded).generate([prompt], GREEDY.replace(max_new_tokens=1024))


@pytest.mark.parametrize("settings", MODES)
def test_an_adapted_model_generates_and_keeps_its_config(tiny_llama_folder, prompts, settings):
    from peft import LoraConfig, get_peft_model

    from tests.generation.conftest import load_tiny

    loaded = load_tiny(tiny_llama_folder)
    base = texts(TransformersGenerator(loaded).generate(prompts, settings))
    own = loaded.model.generation_config
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    torch.manual_seed(0)
    loaded.model = get_peft_model(loaded.model, config).eval()
    loaded.adapter = "lively"
    got = TransformersGenerator(loaded).generate(prompts, settings)
    assert texts(got) != base
    assert got[0].adapter == "lively"
    assert loaded.model.generation_config is own
