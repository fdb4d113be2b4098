"""Another data set takes the place of the one in use whole or not at all."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from recsys.baselines.blend import fit_blend
from recsys.baselines.popularity import Popularity
from recsys.catalogue_recommend import find_decoder
from recsys.data.records import SplitData
from recsys.data.splits import SplitSettings
from recsys.errors import ModelBusyError, SettingsError
from recsys.evaluation.request import EvaluationRequest
from recsys.loaded_data import DataChoice, DataHolder, LoadedData
from recsys.models.host import ModelChoice
from recsys.recommend import RecommendationRequest
from recsys.settings import DecodingSettings, EvaluationSettings, GenerationSettings, PromptSettings
from recsys.workbench import Workbench
from recsys.workbench_options import WorkbenchOptions
from tests.made_data import write_made_zip


@pytest.fixture
def made(tmp_path):
    return write_made_zip(tmp_path / "made.zip")


@pytest.fixture
def holder():
    return DataHolder(DataChoice(), require_idle=lambda: None)


def test_nothing_is_read_before_it_is_needed():
    assert "dataset" not in vars(LoadedData(DataChoice()))


def test_the_new_set_is_read_split_and_indexed_before_it_is_in_use(holder, made):
    old, stages, over = holder.data, [], threading.Event()
    holder.start_replacing(DataChoice(made), over.set)
    while (state := holder.task.state()).is_running:
        stages.append(state.message)
    assert state.phase == "done", state.message
    assert over.is_set()
    assert holder.data is not old
    assert holder.data.number > old.number
    assert {"dataset", "split", "catalogue", "resolvers", "search"} <= set(vars(holder.data))
    assert len(holder.data.catalogue) == 12
    assert sum(len(records) for records in holder.data.split.records.values()) == 20
    assert state.message == "made is in use."


@pytest.mark.parametrize(
    ("choose", "told"),
    [
        (lambda made: DataChoice(made.with_name("none.zip")), "there is no such folder or file"),
        (lambda made: DataChoice(made, SplitSettings("record", split_records=21)), "20 there are"),
        (lambda made: DataChoice(write_made_zip(made, num_users=0)), ""),
        (lambda made: DataChoice(write_made_zip(made, num_users=1)), "no t"),
    ],
)
def test_whatever_goes_wrong_the_data_stay_and_the_error_is_kept(holder, made, choose, told):
    old, over = holder.data, threading.Event()
    holder.start_replacing(choose(made), over.set)
    state = holder.task.wait(30)
    assert state.phase == "failed"
    assert told in state.message
    assert "should not happen" not in state.message
    assert holder.data is old
    assert over.is_set()


def test_a_job_that_was_started_while_the_set_was_read_keeps_its_data(made):
    looks = iter([None, ModelBusyError("an evaluation is already running")])

    def require_idle():
        if error := next(looks):
            raise error

    holder = DataHolder(DataChoice(), require_idle=require_idle)
    old = holder.data
    holder.start_replacing(DataChoice(made))
    assert holder.task.wait(30).message.startswith("an evaluation is already running")
    assert holder.data is old


LIKES = dict.fromkeys((1, 2, 3), (1, 2, 3, 4)) | {4: (1, 2, 9), 5: (9, 1), 6: (9, 2)}


def data_of(likes, **users):
    data = LoadedData(DataChoice())
    data.split = SplitData(users={"train": (), "validation": (), "test": ()} | users, records={}, likes=likes)
    return data


def test_the_blend_is_fitted_once_for_each_sets_of_users_however_many_ask(monkeypatch):
    fitted = []

    def fit(likes, **options):
        fitted.append(sorted(likes))
        time.sleep(0.05)
        return fit_blend(likes, **options)

    monkeypatch.setattr("recsys.loaded_data.fit_blend", fit)
    data = data_of(LIKES, train=(1, 2, 3, 4), validation=(5, 6))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(data.blend, [("train",), ("train", "validation")] * 4))
    assert sorted(fitted) == [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6]]
    assert len({id(blend) for blend in found}) == 2
    assert 9 not in data.blend(("train",)).item_ids
    assert 9 in data.blend(("train", "validation")).item_ids


def test_each_data_set_keeps_the_baselines_that_were_fitted_on_it():
    one, other = data_of(LIKES, train=(1, 2)), data_of(LIKES, train=(1, 2))
    fits = iter([Popularity.fit({1: (1,)}), Popularity.fit({1: (2,)})])
    first, again, its_own = (
        data.fitted_baselines.find("popularity", ("train",), lambda: next(fits)).recommender
        for data in (one, one, other)
    )
    assert first is again
    assert its_own is not first


def test_the_blend_of_a_huge_catalogue_knows_the_most_liked_items(monkeypatch):
    monkeypatch.setattr("recsys.loaded_data._MAX_BLEND_ITEMS", 2)
    assert data_of(LIKES, train=(1, 2, 3, 4)).blend(("train",)).item_ids.tolist() == [1, 2]


def test_a_data_set_without_a_movie_that_three_people_like_has_no_candidates():
    with pytest.raises(SettingsError, match="choose another decoding"):
        data_of({1: (5, 6), 2: (5,)}, train=(1, 2)).blend(("train",))


@pytest.fixture
def bench(tmp_path):
    return Workbench(WorkbenchOptions(runs=tmp_path / "runs", adapters=tmp_path))


def choose(bench, path, split=SplitSettings()):  # noqa: B008  # frozen
    bench.choose_data(path, split)
    state = bench.data_holder.task.wait(60)
    assert state.phase == "done", state.message


def test_search_examples_records_and_decoders_follow_the_data(bench, made, tiny_llama_folder):
    tiny = ModelChoice(str(tiny_llama_folder), "fp32")
    asked = RecommendationRequest(
        choice=tiny,
        generation=GenerationSettings(max_new_tokens=24, temperature=0, num_recommendations=2),
        prompt=PromptSettings(style="zero_shot"),
        decoding=DecodingSettings("catalogue_list"),
    )
    bench.recommend(asked)
    with bench.host.use(tiny) as loaded:
        assert len(loaded.decoders) == 2  # of this list form, and the prefixes that decoders share
    choose(bench, made)
    assert bench.search.search("made movie 3", limit=1)[0].item_id == 3
    examples = bench.examples(PromptSettings(style="few_shot", num_examples=2))
    assert {movie.genres for example in examples for movie in example.liked} == {("Musical",)}
    assert bench.record(bench.split.records["test"][0].record_id).history == (1, 2, 3, 4, 5, 6)
    answer = bench.recommend(asked)
    assert all(bench.catalogue[item].title.startswith("Made Movie") for item in answer.item_ids)
    with bench.host.use(tiny) as loaded:
        assert len(loaded.decoders) == 2


def test_only_the_decoders_of_the_catalogue_in_use_are_kept(bench, catalogue, tiny_llama_folder):
    from recsys.prompts import render

    prompt = render((), PromptSettings(style="zero_shot"), num_recommendations=2)
    with bench.host.use(ModelChoice(str(tiny_llama_folder), "fp32")) as loaded:
        for used in (catalogue, catalogue.with_popularity({})):
            assert find_decoder(loaded, used, prompt).catalogue is used
            assert len(loaded.decoders) == 2


def test_a_request_under_way_keeps_to_the_data_that_it_was_asked_of(bench, made, tiny_llama_folder):
    asked = RecommendationRequest(
        history=(5618,),
        choice=ModelChoice(str(tiny_llama_folder), "fp32"),
        generation=GenerationSettings(max_new_tokens=6, temperature=0),
        prompt=PromptSettings(style="zero_shot"),
    )
    before = bench.data
    choose(bench, made)
    assert "Spirited Away" in bench.recommend(asked, data=before).prompt.text


def test_a_public_page_keeps_its_data(tmp_path, made):
    public = Workbench(WorkbenchOptions(public=True, runs=tmp_path))
    with pytest.raises(SettingsError, match="a public page keeps its data set"):
        public.choose_data(made, SplitSettings())
    assert public.data_holder.task.state().phase == "idle"


def test_no_other_set_is_read_while_an_evaluation_runs(bench, made, tiny_llama_folder):
    long = GenerationSettings(max_new_tokens=64, temperature=0)
    job = bench.start_evaluation(
        EvaluationRequest(
            evaluation=EvaluationSettings(num_records=64, batch_size=1),
            generation=long,
            prompt=PromptSettings(style="zero_shot"),
            choice=ModelChoice(str(tiny_llama_folder), "fp32"),
        )
    )
    try:
        with pytest.raises(ModelBusyError, match="an evaluation is already running"):
            bench.choose_data(made, SplitSettings())
    finally:
        job.cancel()
    job.wait(60)
    choose(bench, made)


def test_descriptions_stay_with_the_data_set_that_they_are_of(tmp_path, made):
    path = tmp_path / "own.csv"
    path.write_text("movieId,description\n1,Toys come alive.\n", encoding="utf-8")
    bench = Workbench(WorkbenchOptions(runs=tmp_path, descriptions=path))
    choose(bench, made)
    assert bench.catalogue[1].description == ""
    choose(bench, None, SplitSettings(split_by="time"))
    assert bench.catalogue[1].description == "Toys come alive."
    assert bench.data_name == "MovieLens latest-small (2016), split by time"
