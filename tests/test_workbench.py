"""The rooms put together, on the embedded data and a tiny random model."""

import threading
from typing import get_args

import pytest
import torch

from recsys.errors import (
    AdapterError,
    DataFormatError,
    HistoryError,
    ModelBusyError,
    ModelUnavailableError,
    SettingsError,
)
from recsys.evaluation.request import BASELINES, EvaluationRequest
from recsys.generation.generator import TransformersGenerator
from recsys.models.host import ModelChoice
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.settings import (
    DecodingSettings,
    EvaluationSettings,
    GenerationSettings,
    PromptSettings,
    PromptStyle,
    ResolutionSettings,
)
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.made_data import write_made_zip

SHORT = GenerationSettings(max_new_tokens=6, temperature=0)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Workbench(WorkbenchOptions(runs=tmp_path_factory.mktemp("runs"), adapters=tmp_path_factory.mktemp("none")))


@pytest.fixture
def tiny(tiny_llama_folder):
    return ModelChoice(str(tiny_llama_folder), "fp32")


def request_for(tiny, **changes):
    parts = {"history": (5618,), "generation": SHORT, "choice": tiny, "prompt": PromptSettings(style="zero_shot")}
    return RecommendationRequest(**{**parts, **changes})


def test_the_popularity_of_the_catalogue_is_counted_over_training_users_alone(bench):
    assert bench.catalogue.popularity == bench.split.popularity("train")


def test_few_shot_examples_are_of_training_users_and_other_styles_have_none(bench):
    train_likes = bench.split.likes_of("train").values()
    for example in bench.examples(PromptSettings(style="few_shot", num_examples=3)):
        shown = {movie.item_id for movie in (*example.liked, *example.answer)}
        assert any(shown <= set(likes) for likes in train_likes)
    assert bench.examples(PromptSettings(style="zero_shot")) == ()


def test_a_stream_and_a_plain_call_give_the_same_answer(bench, tiny):
    request = request_for(tiny)
    *texts, last = bench.stream(request)
    assert isinstance(last, Recommendation)
    assert all(isinstance(text, str) for text in texts)
    assert bench.recommend(request).completion.text == last.completion.text


def test_the_speed_of_the_last_answer_is_told_by_the_host(bench, tiny):
    bench.recommend(request_for(tiny))
    assert bench.host.state().tokens_per_second > 0


def test_bad_requests_are_refused_before_a_model_is_touched(bench):
    nowhere = ModelChoice("no-such-model")
    with pytest.raises(HistoryError, match="no such item"):
        bench.check(RecommendationRequest(history=(10**9,), choice=nowhere))
    with pytest.raises(AdapterError, match="no such adapter"):
        bench.check(RecommendationRequest(choice=ModelChoice(adapter="missing")))
    with pytest.raises(HistoryError, match="no such record"):
        bench.record("0-0")


def test_a_public_workbench_refuses_what_is_above_its_limits(tmp_path):
    public = Workbench(WorkbenchOptions(public=True, runs=tmp_path))
    with pytest.raises(SettingsError, match="at most 160"):
        public.check(RecommendationRequest(generation=GenerationSettings(max_new_tokens=161)))
    with pytest.raises(SettingsError, match="from 1 to 100"):
        public.start_evaluation(EvaluationRequest(evaluation=EvaluationSettings(num_records=0)))


def test_the_embedding_resolver_of_a_model_without_an_index_says_how_to_make_one(bench, tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailableError, match="models index"):
        bench.recommend(request_for(tiny, resolution=ResolutionSettings(resolver="embedding")))


def test_a_stopped_request_still_answers_with_what_was_written(bench, tiny):
    cancel = threading.Event()
    cancel_later = GenerationSettings(max_new_tokens=512, temperature=0)
    seen = []
    for part in bench.stream(request_for(tiny, generation=cancel_later), cancel=cancel):
        seen.append(part)
        cancel.set()
    assert seen[-1].completion.finish_reason == "stopped"
    assert seen[-1].completion.completion_tokens < 512


def evaluation_of(tiny, generation=SHORT, **settings):
    return EvaluationRequest(
        evaluation=EvaluationSettings(**{"num_records": 4, "batch_size": 2, **settings}),
        generation=generation,
        prompt=PromptSettings(style="zero_shot"),
        choice=tiny,
    )


