"""One run in the database: what a kill leaves is read again, and nothing is lost silently."""

import json
import sqlite3
import threading
from contextlib import closing

import pytest

from recsys.errors import DataFormatError, InputError, ModelBusyError, StorageError
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.run_database import FILE_NAME, RunDatabase
from recsys.evaluation.store import RunStore
from tests.evaluation.answers import answer_by_id, make_record

FINGERPRINT = "0123456789abcdef"


def make_result(record_id):
    record = make_record(record_id)
    return RecordResult.from_recommendation(record, answer_by_id(record), k=4)


FIRST, SECOND, THIRD = make_result("7-0"), make_result("7-1"), make_result("8-0")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path, FINGERPRINT)


def change(folder, statement, *values):
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def test_results_come_back_in_the_order_of_their_writing(store, tmp_path):
    assert store.results() == ()
    store.append([FIRST, SECOND])
    store.append([THIRD])
    assert store.results() == RunStore(tmp_path, FINGERPRINT).results() == (FIRST, SECOND, THIRD)
    assert store.record_ids() == {"7-0", "7-1", "8-0"}
    assert RunStore(tmp_path, "feedfeedfeedfeed").results() == ()


def test_looking_at_runs_writes_nothing(store, tmp_path):
    assert (store.results(), store.record_ids(), store.report()) == ((), frozenset(), None)
    store.take_parts()
    assert list(tmp_path.iterdir()) == []


def test_a_batch_is_kept_whole_or_not_at_all(store, tmp_path):
    store.append([FIRST])
    broken = RecordResult.from_dict({**THIRD.to_dict(), "seconds": float("nan")})  # no JSON: it fails after SECOND
    with pytest.raises(ValueError):
        store.append([SECOND, broken])

    def die_in_the_middle():
        with RunDatabase(tmp_path / FILE_NAME).writing() as connection:
            connection.execute("INSERT INTO results VALUES (?, ?, ?)", (FINGERPRINT, "7-1", SECOND.to_json()))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die_in_the_middle()
    assert store.results() == (FIRST,)
    store.append([SECOND])
    assert store.results() == (FIRST, SECOND)


def test_a_record_written_twice_keeps_its_first_result(store):
    store.append([FIRST, SECOND])
    changed = RecordResult.from_dict({**FIRST.to_dict(), "completion": "another"})
    store.append([changed, THIRD])
    assert store.results() == (FIRST, SECOND, THIRD)


def test_a_damaged_result_is_named(store, tmp_path):
    store.append([FIRST, SECOND])
    change(tmp_path, "UPDATE results SET result = '{\"nonsense' WHERE record_id = '7-1'")
    with pytest.raises(DataFormatError, match=r"record 7-1 of run 0123456789abcdef.*nonsense.*asks such records anew"):
        store.results()


def test_the_first_start_is_remembered_with_what_was_asked(store, tmp_path):
    started_at = store.begin(EvaluationRequest(), provenance={"weights": "abc"}, prompt="Liked: “Alien” =>")
    assert started_at.endswith("+00:00")
    change(tmp_path, "UPDATE runs SET started_at = '2020-01-01T00:00:00+00:00'")
    assert store.begin(EvaluationRequest(), provenance={"weights": "abc"}) == "2020-01-01T00:00:00+00:00"
    ((request, provenance),) = change(tmp_path, "SELECT request, provenance FROM runs")
    assert EvaluationRequest.from_dict(json.loads(request)) == EvaluationRequest()
    assert json.loads(provenance) == {"weights": "abc"}


def test_the_prompt_is_kept_byte_by_byte(store, tmp_path):
    prompt = "Liked: “Alien” =>\n\ttab, \u2028 and \ud83d alone"
    store.begin(EvaluationRequest(), prompt=prompt)
    (((kept,),),) = (change(tmp_path, "SELECT prompt FROM runs"),)
    assert kept == prompt.encode("utf-8", errors="surrogatepass")


@pytest.mark.parametrize(
    "name", ["..", "../../etc", "0123", "ABCDEF0123456789", "0123456789abcdef/..", "0123456789abcdef\n", ""]
)
def test_no_name_from_outside_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(InputError, match="fingerprint"):
        RunStore(tmp_path, name)


def test_a_run_is_held_by_one_at_a_time(store, tmp_path):
    other = RunStore(tmp_path, FINGERPRINT).hold()
    with store.hold(), pytest.raises(ModelBusyError, match="already running elsewhere"):
        other.__enter__()
    with store.hold(), RunStore(tmp_path, "feedfeedfeedfeed").hold():  # another run may go on
        pass


def test_the_parts_of_other_processes_are_taken_in_once(store, tmp_path):
    store.append([FIRST])
    store.part(0).append([SECOND])
    store.part(1).append([FIRST, THIRD])
    RunStore(tmp_path, "feedfeedfeedfeed").part(1).append([make_result("9-0")])
    assert store.results() == (FIRST,)
    store.take_parts()
    assert store.results() == (FIRST, SECOND, THIRD)
    store.take_parts()
    assert store.results() == (FIRST, SECOND, THIRD)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["feedfeedfeedfeed-1.sqlite3"]


def test_two_runs_may_write_at_once(tmp_path):
    """Each thread has a run of its own; none loses a batch to the other's transaction."""
    names = [f"{number}" * 16 for number in range(4)]

    def write(name):
        for window in range(25):
            RunStore(tmp_path, name).append([make_result(f"7-{window}")])

    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(RunStore(tmp_path, name).results()) for name in names] == [25] * 4


def test_a_locked_database_is_told_after_some_patience(tmp_path):
    path = tmp_path / FILE_NAME
    RunStore(tmp_path, FINGERPRINT).append([FIRST])
    store = RunStore(tmp_path, FINGERPRINT, database=RunDatabase(path, patience=0.05))
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError, match=r"locked the runs for 0\.05 s.*finished batches are kept"):
            store.append([SECOND])
        with pytest.raises(StorageError, match="locked"):
            store.results()
        holder.execute("ROLLBACK")
    store.append([SECOND])
    assert store.results() == (FIRST, SECOND)


def test_a_full_disk_is_told_and_what_was_kept_stays(store, tmp_path, monkeypatch):
    """SQLite itself is made to find no room: the database may not grow by a page."""
    store.append([FIRST])
    connect = RunDatabase._connect

    def without_room(database):
        connection = connect(database)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(RunDatabase, "_connect", without_room)
    with pytest.raises(StorageError, match=r"disk is full.*make room.*finished batches are kept"):
        store.append([make_result(f"9-{window}") for window in range(30)])
    monkeypatch.undo()
    assert store.results() == (FIRST,)


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be read as one " * 20, b"SQLite format 3\0"]
)
def test_a_file_that_is_no_database_is_named(store, tmp_path, content):
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(DataFormatError, match=r"runs\.sqlite3: not a database of runs, or damaged.*move the file away"):
        store.results()
    with pytest.raises(DataFormatError, match="damaged"):
        store.append([FIRST])


def test_a_damaged_page_is_told(store, tmp_path):
    store.append([make_result(f"9-{window}") for window in range(40)])
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(DataFormatError, match="damaged"):
        store.results()


def test_runs_of_a_newer_release_are_left_alone(store, tmp_path):
    store.append([FIRST])
    change(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(DataFormatError, match=r"newer release.*version 99.*update"):
        store.append([SECOND])


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    store = RunStore(tmp_path / "file" / "runs", FINGERPRINT)
    with pytest.raises(StorageError, match=r"cannot be used.*choose another with --runs"):
        store.append([FIRST])
    with pytest.raises(StorageError, match="cannot be written to"), store.hold():
        pass
