"""The answers as one Markdown report. Computes nothing."""

from __future__ import annotations

from typing import Final

from recsys.tuning.effects.findings import Finding, Table
from recsys.tuning.effects.questions import QUESTIONS, Effects
from recsys.tuning.effects.words import CLEAR

_DEFINITIONS: Final = (
    "Clean lists: share of completions that are a list of titles and nothing else; 4 titles: share with exactly four; "
    "out of catalogue, repeated: shares of the titles written. Processor seconds are of the process, with one thread; "
    "seconds of the wall clock depend on other work on the machine and stand in effects.json alone. MAP@4 is the mean "
    "over records, 95% interval with users resampled."
)


def render_effects(effects: Effects) -> str:
    """The whole report."""
    lines = ["# What generator settings do", "", *_head(effects), "", "## In short", ""]
    for name, finding in effects.findings.items():
        lines.append(f"- **[{QUESTIONS[name].title}](#{_anchor(QUESTIONS[name].title)})** {finding.answer}")
    lines += [f"- **{QUESTIONS[name].title}** {text}" for name, text in effects.missing_told().items()]
    for name, finding in effects.findings.items():
        lines += ["", f"## {QUESTIONS[name].title}", "", *_finding(finding)]
    return "\n".join(lines) + "\n"


def _head(effects: Effects) -> list[str]:
    small, some, large, base = (str(number) if number else "all" for number in vars(effects.sizes).values())
    return [
        f"Test records of {effects.data_name}: gptj-mini is asked about {small}, its adapter, and itself where "
        f"temperature and top-p are crossed, about {some}, adapters of SmolLM2 about {large}, SmolLM2 without one "
        f"about {base}, each set within the larger ones. Nothing was chosen by what came out: this only describes, and "
        "settings are chosen on validation users. What is not named is as in the app: temperature 0.7, top-p 0.9, "
        "top-k 50, one beam, no penalty, 96 new tokens, 4 titles, free text.",
        "",
        CLEAR,
        "",
        _DEFINITIONS,
        "",
        "Each answer is worded by its figures. Made by",
        "",
        "```",
        effects.command,
        "```",
        "",
        f"on {effects.machine}. It goes on where it was stopped; with --finished it asks for nothing that is missing.",
    ]


def _finding(finding: Finding) -> list[str]:
    lines = [finding.answer]
    if finding.details:
        lines += ["", *(f"- {detail}" for detail in finding.details)]
    for table in finding.tables:
        lines += ["", *_table(table)]
    if finding.notes:
        lines += ["", *(f"*{note}*" for note in finding.notes)]
    return lines


def _table(table: Table) -> list[str]:
    rows = [table.heads, ("---",) * len(table.heads), *table.rows]
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return [f"**{table.caption}** ({table.of})", "", *body]


def _anchor(title: str) -> str:
    """The anchor that GitHub makes of a heading.

    >>> _anchor("Do brackets and => bring code?")
    'do-brackets-and--bring-code'
    """
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")
