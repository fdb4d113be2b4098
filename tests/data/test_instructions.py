import itertools
import json

import pytest

from recsys.catalogue import Catalogue
from recsys.data import instructions
from recsys.data.atomic import open_atomically
from recsys.data.instructions import build_instructions, to_instruction
from recsys.data.movielens import load
from recsys.data.records import SplitData, split_records
from recsys.prompt_ids import prompt_id
from recsys.prompts import render, render_answer
from recsys.settings import PromptSettings

ALPACA = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)
INSTRUCTION = PromptSettings(style="instruction", include_years=True)


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue(load().movies)


@pytest.fixture(scope="module")
def split():
    """The real split, cut to a few records of each set so that every style is written fast."""
    whole = split_records(load())
    return SplitData(whole.users, {name: records[:12] for name, records in whole.records.items()}, whole.likes)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_each_set_gets_both_forms_with_every_record_in_order(split, catalogue, tmp_path):
    counts = build_instructions(split, catalogue, tmp_path, prompt=INSTRUCTION)
    assert counts == {"train": 12, "validation": 12, "test": 12}
    for name, records in split.records.items():
        rows, texts = read(tmp_path / f"{name}.instructions.json"), read(tmp_path / f"{name}.text.json")
        assert [set(row) for row in rows] == [{"instruction", "input", "output"}] * 12
        assert [set(row) for row in texts] == [{"text"}] * 12
        for row, record in zip(rows, records, strict=True):
            assert row["output"] == render_answer([catalogue[item] for item in record.relevant], INSTRUCTION)
            assert all(catalogue[item].display() in row["input"] for item in record.history)
            assert not any(catalogue[item].display() in row["input"] for item in record.relevant)


def test_a_record_reads_as_one_would_write_it_by_hand(split, catalogue):
    record = next(record for record in split.records["test"] if record.record_id == "3-0")
    written = to_instruction(record, catalogue, PromptSettings(style="zero_shot", include_years=False))
    history = "; ".join(catalogue[item].title for item in record.history)
    answer = "".join(f" {catalogue[item].title};" for item in record.relevant)
    assert written.text == f"{history} =>{answer}"
    assert (written.instruction, written.input, written.output) == (f"{history} =>", "", answer)


@pytest.mark.parametrize("separator", [";", ",", "newline", "numbered"])
@pytest.mark.parametrize("include_disliked", [True, False])
def test_the_alpaca_template_around_the_fields_gives_the_joined_text(split, catalogue, separator, include_disliked):
    prompt = PromptSettings(style="instruction", list_separator=separator, include_disliked=include_disliked)
    for record in split.records["train"]:
        row = to_instruction(record, catalogue, prompt)
        template = ALPACA.replace("{instruction}", row.instruction).replace("{input}", row.input)
        assert template + row.output == row.text


@pytest.mark.parametrize(
    ("style", "symbol", "separator"),
    itertools.product(
        ["zero_shot", "few_shot", "instruction"], ["=>", "[]", "()", "words"], [";", ",", "newline", "numbered"]
    ),
)
def test_the_joined_text_starts_with_the_prompt_that_serving_renders(split, catalogue, style, symbol, separator):
    prompt = PromptSettings(style=style, queue_symbol=symbol, list_separator=separator)
    record = split.records["validation"][0]
    history = [catalogue[item] for item in record.history]
    assert to_instruction(record, catalogue, prompt).text == (
        render(history, prompt, num_recommendations=4).text
        + render_answer([catalogue[item] for item in record.relevant], prompt)
    )


def test_worked_examples_never_show_the_user_of_the_record(catalogue, tmp_path, monkeypatch):
    split = split_records(load())
    shown = instructions.few_shot_records(split, catalogue, num_examples=4)
    own = shown[0]
    few = SplitData(split.users, {**split.records, "train": tuple(shown)}, split.likes)
    monkeypatch.setattr(instructions, "few_shot_records", lambda *_, **__: shown)
    build_instructions(
        few, catalogue, tmp_path, prompt=PromptSettings(num_examples=3, include_years=True), splits=["train"]
    )
    text = read(tmp_path / "train.text.json")[0]["text"]
    answer = " ".join(f"{catalogue[item].display()};" for item in own.relevant)
    assert text.count(answer) == 1
    assert text.rstrip("\n").endswith(answer)
    for other in shown[1:]:
        assert " ".join(f"{catalogue[item].display()};" for item in other.relevant) in text


def test_building_twice_gives_the_same_bytes_and_nothing_else(split, catalogue, tmp_path):
    for name in ("a", "b"):
        build_instructions(split, catalogue, tmp_path / name, prompt=PromptSettings())
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(
        ["manifest.json"] + [f"{s}.{form}.json" for s in split.records for form in ("instructions", "text")]
    )
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_manifest_names_the_prompt_and_the_counts(split, catalogue, tmp_path):
    build_instructions(split, catalogue, tmp_path, prompt=INSTRUCTION, splits=["validation"], seed=3)
    manifest = read(tmp_path / "manifest.json")
    assert manifest == {
        "prompt_id": prompt_id(INSTRUCTION),
        "prompt": INSTRUCTION.to_dict(),
        "seed": 3,
        "records": {"validation": 12},
    }
    assert not (tmp_path / "train.text.json").exists()


def test_a_set_without_records_is_an_empty_list(split, catalogue, tmp_path):
    empty = SplitData(split.users, {**split.records, "test": ()}, split.likes)
    assert build_instructions(empty, catalogue, tmp_path, prompt=INSTRUCTION, splits=["test"]) == {"test": 0}
    assert read(tmp_path / "test.instructions.json") == read(tmp_path / "test.text.json") == []


def test_a_build_that_fails_half_way_leaves_the_old_files_whole(split, catalogue, tmp_path):
    build_instructions(split, catalogue, tmp_path, prompt=INSTRUCTION, splits=["test"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    known = {item for record in split.records["test"][:5] for item in (*record.history, *record.relevant)}
    lacking = Catalogue(tuple(movie for movie in catalogue if movie.item_id in known))
    with pytest.raises(Exception, match="no such item"):
        build_instructions(split, lacking, tmp_path, prompt=INSTRUCTION, splits=["test"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_atomic_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "file.txt"

    def write_half():
        with open_atomically(path) as file:
            file.write(b"half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_half()
    assert list(path.parent.iterdir()) == []
    with open_atomically(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]
