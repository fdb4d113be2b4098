"""Records as token sequences with their targets: what a training step reads and what it learns.

The text is that of recsys.prompts and the tokens of each title are those that catalogue decoding searches, so a
model is trained on exactly what it is asked later. An epoch's examples depend on (seed, epoch, index) alone,
never on the order in which they are drawn, so a run that was killed goes on with the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from recsys.catalogue import Catalogue
from recsys.data.records import few_shot_examples
from recsys.data.windows import HISTORY_LENGTH, NUM_RELEVANT
from recsys.errors import SettingsError
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.generation.title_tokens import ListForm, tokenise_in_list
from recsys.generation.tokenization import PromptTokenizer
from recsys.prompts import Prompt, PromptExample, render
from recsys.settings import PromptSettings
from recsys.training.settings import LossOn

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase

    from recsys.data.records import Record, SplitData

ExampleT = TypeVar("ExampleT", bound=Sized)
_WEIGHT_OF_A_USER = 200
"""A user counts in sub-histories by their likes, up to so many: a few very active ones would fill every batch."""
_WIDEST_WINDOW = 3
"""A sub-history is drawn from at most so many times as many likes in a row."""


@dataclass(frozen=True)
class Case:
    """What one example tells: titles that are given, and titles to be learnt.

    Attributes:
        history: Liked items in time order.
        answer: The items liked next.
        disliked: What the prompt names as disliked, where its settings say so.
        user_id: Who likes them; 0 where that is not told.
    """

    history: tuple[int, ...]
    answer: tuple[int, ...]
    disliked: tuple[int, ...] = ()
    user_id: int = 0


@dataclass(frozen=True, eq=False)
class Example:
    """One sequence.

    Attributes:
        ids: (tokens,) token ids.
        first_target: Place of the first token that is learnt; all after it are.
        items: The titles that the sequence lists, where it is a list of titles.
        starts: Place of the first token of each of them.
        disliked: What the prompt names as disliked.
        user_id: Whose it is; 0 where that is not told.
    """

    ids: NDArray[np.int32]
    first_target: int
    items: tuple[int, ...] = ()
    starts: tuple[int, ...] = ()
    disliked: tuple[int, ...] = ()
    user_id: int = 0

    def __len__(self) -> int:
        return len(self.ids)


class ExampleWriter:
    """Writes cases as the tokens of one prompt format.

    Args:
        tokenizer: Of the model that is trained.
        catalogue: Names of the movies.
        prompt: The format.
        loss_on: Where the targets begin.
        worked: Worked examples of a few-shot prompt.

    Raises:
        SettingsError: when every title should be learnt in a style that writes those of a history otherwise.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        catalogue: Catalogue,
        prompt: PromptSettings,
        *,
        loss_on: LossOn,
        worked: Sequence[PromptExample] = (),
    ) -> None:
        # Titles that are closed alike and stand bare: each of them can be the answer to those before.
        self.is_list = (prompt.style, prompt.details) == ("history", "none") and prompt.list_separator in (";", ",")
        if loss_on == "titles" and not self.is_list:
            mend = "choose style history with separator ; and no details, or loss_on answer"
            raise SettingsError("this prompt does not write every title as an answer", seen=prompt.style, mend=mend)
        self._tokenizer, self._catalogue, self._prompt = tokenizer, catalogue, prompt
        self._read = PromptTokenizer(tokenizer)
        self._loss_on = loss_on
        self._worked = worked
        self._pieces: dict[tuple[int, int], NDArray[np.int32]] = {}

    def __call__(self, case: Case) -> Example:
        """The tokens of one case."""
        movies = [[self._catalogue[item] for item in items] for items in (case.history, case.disliked)]
        liked, disliked = movies
        prompt = render(
            [] if self.is_list else liked,
            self._prompt,
            num_recommendations=max(len(case.answer), 1),
            disliked=disliked,
            examples=self._worked,
        )
        head = np.asarray(self._read(prompt).ids, np.int32)
        titles = [*case.history, *case.answer] if self.is_list else list(case.answer)
        pieces = [self._title(item, place, prompt) for place, item in enumerate(titles)]
        num_given = len(case.history) if self.is_list and self._loss_on == "answer" else 0
        starts = np.cumsum([len(head), *map(len, pieces)]).tolist()
        ids = np.concatenate([head, *pieces])
        if not self.is_list:
            return Example(ids, starts[num_given])
        return Example(ids, starts[num_given], tuple(titles), tuple(starts[:-1]), case.disliked, case.user_id)

    def trie(self, items: Collection[int]) -> CatalogueTrie:
        """The titles of these items as the list writes them.

        Raises:
            SettingsError: when this prompt does not write a plain list of titles.
        """
        if not self.is_list:
            mend = "choose style history with separator ; or , and no details, or train without a teacher"
            raise SettingsError("a teacher teaches lists of titles alone", seen=self._prompt.style, mend=mend)
        prompt = render([], self._prompt, num_recommendations=1, examples=self._worked)
        movies = [movie for movie in self._catalogue if movie.item_id in items]
        years = self._prompt.include_years
        return CatalogueTrie.build(movies, self._tokenizer, include_years=years, form=ListForm.of(prompt))

    def _title(self, item: int, place: int, prompt: Prompt) -> NDArray[np.int32]:
        form = ListForm.of(prompt)
        # Numbers and the first lead depend on the place; beyond that a title is the same wherever it stands.
        kind = place if form.numbered else min(place, 1) if form.first_lead != form.lead else 0
        found = self._pieces.get((item, kind))
        if found is None:
            title = self._catalogue[item].display(include_year=self._prompt.include_years)
            lead = form.lead if kind else form.first_lead
            text = f"{form.between(kind)}{lead}{title}{form.tail}"
            found = np.asarray(tokenise_in_list([text], self._tokenizer, after=form.tail)[0], np.int32)
            self._pieces[(item, kind)] = found
        return found


