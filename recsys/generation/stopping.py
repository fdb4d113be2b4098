"""When to stop: the list is complete, the text has ended, or a person has had enough.

transformers calls these after every token with the rows so far and takes one answer per row. They
follow its StoppingCriteria protocol without deriving from it, because importing this module must not
import transformers. They know no titles: whether a list is complete is told by the callback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recsys.generation.completion import FinishReason, IsComplete
from recsys.generation.detokenization import Detokenizer, GrowingText
from recsys.generation.tokenization import TokenizedPrompt

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Limits:
    """What may end a generation besides its length.

    Attributes:
        end_ids: Tokens that end the text.
        is_complete: Told the text so far and its prompt; None never stops.
        should_stop: Asked once a step; true stops every row.
        on_text: Told the text of the first row whenever it grew.
    """

    end_ids: AbstractSet[int]
    is_complete: IsComplete | None
    should_stop: Callable[[], bool]
    on_text: Callable[[str], None] | None = None


@dataclass
class Row:
    """One row of a batch while it is written."""

    tokenized: TokenizedPrompt
    growing: GrowingText
    token_ids: list[int] = field(default_factory=list)
    finish_reason: FinishReason | None = None


class RowWatcher:
    """Follows the rows of greedy search or sampling, one text a row."""

    def __init__(self, tokenized: Sequence[TokenizedPrompt], detokenizer: Detokenizer, limits: Limits) -> None:
        self.rows = [Row(one, detokenizer.start(one.ids)) for one in tokenized]
        self._detokenizer = detokenizer
        self._limits = limits

    def __call__(self, input_ids: Tensor, scores: object = None, **_: object) -> Tensor:
        """Which rows are done; input_ids has shape (batch, length)."""
        import torch

        for row, token_id in zip(self.rows, input_ids[:, -1].tolist(), strict=True):
            if row.finish_reason is None:
                self._take(row, token_id)
        if self._limits.should_stop():
            for row in self.rows:
                row.finish_reason = row.finish_reason or "stopped"
        return torch.tensor([row.finish_reason is not None for row in self.rows], device=input_ids.device)

    def _take(self, row: Row, token_id: int) -> None:
        row.token_ids.append(token_id)
        if token_id in self._limits.end_ids:
            row.finish_reason = "end_of_text"
            return
        before, row.growing = row.growing, self._detokenizer.extend(row.growing, token_id)
        if row.growing.text == before.text:
            return
        if self._limits.on_text and row is self.rows[0]:
            self._limits.on_text(row.growing.text)
        if self._limits.is_complete and self._limits.is_complete(row.growing.text, row.tokenized.prompt):
            row.finish_reason = "titles_complete"


class BeamWatcher:
    """Follows the hypotheses of beam search: each is done by itself, when its own list is complete.

    A complete hypothesis leaves the search like one that ended its text, and competes with the finished
    ones by mean log-likelihood. Looking only at the likeliest beam instead would let the others write on
    past their N-th title and be compared by text that nobody asked for.
    """

    def __init__(self, tokenized: Sequence[TokenizedPrompt], detokenizer: Detokenizer, limits: Limits) -> None:
        self.was_stopped = False
        self._tokenized = tokenized
        self._detokenizer = detokenizer
        self._limits = limits
        self._prompt_width = max(len(one.ids) for one in tokenized)
        self._texts = [{(): detokenizer.start(one.ids)} for one in tokenized]

    def __call__(self, input_ids: Tensor, scores: object = None, **_: object) -> Tensor:
        """Which hypotheses are done; input_ids has shape (batch × candidates, length)."""
        import torch

        if self._limits.should_stop():
            self.was_stopped = True
            return torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)
        hypotheses = [tuple(row) for row in input_ids[:, self._prompt_width :].tolist()]
        per_prompt = len(hypotheses) // len(self._tokenized)
        done: list[bool] = []
        for index, one in enumerate(self._tokenized):
            mine = hypotheses[index * per_prompt : (index + 1) * per_prompt]
            parents = self._texts[index]
            # Every hypothesis continues one of the step before, so no text is decoded twice.
            texts = {ids: self._detokenizer.extend(parents[ids[:-1]], ids[-1]) for ids in mine}
            self._texts[index] = texts
            done += [self._is_done(ids, texts[ids], one) for ids in mine]
        return torch.tensor(done, device=input_ids.device)

    def best_row(self, index: int, ids: Sequence[int]) -> Row:
        """The row of the hypothesis that beam search returned for a prompt."""
        one = self._tokenized[index]
        growing = self._detokenizer.start(one.ids)
        for token_id in ids:
            if token_id not in self._limits.end_ids:
                growing = self._detokenizer.extend(growing, token_id)
        row = Row(one, growing, token_ids=list(ids))
        if ids and ids[-1] in self._limits.end_ids:
            row.finish_reason = "end_of_text"
        elif ids and self._is_done(tuple(ids), growing, one):
            row.finish_reason = "titles_complete"
        elif self.was_stopped:
            row.finish_reason = "stopped"
        return row

    def _is_done(self, ids: tuple[int, ...], growing: GrowingText, one: TokenizedPrompt) -> bool:
        if self._limits.is_complete is None or ids[-1] in self._limits.end_ids:
            return False
        return self._limits.is_complete(growing.text, one.prompt)
