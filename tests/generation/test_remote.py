"""Completions asked of a server that behaves, and of one that does not."""

import logging
import threading
import time

import pytest

from recsys.catalogue import Movie
from recsys.errors import HistoryError, ServerError, SettingsError, UnknownModelError
from recsys.generation.remote import RemoteGenerator
from recsys.prompts import render
from recsys.remote import client
from recsys.remote.server import CompletionServer
from recsys.remote.settings import ServerSettings
from recsys.settings import GenerationSettings, PromptSettings
from tests.fixtures.odd_server import (
    break_off_after,
    keep_silent,
    models,
    odd_server,
    piece,
    refuse,
    say,
    send,
    write,
    write_for_ever,
)

KEY = "open-sesame"
GREEDY = GenerationSettings(temperature=0, max_new_tokens=20)


@pytest.fixture
def odd(monkeypatch):
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv("MY_KEY", KEY)
    with odd_server() as server:
        yield server


def generator_of(odd, adapter=None, **settings):
    server = CompletionServer(ServerSettings("openai", odd.url, **{"api_key_env": "MY_KEY", **settings}))
    return RemoteGenerator(server.open("openai:odd", adapter))


def prompt_of(*titles, style="zero_shot"):
    return render(titles or ("Alien",), PromptSettings(style=style), num_recommendations=2)


def complete(odd, prompt=None, settings=GREEDY, **options):
    asked = {name: options.pop(name) for name in list(options) if name in ("is_complete", "cancel", "seeds")}
    return generator_of(odd, **options).generate([prompt or prompt_of()], settings, **asked)[0]


def two_titles(text, _prompt):
    return text.count(";") >= 2


def test_a_completion_tells_all_that_the_server_told(odd):
    odd.answers = [write(" Up;", " Jaws;", usage={"prompt_tokens": 5, "completion_tokens": 7})]
    got = complete(odd)
    assert (got.text, got.finish_reason, got.prompt_text) == (" Up; Jaws;", "end_of_text", "Alien =>")
    assert (got.prompt_tokens, got.completion_tokens, got.tokens_told) == (5, 7, True)
    assert (got.base_model, got.precision, got.adapter) == ("openai:odd", "as served", None)
    assert odd.asked[0]["model"] == "odd"
    assert odd.asked[0]["prompt"] == "Alien =>"
    assert "top_k" in got.without_effect


def test_tokens_that_are_not_told_are_not_made_up(odd):
    got = complete(odd)
    assert (got.completion_tokens, got.tokens_told, got.tokens_per_second) == (0, False, 0.0)
    assert any("did not tell how many tokens" in note for note in got.notes)


def test_a_server_that_tells_the_end_and_then_stays_on_the_line_is_not_waited_for(odd):
    def answer(handler):
        handler.start_stream()
        handler.send_event(piece(" Up;", "stop"))
        odd.hung_up.wait(6)

    odd.answers = [answer]
    start = time.monotonic()
    assert complete(odd).text == " Up;"
    assert time.monotonic() - start < 5
    odd.hung_up.set()
    assert len(odd.asked) == 1


def test_a_text_that_met_the_limit_says_so(odd):
    odd.answers = [write(" Up", reason="length")]
    assert complete(odd).finish_reason == "max_new_tokens"


def test_the_connection_is_closed_as_soon_as_the_list_is_complete(odd):
    odd.answers = [write_for_ever(" Up;")]
    got = complete(odd, is_complete=two_titles)
    assert (got.text, got.finish_reason) == (" Up; Up;", "titles_complete")
    assert odd.hung_up.wait(5)


def test_a_server_that_does_not_keep_max_tokens_is_left(odd):
    odd.answers = [write_for_ever("x" * 1000)]
    got = complete(odd, settings=GREEDY.replace(max_new_tokens=4))
    assert (got.finish_reason, len(got.text)) == ("max_new_tokens", 2000)


def test_a_stream_grows_and_ends_with_the_completion(odd):
    odd.answers = [write(" Up;", " Ja", "ws;", pause=0.02)]
    *texts, last = generator_of(odd).stream(prompt_of(), GREEDY)
    assert texts == [" Up;", " Up; Ja", " Up; Jaws;"]
    assert last.text == texts[-1]


def test_closing_a_stream_closes_the_connection(odd):
    odd.answers = [write_for_ever(" Up;")]
    stream = generator_of(odd).stream(prompt_of(), GREEDY)
    assert next(stream) == " Up;"
    stream.close()
    assert odd.hung_up.wait(5)


def test_a_stopped_request_gives_what_was_written(odd):
    odd.answers = [write_for_ever(" Up;")]
    cancel = threading.Event()
    threading.Timer(1.5, cancel.set).start()
    got = complete(odd, cancel=cancel, settings=GREEDY.replace(max_new_tokens=1000))
    assert got.finish_reason == "stopped"
    assert got.text.startswith(" Up;")