def record_cases(records: Sequence[Record]) -> Callable[[int, int], Case]:
    """The records as they are: in every epoch the same case at each index."""
    cases = [Case(record.history, record.relevant, record.disliked, record.user_id) for record in records]

    def draw(_epoch: int, index: int) -> Case:
        return cases[index]

    return draw


def sub_history_cases(
    likes: Mapping[int, Sequence[int]], *, history_length: int, num_relevant: int, seed: int
) -> Callable[[int, int], Case]:
    """In each epoch other time-ordered parts of users' likes, as long as a record.

    A user is drawn by their likes, then a stretch of likes in a row, up to three times as long as is needed, then
    as many of its items, in time order. A user with fewer likes gives all of them.

    Args:
        likes: Liked items in time order, by user.
        history_length: Items that a record gives.
        num_relevant: Items that it asks for.
        seed: Draws everything, together with epoch and index.

    Raises:
        SettingsError: when no user has two likes.
    """
    users = [user for user, items in likes.items() if len(items) > 1]
    if not users:
        raise SettingsError("there is no user with two likes to learn from", seen=f"{len(likes)} users")
    items_of = [tuple(likes[user]) for user in users]
    weights = np.minimum([len(items) for items in items_of], _WEIGHT_OF_A_USER).astype(float)
    upto = np.cumsum(weights / weights.sum())
    size = history_length + num_relevant

    def draw(epoch: int, index: int) -> Case:
        rng = np.random.default_rng((seed, epoch, index))
        user = min(int(np.searchsorted(upto, rng.random(), side="right")), len(users) - 1)
        items = items_of[user]
        wanted = min(size, len(items))
        width = min(len(items), int(wanted * rng.uniform(1, _WIDEST_WINDOW)))
        start = int(rng.integers(len(items) - width + 1))
        places = np.sort(rng.choice(width, wanted, replace=False)) + start
        chosen = tuple(items[place] for place in places)
        num_given = min(history_length, wanted - 1)
        return Case(chosen[:num_given], chosen[num_given:], user_id=users[user])

    return draw


class EpochExamples(Sequence[ExampleT]):
    """The examples of the current epoch, written when the epoch begins.

    Args:
        draw: The case of (epoch, index).
        num: Examples of an epoch.
        write: Makes tokens of a case.
    """

    def __init__(self, draw: Callable[[int, int], Any], num: int, write: Callable[[Any], ExampleT]) -> None:
        self._draw, self._num, self._write = draw, num, write
        self._epoch = -1
        self._examples: list[ExampleT] = []
        self.set_epoch(0)

    @property
    def epoch(self) -> int:
        """The current epoch, counted from 0."""
        return self._epoch

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(examples,) tokens of each."""
        return np.fromiter(map(len, self._examples), np.int64, self._num)

    def set_epoch(self, epoch: int) -> None:
        """Goes to an epoch."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._examples = [self._write(self._draw(epoch, index)) for index in range(self._num)]

    def __len__(self) -> int:
        return self._num

    def __getitem__(self, index: int) -> ExampleT:  # type: ignore[override]
        return self._examples[index]


def require_records(records: Sequence[object], split: str) -> None:
    """Refuses to train on, or to stop by, records that are not there.

    Raises:
        SettingsError: when there are none.
    """
    if not len(records):
        needed = HISTORY_LENGTH + NUM_RELEVANT
        raise SettingsError(
            f"no {split} user has the {needed} likes of a record",
            seen=f"{len(records)} records",
            mend="take a larger data set or another split",
        )


def worked_examples(split: SplitData, catalogue: Catalogue, prompt: PromptSettings) -> tuple[PromptExample, ...]:
    """The worked examples that serving shows with this prompt; none outside the few-shot style."""
    if prompt.style != "few_shot":
        return ()
    return few_shot_examples(split, catalogue, num_examples=prompt.num_examples)
