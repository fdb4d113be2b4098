"""Writes one small data set in every official form, so that all of them can be read back as the same."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

from recsys.data.dat_folder import GENRES_OF_100K

Movie = tuple[int, str, tuple[str, ...]]
Rating = tuple[int, int, float, int]
FORMS = ("csv", "dat", "100k")


def write_form(folder: Path, form: str, movies: list[Movie], ratings: list[Rating], *, encoding: str = "utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if form == "csv":
        _write_csv(folder / "movies.csv", ("movieId", "title", "genres"), [(i, t, _joined(g)) for i, t, g in movies])
        _write_csv(folder / "ratings.csv", ("userId", "movieId", "rating", "timestamp"), ratings)
        return folder
    separator, names = ("::", ("movies.dat", "ratings.dat")) if form == "dat" else ("|", ("u.item", "u.data"))
    lines = []
    for item_id, title, genres in movies:
        if form == "dat":
            fields = [str(item_id), title, _joined(genres)]
        else:
            flags = ["1" if genre in genres else "0" for genre in GENRES_OF_100K]
            fields = [str(item_id), title, "01-Jan-1995", "", "http://x", *flags]
        lines.append(separator.join(fields) + "\n")
    (folder / names[0]).write_bytes("".join(lines).encode(encoding))
    between = "::" if form == "dat" else "\t"
    rows = (between.join((str(u), str(i), f"{r:g}", str(t))) + "\n" for u, i, r, t in ratings)
    (folder / names[1]).write_text("".join(rows), encoding="ascii")
    return folder


def zipped(folder: Path, archive: Path, *, inside: str = "ml-tiny") -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(folder.iterdir()):
            opened.write(path, f"{inside}/{path.name}")
    return archive


def _joined(genres: tuple[str, ...]) -> str:
    return "|".join(genres) if genres else "(no genres listed)"


def _write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
