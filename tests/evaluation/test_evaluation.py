"""One evaluation from request to report, and the report as files and text."""

import csv
import io
import json
import re
import threading
from dataclasses import replace
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recsys
from recsys.baselines.popularity import Popularity
from recsys.catalogue import Catalogue, Movie
from recsys.data.known_films import KnownFilms
from recsys.errors import CancelledError, DataFormatError, InputError, ModelBusyError
from recsys.evaluation.beyond_accuracy import BEYOND_ACCURACY
from recsys.evaluation.breakdowns import BREAKDOWNS
from recsys.evaluation.evaluation import run_evaluation
from recsys.evaluation.export import escape_cell, read_json, render_csv, write_csv, write_json
from recsys.evaluation.metrics import METRICS, average_precision
from recsys.evaluation.origin import Origin, hash_texts
from recsys.evaluation.report import Report
from recsys.evaluation.report_text import render_text
from recsys.evaluation.request import EvaluationRequest
from recsys.evaluation.results import RecordResult
from recsys.evaluation.runner import select_records
from recsys.evaluation.significance import minimum_detectable_effect, paired_permutation_test
from recsys.evaluation.store import RunStore
from recsys.evaluation.summary import describe_machine, hash_records, paired_difference
from recsys.evaluation.text_quality import Share
from recsys.models.host import ModelChoice
from recsys.settings import EvaluationSettings, GenerationSettings
from tests.evaluation.answers import CATALOGUE, SPLIT, FakeSystem, answer_by_id, make_answer, make_record, title

REQUEST = EvaluationRequest(
    evaluation=EvaluationSettings(num_records=10, batch_size=3),
    choice=ModelChoice(model="tiny", adapter="mine"),
    baselines=("popularity",),
)


class Notes:
    """A watcher that writes down what it is told."""

    def __init__(self):
        self.said, self.expected, self.added = [], [], []

    def say(self, message):
        self.said.append(message)

    def expect(self, total):
        self.expected.append(total)

    def add(self, result, *, resumed):
        self.added.append((result.record_id, resumed))


def evaluate(store, system=None, request=REQUEST, **changes):
    system = system or FakeSystem(answer_by_id)
    return run_evaluation(request, SPLIT, system, store, dataset_name="a small one", precision="fp32", **changes)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path, "0123456789abcdef")


@pytest.fixture
def report(store):
    return evaluate(store)


def test_a_report_holds_the_model_first_and_its_baselines_on_the_same_records(report, store):
    assert [(system.name, system.kind) for system in report.systems] == [
        ("tiny + mine", "model"),
        ("popularity", "baseline"),
    ]
    results = store.results()
    assert (report.num_records, report.num_users) == (10, len({result.user_id for result in results}))
    by_hand = sum(result.metrics["map"] for result in results) / 10
    assert report.model.metrics["map"].mean == pytest.approx(by_hand)
    assert report.model.metrics["map"].interval.low <= by_hand <= report.model.metrics["map"].interval.high
    assert report.systems[1].metrics["precision"].mean == pytest.approx(3 / 4)  # 1, 2 and 4 of 1, 2, 4, 8 or 9
    assert report.systems[1].raw is None
    difference = report.differences[0]
    assert difference.against == "popularity"
    assert difference.mean == pytest.approx(by_hand - report.systems[1].metrics["map"].mean)
    assert report.tokens == sum(result.tokens for result in results)


def test_a_report_tells_what_lists_are_like_beyond_their_hits(store):
    report = evaluate(store, catalogue=CATALOGUE)
    model, popularity = report.systems
    assert model.beyond_accuracy.keys() == popularity.beyond_accuracy.keys() == BEYOND_ACCURACY.keys()
    assert popularity.beyond_accuracy["serendipity"].value == 0.0  # it is the list that it is compared with
    assert popularity.beyond_accuracy["catalogue_coverage"].value == pytest.approx(4 / len(CATALOGUE))
    assert popularity.beyond_accuracy["novelty"].value == pytest.approx((0 + 0 + 1 + 1) / 4)  # 1 and 2; 4 and 8
    results = store.results()
    shown = {item for result in results for item in result.item_ids[:4]}
    assert model.beyond_accuracy["catalogue_coverage"].value == pytest.approx(len(shown) / len(CATALOGUE))
    hits = sum(len(({*result.item_ids} & {*result.relevant}) - {1, 2, 4, 8}) for result in results)
    assert model.beyond_accuracy["serendipity"].value == pytest.approx(hits / 10)