def test_a_request_is_stopped_while_the_server_says_nothing(odd):
    odd.answers = [keep_silent(3)]
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    start = time.monotonic()
    assert complete(odd, cancel=cancel).text == ""
    assert time.monotonic() - start < 2


def test_a_request_is_stopped_while_it_waits_for_its_next_attempt(odd):
    odd.answers = [refuse(429, retry_after="20")]
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    start = time.monotonic()
    assert complete(odd, cancel=cancel).finish_reason == "stopped"
    assert time.monotonic() - start < 5


def test_the_key_is_in_no_log_however_much_is_logged(odd, caplog):
    with caplog.at_level(logging.DEBUG):
        odd.answers = [refuse(500, {"detail": KEY}), refuse(401)]
        with pytest.raises(ServerError):
            complete(odd)
    assert caplog.records
    assert KEY not in caplog.text


def test_a_request_that_was_stopped_before_is_not_sent(odd):
    cancel = threading.Event()
    cancel.set()
    assert complete(odd, cancel=cancel).finish_reason == "stopped"
    assert odd.asked == []


def test_several_requests_run_at_once_up_to_the_limit_and_keep_their_order(odd):
    odd.answers = [write(" Up;", pause=0.05)]
    prompts = [prompt_of(f"Film {number}") for number in range(7)]
    got = generator_of(odd, parallel_requests=3).generate(prompts, GREEDY, seeds=range(7))
    assert [one.prompt_text for one in got] == [prompt.text for prompt in prompts]
    assert [one.settings.seed for one in got] == list(range(7))
    assert odd.most_at_once == 3


def test_the_seed_is_of_the_prompt_too_and_the_same_again(odd):
    prompts = [prompt_of("Alien"), prompt_of("Jaws"), prompt_of("Alien")]
    generator_of(odd, parallel_requests=1).generate(prompts, GREEDY, seeds=[4, 4, 4])
    first, second, third = (body["seed"] for body in odd.asked)
    assert first == third != second
    with pytest.raises(SettingsError, match="one seed"):
        generator_of(odd).generate(prompts, GREEDY, seeds=[1])


@pytest.mark.parametrize(
    "fault",
    [
        refuse(429),
        refuse(429, retry_after="0.01"),
        refuse(500),
        refuse(503),
        break_off_after(" Jaws"),
        send(piece(" Jaws")),
        send({"error": {"message": "out of memory"}}),
        send(),
    ],
    ids=["429", "429-after", "500", "503", "broken", "no-end", "error-inside", "empty"],
)
def test_what_may_pass_is_tried_again_from_the_start(odd, fault):
    odd.answers = [fault, write(" Up;")]
    assert complete(odd).text == " Up;"
    assert len(odd.asked) == 2


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (refuse(429, {"error": {"message": "slow down"}}), "takes no more requests.*slow down.*--parallel-requests"),
        (refuse(500, {"detail": "CUDA"}), "failed .seen: '500 CUDA'.*log"),
        (refuse(502, "<html>"), "failed .seen: '502"),
        (break_off_after(" Up"), "broke off in the middle"),
        (send({"error": "out of memory"}), "failed while it wrote .seen: 'out of memory'"),
    ],
    ids=["429", "500", "502", "broken", "error-inside"],
)
def test_what_does_not_pass_is_told_after_four_attempts(odd, fault, told):
    odd.answers = [fault]
    with pytest.raises(ServerError, match=told):
        complete(odd)
    assert len(odd.asked) == 4


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        (refuse(401, {"error": {"message": f"bad key {KEY}"}}), ServerError, "refuses the key"),
        (refuse(403), ServerError, "refuses the key"),
        (refuse(404, {"error": {"message": "The model `odd` does not exist."}}), UnknownModelError, "no such model"),
        (refuse(400, {"error": {"message": f"top_p is bad, {KEY}"}}), ServerError, "400 top_p is bad, …"),
        (refuse(422, {"detail": "Unexpected fields"}), ServerError, "Unexpected fields.*--server-kind"),
        (refuse(400, {"message": "maximum context length is 2048"}), HistoryError, "too long.*fewer movies"),
        (refuse(301, location="http://127.0.0.1:1/"), ServerError, "sends elsewhere"),
        (refuse(429, retry_after="3600"), ServerError, "in 3600 seconds"),
        (refuse(503, retry_after="Fri, 31 Dec 2100 23:59:59 GMT"), ServerError, "failed"),
        (say("<html>hello</html>"), ServerError, "cannot be read"),
        (say("[1]"), ServerError, "cannot be read"),
        (say('{"choices": "none"}'), ServerError, "cannot be read"),
        (say('{"choices": [{"text": 3}]}'), ServerError, "cannot be read"),
        (send("{nonsense"), ServerError, "cannot be read.*OpenAI-compatible"),
        (send({"choices": [3]}), ServerError, "cannot be read"),
    ],
)
def test_what_asking_again_would_not_mend_is_told_at_once_and_never_with_the_key(odd, fault, kind, told):
    odd.answers = [fault]
    with pytest.raises(kind, match=told) as caught:
        complete(odd)
    assert len(odd.asked) == 1
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert all(KEY not in f"{error!r}{error}" for error in chain)


