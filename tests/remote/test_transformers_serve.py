"""A real ``transformers serve`` process with the model of this repository, asked like any server."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest

from recsys.errors import ServerError
from recsys.evaluation.request import EvaluationRequest
from recsys.models.host import ModelChoice
from recsys.models.registry import SHIPPED_MODELS, SMALL_MODEL
from recsys.recommend import RecommendationRequest
from recsys.remote.server import CompletionServer
from recsys.remote.settings import ServerSettings
from recsys.settings import EvaluationSettings, GenerationSettings, PromptSettings
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions

pytest.importorskip("openai", reason="could not import openai, which transformers serve needs (the extra dev has it)")

FOLDER = str(SHIPPED_MODELS / SMALL_MODEL)
SERVED, HERE = ModelChoice(f"openai:{FOLDER}"), ModelChoice(SMALL_MODEL, "fp32")
GREEDY = GenerationSettings(temperature=0)
SECONDS_TO_START = 120


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", FOLDER, "--port", str(port)]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    log = folder / "log.txt"
    with log.open("wb") as told:
        process = subprocess.Popen(
            [*command, "--device", "cpu", "--dtype", "float32"], stdout=told, stderr=told, env=os.environ | offline
        )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def bench(address, tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return Workbench(WorkbenchOptions(runs=runs, server=ServerSettings("openai", address), opening_model=FOLDER))


def request_for(choice, **generation):
    settings = GREEDY.replace(**generation)
    return RecommendationRequest((5618, 1), generation=settings, prompt=PromptSettings("history"), choice=choice)


def test_it_is_known_for_what_it_is(address):
    assert CompletionServer(ServerSettings("openai", address)).look().kind.name == "transformers"


def test_greedy_search_gives_the_text_that_the_same_weights_give_here(bench):
    served, here = (bench.recommend(request_for(choice)) for choice in (SERVED, HERE))
    assert served.completion.text == here.completion.text
    assert served.item_ids == here.item_ids
    assert served.completion.finish_reason == here.completion.finish_reason == "titles_complete"
    assert served.completion.prompt_text == here.completion.prompt_text


def test_a_text_that_meets_its_limit_has_the_servers_counts(bench):
    served, here = (bench.recommend(request_for(choice, max_new_tokens=2)).completion for choice in (SERVED, HERE))
    assert served.tokens_told
    assert (served.completion_tokens, served.prompt_tokens) == (here.completion_tokens, here.prompt_tokens)
    assert served.finish_reason == "max_new_tokens"


def test_text_streams_as_it_is_written(bench):
    *texts, last = bench.stream(request_for(SERVED))
    assert len(texts) > 1
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert texts[-1] == last.completion.text


def test_the_sliders_reach_it(bench):
    greedy = bench.recommend(request_for(SERVED)).completion.text
    assert bench.recommend(request_for(SERVED, temperature=1.0, top_k=1)).completion.text == greedy
    drawn = {bench.recommend(request_for(SERVED, temperature=2.0, top_k=0, top_p=1.0, seed=s)).completion.text
             for s in range(4)}  # fmt: skip
    assert len(drawn) > 1
    longest = request_for(SERVED, repetition_penalty=2.0, num_recommendations=20)
    penalised = bench.recommend(longest).completion.text
    assert penalised != bench.recommend(request_for(SERVED, num_recommendations=20)).completion.text


def test_beams_are_searched_there_and_the_text_ends_with_the_last_title(bench):
    answer = bench.recommend(request_for(SERVED, num_beams=4))
    assert answer.completion.finish_reason == "titles_complete"
    assert len(answer.parsed.titles) == answer.completion.text.count(";") == 4
    assert "num_beams" not in answer.completion.without_effect


def test_closing_the_connection_stops_it_so_that_the_next_one_is_answered_soon(bench):
    for _ in range(3):
        stream = bench.stream(request_for(SERVED, max_new_tokens=1024, num_recommendations=20))
        next(stream)
        stream.close()
    start = time.monotonic()
    bench.recommend(request_for(SERVED, max_new_tokens=2))
    assert time.monotonic() - start < 20


def test_another_model_than_it_was_started_with_is_told_in_its_words(bench):
    with pytest.raises(ServerError, match="pinned"):
        bench.recommend(request_for(ModelChoice("openai:another/model")))


def test_an_evaluation_scores_the_same_texts_as_one_with_the_weights_here(bench):
    def texts_of(choice):
        asked = EvaluationRequest(
            evaluation=EvaluationSettings(num_records=8, batch_size=4),
            generation=GREEDY,
            prompt=PromptSettings("history"),
            choice=choice,
            baselines=(),
        )
        job = bench.start_evaluation(asked)
        state = job.wait(200)
        assert state.phase == "done", state.message
        return {result.record_id: result.completion for result in job.results()}, state.report

    (served, report), (here, other) = texts_of(SERVED), texts_of(HERE)
    assert served == here
    assert report.model.metrics["map"].mean == other.model.metrics["map"].mean
    assert report.fingerprint != other.fingerprint
    assert report.provenance["weights"].startswith(f"unknown: {FOLDER} as 127.0.0.1:")


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    raise RuntimeError(f"transformers serve did not come up:\n{log.read_text(errors='replace')[-3000:]}")