def test_popularity_is_what_serendipity_needs_even_where_it_is_no_baseline(store, tmp_path):
    request = replace(REQUEST, baselines=())
    with_it = evaluate(store, catalogue=CATALOGUE)
    without = evaluate(RunStore(tmp_path, "feedfeedfeedfeed"), request=request, catalogue=CATALOGUE)
    assert [system.name for system in without.systems] == ["tiny + mine"]
    assert without.model.beyond_accuracy == with_it.model.beyond_accuracy


def test_a_report_breaks_the_headline_down_for_every_system(store):
    report = evaluate(store, catalogue=CATALOGUE)
    by_what = {name for name, breakdown in BREAKDOWNS.items() if not breakdown.needs_difference}
    assert {row.by for row in report.breakdowns} == by_what == set(report.breakdown_definitions)
    for name in by_what:
        rows = [row for row in report.breakdowns if row.by == name]
        assert sum(row.num_records for row in rows) == 10
        for system in report.systems:
            total = sum(row.num_records * row.scores[system.name].mean for row in rows)
            assert total / 10 == pytest.approx(system.metrics["map"].mean)


def test_a_report_classes_every_rank_of_every_system_and_of_popularity_and_random(store):
    report = evaluate(store, catalogue=CATALOGUE)
    assert list(report.misses) == ["tiny + mine", "popularity", "random"]
    assert list(report.reference_misses) == ["random"]
    for shares in report.misses.values():
        assert {share.denominator for share in shares.values()} == {40}
        assert sum(share.numerator for share in shares.values()) == 40
    hits = sum(item in result.relevant for result in store.results() for item in result.item_ids)
    assert report.model.misses["hit"].numerator == hits
    assert report.systems[1].misses["hit"].numerator == 30  # 1, 2 and 4 of 1, 2, 4, 8
    assert report.systems[1].misses["near"].numerator == 10  # 8 shares both genres with 2 and 4


def test_popularity_and_random_are_classed_where_they_are_no_baselines(store, tmp_path):
    alone = evaluate(store, request=replace(REQUEST, baselines=()), catalogue=CATALOGUE)
    assert list(alone.reference_misses) == ["popularity", "random"]
    request = replace(REQUEST, baselines=("random", "popularity"))
    beside = evaluate(RunStore(tmp_path, "feedfeedfeedfeed"), request=request, catalogue=CATALOGUE)
    assert beside.reference_misses == {}
    assert beside.misses == alone.misses


def test_a_baseline_fills_as_many_ranks_as_the_model_was_asked_for(store):
    """Six titles at k = 4: nobody may be called unfilled for having ranked no more than four."""

    def answer(record):
        made = make_answer([1, 2])
        return replace(made, prompt=replace(made.prompt, num_recommendations=6))

    request = replace(REQUEST, generation=GenerationSettings(num_recommendations=6))
    report = evaluate(store, FakeSystem(answer), request, catalogue=CATALOGUE)
    popularity = report.systems[1]
    assert popularity.misses["unfilled"] == Share(10, 60, "ranks asked for")  # of 1, 2, 4, 8 and 9 it knows no sixth
    assert popularity.metrics["precision"].mean == pytest.approx(3 / 4)
    assert report.model.misses["unfilled"] == Share(40, 60, "ranks asked for")


def test_a_list_of_known_films_changes_the_report_and_no_record(store):
    def answer(record):
        return make_answer([title(None, "none", name="Parasite"), title(None, "none", name="Zorblax"), 1, 2])

    unchecked = evaluate(store, FakeSystem(answer), catalogue=CATALOGUE)
    before = store.results()
    films = KnownFilms.of_movies("movies.csv", [Movie(9, "Parasite", 2019)])
    checked = evaluate(store, FakeSystem(answer), catalogue=CATALOGUE, known_films=films)
    assert store.results() == before
    assert unchecked.known_films == ""
    assert "discovery" not in unchecked.model.misses
    assert "nothing to check it against" in unchecked.miss_definitions["no_such_film"]
    assert unchecked.model.misses["no_such_film"].numerator == 20
    assert checked.known_films == "movies.csv, 1 films"
    assert checked.model.misses["discovery"].numerator == checked.model.misses["no_such_film"].numerator == 10
    plain = checked.to_dict()
    assert "of movies.csv, 1 films" in plain["miss_definitions"]["no_such_film"]
    assert plain["systems"][0]["misses"]["discovery"] == {
        "numerator": 10,
        "denominator": 40,
        "of": "ranks asked for",
        "value": 0.25,
    }


