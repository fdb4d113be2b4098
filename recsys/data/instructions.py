"""Writes the records as training files: instruction/input/output for LLaMA, one joined text for GPT-J.

All text comes from recsys.prompts, so a model is trained on the bytes that it is later asked with. Two
files are written for each user set, one record a line, in the order of the split's records, and a
manifest that names the prompt format. This module knows no tokenizer and no model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from recsys.catalogue import Catalogue
from recsys.data.atomic import open_atomically
from recsys.data.records import Record, SplitData, few_shot_records, to_example
from recsys.prompt_ids import prompt_id
from recsys.prompts import PromptExample, render, render_answer
from recsys.settings import PromptSettings, SplitName

MANIFEST = "manifest.json"
ALL_SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Instruction:
    """One record as text.

    Attributes:
        instruction: The task; for the completion styles the whole prompt.
        input: The history; empty for the completion styles.
        output: The answer, from its first byte after the template.
        text: Prompt and answer joined.
    """

    instruction: str
    input: str
    output: str
    text: str


def to_instruction(
    record: Record, catalogue: Catalogue, prompt: PromptSettings, *, examples: Sequence[PromptExample] = ()
) -> Instruction:
    """Renders one record as the prompt that is asked and the answer that is wanted."""
    case = to_example(record, catalogue)
    asked = render(case.liked, prompt, num_recommendations=len(case.answer), disliked=case.disliked, examples=examples)
    answer = render_answer(case.answer, prompt)
    text = asked.text + answer
    if asked.instruction is None:
        return Instruction(asked.text, "", answer, text)
    # The response of the template starts on a line of its own, so a list of lines brings no line break.
    output = (asked.answer_prefix + answer).removeprefix("\n")
    return Instruction(asked.instruction, asked.input, output, text)


def build_instructions(
    split: SplitData,
    catalogue: Catalogue,
    folder: Path,
    *,
    prompt: PromptSettings,
    splits: Sequence[SplitName] = ALL_SPLITS,
    seed: int = 0,
) -> dict[SplitName, int]:
    """Writes <split>.instructions.json, <split>.text.json and manifest.json, each whole or not at all.

    The first holds objects of instruction, input and output, the second objects of text. Equal
    arguments give equal bytes. Worked examples of the few-shot style never show the user of the record.

    Args:
        split: The user sets and records.
        catalogue: Names of the movies.
        folder: Where to write; made when missing.
        prompt: The prompt format.
        splits: Which user sets to write.
        seed: Draws the worked examples.

    Returns:
        Records written for each user set.
    """
    worked: tuple[Record, ...] = ()
    if prompt.style == "few_shot":  # one more than is shown, so that one can be left out for its own user
        worked = few_shot_records(split, catalogue, num_examples=prompt.num_examples + 1, seed=seed)
    counts: dict[SplitName, int] = {}
    for name in splits:
        rows = (
            to_instruction(record, catalogue, prompt, examples=_examples_for(record, worked, catalogue, prompt))
            for record in split.records[name]
        )
        with ExitStack() as stack:
            instructions = _JsonArray(stack.enter_context(open_atomically(folder / f"{name}.instructions.json")))
            texts = _JsonArray(stack.enter_context(open_atomically(folder / f"{name}.text.json")))
            for row in rows:
                instructions.append({"instruction": row.instruction, "input": row.input, "output": row.output})
                texts.append({"text": row.text})
            counts[name] = instructions.close()
            texts.close()
    _write_manifest(folder, prompt, counts, seed)
    return counts


def _examples_for(
    record: Record, worked: tuple[Record, ...], catalogue: Catalogue, prompt: PromptSettings
) -> list[PromptExample]:
    others = [other for other in worked if other.user_id != record.user_id]
    return [to_example(other, catalogue) for other in others[: prompt.num_examples]]


def _write_manifest(folder: Path, prompt: PromptSettings, counts: dict[SplitName, int], seed: int) -> None:
    manifest = {"prompt_id": prompt_id(prompt), "prompt": prompt.to_dict(), "seed": seed, "records": counts}
    with open_atomically(folder / MANIFEST) as file:
        file.write((json.dumps(manifest, indent=2) + "\n").encode())


class _JsonArray:
    """A JSON array written one element a line, so that millions of records need no memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._length = 0

    def append(self, element: dict[str, Any]) -> None:
        self._file.write(b",\n" if self._length else b"[\n")
        self._file.write(json.dumps(element, ensure_ascii=False).encode())
        self._length += 1

    def close(self) -> int:
        """Ends the array and returns its length."""
        self._file.write(b"\n]\n" if self._length else b"[]\n")
        return self._length
