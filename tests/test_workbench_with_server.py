"""The workbench with a server beside the models of this machine: one path for answers and evaluations."""

import subprocess
import sys
import threading

import pytest

from recsys.errors import AdapterError, ServerError, SettingsError, UnknownModelError
from recsys.evaluation.request import EvaluationRequest
from recsys.models.host import ModelChoice
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.remote import client
from recsys.remote.settings import ServerSettings
from recsys.settings import (
    DecodingSettings,
    EvaluationSettings,
    GenerationSettings,
    PromptSettings,
    ResolutionSettings,
)
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.fixtures.odd_server import models, odd_server, refuse, write

SERVED = ModelChoice("openai:odd")
LIST = (" Toy Story;", " Jaws;", " Alien;", " Up;")
GREEDY = GenerationSettings(temperature=0)


@pytest.fixture
def odd(monkeypatch):
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    with odd_server() as server:
        server.answers = [write(*LIST)]
        yield server


def workbench_of(odd, tmp_path, **options):
    server = ServerSettings("openai", odd.url, **options.pop("server", {}))
    return Workbench(WorkbenchOptions(runs=tmp_path / "runs", adapters=tmp_path / "none", server=server, **options))


@pytest.fixture
def bench(odd, tmp_path):
    return workbench_of(odd, tmp_path)


def request_for(**changes):
    parts = {"history": (5618,), "generation": GREEDY, "choice": SERVED, "prompt": PromptSettings("zero_shot")}
    return RecommendationRequest(**{**parts, **changes})


def evaluation_of(**changes):
    parts = {
        "evaluation": EvaluationSettings(num_records=6, batch_size=3),
        "generation": GREEDY,
        "prompt": PromptSettings("zero_shot"),
        "choice": SERVED,
        "baselines": ("popularity",),
    }
    return EvaluationRequest(**{**parts, **changes})


def test_an_answer_streams_and_resolves_like_any_other_and_no_model_is_loaded(bench, odd):
    *texts, last = bench.stream(request_for())
    assert texts[0] == " Toy Story;"
    assert isinstance(last, Recommendation)
    assert last.completion.finish_reason == "titles_complete"
    assert len(last.item_ids) == 4
    assert None not in last.item_ids
    assert bench.host._loaded is None
    plain = last.to_dict(bench.catalogue)
    assert (plain["base_model"], plain["precision"], plain["tokens_told"]) == ("openai:odd", "as served", False)
    assert any("did not tell how many tokens" in warning for warning in plain["warnings"])