def test_without_the_catalogue_a_report_has_neither(report):
    assert report.breakdowns == ()
    assert all(system.beyond_accuracy == system.misses == {} for system in report.systems)
    assert report.misses == {}


def test_a_difference_carries_its_permutation_test_and_what_could_be_seen(report, store):
    difference = report.differences[0]
    ours = [result.metrics["map"] for result in store.results()]
    users = [result.user_id for result in store.results()]
    theirs = [average_precision([1, 2, 3, 4], (1, 2, 4, 8), 4)] * 10
    assert difference.permutation == paired_permutation_test(ours, theirs, users)
    assert difference.permutation.is_exact
    assert difference.minimum_detectable_effect == pytest.approx(minimum_detectable_effect(ours, theirs, users))


def test_p_values_are_adjusted_for_all_baselines_of_the_report(store):
    """Of two baselines the smaller p is doubled, and the larger is at least that."""
    report = evaluate(store, request=replace(REQUEST, baselines=("popularity", "random")))
    least, most = sorted(report.differences, key=lambda difference: difference.permutation.p_value)
    assert least.adjusted_p_value == min(1.0, 2 * least.permutation.p_value)
    assert most.adjusted_p_value == max(least.adjusted_p_value, most.permutation.p_value)
    (alone,) = evaluate(store).differences
    assert alone.adjusted_p_value == alone.permutation.p_value == alone.deciding_p_value


def test_one_user_alone_has_nothing_to_adjust(store):
    request = EvaluationRequest(EvaluationSettings(num_records=1), baselines=("popularity", "random"))
    assert [difference.deciding_p_value for difference in evaluate(store, request=request).differences] == [None, None]


def test_the_raw_score_counts_only_what_was_written_exactly(store):
    system = FakeSystem(lambda record: make_answer([1, title(2, "fuzzy", distance=1.0)]))
    report = evaluate(store, system)
    assert report.model.metrics["recall"].mean == 0.5
    assert report.model.raw["recall"].mean == 0.25


def test_the_protocol_is_told_in_words(report, store):
    assert "10 of the 12 records of the test users, drawn with seed 0" in report.protocol
    assert "ratings of 4 or more" in report.protocol
    assert "the first 3 given, the next 4 to be found" in report.protocol
    assert "likes of the train and validation users" in report.protocol
    whole = evaluate(store, request=EvaluationRequest(EvaluationSettings(num_records=0), baselines=()))
    assert "all 12 records of the test users" in whole.protocol


def test_model_and_baselines_know_no_more_than_the_likes_that_are_shown(store):
    """Of 901, 902 and 903 the last one alone is known, to the baseline too."""
    seen = []

    def fit(likes):
        recommender = Popularity.fit({**likes, 99: (901, 902, 903)})
        scores = recommender.scores
        recommender.scores = lambda histories: (seen.extend(histories), scores(histories))[1]
        return recommender

    request = replace(REQUEST, evaluation=REQUEST.evaluation.replace(history_length=1), baselines=("similarity",))
    system = FakeSystem(lambda record: make_answer([*record.history]))
    report = evaluate(store, system, request=request, other_baselines={"similarity": fit}, catalogue=CATALOGUE)
    assert {result.history for result in store.results()} == {(903,)} == set(seen)
    assert {result.item_ids for result in store.results()} == {(903,)}
    told = "the last 4 to be found, of those before only the latest 1 given (history length 1)"
    assert told in report.protocol
    assert "the first" not in report.protocol


def test_a_cold_start_is_reported_with_what_is_not_known_of_it(store):
    request = replace(REQUEST, evaluation=REQUEST.evaluation.replace(history_length=0))
    report = evaluate(store, request=request, catalogue=CATALOGUE)
    assert report.systems[1].beyond_accuracy["decade_drift"].value is None
    assert {row.group for row in report.breakdowns if row.by in ("coherence", "decade")} == {"unknown"}
    assert "latest 0 given" in render_text(report)


