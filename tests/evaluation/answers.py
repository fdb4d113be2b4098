"""Records and answers made by hand, and a system that answers what the test says."""

from collections.abc import Callable, Sequence

from recsys.catalogue import Catalogue, Movie
from recsys.data.records import Record, SplitData
from recsys.evaluation.context import EvaluationContext
from recsys.generation.completion import Completion
from recsys.parsing import GeneratedTitle, ParsedCompletion
from recsys.prompts import Prompt
from recsys.recommend import Recommendation, RecommendationRequest
from recsys.resolution.base import Resolution
from recsys.settings import GenerationSettings, PromptSettings

HISTORY = (901, 902, 903)


def make_record(record_id: str, relevant: Sequence[int] = (1, 2, 3, 4)) -> Record:
    """A record whose user is what stands before the dash."""
    return Record(record_id, int(record_id.split("-")[0]), HISTORY, tuple(relevant))


def title(
    item_id: int | None, match: str = "exact", *flags: str, distance: float | None = 0.0, name: str | None = None
):
    """One resolved title; its place is given by make_answer."""
    generated = GeneratedTitle(1, name or f"Movie {item_id}", None, 0, 1)
    return Resolution(generated, item_id, match, distance, 1.0, frozenset(flags), nearest_item_id=item_id)


def make_answer(
    titles: Sequence[Resolution | int],
    *,
    text: str = " a; b;",
    problem: str | None = None,
    num_titles: int | None = None,
    seconds: float = 1.0,
    tokens: int = 10,
) -> Recommendation:
    """An answer to any record; a bare number stands for that item, written exactly."""
    resolutions = tuple(title(entry) if isinstance(entry, int) else entry for entry in titles)
    settings = GenerationSettings()
    generated = tuple(resolution.generated for resolution in resolutions)
    return Recommendation(
        request=RecommendationRequest(history=HISTORY, generation=settings),
        prompt=Prompt("901; 902 =>", PromptSettings(), settings.num_recommendations),
        completion=Completion(text, "901; 902 =>", 5, tokens, seconds, "titles_complete", settings, "tiny", "fp32"),
        parsed=ParsedCompletion(generated, "separated", problem, len(generated) if num_titles is None else num_titles),
        resolutions=resolutions,
    )


class FakeSystem:
    """Answers each record by a function of it, notes the batches, and can do something after one."""

    def __init__(self, answer: Callable[[Record], Recommendation], after_batch: Callable[[int], None] | None = None):
        self.answer = answer
        self.after_batch = after_batch
        self.batches: list[tuple[str, ...]] = []

    def __call__(self, records: Sequence[Record]) -> list[Recommendation]:
        self.batches.append(tuple(record.record_id for record in records))
        answers = [self.answer(record) for record in records]
        if self.after_batch is not None:
            self.after_batch(len(self.batches))
        return answers


def answer_by_id(record: Record) -> Recommendation:
    """A different answer for each record, so that mixed-up records show."""
    window = int(record.record_id.split("-")[1])
    found = [
        record.relevant[(record.user_id + place) % 4] if (window >> place) & 1 else 70 + place for place in range(4)
    ]
    return make_answer(found, text=f" text of {record.record_id}; “ü”\n\u2028", tokens=record.user_id)


TEST_RECORDS = tuple(make_record(f"{user}-{window}") for user in (5, 6, 7) for window in range(4))
SPLIT = SplitData(
    users={"train": (1, 2), "validation": (3,), "test": (5, 6, 7)},
    records={"train": (), "validation": (), "test": TEST_RECORDS},
    likes={1: (1, 2, 8), 2: (1, 2, 4), 3: (1, 9), **dict.fromkeys((5, 6, 7), (901, 902, 903, 1, 2, 3, 4))},
)
CATALOGUE = Catalogue(
    tuple(
        Movie(item_id, f"Movie {item_id}", 1960 + item_id % 60, ("Drama",) if item_id % 2 else ("Comedy", "Drama"))
        for item_id in (*range(1, 10), *range(70, 74), 901, 902, 903)
    )
)
"""Every movie that the records above and their answers hold."""

MADE_MOVIES = (
    Movie(1, "One", 1990, ("Drama",)),
    Movie(2, "Two", 2000, ("Drama", "Comedy")),
    Movie(3, "Three", 2010, ("Comedy",)),
    Movie(4, "Four"),
    Movie(5, "Five", 1980, ("Action", "Drama", "Comedy")),
    Movie(6, "Six", 1970, ("Action",)),
)
CONTEXT = EvaluationContext(
    catalogue=Catalogue(MADE_MOVIES),
    num_train_users=16,
    popularity={1: 8, 2: 4, 3: 1, 6: 16},
    num_likes={7: 20, 8: 30, 9: 90},
    popularity_lists={"7-0": (6, 1), "8-0": (6, 2), "9-0": (6, 1)},
)
"""Movies and likes for sums by hand: 4 has neither year nor genres, and nobody likes 4 and 5."""