def test_an_evaluation_runs_in_the_server_and_keeps_its_report(bench, tiny):
    job = bench.start_evaluation(evaluation_of(tiny))
    state = job.wait(120)
    assert state.phase == "done", state.message
    assert state.report.num_records == 4
    assert [system.name for system in state.report.systems][1:] == ["popularity", "ease"]
    assert state.report.fingerprint in {report.fingerprint for report in bench.jobs.past_reports()}


def test_a_list_of_known_films_is_read_for_the_report_and_keeps_the_runs_name(bench, tiny, tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("movieId,title,genres\n1,Zorblax Returns (1999),Sci-Fi\n2,Moonlit Harbour (2004),Drama\n")
    plain = bench.start_evaluation(evaluation_of(tiny)).wait(120).report
    knowing = Workbench(WorkbenchOptions(runs=bench.options.runs, adapters=tmp_path, known_films=path))
    state = knowing.start_evaluation(evaluation_of(tiny)).wait(120)
    assert state.phase == "done", state.message
    assert (plain.known_films, state.report.known_films) == ("", "films.csv, 2 films")
    assert state.report.fingerprint == plain.fingerprint
    assert "discovery" in state.report.model.misses
    assert str(tmp_path) not in str(state.report.to_dict())


def test_a_bad_list_of_known_films_is_told_before_the_model_is_loaded(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("movieId,title,genres\nx,Alien (1979),Horror\n")
    bench = Workbench(WorkbenchOptions(runs=tmp_path, adapters=tmp_path, known_films=path))
    state = bench.start_evaluation(evaluation_of(ModelChoice("smollm2-135m"))).wait(60)
    assert isinstance(state.error, DataFormatError)
    assert "films.csv, line 2: movieId is not a whole number" in state.message
    assert bench.host.state().choice is None


def test_a_second_evaluation_is_refused_while_one_runs_and_people_still_get_answers(bench, tiny):
    long = GenerationSettings(max_new_tokens=64, temperature=0)
    job = bench.start_evaluation(evaluation_of(tiny, long, num_records=64, batch_size=1, seed=1))
    try:
        with pytest.raises(ModelBusyError, match="already running"):
            bench.start_evaluation(evaluation_of(tiny))
        while not job.state().done:
            assert not job.wait(0.01).is_over
        bench.recommend(request_for(tiny))
        assert job.state().phase == "running"
    finally:
        job.cancel()
    assert job.wait(60).phase == "cancelled"


def test_results_do_not_depend_on_the_batch(bench, tiny):
    by_batch_size = []
    for batch_size in (1, 4):
        drawn = GenerationSettings(max_new_tokens=12, temperature=1.0)
        job = bench.start_evaluation(evaluation_of(tiny, drawn, batch_size=batch_size, seed=2))
        assert job.wait(120).phase == "done"
        by_batch_size.append([result.completion for result in job.results()])
    assert by_batch_size[0] == by_batch_size[1]


def test_details_that_the_data_does_not_have_are_refused(bench):
    asked = RecommendationRequest(prompt=PromptSettings(details="tags"))
    with pytest.raises(SettingsError, match="this data set has no tags"):
        bench.check(asked)
    with pytest.raises(SettingsError, match="this data set has no tags"):
        bench.start_evaluation(EvaluationRequest(prompt=asked.prompt))


def test_a_persons_descriptions_are_in_the_prompt_of_the_movies_that_have_one(tmp_path, tiny):
    path = tmp_path / "own.csv"
    path.write_text("movieId,description\n5618,A girl works in a bathhouse.\n", encoding="utf-8")
    described = Workbench(WorkbenchOptions(runs=tmp_path, adapters=tmp_path, descriptions=path))
    asked = request_for(tiny, history=(5618, 1), prompt=PromptSettings("zero_shot", details="description"))
    assert described.recommend(asked).prompt.text == "Spirited Away -- A girl works in a bathhouse.; Toy Story =>"


@pytest.fixture
def made(tmp_path):
    """Twenty users who like the same twelve movies, two of whom are validation users."""
    return Workbench(WorkbenchOptions(data=write_made_zip(tmp_path / "made.zip"), runs=tmp_path, adapters=tmp_path))


def hybrid_evaluation(tiny, **settings):
    return EvaluationRequest(
        evaluation=EvaluationSettings(**{"num_records": 0, "batch_size": 2, "k": 2, **settings}),
        generation=GenerationSettings(num_recommendations=2),
        prompt=PromptSettings(style="zero_shot"),
        choice=tiny,
        baselines=(),
        decoding=DecodingSettings("hybrid", num_candidates=3),
    )


@pytest.mark.parametrize("decoding", ["free", "catalogue_list", "catalogue_rank", "hybrid"])
@pytest.mark.parametrize("style", get_args(PromptStyle))
def test_a_cold_start_is_evaluated_in_every_mode_and_style_beside_every_baseline(made, tiny, decoding, style):
    asked = EvaluationRequest(
        evaluation=EvaluationSettings(num_records=0, history_length=0, k=2),
        generation=GenerationSettings(num_recommendations=2, temperature=0, max_new_tokens=8),
        prompt=PromptSettings(style=style),
        choice=tiny,
        baselines=tuple(name for name in BASELINES if name != "similarity"),
        decoding=DecodingSettings(decoding),
    )
    state = made.start_evaluation(asked).wait(120)
    assert state.phase == "done", state.message
    assert {result.history for result in state.latest} == {()}
    if decoding != "free":
        assert all(len(result.item_ids) == 2 for result in state.latest)


def test_an_evaluated_hybrid_answers_each_record_as_a_single_request_does(made, tiny):
    asked = hybrid_evaluation(tiny)
    job = made.start_evaluation(asked)
    assert job.wait(120).phase == "done", job.state().message
    assert len(job.results()) == 3
    for result in job.results():
        single = made.recommend(asked.for_record(made.record(result.record_id)))
        assert result.item_ids == single.item_ids
        assert len(single.fused) == 2


def test_the_classic_recommender_of_a_hybrid_learns_from_no_evaluated_user(made, tiny):
    for split, known in (("validation", ("train",)), ("test", ("train", "validation"))):
        job = made.start_evaluation(hybrid_evaluation(tiny, split=split))
        assert job.wait(120).phase == "done", job.state().message
        assert tuple(made.data._blends)[-1] == known


def test_a_hybrid_that_was_stopped_goes_on_from_there(made, tiny):
    asked, answer, asked_of = hybrid_evaluation(tiny, batch_size=1), made.recommend_batch, []

    def stop_after_one(requests, **options):
        asked_of.extend(request.record_id for request in requests)
        if len(asked_of) == 2:
            made.jobs.latest().cancel()
        return answer(requests, **options)

    made.recommend_batch = stop_after_one
    assert made.start_evaluation(asked).wait(120).phase == "cancelled"
    assert made.start_evaluation(asked).wait(120).report.num_records == 3
    assert [asked_of.count(record.record_id) for record in made.split.records["test"]] == [1, 2, 1]


def test_a_hybrid_with_too_many_candidates_is_refused_on_a_public_page(tmp_path):
    public, hybrid = (
        Workbench(WorkbenchOptions(public=True, runs=tmp_path)),
        DecodingSettings("hybrid", num_candidates=500),
    )
    with pytest.raises(SettingsError, match="at most 200"):
        public.check(RecommendationRequest(decoding=hybrid))
    with pytest.raises(SettingsError, match="at most 200"):
        public.start_evaluation(EvaluationRequest(decoding=hybrid))


def test_a_batch_that_runs_out_of_memory_is_answered_in_parts_and_says_so(bench, tiny, monkeypatch):
    requests = [request_for(tiny, history=(item,)) for item in (5618, 1, 32)]
    whole = [answer.completion.text for answer in bench.recommend_batch(requests, seeds=[1, 2, 3])]
    generate, widths = TransformersGenerator.generate, []

    def short_of_memory(self, prompts, settings, **options):
        widths.append(len(prompts))
        if len(prompts) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return generate(self, prompts, settings, **options)

    monkeypatch.setattr(TransformersGenerator, "generate", short_of_memory)
    answers = bench.recommend_batch(requests, seeds=[1, 2, 3])
    assert widths == [3, 1, 1, 1]
    assert [answer.completion.text for answer in answers] == whole
    assert [answer.completion.settings.seed for answer in answers] == [1, 2, 3]
    assert "3 were answered 1 at a time" in answers[0].warnings[-1]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_a_single_answer_that_runs_out_of_memory_is_told(bench, tiny, monkeypatch, error):
    def short_of_memory(*_, **__):
        raise error

    monkeypatch.setattr(TransformersGenerator, "_write", short_of_memory)
    with pytest.raises(ModelUnavailableError, match="memory ran out while one record was answered"):
        bench.recommend(request_for(tiny))
