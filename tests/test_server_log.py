import io
import json
import logging
import traceback

import pytest

from recsys.errors import CancelledError, HistoryError, ModelBusyError, ServerError
from recsys.server_log import log_printed_errors, noted, set_up_log, take_over


@pytest.fixture
def written():
    """Gives the lines of a log in one of the formats; the loggers are as they were afterwards."""
    root, package = logging.getLogger(), logging.getLogger("recsys")
    before = root.handlers[:], root.level, package.level
    stream = io.StringIO()

    def start(log_format, **options):
        set_up_log(log_format, stream, **options)
        return lambda: stream.getvalue().splitlines()

    yield start
    logging.captureWarnings(False)
    root.handlers[:], root.level = before[0], before[1]
    package.setLevel(before[2])


def test_a_request_is_one_json_line_of_its_facts(written):
    lines = written("json")
    with noted("recommend", model="gptj-mini", adapter="gptj-mini-story"):
        pass
    (line,) = map(json.loads, lines())
    assert line.pop("time").endswith("+00:00")
    assert line.pop("seconds") < 1
    message = line.pop("message")
    assert message.startswith("recommend by gptj-mini with gptj-mini-story: done in 0.0")
    assert line == {
        "level": "info",
        "logger": "recsys.requests",
        "kind": "recommend",
        "model": "gptj-mini",
        "adapter": "gptj-mini-story",
        "outcome": "done",
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (CancelledError("stopped"), "stopped"),
        (GeneratorExit(), "stopped"),
        (HistoryError("no", seen="Secret Film"), "refused"),
        (ModelBusyError("busy"), "refused"),
        (ServerError("gone"), "failed"),
        (ZeroDivisionError("Secret Film"), "broken"),
    ],
)
def test_how_a_request_ended_is_told_without_what_was_asked(written, error, outcome):
    lines = written("json")
    with pytest.raises(type(error)), noted("recommend", model="m", adapter=None):
        raise error
    line = json.loads(lines()[0])
    assert line["outcome"] == outcome
    assert line.get("error") == (None if outcome == "stopped" else type(error).__name__)
    assert "Secret" not in lines()[0]


def test_an_outcome_that_the_block_knows_wins(written):
    lines = written("json")

    def answers():
        with noted("recommend", model="m", adapter=None) as note:
            note.outcome = "done"
            yield

    parts = answers()
    next(parts)
    parts.close()  # who has the answer asks for nothing more
    assert json.loads(lines()[0])["outcome"] == "done"


def test_people_read_one_line(written):
    lines = written("text")
    with noted("evaluate", model="gptj-mini", adapter=None):
        pass
    assert lines()[0].split(" ", 1)[1].startswith("INFO recsys.requests: evaluate by gptj-mini: done in 0.0")


def test_a_visitors_name_cannot_write_lines_of_its_own(written):
    lines = written("text")
    with noted("recommend", model="x\n12:00:00 INFO all is well" + "y" * 1000, adapter="a\x1b[2J"):
        pass
    (line,) = lines()
    assert "x?12:00:00" in line
    assert "\x1b" not in line
    assert len(line) < 250


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_secrets_of_the_environment_are_blotted_out(written, log_format, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghij")
    lines = written(log_format)
    logging.getLogger("somebody").warning("asked with hf_abcdefghij")
    assert "asked with •••" in lines()[0]
    assert "hf_abc" not in lines()[0]


def test_an_error_is_told_by_type_and_place_alone_in_json(written):
    lines = written("json")
    try:
        raise ValueError("what a person typed")
    except ValueError:
        logging.getLogger("recsys.somewhere").exception("it failed")
    line = json.loads(lines()[0])
    assert line["error"] == "ValueError"
    assert line["trace"][0].endswith("test_an_error_is_told_by_type_and_place_alone_in_json")
    assert "typed" not in lines()[0]


@pytest.mark.parametrize(("options", "has_words"), [({}, True), ({"words": False}, False)])
def test_what_gradio_prints_of_an_error_is_logged_with_or_without_its_words(written, monkeypatch, options, has_words):
    monkeypatch.setattr(traceback, "print_exc", traceback.print_exc)
    lines = written("text", **options)
    log_printed_errors()
    sent = " ".join(["what", "a", "person", "typed"])
    try:
        raise ValueError(sent)
    except ValueError:
        traceback.print_exc()
    told = "\n".join(lines())
    assert "ERROR recsys.errors: an error that was not expected" in told
    assert "ValueError" in told
    assert ("a person typed" in told) is has_words


def test_a_library_that_writes_by_itself_is_taken_over(written):
    lines, library = written("json"), logging.getLogger("a.library")
    own = io.StringIO()
    library.addHandler(logging.StreamHandler(own))
    library.propagate = False
    take_over("a.library")
    library.warning("hm")
    assert own.getvalue() == ""
    assert json.loads(lines()[0])["message"] == "hm"
