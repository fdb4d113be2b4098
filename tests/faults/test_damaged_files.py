"""Files that were cut off or altered: each command recovers or says so in a sentence, and nothing else is lost."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from recsys.errors import DataFormatError
from recsys.evaluation.run_database import FILE_NAME
from recsys.models.adapter_listing import default_adapters_folder
from recsys.models.registry import SHIPPED_MODELS
from recsys.models.weights import read_tensor_entries
from tests.faults.processes import damaged, require_recovered_or_told, run_here

MODEL = SHIPPED_MODELS / "gptj-mini"
ADAPTER = "gptj-mini-story"


def try_each(path, commands, capsys, *, seed=0, cuts=2, alterations=4, head=512):
    """Damages a file in many ways and runs every command on each; how they ended."""
    content, ends = path.read_bytes(), []
    for what, spoilt in damaged(content, seed=seed, cuts=cuts, alterations=alterations, head=head):
        path.write_bytes(spoilt)
        for command in commands:
            end = run_here(command, capsys)
            require_recovered_or_told(end)
            ends.append((what, command[0], end))
    path.write_bytes(content)
    for command in commands:
        assert run_here(command, capsys).code == 0, "the file as it was is as good as before"
    return ends


@pytest.fixture
def model(tmp_path):
    """A copy of the shipped model."""
    return Path(shutil.copytree(MODEL, tmp_path / "gptj"))


@pytest.fixture
def adapters(tmp_path):
    """A folder with a copy of one shipped adapter."""
    shutil.copytree(default_adapters_folder() / ADAPTER, tmp_path / "adapters" / ADAPTER)
    return tmp_path / "adapters"


def test_a_tokenizer_that_is_json_but_at_odds_with_itself_is_told(model, capsys):
    told = json.loads((model / "tokenizer.json").read_text())
    del told["model"]["vocab"][next(first for first, _ in map(_pair, told["model"]["merges"]) if len(first) == 2)]
    (model / "tokenizer.json").write_text(json.dumps(told))
    end = run_here(recommend(model=model), capsys)
    assert end.code == 1
    assert "the tokenizer is broken: " in end.error


def _pair(merge):
    return merge.split(" ") if isinstance(merge, str) else merge


@pytest.fixture
def runs(tmp_path, capsys):
    """A folder with two finished runs, and the command that made the first."""
    command = evaluate(tmp_path / "runs")
    assert run_here(command, capsys).code == 0
    assert run_here(evaluate(tmp_path / "runs", records=3), capsys).code == 0
    return tmp_path / "runs", command


def evaluate(runs, *more, records=2, model="gptj-mini"):
    return ["evaluate", "--records", str(records), "--model", str(model), "--baselines", "--runs", str(runs), *more]


def recommend(*more, model="gptj-mini"):
    return ["recommend", "1", "2", "--model", str(model), *more]


@pytest.mark.parametrize("name", ["model.safetensors"])
def test_a_model_that_was_cut_off_or_altered_is_told(model, name, tmp_path, capsys):
    ends = try_each(model / name, [recommend(model=model)], capsys, alterations=2, cuts=0)
    if name == "model.safetensors":
        assert all(end.code != 0 for _, _, end in ends), "every bit of the weights counts"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]
)
def test_a_model_that_was_damaged_in_many_ways_is_told_by_every_command(model, name, tmp_path, capsys):
    commands = [recommend(model=model), evaluate(tmp_path / "runs", model=model)]
    try_each(model / name, commands, capsys, cuts=6, alterations=24, head=4096)


def test_weights_without_a_hash_that_are_no_numbers_any_more_are_told(model, capsys):
    (model / "recsys.json").unlink()
    entry = next(entry for name, entry in read_tensor_entries(model / "model.safetensors").items() if "wte" in name)
    content = bytearray((model / "model.safetensors").read_bytes())
    content[entry.start : entry.start + 2] = b"\x00\x7e"  # one NaN in fp16
    (model / "model.safetensors").write_bytes(content)
    end = run_here(recommend(model=model), capsys)
    assert end.code == 1
    assert "computes no numbers" in end.error


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json", "recsys.json"])
def test_an_adapter_that_was_cut_off_or_altered_is_told_and_still_listed(adapters, name, tmp_path, capsys):
    where = ("--adapters", str(adapters))
    listing = ["adapters", "list", *where]
    asked = recommend("--adapter", ADAPTER, *where)
    ends = try_each(adapters / ADAPTER / name, [listing, asked], capsys, alterations=2, cuts=0)
    listed = [end for _, command, end in ends if command == "adapters"]
    assert all(end.code == 0 and ADAPTER in end.printed for end in listed)
    if name == "adapter_model.safetensors":
        told = [end for _, command, end in ends if command == "recommend"]
        assert all((end.code == 2 and ADAPTER in end.error) or "adapter_model" in end.error for end in told)


def test_an_adapter_of_others_whose_weights_are_no_numbers_is_told(adapters, capsys):
    folder = adapters / ADAPTER
    notes = json.loads((folder / "recsys.json").read_text())
    del notes["weights_sha256"]
    (folder / "recsys.json").write_text(json.dumps(notes))
    entry = next(iter(read_tensor_entries(folder / "adapter_model.safetensors").values()))
    content = bytearray((folder / "adapter_model.safetensors").read_bytes())
    content[entry.start : entry.start + 2] = b"\x00\x7c"  # infinity in fp16
    (folder / "adapter_model.safetensors").write_bytes(content)
    end = run_here(recommend("--adapter", ADAPTER, "--adapters", str(adapters)), capsys)
    assert end.code == 2
    assert "no numbers" in end.error


@pytest.mark.parametrize("name", ["movies.parquet", "manifest.json"])
def test_data_in_parquet_that_were_cut_off_or_altered_are_told(name, tmp_path, capsys):
    from recsys.data.movielens import embedded_folder

    folder = shutil.copytree(embedded_folder(), tmp_path / "movielens")
    ends = try_each(folder / name, [recommend("--data", str(folder))], capsys, alterations=2)
    if name.endswith("parquet"):
        assert all(end.code == 2 and name in end.error for _, _, end in ends)


def test_data_in_csv_or_a_zip_that_were_cut_off_or_altered_are_told(made_zip, tmp_path, capsys):
    ends = try_each(made_zip, [recommend("--data", str(made_zip))], capsys, alterations=4, cuts=0)
    assert {end.code for _, _, end in ends} <= {0, 2}
    shutil.unpack_archive(made_zip, tmp_path)
    for name in ("movies.csv", "ratings.csv"):
        asked = recommend("--data", str(tmp_path / "made"))
        ends = try_each(tmp_path / "made" / name, [asked], capsys, alterations=4, cuts=0)
        assert {end.code for _, _, end in ends} <= {0, 2}


def run_commands(folder, command):
    listing = ["runs", "list", "--runs", str(folder)]
    return [listing, [*listing, "--json"], command]


def test_a_database_of_runs_that_was_cut_off_or_altered_is_told_or_mended(runs, capsys):
    folder, command = runs
    try_each(folder / FILE_NAME, run_commands(folder, command), capsys, cuts=1, alterations=4)


@pytest.mark.slow
def test_a_database_of_runs_that_was_damaged_in_many_ways_is_told_or_mended(runs, capsys):
    folder, command = runs
    for seed in range(2):
        try_each(folder / FILE_NAME, run_commands(folder, command), capsys, seed=seed, cuts=8, alterations=30)


def change(folder, statement, *values):
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def test_one_report_that_is_no_text_any_more_hides_no_other(runs, capsys):
    folder, command = runs
    ((first,),) = change(folder, "SELECT fingerprint FROM runs ORDER BY started_at, rowid LIMIT 1")
    change(folder, "UPDATE runs SET report = CAST(x'7bfffe' AS TEXT) WHERE fingerprint = ?", first)
    end = run_here(["runs", "list", "--json", "--runs", str(folder)], capsys)
    assert end.code == 0
    assert [run["num_records"] for run in json.loads(end.printed)] == [3]
    assert run_here(command, capsys).code == 0, "the same command writes the report again"
    assert len(json.loads(run_here(["runs", "list", "--json", "--runs", str(folder)], capsys).printed)) == 2


@pytest.mark.parametrize("spoilt", ["CAST(x'7bfffe' AS TEXT)", '\'{"record_id": "\'', "42", "'[]'"])
def test_a_damaged_record_is_asked_again_and_all_others_are_kept(runs, spoilt, capsys):
    folder, command = runs
    before = dict(change(folder, "SELECT fingerprint || ' ' || record_id, CAST(result AS BLOB) FROM results"))
    victim = sorted(before)[0]
    change(folder, f"UPDATE results SET result = {spoilt} WHERE fingerprint || ' ' || record_id = ?", victim)
    change(folder, "UPDATE runs SET report = NULL")
    for again in (command, evaluate(folder, records=3)):
        assert run_here(again, capsys).code == 0
    after = dict(change(folder, "SELECT fingerprint || ' ' || record_id, CAST(result AS BLOB) FROM results"))
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} == {victim}, "only that one was asked again"
    assert json.loads(after[victim])["titles"] == json.loads(before[victim])["titles"], "with the same answer"


def test_the_page_shows_its_other_runs_and_why_its_own_cannot_be_read(tmp_path):
    from recsys.ui.past_runs import runs_html
    from recsys.workbench import Workbench
    from recsys.workbench_options import WorkbenchOptions

    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / FILE_NAME).write_bytes(b"no database at all, but long enough to be read as one " * 20)
    past = Workbench(WorkbenchOptions(runs=tmp_path / "runs")).jobs.past
    reports = past.at_hand()
    assert reports == past.shipped != ()
    page = runs_html(reports, None, past.shipped_ids, problem=past.problem)
    assert 'class="ev-notice ev-notice-failed"' in page
    assert "not a database of runs, or damaged" in page
    assert "Move the file away" in page
    assert "None made here yet" not in page
    assert reports[0].fingerprint in page
    assert past.results(reports[0].fingerprint) == (), "a shipped one can be opened as ever"
    with pytest.raises(DataFormatError, match="damaged"):
        past.results("0123456789abcdef")
    (tmp_path / "runs" / FILE_NAME).unlink()
    assert past.at_hand() == past.shipped
    assert past.problem is None
