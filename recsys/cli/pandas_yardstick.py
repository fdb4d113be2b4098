"""What bench data is measured against: the same work as a plain pandas script, as one would write it in an afternoon.

It takes nothing from the package: the protocol of docs/conventions.md is written out once more, so that it
also checks ours. It is neither tuned nor slowed down: columns are compared whole, groups are walked.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HISTORY, WINDOW, DISLIKED = 6, 10, 6


@dataclass
class PandasScript:
    """The script's steps in order, with what each leaves for the next."""

    folder: Path
    movies: Any = None
    ratings: Any = None
    likes: Any = None
    users: dict[str, list[int]] = field(default_factory=dict)
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    popularity: Any = None
    titles: list[str] = field(default_factory=list)

    def load(self) -> None:
        """Reads both files."""
        import pandas as pd

        self.movies = pd.read_csv(self.folder / "movies.csv")
        self.ratings = pd.read_csv(self.folder / "ratings.csv")

    def split(self) -> None:
        """Sorts likes by user and time, shuffles the users, and cuts windows of ten."""
        import numpy as np

        ratings, order = self.ratings, ["userId", "timestamp", "movieId"]
        self.likes = ratings[ratings["rating"] >= 4].sort_values(order)
        dislikes = ratings[ratings["rating"] <= 2].sort_values(order)
        disliked = {
            user: (group["timestamp"].tolist(), group["movieId"].tolist()) for user, group in dislikes.groupby("userId")
        }
        users = np.sort(self.likes["userId"].unique())
        np.random.default_rng(0).shuffle(users)
        test, held_out = len(users) * 15 // 100, len(users) * 15 // 100 + len(users) * 10 // 100
        self.users = {
            "train": users[held_out:].tolist(),
            "validation": users[test:held_out].tolist(),
            "test": users[:test].tolist(),
        }
        set_of = {user: name for name, members in self.users.items() for user in members}
        self.records = {name: [] for name in self.users}
        for user, group in self.likes.groupby("userId"):
            movies, times = group["movieId"].tolist(), group["timestamp"].tolist()
            for start in range(0, len(movies) - WINDOW + 1, WINDOW):
                window = movies[start : start + WINDOW]
                when, what = disliked.get(user, ([], []))
                known = what[: bisect_right(when, times[start + HISTORY - 1])]
                self.records[set_of[user]].append(
                    {
                        "id": f"{user}-{start // WINDOW}",
                        "history": window[:HISTORY],
                        "relevant": window[HISTORY:],
                        "disliked": [movie for movie in known if movie not in window][-DISLIKED:],
                    }
                )

    def count(self) -> None:
        """Counts the likes of each movie among the training users."""
        train = self.likes[self.likes["userId"].isin(self.users["train"])]
        self.popularity = train["movieId"].value_counts()

    def index_titles(self) -> None:
        """Writes every title in small letters, without its year and punctuation."""
        plain = self.movies["title"].str.replace(r"\s*\(\d{4}\)\s*$", "", regex=True).str.lower()
        self.titles = plain.str.replace(r"[\W_]+", " ", regex=True).str.strip().tolist()

    def look_up(self, title: str) -> str:
        """The nearest title."""
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import extractOne

        wanted = re.sub(r"[\W_]+", " ", title.lower()).strip()
        return str(extractOne(wanted, self.titles, scorer=Levenshtein.normalized_similarity)[0])

    def walk(self) -> int:
        """Looks at every record once."""
        return sum(len(record["history"]) for records in self.records.values() for record in records)
