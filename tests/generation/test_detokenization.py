import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.generation.detokenization import Detokenizer

WORDS = st.sampled_from(
    [" Amélie", " 🎬", "千と千尋", " Toy Story (1995);", "👨‍👩‍👧", "\n2.", "  ", "ﷺ", " é", "<0x41>", "Léon"]
)
TEXTS = st.lists(
    st.one_of(WORDS, st.text(st.characters(codec="utf-8", exclude_characters="\ufffd\0"), max_size=8)), max_size=8
)


def grow(detokenizer, prompt_ids, ids):
    growing = detokenizer.start(prompt_ids)
    steps = []
    for token_id in ids:
        growing = detokenizer.extend(growing, token_id)
        steps.append(growing.text)
    return detokenizer.finish(growing), steps


@pytest.fixture(scope="module")
def byte_level(tiny_gptj):
    return tiny_gptj.tokenizer


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=TEXTS)
def test_text_of_several_tokens_a_character_is_what_was_written(byte_level, parts):
    text = "".join(parts)
    prompt = byte_level("Alien; Up =>")["input_ids"]
    written, steps = grow(Detokenizer(byte_level), prompt, byte_level(text)["input_ids"])
    assert written == text
    assert all(text.startswith(step) for step in steps)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.integers(0, 600), max_size=30))
def test_any_tokens_grow_the_text_and_never_take_back_what_was_shown(byte_level, ids):
    written, steps = grow(Detokenizer(byte_level), byte_level("Up =>")["input_ids"], ids)
    for shorter, longer in zip(steps, [*steps[1:], written], strict=False):
        assert longer.startswith(shorter)
    assert not written.endswith("\ufffd")
    assert written == byte_level.decode(ids, skip_special_tokens=True).rstrip("\ufffd")


def test_an_emoji_appears_once_it_is_whole(byte_level):
    ids = byte_level("🎬")["input_ids"]
    assert len(ids) == 4
    written, steps = grow(Detokenizer(byte_level), byte_level("x")["input_ids"], ids)
    assert steps == ["", "", "", "🎬"]
    assert written == "🎬"


def test_a_character_that_is_never_finished_is_dropped(byte_level):
    ids = byte_level(" Up🎬")["input_ids"][:-1]
    assert grow(Detokenizer(byte_level), [], ids)[0] == " Up"


def test_the_space_before_the_first_word_is_kept_by_tokenizers_that_strip_it(tiny_sentencepiece_llama):
    tokenizer = tiny_sentencepiece_llama.tokenizer
    prompt = tokenizer("Toy Story =>")["input_ids"]
    whole = tokenizer("Toy Story => Léon 🎬; Up")["input_ids"]
    assert whole[: len(prompt)] == prompt
    written, steps = grow(Detokenizer(tokenizer), prompt, whole[len(prompt) :])
    assert written == " Léon 🎬; Up"
    assert all(written.startswith(step) for step in steps)


def test_special_tokens_are_left_out(tiny_chat_llama):
    tokenizer = tiny_chat_llama.tokenizer
    ids = [
        *tokenizer(" Up")["input_ids"],
        tokenizer.convert_tokens_to_ids("<|im_start|>"),
        *tokenizer(";")["input_ids"],
    ]
    assert grow(Detokenizer(tokenizer), [], ids)[0] == " Up;"
