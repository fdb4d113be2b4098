"""What is known of the movies and people of an evaluation beside its results: genres, years, likes in training.

Averages over movies leave out what the data does not tell: a movie without genres is unlike nothing, it is
unknown. This module computes no figure of a report.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Self

from recsys.catalogue import Catalogue, Movie

if TYPE_CHECKING:
    from recsys.data.known_films import KnownFilms
    from recsys.data.records import Record, SplitData
    from recsys.evaluation.baseline_scores import BaselineRun


@dataclass(frozen=True, eq=False)
class EvaluationContext:
    """The movies, the training users' likes and the evaluated users' activity.

    Attributes:
        catalogue: Every movie that can be recommended.
        num_train_users: Users of the training set, all with a like.
        popularity: How many of them like each item; missing is 0.
        num_likes: Likes of each evaluated user, those of the records included.
        popularity_lists: The popularity baseline's items for each record, by record id, the best first.
        random_lists: The same of a random order.
        known_films: A list of films larger than the catalogue, where one was given.
    """

    catalogue: Catalogue
    num_train_users: int
    popularity: Mapping[int, int] = field(default_factory=dict)
    num_likes: Mapping[int, int] = field(default_factory=dict)
    popularity_lists: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    random_lists: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    known_films: KnownFilms | None = None

    @classmethod
    def of_split(
        cls,
        split: SplitData,
        catalogue: Catalogue,
        records: Sequence[Record],
        popularity_run: BaselineRun,
        *,
        random_run: BaselineRun | None = None,
        known_films: KnownFilms | None = None,
    ) -> Self:
        """The context of some records.

        Args:
            split: Whose likes are counted.
            catalogue: Every movie of the data set.
            records: The records of the evaluation.
            popularity_run: The popularity baseline on these records.
            random_run: A random order on these records.
            known_films: A list of films larger than the catalogue.
        """
        return cls(
            catalogue=catalogue,
            num_train_users=len(split.likes_of("train")),
            popularity=split.popularity("train"),
            num_likes={user: len(split.likes[user]) for user in {record.user_id for record in records}},
            popularity_lists={score.record_id: score.item_ids for score in popularity_run.scores},
            random_lists={score.record_id: score.item_ids for score in random_run.scores} if random_run else {},
            known_films=known_films,
        )

    def genre_similarity(self, item_ids: Iterable[int]) -> float | None:
        """The mean over pairs of |common genres| / |genres of either| (Jaccard); None with fewer than two movies.

        Movies without genres are left out.
        """
        genres = [frozenset(movie.genres) for movie in self._movies(item_ids) if movie.genres]
        overlaps = [len(one & other) / len(one | other) for one, other in combinations(genres, 2)]
        return math.fsum(overlaps) / len(overlaps) if overlaps else None

    def mean_year(self, item_ids: Iterable[int]) -> float | None:
        """The mean year of release of the movies that have one; None where none has."""
        years = [movie.year for movie in self._movies(item_ids) if movie.year is not None]
        return sum(years) / len(years) if years else None

    def mean_log_popularity(self, item_ids: Iterable[int]) -> float | None:
        """The mean of ln(1 + training users who like the item); None without items."""
        logs = [math.log1p(self.popularity.get(item, 0)) for item in item_ids]
        return math.fsum(logs) / len(logs) if logs else None

    def _movies(self, item_ids: Iterable[int]) -> list[Movie]:
        """The movies of these items; an item that the catalogue lacks is known by its number alone."""
        return [self.catalogue[item] for item in item_ids if item in self.catalogue]
