"""``runs``: past evaluations listed, shown, compared and written, without a model."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from recsys.cli.main import main
from recsys.cli.runs import find_run
from recsys.errors import InputError
from recsys.evaluation.request import EvaluationRequest
from recsys.settings import EvaluationSettings, GenerationSettings
from tests.ui.fake_evaluation import ScriptedWorkbench, report_of, result, title

SIX = EvaluationRequest(evaluation=EvaluationSettings(num_records=6), baselines=("popularity",))
GREEDY = replace(SIX, generation=GenerationSettings(temperature=0))
SEVEN_DEEP = replace(SIX, evaluation=EvaluationSettings(num_records=6, k=7))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A folder of runs, and the fingerprints of a sampled, a greedy and a deeper one on the same six records."""
    workbench = ScriptedWorkbench(tmp_path_factory.mktemp("runs"))
    names = []
    for request in (SIX, GREEDY, SEVEN_DEEP):
        state = workbench.start_evaluation(request).wait(60)
        names.append(state.report.fingerprint)
    return str(workbench.options.runs), names


def test_the_list_tells_model_settings_score_and_records_of_every_run(evaluated, capsys):
    folder, names = evaluated
    assert main(["runs", "list", "--runs", folder]) == 0
    heads, *rows = capsys.readouterr().out.splitlines()
    assert heads.split()[:3] == ["run", "model", "settings"]
    assert {row.split()[0] for row in rows} == set(names)
    greedy = next(row for row in rows if row.startswith(names[1]))
    assert "smollm2-135m" in greedy
    assert "few-shot, T 0, bf16" in greedy
    assert "6 test" in greedy
    assert "MAP@4 0." in greedy


def test_the_list_as_json_has_a_row_for_each_run(evaluated, capsys):
    folder, names = evaluated
    assert main(["runs", "list", "--json", "--runs", folder]) == 0
    rows = {row["fingerprint"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == set(names)
    assert (rows[names[2]]["k"], rows[names[2]]["num_records"]) == (7, 6)


def test_without_runs_the_list_says_how_one_is_made(tmp_path, capsys):
    assert main(["runs", "list", "--runs", str(tmp_path)]) == 0
    assert "python -m recsys evaluate" in capsys.readouterr().out


def test_shipped_reports_are_listed_on_demand_and_shown_like_any_other(evaluated, capsys):
    folder, names = evaluated
    assert main(["runs", "list", "--shipped", "--json", "--runs", folder]) == 0
    listed = [row["fingerprint"] for row in json.loads(capsys.readouterr().out)]
    assert set(names) < set(listed)
    assert main(["runs", "show", listed[-1], "--runs", folder]) == 0
    assert f"Run {listed[-1]}" in capsys.readouterr().out


def test_the_beginning_of_a_fingerprint_is_enough_to_show_a_run(evaluated, capsys):
    folder, names = evaluated
    assert main(["runs", "show", names[0][:6], "--runs", folder]) == 0
    assert f"Run {names[0]}" in capsys.readouterr().out


def test_two_runs_are_compared_with_verdict_settings_and_decades(evaluated, capsys):
    folder, names = evaluated
    assert main(["runs", "compare", names[0], names[1], "--runs", folder]) == 0
    printed = capsys.readouterr().out
    assert "On the 6 records" in printed
    assert "generation.temperature" in printed
    assert "recommended by A" in printed


def test_a_run_is_written_as_json_csv_and_markdown(evaluated, tmp_path, capsys):
    folder, names = evaluated
    paths = {kind: tmp_path / f"run.{kind}" for kind in ("json", "csv", "markdown")}
    options = [option for kind, path in paths.items() for option in (f"--{kind}", str(path))]
    assert main(["runs", "export", names[0], *options, "--runs", folder]) == 0
    assert json.loads(paths["json"].read_text())["fingerprint"] == names[0]
    header, first, *_ = paths["csv"].read_text().splitlines()
    assert "recommended_titles" in header
    assert first
    assert paths["markdown"].read_text().startswith("# smollm2-135m on ")
    assert set(capsys.readouterr().out.split()) == {str(path) for path in paths.values()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "no-such"], "no finished run is called so (seen: 'no-such'). runs list tells which there are"),
        (["show", ""], "no finished run is called so"),
        (["export", "{0}"], "no file is named"),
        (["export", "{0}", "--json", "/proc/no/such"], "the run cannot be written"),
        (["compare", "{0}", "{0}"], "a run cannot be compared with itself"),
        (["compare", "{0}", "{2}"], "the runs are scored at different K (seen: 'K = 4 and K = 7')"),
    ],
)
def test_what_cannot_be_done_ends_with_exit_code_2_and_the_mend(evaluated, arguments, message, capsys):
    folder, names = evaluated
    assert main(["runs", *(part.format(*names) for part in arguments), "--runs", folder]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err


def report_called(fingerprint):
    return report_of([result("15-0", [title("Toy Story", 1)], (1,))], fingerprint=fingerprint)


def test_a_beginning_that_several_runs_share_is_refused_with_their_names():
    reports = [report_called("abc1"), report_called("abc2"), report_called("abc")]
    assert find_run(reports, "abc1") is reports[0]
    assert find_run(reports, "abc") is reports[2]
    with pytest.raises(InputError, match=r"several runs start so .*abc1, abc2, abc"):
        find_run(reports, "ab")


def test_no_model_and_no_torch_are_loaded(evaluated):
    folder, names = evaluated
    program = (
        "import sys; from recsys.cli.main import main; "
        f"code = main(['runs', 'compare', {names[0]!r}, {names[1]!r}, '--runs', {folder!r}]); "
        "assert not {'torch', 'transformers', 'gradio', 'plotly'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
