"""The only prompt text of the project, shared byte by byte by training, serving and evaluation.

Every style ends where the model's answer begins, never with a space (a trailing space would be a token
that no title starts with), and every answer closes each title with the separator, the last one too, so
that a title has the same tokens wherever it stands. Titles of a history may carry details of the movie;
those of an answer never do, so that it is read the same with and without. Changing a byte here changes
what an adapter was trained on: raise prompt_ids.PROMPT_VERSION and the golden test with it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from recsys.catalogue import Movie
from recsys.errors import HistoryError
from recsys.prompt_details import DETAILS_IN_WORDS, clean_line, with_details
from recsys.settings import MAX_HISTORY, ListSeparator, PromptSettings

MAX_TITLE_LENGTH = 200
"""Characters of one free-text title that a prompt takes."""

_FEW_SHOT_HEADER = "Movies that a person liked, and more movies that the same person liked."
_LIKED = "Movies that this person liked:"
_DISLIKED = "Movies that this person did not like:"
_ANSWER = "More movies that this person will like:"
_COLD_START = "Movies that nearly everybody likes:"
_HISTORY_LIKED, _HISTORY_DISLIKED = "Liked:", "Disliked:"
_WITHOUT_SYMBOL = ("instruction", "history")
"""Styles that need no queue symbol."""
_ALPACA = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)
_ALPACA_WITHOUT_INPUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:\n"
)
_SEPARATOR_IN_WORDS: dict[ListSeparator, str] = {
    ";": "separated by semicolons",
    ",": "separated by commas",
    "newline": "one on each line",
    "numbered": "as a numbered list",
}


@dataclass(frozen=True)
class PromptExample:
    """One worked example of a few-shot prompt: a training user's likes and what they liked next."""

    liked: tuple[Movie, ...]
    answer: tuple[Movie, ...]
    disliked: tuple[Movie, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """The text that the model reads, and what the reader of its answer must know.

    Attributes:
        text: The whole prompt for a model without a chat template.
        settings: What it was rendered with.
        num_recommendations: N, the titles asked for.
        cold_start: The history was empty, so the prompt asks for what everybody likes.
        instruction: The task of the instruction style, else None.
        input: The history of the instruction style; empty on a cold start.
        answer_prefix: The part of the answer that the prompt already holds ("1." of a numbered list).
        closing: What ends the list, besides N titles: a bracket, or a line end in few-shot lists.
    """

    text: str
    settings: PromptSettings
    num_recommendations: int
    cold_start: bool = False
    instruction: str | None = None
    input: str = ""
    answer_prefix: str = ""
    closing: str | None = None

    @property
    def messages(self) -> list[dict[str, str]] | None:
        """The prompt as a chat for models with a template; None for the completion styles."""
        if self.instruction is None:
            return None
        content = f"{self.instruction}\n\n{self.input}" if self.input else self.instruction
        return [{"role": "user", "content": content}]


def render(
    liked: Sequence[Movie | str],
    settings: PromptSettings,
    *,
    num_recommendations: int,
    disliked: Sequence[Movie | str] = (),
    examples: Sequence[PromptExample] = (),
) -> Prompt:
    """Renders the prompt for one person.

    Args:
        liked: What the person liked, in order; empty renders the cold-start prompt.
        settings: The format.
        num_recommendations: N, the titles asked for.
        disliked: Used when ``settings.include_disliked``.
        examples: Worked examples of training users; the few-shot style takes the first ``num_examples``.

    Raises:
        HistoryError: when a side holds more than MAX_HISTORY movies or a title is blank.
    """
    liked_titles = _given(liked, settings)
    disliked_titles = _given(disliked, settings) if settings.include_disliked else []
    if settings.style == "instruction":
        return _render_instruction(liked_titles, disliked_titles, settings, num_recommendations)
    if settings.style == "history":
        return _render_history(liked_titles, disliked_titles, settings, num_recommendations)
    worked = list(examples[: settings.num_examples]) if settings.style == "few_shot" else []
    if liked_titles:
        question = _question(liked_titles, disliked_titles, settings)
        blocks = [_worked(example, settings) for example in worked]
    else:
        question = f"{_COLD_START}{_opening(settings)}"
        blocks = [f"{_COLD_START}{_opening(settings)}{render_answer(example.answer, settings)}" for example in worked]
    gap = "\n\n" if _is_multi_line(settings) else "\n"
    header = f"{_FEW_SHOT_HEADER}\n\n" if blocks and liked_titles else ""
    return Prompt(
        text=header + "".join(block + gap for block in blocks) + question,
        settings=settings,
        num_recommendations=num_recommendations,
        cold_start=not liked_titles,
        answer_prefix=_answer_prefix(settings),
        closing=_closing(settings),
    )


def render_answer(titles: Sequence[Movie | str], settings: PromptSettings) -> str:
    """The answer that follows a prompt of these settings, as training and worked examples write it."""
    written = _titles(titles, settings)
    if settings.list_separator == "numbered":
        first, *rest = written
        return f" {first}" + "".join(f"\n{i}. {title}" for i, title in enumerate(rest, start=2)) + "\n"
    if settings.list_separator == "newline":
        return "".join(f"\n{title}" for title in written) + "\n"
    bracket = has_brackets(settings)
    body = " ".join(f"{title}{settings.list_separator}" for title in written)
    close = _closing(settings) or ""
    return body + close if bracket else f" {body}"


def has_brackets(settings: PromptSettings) -> bool:
    """Whether the lists of a prompt stand in brackets."""
    return settings.queue_symbol in ("[]", "()") and settings.style not in _WITHOUT_SYMBOL


def clean_title(text: str) -> str:
    """One line of at most MAX_TITLE_LENGTH characters, whatever a person typed.

    Raises:
        HistoryError: when nothing that can be seen is left.
    """
    cleaned = clean_line(text)[:MAX_TITLE_LENGTH].strip()
    if all(unicodedata.category(c)[0] in "CZ" for c in cleaned):
        raise HistoryError("a title is blank", seen=text, mend="type its name or take it out")
    return cleaned


def _titles(movies: Sequence[Movie | str], settings: PromptSettings) -> list[str]:
    if len(movies) > MAX_HISTORY:
        raise HistoryError(
            "too many movies", seen=f"{len(movies)} movies", mend=f"keep at most {MAX_HISTORY} of each kind"
        )
    return [
        clean_title(movie) if isinstance(movie, str) else movie.display(include_year=settings.include_years)
        for movie in movies
    ]


def _given(movies: Sequence[Movie | str], settings: PromptSettings) -> list[str]:
    """What a person liked or disliked: each title with the details that the settings ask for."""
    titles = _titles(movies, settings)
    return [with_details(title, movie, settings) for title, movie in zip(titles, movies, strict=True)]


def _render_instruction(liked: list[str], disliked: list[str], settings: PromptSettings, n: int) -> Prompt:
    form = f"Answer with the titles only, {_SEPARATOR_IN_WORDS[settings.list_separator]}."
    if settings.include_years:
        form += " Give each title with its year in brackets."
    plural = "movie" if n == 1 else "movies"
    if not liked:
        task = f"Recommend {n} {plural} that nearly everybody likes. {form}"
        return Prompt(
            _ALPACA_WITHOUT_INPUT.format(instruction=task).rstrip("\n") + _alpaca_opening(settings),
            settings,
            n,
            cold_start=True,
            instruction=task,
            answer_prefix=_answer_prefix(settings),
        )
    details = DETAILS_IN_WORDS[settings.details]
    task = f"A person liked the movies below{details}. Recommend {n} other {plural} that this person will like. {form}"
    given = _list(liked, settings)
    if disliked:
        gap = "\n" if _is_multi_line(settings) else " "
        given = f"Liked:{gap}{given}\nDisliked:{gap}{_list(disliked, settings)}"
    return Prompt(
        _ALPACA.replace("{instruction}", task).replace("{input}", given).rstrip("\n") + _alpaca_opening(settings),
        settings,
        n,
        instruction=task,
        input=given,
        answer_prefix=_answer_prefix(settings),
    )


def _render_history(liked: list[str], disliked: list[str], settings: PromptSettings, n: int) -> Prompt:
    """One list, each title closed as those of the answer are, so that every title is the answer to those before."""
    block = f"{_HISTORY_DISLIKED}{_closed_list(disliked, settings)}\n" if disliked else ""
    given = f"{_HISTORY_LIKED}{_closed_list(liked, settings)}"
    return Prompt(
        f"{block}{given}{_opening(settings)}",
        settings,
        n,
        cold_start=not liked,
        answer_prefix=_answer_prefix(settings),
        closing=_closing(settings),
    )


def _closed_list(titles: list[str], settings: PromptSettings) -> str:
    if _is_multi_line(settings):
        return f"\n{_list(titles, settings)}" if titles else ""
    return "".join(f" {title}{settings.list_separator}" for title in titles)


def _alpaca_opening(settings: PromptSettings) -> str:
    return "\n1." if settings.list_separator == "numbered" else ("" if settings.list_separator == "newline" else "\n")


def _question(liked: list[str], disliked: list[str], settings: PromptSettings) -> str:
    given, spurned = _list(liked, settings), _list(disliked, settings)
    opening = _opening(settings)
    gap = "\n" if _is_multi_line(settings) else " "
    if settings.queue_symbol == "words":
        block = f"\n{_DISLIKED}{gap}{spurned}" if disliked else ""
        return f"{_LIKED}{gap}{given}{block}\n{_ANSWER}{opening}"
    if settings.queue_symbol == "=>":
        block = f"{gap}| not:{gap}{spurned}" if disliked else ""
        return f"{given}{block}{gap}=>{opening}"
    left, right = settings.queue_symbol
    block = f"{gap}{left}not:{gap}{spurned}{right}" if disliked else ""
    return f"{left}{given}{right}{block}{opening}"


def _worked(example: PromptExample, settings: PromptSettings) -> str:
    disliked = _given(example.disliked, settings) if settings.include_disliked else []
    question = _question(_given(example.liked, settings), disliked, settings)
    return question + render_answer(example.answer, settings).rstrip("\n")


def _list(titles: list[str], settings: PromptSettings) -> str:
    if settings.list_separator == "newline":
        return "\n".join(titles)
    if settings.list_separator == "numbered":
        return "\n".join(f"{i}. {title}" for i, title in enumerate(titles, start=1))
    return f"{settings.list_separator} ".join(titles)


def _is_multi_line(settings: PromptSettings) -> bool:
    return settings.list_separator in ("newline", "numbered")


def _answer_prefix(settings: PromptSettings) -> str:
    return "1." if settings.list_separator == "numbered" else ""


def _opening(settings: PromptSettings) -> str:
    """What stands right before the first title of the answer."""
    if settings.list_separator == "numbered":
        return "\n1."
    if settings.list_separator == "newline":
        return ""
    return f" {settings.queue_symbol[0]}" if has_brackets(settings) else ""


def _closing(settings: PromptSettings) -> str | None:
    if settings.style == "instruction":
        return None
    if _is_multi_line(settings):
        return "\n\n" if settings.style == "few_shot" else None
    if has_brackets(settings):
        return settings.queue_symbol[1]
    return "\n" if settings.style == "few_shot" else None
