"""``recommend``: movies for a person who liked the given ones.

Titles are looked up in the catalogue; one that it does not have goes to the model as typed.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from recsys.catalogue import Catalogue, HistoryEntry
from recsys.cli.answer_lines import title_lines
from recsys.cli.history import add_review_options, entries_of, review_file
from recsys.cli.options import add_workbench_options, open_workbench
from recsys.cli.progress import ProgressLine
from recsys.cli.request_options import add_request_options, read_asked
from recsys.cli.several import add_several_options, asks_several, run_several
from recsys.cli.text_table import render_table
from recsys.errors import HistoryError, SettingsError
from recsys.generation.token_view import CompletionView
from recsys.prompts import clean_title
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.token_viewing import TokenViewer, require_free_text
from recsys.workbench import Workbench


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("liked", nargs="*", help="liked movies, in order: title or item_id; none asks for a cold start")
    parser.add_argument("--disliked", nargs="*", action="extend", default=[], help="disliked movies")
    parser.add_argument("--record", help="take the history of a held-out record, such as 15-0, and show its truth")
    parser.add_argument("--history", type=Path, help="take liked and disliked movies from an export or a list")
    add_review_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--show-tokens", action="store_true", help="of free text, each token's chance and rank as well")
    add_request_options(parser)
    add_several_options(parser)
    add_workbench_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the recommendations."""
    workbench = open_workbench(arguments)
    request = read_request(arguments, workbench)
    if asks_several(arguments):
        return run_several(arguments, workbench, request)
    workbench.check(request)
    if arguments.show_tokens:
        _require_tokens(request, arguments)
    progress = ProgressLine()
    workbench.host.load(request.choice, progress)
    progress.close()
    recommendation = workbench.recommend(request)
    if arguments.json:
        json.dump(recommendation.to_dict(workbench.catalogue), sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        print(render_text(recommendation, workbench))
    if arguments.show_tokens:
        print(f"\n{render_tokens(TokenViewer(workbench.host)(recommendation))}")
    return 0


def _require_tokens(request: RecommendationRequest, arguments: argparse.Namespace) -> None:
    """Refuses what has no table of tokens before a model is loaded for it."""
    if arguments.json:
        raise SettingsError("tokens are a table for people", seen="--json", mend="leave --json or --show-tokens out")
    require_free_text(request)


def read_request(arguments: argparse.Namespace, workbench: Workbench) -> RecommendationRequest:
    """The request that the parsed arguments make.

    Raises:
        InputError: for whatever is wrong with them.
    """
    asked = read_asked(arguments, workbench)
    history, disliked = _movies(arguments, workbench)
    return replace(asked, history=history, disliked=disliked, record_id=arguments.record)


def find_entry(text: str, catalogue: Catalogue) -> HistoryEntry:
    """The item that a person's text names: an item_id, a known title, or the text itself."""
    text = clean_title(text)
    found = catalogue.find(text).item_ids
    if found:
        return found[0]
    return int(text) if text.isdecimal() and int(text) in catalogue else text


def render_tokens(seen: CompletionView) -> str:
    """Each token with its probability before and after the sliders, and its rank before them."""
    rows = [
        (_visible(one.written.text), f"{one.written.before:.2%}", f"{one.written.after:.2%}", f"{one.rank:,}")
        for one in seen.tokens
    ]
    return "\n".join([render_table(("token", "before", "after", "rank"), rows), *seen.notes])


def _visible(text: str) -> str:
    """A token's text with its first blank and its line ends to be seen."""
    return ("␣" + text[1:] if text.startswith(" ") else text).replace("\n", "↵")


def render_text(recommendation: Recommendation, workbench: Workbench) -> str:
    """The answer for a terminal: what the model wrote and what each title is, or a hybrid's titles with both scores."""
    completion = recommendation.completion
    is_hybrid = recommendation.request.decoding.is_hybrid
    lines = _hybrid_lines(recommendation, workbench) if is_hybrid else _written_lines(recommendation, workbench)
    if recommendation.request.record_id:
        relevant = workbench.record(recommendation.request.record_id).relevant
        lines += ["", "What this person really liked next:"]
        hits = set(recommendation.item_ids)
        lines += [f"  {'*' if i in hits else ' '} {workbench.catalogue[i].display()}" for i in relevant]
    written = f"{completion.completion_tokens} tokens" if completion.tokens_told else "tokens not told,"
    speed = f"{written} in {completion.seconds:.1f} s"
    model = f"{completion.base_model}, {completion.precision}, adapter {completion.adapter or 'none'}"
    lines += ["", f"{speed} · {model}", *(f"Warning: {warning}" for warning in recommendation.warnings)]
    return "\n".join(lines)


def _written_lines(recommendation: Recommendation, workbench: Workbench) -> list[str]:
    wrote = recommendation.completion.text.strip()
    titles = title_lines(recommendation, workbench.catalogue)
    return ["What the model wrote:", f"  {wrote}", "", "What it resolves to:", *titles]


def _hybrid_lines(recommendation: Recommendation, workbench: Workbench) -> list[str]:
    """Each movie with the two opinions that its place is made of, and their sum."""
    weight = recommendation.request.decoding.llm_weight
    lines = [f"The classic score of each movie + {weight:g} × its log-likelihood by the model = total:"]
    for rank, title in enumerate(recommendation.fused, start=1):
        lines += [
            f"  {rank}. {workbench.catalogue[title.item_id].display()}",
            f"     {title.classic_score:.2f} (rank {title.classic_rank}) + {weight:g} × {title.log_likelihood:.2f} "
            f"(rank {title.llm_rank} of {title.num_candidates}) = {title.score:.2f}",
        ]
    return lines if recommendation.fused else [*lines, "  nothing: no candidate is left"]


def _movies(
    arguments: argparse.Namespace, workbench: Workbench
) -> tuple[tuple[HistoryEntry, ...], tuple[HistoryEntry, ...]]:
    """What the person liked and disliked, as the arguments say."""
    given = [name for name in ("record", "history", "liked") if getattr(arguments, name)]
    if len(given) > 1:
        raise HistoryError("the movies are given more than once", seen=", ".join(given), mend="give one of them")
    disliked = tuple(find_entry(text, workbench.catalogue) for text in arguments.disliked)
    if arguments.record:
        return workbench.record(arguments.record).history, disliked
    if arguments.history:
        liked, also_disliked = entries_of(review_file(arguments.history, workbench), arguments)
        return liked, (*disliked, *also_disliked)
    return tuple(find_entry(text, workbench.catalogue) for text in arguments.liked), disliked
