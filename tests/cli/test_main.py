"""The command line as a person uses it; models are left to the integration tests."""

import json

import pytest

from recsys.cli.deploy import LARGEST_FILE, space_files
from recsys.cli.main import main
from recsys.cli.recommend import find_entry
from recsys.cli.synthetic_catalogue import enlarge, misspell


def test_without_a_command_the_usage_is_shown_with_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_data_info_counts_what_the_protocol_fixes(capsys):
    assert main(["data", "info", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["movies"] == 9061
    assert summary["records_by_split"]["test"] == 716
    assert summary["likes"] == 51_564


def test_data_build_writes_one_file_for_each_split(tmp_path, capsys):
    assert main(["data", "build", "--out", str(tmp_path)]) == 0
    assert "test: 716 records" in capsys.readouterr().out
    assert list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recommend", "Alien", "--temperature", "9"], "temperature is out of range"),
        (["recommend", "Alien", "--temperature", "nan"], "temperature is out of range"),
        (["recommend", "--record", "no-such"], "no such record"),
        (["recommend", "Alien", "--record", "15-0"], "given more than once"),
        (["recommend", " "], "a title is blank"),
        (["recommend", *["Alien"] * 51], "too many liked movies"),
        (["recommend", "Alien", "--model", "../../etc"], "seen: '../../etc'"),
        (["recommend", "Alien", "--data", "/no/such/folder"], "/no/such/folder"),
        (["evaluate", "--records", "-1"], "num_records is out of range"),
        (["evaluate", "--records", "4", "--k", "0"], "k is out of range"),
        (["evaluate", "--records", "4", "--history-length", "51"], "history_length is out of range"),
        (["deploy", "no-slash"], "a Space is named user/name"),
    ],
)
def test_bad_input_ends_with_exit_code_2_and_a_sentence_not_a_traceback(arguments, message, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_an_unknown_option_value_ends_with_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["recommend", "Alien", "--style", "telepathy"])
    assert caught.value.code == 2
    assert "few_shot" in capsys.readouterr().err


def test_a_persons_text_is_a_title_an_item_id_or_itself(catalogue):
    assert find_entry("spirited away", catalogue) == 5618
    assert find_entry("2571", catalogue) == 2571
    assert find_entry("My Holiday Video", catalogue) == "My Holiday Video"
    assert find_entry("99999999", catalogue) == "99999999"


def test_the_files_of_a_space_are_complete_and_small(pytestconfig):
    files = {str(path) for path in space_files(pytestconfig.rootpath)}
    assert {"app.py", "requirements.txt", "README.md", "LICENSE", "recsys/workbench.py"} <= files
    assert any(path.startswith("assets/movielens/") for path in files)
    assert not any("__pycache__" in path for path in files)
    assert all((pytestconfig.rootpath / path).stat().st_size <= LARGEST_FILE for path in files)


def test_deploy_can_list_its_files_without_the_network(capsys):
    assert main(["deploy", "me/space", "--dry-run"]) == 0
    assert "app.py" in capsys.readouterr().out


def test_the_benchmark_catalogue_has_the_size_asked_for_and_keeps_the_real_movies(catalogue):
    large = enlarge(catalogue, 1000)
    assert len(large) == 1000
    assert set(catalogue.by_id) <= set(large.by_id)
    assert len(misspell(large, 5)) == 5
