"""Two processes on one cache, one folder of runs, one adapter's name: both come up, and neither spoils the other's."""

import json
import random
import threading
import time

import pytest

from recsys.models import artifacts
from recsys.models.adapter_listing import list_adapters
from recsys.models.manifest import is_unaltered
from recsys.training.run_folder import hold_run
from tests.faults.processes import end_of, run_here, start
from tests.faults.test_kills import TRAIN, real_wheel  # noqa: F401 - a fixture
from tests.ui.served import serve


def ends_of(processes):
    ends = {}
    threads = [threading.Thread(target=lambda n=n, p=p: ends.update({n: end_of(p)})) for n, p in enumerate(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    return [ends[number] for number in range(len(processes))]


def test_a_run_of_training_that_another_process_is_at_is_told_before_anything_is_written(
    made_zip, tmp_path, own_cache, capsys
):
    asked = [*TRAIN, "--data", str(made_zip), "--out", str(tmp_path / "out")]
    with hold_run(own_cache / "training" / "tuned"):
        end = run_here(asked, capsys)
    assert end.code == 1
    assert "another process trains this run (seen: 'tuned'). wait for it, or take another --name." in end.error
    assert not (tmp_path / "out").exists()
    assert not (own_cache / "training" / "tuned").exists()


def test_a_search_that_another_process_is_at_is_told(tmp_path):
    pytest.importorskip("optuna")
    from recsys.errors import ModelBusyError
    from recsys.tuning.trials import opened_study

    def opened(name):
        return opened_study(tmp_path, name, ["temperature"], ["maximize"], {"temperature": 1.0})

    told = pytest.raises(ModelBusyError, match="this search is already running elsewhere")
    with opened("one"), opened("two"), told, opened("one"):  # another search may go on in the same file
        pass
    with opened("one"):
        pass


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.timeout(900)
def test_two_that_start_at_once_on_an_empty_cache_make_the_embedded_model_once(real_wheel, tmp_path, monkeypatch):  # noqa: F811
    cache = tmp_path / "cache"
    asked = ["recommend", "1", "--model", "smollm2-135m", "--max-new-tokens", "4", "--temperature", "0", "--json"]
    processes = [start(asked, cache=cache, RECSYS_SMOLLM2_WHEEL=str(real_wheel)) for _ in range(2)]
    works = set()
    while any(process.poll() is None for process in processes):
        works |= {path.name for path in cache.glob("models/.work-*")}
        time.sleep(0.02)
    ends = ends_of(processes)
    assert [end.code for end in ends] == [0, 0]
    assert len(works) == 1, "one fetched, the other waited"
    texts = [json.loads(end.printed)["completion"] for end in ends]
    assert str(texts[0]).split("seconds")[0] == str(texts[1]).split("seconds")[0]
    monkeypatch.setenv("RECSYS_CACHE", str(cache))
    assert is_unaltered(artifacts.smollm2_folder())


@pytest.mark.slow
def test_the_same_adapter_trained_twice_at_once_is_trained_by_one(made_zip, tmp_path, own_cache):
    adapters = tmp_path / "adapters"
    asked = [*TRAIN, "--data", str(made_zip), "--out", str(adapters)]
    ends = ends_of([start(asked, cache=own_cache) for _ in range(2)])
    told = [end.error for end in ends if end.code != 0]
    assert len(told) < 2
    assert all("another process trains this run" in error for error in told)
    assert [(info.name, info.is_usable) for info in list_adapters(adapters)] == [("tuned", True)]
    assert [path.name for path in adapters.iterdir()] == ["tuned"]


@pytest.mark.slow
def test_two_evaluations_on_one_folder_of_runs_keep_every_record(tmp_path, own_cache):
    asked = ["evaluate", "--model", "gptj-mini", "--baselines", "--batch-size", "2", "--runs", str(tmp_path / "runs")]
    ends = ends_of([start([*asked, "--records", str(number)], cache=own_cache) for number in (40, 41)])
    assert [end.code for end in ends] == [0, 0]
    listed = start(["runs", "list", "--json", "--runs", str(tmp_path / "runs")], cache=own_cache)
    assert sorted(run["num_records"] for run in json.loads(end_of(listed).printed)) == [40, 41]
    same = ends_of([start([*asked, "--records", "42"], cache=own_cache) for _ in range(2)])
    told = [end.error for end in same if end.code != 0]
    assert len(told) < 2
    assert all("already running elsewhere" in error for error in told)


@pytest.mark.slow
def test_two_apps_on_one_folder_of_runs_both_come_up_and_show_each_others_runs(tmp_path, own_cache):
    runs, apps = tmp_path / "runs", []
    settings = {
        "choice": {"model": "gptj-mini"}, "generation": {"temperature": 0, "max_new_tokens": 24}, "baselines": []
    }  # fmt: skip
    try:
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            apps.append(serve(["app.py", "--model", "gptj-mini", "--runs", str(runs)], folder))
        for number, app in enumerate(apps):
            app.wait_until(lambda app=app: app.ask("/health").json["status"] == "ok")
            started = app.ask("/gradio_api/call/evaluate", {"data": [4 + number, 4, "test", settings, 0]}).json
            told = app.ask(f"/gradio_api/call/evaluate/{started['event_id']}").text
            assert "job_id" in told, told
        asked = ["runs", "list", "--json", "--runs", str(runs)]

        def num_listed():
            return sorted(run["num_records"] for run in json.loads(end_of(start(asked, cache=own_cache)).printed))

        apps[0].wait_until(lambda: num_listed() == [4, 5], 120)
    finally:
        for app in apps:
            app.end()


@pytest.mark.slow
def test_an_app_whose_database_of_runs_is_damaged_comes_up_answers_and_mends_by_moving_it_away(tmp_path, own_cache):
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "runs.sqlite3").write_bytes(random.Random(0).randbytes(9000))
    app = serve(["app.py", "--model", "gptj-mini", "--runs", str(runs)], tmp_path)
    try:
        app.wait_until(lambda: app.ask("/health").json["status"] == "ok")
        settings = {"choice": {"model": "gptj-mini"}, "generation": {"temperature": 0}, "baselines": []}
        asked = {"data": [2, 4, "test", settings, 0]}

        def evaluate():
            started = app.ask("/gradio_api/call/evaluate", asked).json
            told = app.ask(f"/gradio_api/call/evaluate/{started['event_id']}").text
            job = json.loads(told.split("data: ")[-1])[0]["job_id"]
            answer = {}

            def is_over():
                answer.update(app.ask("/gradio_api/run/evaluation_state", {"data": [job]}).json["data"][0])
                return answer["phase"] not in ("waiting", "running")

            app.wait_until(is_over, 120)
            return answer

        failed = evaluate()
        assert failed["phase"] == "failed"
        assert "not a database of runs, or damaged" in str(failed)
        assert "Traceback" not in app.log.read_text("utf-8")
        (runs / "runs.sqlite3").rename(runs / "away")
        assert evaluate()["phase"] == "done"
    finally:
        app.end()