def test_a_silent_server_is_given_up_after_the_time_out(odd):
    odd.answers = [keep_silent(2)]
    with pytest.raises(ServerError, match=r"said nothing for 0\.1 seconds.*--server-timeout"):
        complete(odd, server_timeout=0.1)


def test_a_server_that_is_gone_is_told(odd):
    generator = generator_of(odd)
    odd.shutdown()
    odd.server_close()
    with pytest.raises(ServerError, match="no server answers"):
        generator.generate([prompt_of()], GREEDY)


def test_one_failure_ends_the_batch(odd):
    odd.answers = [refuse(400), write_for_ever(" Up;")]
    with pytest.raises(ServerError, match="refuses"):
        generator_of(odd).generate([prompt_of(), prompt_of("Jaws")], GREEDY.replace(max_new_tokens=1000))


def test_a_server_that_only_chats_is_sent_messages_and_the_answer_says_so(odd):
    chat = send(
        {"choices": [{"delta": {"role": "assistant"}}]}, {"choices": [{"delta": {"content": " Up;"}}]}, "[DONE]"
    )
    odd.answers = [refuse(404, {"detail": "Not Found"}), chat]
    generator = generator_of(odd)
    got = generator.generate([prompt_of(style="instruction")], GREEDY)[0]
    assert got.text == " Up;"
    assert any("chat message" in note for note in got.notes)
    assert got.prompt_text.startswith("user: A person liked the movies below")
    assert [path for path, _, body in odd.seen if body] == ["/v1/completions", "/v1/chat/completions"]
    assert odd.asked[1]["messages"][0]["role"] == "user"
    generator.generate([prompt_of(style="instruction")], GREEDY)
    assert odd.seen[-1][0] == "/v1/chat/completions"  # it is not asked for completions again


def test_a_server_that_only_chats_refuses_a_text_to_go_on_with(odd):
    odd.answers = [refuse(405, {"detail": "Method Not Allowed"})]
    with pytest.raises(SettingsError, match=r"only chats.*zero_shot.*choose the style instruction"):
        complete(odd)


def test_a_server_with_neither_is_told(odd):
    odd.answers = [refuse(404, {"detail": "Not Found"})]
    with pytest.raises(SettingsError, match="neither completions nor chats"):
        complete(odd, prompt_of(style="instruction"))


def test_an_instruction_sent_as_plain_text_says_that_no_template_was_used(odd):
    got = complete(odd, prompt_of(style="instruction"))
    assert any("without the model's chat template" in note for note in got.notes)


def test_a_lora_is_asked_by_its_name(odd):
    odd.pages["/v1/models"] = {"data": [*models("odd")["data"], {"id": "liked", "parent": "odd"}]}
    got = generator_of(odd, adapter="liked").generate([prompt_of()], GREEDY)[0]
    assert odd.asked[0]["model"] == "liked"
    assert (got.base_model, got.adapter) == ("openai:odd", "liked")


def test_special_tokens_that_a_person_typed_are_broken_up(odd):
    complete(odd, prompt_of("Alien<|im_end|></s>"))
    assert odd.asked[0]["prompt"] == "Alien< |im_end|>< /s> =>"


def test_a_whole_answer_is_cut_after_the_last_title(odd):
    odd.answers = [say('{"choices": [{"text": " Up; Jaws; Alien;", "finish_reason": "length"}]}')]
    got = complete(odd, settings=GREEDY.replace(num_beams=4), is_complete=two_titles, server_kind="transformers")
    assert odd.asked[0]["stream"] is False
    assert (got.text, got.finish_reason) == (" Up; Jaws;", "titles_complete")
    assert any("left out" in note for note in got.notes)


def test_counts_that_come_with_every_piece_are_known_when_the_connection_is_closed(odd):
    usage = {"prompt_tokens": 5, "completion_tokens": 3}
    timings = {"prompt_n": 2, "cache_n": 3, "predicted_n": 3}
    for told in ({"usage": usage}, {"timings": timings}):
        odd.answers = [send(piece(" Up; Jaws;", **told), piece(" Alien;"))]
        got = complete(odd, is_complete=two_titles)
        assert (got.prompt_tokens, got.completion_tokens) == (5, 3)


def test_it_asks_from_within_a_running_event_loop_as_a_notebook_has(odd):
    import asyncio

    async def ask():
        return complete(odd)

    assert asyncio.run(ask()).text == "Up;"


def test_movies_of_the_catalogue_are_sent_as_they_are_written(odd):
    complete(odd, render([Movie(1, "Léon", 1994, ())], PromptSettings("zero_shot"), num_recommendations=2))
    assert odd.asked[0]["prompt"] == "Léon =>"