def test_torch_is_not_imported_for_a_servers_model(odd):
    command = [sys.executable, "-c", _ASK, odd.url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.strip().endswith("[]")


_ASK = """
import sys
from recsys.cli.main import main
assert main(["recommend", "Alien", "--engine", "openai", "--base-url", sys.argv[1], "--json"]) == 0
print([name for name in ("torch", "transformers", "gradio") if name in sys.modules])
"""


def test_the_host_tells_what_is_served_and_by_whom(bench):
    bench.host.load(SERVED)
    state = bench.host.state()
    assert (state.phase, state.precision, state.memory_bytes) == ("ready", "as served", 0)
    assert state.message.startswith("odd is served by the server at 127.0.0.1:")
    assert bench.host.tokenizer() is None


def test_an_evaluation_asks_several_at_once_and_its_report_says_that_the_weights_are_unknown(bench, odd):
    job = bench.start_evaluation(evaluation_of())
    state = job.wait(120)
    assert state.phase == "done", state.message
    assert state.report.num_records == 6
    assert 1 < odd.most_at_once <= 3
    host = odd.url.removeprefix("http://")
    assert state.report.precision == "as served"
    assert state.report.provenance["weights"] == f"unknown: odd as {host} serves it (other)"
    assert state.report.provenance["engine"] == f"the server at {host}"
    assert "--engine=openai --model=odd" in state.report.command
    assert f"--base-url={odd.url}/v1" in state.report.command


def test_a_run_is_named_by_the_servers_host_and_model(bench, odd, tmp_path):
    first = bench.start_evaluation(evaluation_of()).wait(120).report
    num_asked = len(odd.asked)
    again = bench.start_evaluation(evaluation_of()).wait(120).report
    assert (again.fingerprint, len(odd.asked)) == (first.fingerprint, num_asked)
    with odd_server() as other:
        other.answers = [write(*LIST)]
        elsewhere = workbench_of(other, tmp_path).start_evaluation(evaluation_of()).wait(120).report
    odd.pages["/v1/models"] = models("odd", "even")
    bench.host.server.look(again=True)
    even = bench.start_evaluation(evaluation_of(choice=ModelChoice("openai:even"))).wait(120).report
    assert len({first.fingerprint, elsewhere.fingerprint, even.fingerprint}) == 3


def test_an_evaluation_that_the_server_fails_keeps_what_it_has_and_goes_on_later(bench, odd):
    odd.answers = [write(*LIST), write(*LIST), write(*LIST), refuse(400)]
    failed = bench.start_evaluation(evaluation_of()).wait(120)
    assert (failed.phase, failed.done) == ("failed", 3)
    assert isinstance(failed.error, ServerError)
    odd.answers = [write(*LIST)]
    assert bench.start_evaluation(evaluation_of()).wait(120).phase == "done"
    prompts = [body["prompt"] for body in odd.asked]
    assert [prompts.count(prompt) for prompt in prompts[:3]] == [1, 1, 1]  # those of the first batch


def test_an_evaluation_is_stopped_within_a_batch(bench, odd):
    odd.answers = [write(*LIST, pause=5)]
    job = bench.start_evaluation(evaluation_of())
    threading.Timer(0.5, job.cancel).start()
    assert job.wait(20).phase == "cancelled"


@pytest.mark.parametrize("decoding", ["catalogue_list", "catalogue_rank", "hybrid"])
def test_catalogue_decoding_is_refused_before_anything_is_asked(bench, odd, decoding):
    for ask in (
        lambda: bench.recommend(request_for(decoding=DecodingSettings(decoding))),
        lambda: bench.start_evaluation(evaluation_of(decoding=DecodingSettings(decoding))),
    ):
        with pytest.raises(SettingsError, match="logits"):
            ask()
    assert odd.seen == []


def test_the_embedding_resolver_and_maps_are_refused_with_the_reason(bench, odd):
    with pytest.raises(SettingsError, match="embeddings"):
        bench.recommend(request_for(resolution=ResolutionSettings("embedding")))
    with pytest.raises(SettingsError, match="own weights"):
        bench.build_embedding_index(SERVED, ship=False)
    assert odd.seen == []


def test_a_precision_is_refused_since_the_server_has_its_own(bench):
    with pytest.raises(SettingsError, match="as the server loaded it"):
        bench.recommend(request_for(choice=ModelChoice("openai:odd", "int8")))


def test_a_served_name_without_a_server_is_told(tmp_path):
    with pytest.raises(UnknownModelError, match="--engine openai"):
        Workbench(WorkbenchOptions(runs=tmp_path)).recommend(request_for())


def test_the_servers_models_stand_beside_those_of_this_machine(bench):
    assert "openai:odd" not in {spec.name for spec in bench.models()}  # it was not asked yet
    bench.host.server.look()
    assert [spec.name for spec in bench.models()][:2] == ["openai:odd", "smollm2-135m"]
    assert bench.choices.find().model == "openai:odd"
    assert bench.choices.find("gptj-mini").model == "gptj-mini"


def test_served_loras_are_adapters_of_their_model_alone(bench, odd):
    odd.pages["/v1/models"] = {"data": [*models("odd")["data"], {"id": "liked", "parent": "odd"}]}
    bench.host.server.look()
    assert [info.name for info in bench.choices.adapters_for("openai:odd")] == ["liked"]
    assert bench.choices.adapters_for("gptj-mini") == ()
    assert bench.choices.find(adapter="liked") == ModelChoice("openai:odd", adapter="liked")
    answer = bench.recommend(request_for(choice=ModelChoice("openai:odd", adapter="liked")))
    assert answer.completion.adapter == "liked"
    with pytest.raises(AdapterError, match="no such LoRA"):
        bench.recommend(request_for(choice=ModelChoice("openai:odd", adapter="other")))


def test_a_served_model_of_a_known_name_reads_the_prompts_that_the_known_one_reads(bench, odd):
    odd.pages["/v1/models"] = models("/models/gptj-mini")
    choice = ModelChoice("openai:/models/gptj-mini")
    assert bench.default_prompt(choice).style == "history"
    with pytest.raises(SettingsError, match="does not read this prompt"):
        bench.recommend(request_for(choice=choice))


def test_visitors_of_a_public_page_cannot_name_a_model_that_is_not_listed(odd, tmp_path):
    public = workbench_of(odd, tmp_path, public=True)
    assert public.recommend(request_for()).item_ids
    asked = len(odd.asked)
    for name in ("openai:other", "openai:http://10.0.0.1/v1"):
        with pytest.raises(UnknownModelError):
            public.recommend(request_for(choice=ModelChoice(name)))
    assert len(odd.asked) == asked


def test_the_key_is_in_no_report_and_no_state(odd, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "open-sesame")
    bench = workbench_of(odd, tmp_path, server={"api_key_env": "MY_KEY"})
    report = bench.start_evaluation(evaluation_of()).wait(120).report
    assert odd.seen[-1][1]["authorization"] == "Bearer open-sesame"
    assert "sesame" not in f"{report.to_dict()} {bench.host.state()} {bench.models()}"
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert files
    assert all(b"sesame" not in path.read_bytes() for path in files)