def test_a_cancelled_evaluation_goes_on_to_the_report_of_an_uninterrupted_one(store, tmp_path):
    cancel = threading.Event()
    stopping = FakeSystem(answer_by_id, lambda num_batches: cancel.set() if num_batches == 3 else None)
    with pytest.raises(CancelledError, match="after 6 of 10"):
        evaluate(store, stopping, cancel=cancel)
    assert store.report() is None
    notes, system = Notes(), FakeSystem(answer_by_id)
    resumed = evaluate(store, system, watcher=notes)
    assert [was_held for _, was_held in notes.added] == [True] * 6 + [False] * 4
    assert sum(map(len, system.batches)) == 4
    assert notes.expected == [10]
    assert notes.said == ["Scoring the baseline popularity on 10 records"]
    alone = evaluate(RunStore(tmp_path, "feedfeedfeedfeed"))
    assert resumed.model.metrics == alone.model.metrics
    assert (resumed.differences, resumed.text_quality) == (alone.differences, alone.text_quality)


def test_a_held_record_in_the_middle_still_pairs_with_its_baseline(store, tmp_path):
    """Several processes leave records from the middle: the report keeps the order of the records."""
    whole = evaluate(store)
    results = store.results()
    middle = RunStore(tmp_path / "another", store.fingerprint)
    middle.append([results[7], results[4]])
    again = evaluate(middle)
    assert again.model.metrics == whole.model.metrics
    assert again.differences == whole.differences


def test_the_same_run_cannot_be_run_twice_at_once(store):
    with store.hold(), pytest.raises(ModelBusyError):
        evaluate(store)


def test_a_split_without_records_is_refused_before_anything_is_written(store, tmp_path):
    with pytest.raises(InputError, match="no records to evaluate"):
        evaluate(store, request=EvaluationRequest(EvaluationSettings(split="validation")))
    assert list(tmp_path.iterdir()) == []


def test_a_report_tells_what_it_is_made_of_and_how_to_make_it_again(store):
    prompts = []

    def render(record):
        prompts.append(record.record_id)
        return f"prompt of {record.record_id}"

    origin = Origin({"data": "dddd", "weights": "wwww"}, render, ("--split-fold=2",))
    report = evaluate(store, origin=origin)
    assert report.provenance["data"] == "dddd"
    assert report.provenance["recsys"] == recsys.__version__
    assert report.provenance["torch"] == version("torch")
    records = select_records(SPLIT.records["test"], REQUEST.evaluation)
    assert report.provenance["prompts"] == hash_texts(f"prompt of {record.record_id}" for record in records)
    assert report.command.startswith("python -m recsys evaluate --records=10 ")
    assert report.command.endswith("--baselines popularity --split-fold=2")
    assert set(prompts) == {record.record_id for record in records}


def test_a_report_survives_json_and_the_disk(store, tmp_path):
    report = evaluate(store, catalogue=CATALOGUE)
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert store.report() == report
    write_json(report, tmp_path / "new" / "copy.json")
    assert read_json(tmp_path / "new" / "copy.json") == report
    plain = json.loads((tmp_path / "new" / "copy.json").read_text())
    assert plain["definitions"]["map"].startswith("MAP@4: ")
    assert plain["systems"][0]["metrics"]["map"]["interval"]["level"] == 0.95


def as_an_older_release_wrote_it(report):
    """Without what was added since: MRR, tests, what lists are like, classes of ranks, and breakdowns."""
    old = json.loads(json.dumps(report.to_dict()))
    for name in ("breakdowns", "beyond_accuracy_definitions", "breakdown_definitions", "significance_method"):
        del old[name]
    for name in ("known_films", "reference_misses", "miss_definitions"):
        del old[name]
    for system in old["systems"]:
        del (
            system["beyond_accuracy"],
            system["coverage"],
            system["misses"],
            system["was_fitted"],
            system["metrics"]["mrr"],
        )
    for difference in old["differences"]:
        del difference["permutation"], difference["minimum_detectable_effect"], difference["adjusted_p_value"]
    del old["definitions"]["mrr"]
    return old


def test_a_report_of_an_older_release_is_read_and_printed_with_what_it_has(store, tmp_path):
    report = evaluate(store, catalogue=CATALOGUE)
    path = tmp_path / "old.json"
    path.write_text(json.dumps(as_an_older_release_wrote_it(report)))
    old = read_json(path)
    assert old.metric_names == ("map", "precision", "recall", "ndcg", "hit_rate") == tuple(old.definitions)
    assert old.model.metrics["map"] == report.model.metrics["map"]
    assert (old.breakdowns, old.differences[0].permutation, old.differences[0].adjusted_p_value) == ((), None, None)
    text = render_text(old)
    assert "MAP@4 minus popularity" in text
    assert "MRR" not in text
    assert "p =" not in text
    assert "Beyond accuracy" not in text
    assert "Every rank" not in text
    assert (old.misses, old.miss_definitions, old.known_films) == ({}, {}, "")
    assert Report.from_dict(old.to_dict()) == old


