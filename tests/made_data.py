"""A small made-up MovieLens zip whose numbers can be counted by hand."""

from __future__ import annotations

import zipfile
from pathlib import Path

NUM_USERS = 20
NUM_MOVIES = 12


def write_made_zip(path: Path, *, num_users: int = NUM_USERS, genre: str = "Musical", num_disliked: int = 0) -> Path:
    """Every user likes all twelve movies in order, so that each has one record: ten likes, two left over.

    Before all likes every user dislikes as many further movies as are asked for.
    """
    last = NUM_MOVIES + num_disliked
    movies = "".join(f"{n},Made Movie {n} ({1980 + n}),{genre}\n" for n in range(1, last + 1))
    ratings = "".join(
        f"{user},{movie},4.5,{1_000_000 * user + movie}\n"
        for user in range(1, num_users + 1)
        for movie in range(1, NUM_MOVIES + 1)
    )
    ratings += "".join(
        f"{user},{movie},1.0,{1_000_000 * user - movie}\n"
        for user in range(1, num_users + 1)
        for movie in range(NUM_MOVIES + 1, last + 1)
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("made/movies.csv", f"movieId,title,genres\n{movies}")
        archive.writestr("made/ratings.csv", f"userId,movieId,rating,timestamp\n{ratings}")
    return path
