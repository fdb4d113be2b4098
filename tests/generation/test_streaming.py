import threading
import time

import pytest

from recsys.errors import HistoryError
from recsys.generation.completion import Completion
from recsys.generation.generator import TransformersGenerator
from recsys.generation.streaming import stream_from_thread
from recsys.prompts import render
from recsys.settings import GenerationSettings, PromptSettings

SAMPLED = GenerationSettings(temperature=1.0, max_new_tokens=24, seed=9)


def running_generations():
    return [thread for thread in threading.enumerate() if thread.name == "generation"]


@pytest.mark.parametrize("settings", [SAMPLED, SAMPLED.replace(temperature=0)])
def test_the_text_grows_and_ends_as_generate_has_it(loaded, prompts, settings):
    *grown, last = TransformersGenerator(loaded).stream(prompts[1], settings)
    whole = TransformersGenerator(loaded).generate([prompts[1]], settings)[0]
    assert isinstance(last, Completion)
    assert (last.text, last.settings, last.finish_reason) == (whole.text, whole.settings, whole.finish_reason)
    assert len(grown) > 5
    for shorter, longer in zip(grown, [*grown[1:], last.text], strict=True):
        assert longer.startswith(shorter)
    assert len(set(grown)) == len(grown)


@pytest.mark.parametrize("temperature", [0, 0.7])
def test_with_beams_only_the_completion_comes(tiny_llama, prompts, temperature):
    settings = SAMPLED.replace(num_beams=3, temperature=temperature)
    (only,) = TransformersGenerator(tiny_llama).stream(prompts[0], settings)
    assert isinstance(only, Completion)
    assert only.text == TransformersGenerator(tiny_llama).generate([prompts[0]], settings)[0].text


def test_a_stream_stops_where_the_list_is_complete(tiny_llama, prompts):
    *_, last = TransformersGenerator(tiny_llama).stream(prompts[0], SAMPLED, is_complete=lambda text, _: len(text) > 9)
    assert last.finish_reason == "titles_complete"
    assert last.completion_tokens < 24


def test_closing_the_stream_ends_its_thread(tiny_llama, prompts):
    stream = TransformersGenerator(tiny_llama).stream(prompts[0], SAMPLED.replace(max_new_tokens=900))
    assert isinstance(next(stream), str)
    assert running_generations()
    stream.close()
    assert not running_generations()


def test_a_cancel_ends_the_stream_with_what_was_written(tiny_llama, prompts):
    cancel = threading.Event()
    parts = []
    for part in TransformersGenerator(tiny_llama).stream(
        prompts[0], SAMPLED.replace(max_new_tokens=900), cancel=cancel
    ):
        parts.append(part)
        cancel.set()
    assert parts[-1].finish_reason == "stopped"
    assert parts[-1].completion_tokens < 900
    assert parts[-1].text.startswith(parts[0])
    assert not running_generations()


def test_what_is_wrong_with_a_prompt_is_raised_where_the_stream_is_read(tiny_llama):
    prompt = render(["A Long Title of Many Words " * 7] * 50, PromptSettings(style="zero_shot"), num_recommendations=4)
    stream = TransformersGenerator(tiny_llama).stream(prompt, SAMPLED)
    with pytest.raises(HistoryError, match="too long"):
        next(stream)
    assert not running_generations()


def test_what_goes_wrong_midway_is_raised_after_the_text_before_it():
    def work(on_text, should_stop):
        on_text("a")
        raise ZeroDivisionError("in the thread")

    stream = stream_from_thread(work)
    assert next(stream) == "a"
    with pytest.raises(ZeroDivisionError, match="in the thread"):
        next(stream)


def test_a_stream_that_nobody_reads_starts_no_thread():
    stream = stream_from_thread(lambda on_text, should_stop: pytest.fail("started"))
    time.sleep(0.05)
    stream.close()
    assert not running_generations()