def test_the_coverage_of_a_baseline_is_told_in_json_and_text(store):
    report = evaluate(store, request=replace(REQUEST, baselines=("popularity", "ease")))
    known = {system["name"]: system["coverage"] for system in report.to_dict()["systems"]}
    assert known["tiny + mine"] is None
    assert known["popularity"] == 1.0
    assert 0 <= known["ease"] <= 1
    assert f"that baselines know hold: popularity 100.0%, ease {known['ease']:.1%}" in render_text(report)


def test_a_report_of_before_coverage_was_told_can_be_read(report):
    plain = report.to_dict()
    for system in plain["systems"]:
        del system["coverage"]
    old = Report.from_dict(plain)
    assert [system.coverage for system in old.systems] == [None, None]
    assert "baselines know" not in render_text(old)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null"])
def test_a_broken_report_is_told_with_its_path(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(DataFormatError, match=r"report\.json"):
        read_json(path)


def test_a_missing_report_is_told_with_its_path(tmp_path):
    with pytest.raises(DataFormatError, match=r"none\.json"):
        read_json(tmp_path / "none.json")


def test_the_csv_has_one_row_a_record_with_every_metric(store, report, tmp_path):
    path = tmp_path / "records.csv"
    movies = tuple(Movie(item_id, f"Movie {item_id}", 1990) for item_id in (1, 2, 3, 901))
    write_csv(store.results(), path, catalogue=Catalogue(movies))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["record_id"] for row in rows] == [result.record_id for result in store.results()]
    for row, result in zip(rows, store.results(), strict=True):
        assert {name: float(row[name]) for name in METRICS} == result.metrics
        assert {name: float(row[f"raw_{name}"]) for name in METRICS} == result.raw_metrics
        assert row["completion"] == result.completion
        assert row["history_titles"] == "Movie 901 (1990) | 902 | 903"
        assert row["relevant"] == "1 | 2 | 3 | 4"


def test_a_miss_keeps_its_place_in_the_csv():
    answer = make_answer([1, title(None, "none", name="Void"), 3])
    result = RecordResult.from_recommendation(make_record("7-0"), answer, k=4)
    row = next(csv.DictReader(io.StringIO(render_csv([result]))))
    assert row["item_ids"] == "1 |  | 3"
    assert row["matches"] == "exact | none | exact"


@given(st.lists(st.text(), min_size=1, max_size=4), st.text())
def test_no_text_of_a_model_becomes_a_formula_or_another_row(names, text):
    answer = make_answer([title(None, "none", name=name or "x") for name in names], text=text)
    result = RecordResult.from_recommendation(make_record("7-0"), answer, k=4)
    rows = list(csv.reader(io.StringIO(render_csv([result, result]), newline="")))
    assert len(rows) == 3
    assert len({len(row) for row in rows}) == 1
    assert not any(cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in rows for cell in row)
    assert rows[1][rows[0].index("completion")] in (text, f"'{text}")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1"])
def test_what_a_spreadsheet_would_run_is_marked_as_text(text):
    assert escape_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Alien (1979)", "9 = 3", "a-b", "'quoted'"])
def test_ordinary_text_is_left_alone(text):
    assert escape_cell(text) == text


def test_a_lone_surrogate_does_not_keep_a_csv_from_being_written(tmp_path):
    result = RecordResult.from_recommendation(make_record("7-0"), make_answer([1], text="a \ud800 b"), k=4)
    write_csv([result], tmp_path / "records.csv")
    assert "a ? b" in (tmp_path / "records.csv").read_text(encoding="utf-8")


def test_differences_of_other_records_are_refused(store, report):
    results = store.results()
    with pytest.raises(ValueError, match="others, or in another order"):
        paired_difference(results, results[::-1], against="itself")


def test_the_same_records_have_the_same_hash_in_any_order():
    assert hash_records(["1-0", "2-0"]) == hash_records(["2-0", "1-0"]) != hash_records(["1-0", "2-1"])


def test_the_machine_is_told_by_its_kind_alone():
    assert re.fullmatch(r"\w+ \S+, \d+ cores, \d+ GB, Python 3\.\d+\.\d+", describe_machine())
