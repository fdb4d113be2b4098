"""The semantic resolver: the movie whose "title (year), genres" the model represents most alike.

Mean hidden states of a decoder share a large common part, and a few dimensions outweigh all others, so
that every pair looks alike. The index therefore holds vectors less their mean, each dimension divided by
its spread, in int8. A written title has no genres, which alone moves it away from every movie, so that
queries have means of their own. Which model makes the vectors is not known here: ``encode`` is given.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Catalogue, Movie
from recsys.data.atomic import save_npz
from recsys.errors import DataFormatError
from recsys.resolution.base import Candidate, Match

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to vectors, (n, hidden)."""

Progress = Callable[[float, str], None]
"""Fraction 0 to 1, and a sentence."""

_FORMAT = 2
_KINDS = {
    "item_ids": np.int64,
    "vectors": np.int8,
    "scales": np.float32,
    "mean": np.float32,
    "spread": np.float32,
    "query_means": np.float32,
}
_NUM_QUERIES = 200
_ROWS_AT_ONCE = 16_384
_REBUILD = "make it again with: python -m recsys models index"


@dataclass(frozen=True, eq=False)
class EmbeddingIndex:
    """One vector for each movie of a catalogue, made by one model.

    Attributes:
        item_ids: (n,) int64.
        vectors: (n, hidden) int8: the vector less the mean, divided by the spread and by its row's scale.
        scales: (n,) float32.
        mean: (hidden,) float32: the mean of the movies' vectors.
        spread: (hidden,) float32: their standard deviation in each dimension.
        query_means: (2, hidden) float32: the means of titles without and with their year, without genres.
        base_model: Name of the model.
        weight_hash: Hash of its weights.
    """

    item_ids: NDArray[np.int64]
    vectors: NDArray[np.int8]
    scales: NDArray[np.float32]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    query_means: NDArray[np.float32]
    base_model: str
    weight_hash: str

    @classmethod
    def of(
        cls,
        item_ids: Sequence[int],
        vectors: NDArray[np.float32],
        query_means: NDArray[np.float32] | None = None,
        *,
        base_model: str,
        weight_hash: str,
    ) -> EmbeddingIndex:
        """Makes the index of float vectors, (n, hidden); without query means the movies' own mean stands for both."""
        mean = vectors.mean(axis=0).astype(np.float32)
        spread = vectors.std(axis=0).astype(np.float32)
        spread[spread < 1e-8] = 1.0
        centred = (vectors - mean) / spread
        largest = np.abs(centred).max(axis=1, initial=0.0)
        scales = np.where(largest > 0, largest / 127, 1.0).astype(np.float32)
        rounded = np.rint(centred / scales[:, None]).astype(np.int8)
        queries = np.stack([mean, mean]) if query_means is None else query_means.astype(np.float32)
        return cls(np.asarray(item_ids, np.int64), rounded, scales, mean, spread, queries, base_model, weight_hash)

    def centre_queries(self, vectors: NDArray[np.float32], *, have_year: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Queries, (queries, hidden), made comparable with the index: centred, scaled and of unit length."""
        centred = (vectors - self.query_means[have_year.astype(np.intp)]) / self.spread
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (centred / np.maximum(lengths, 1e-12)).astype(np.float32)
        return unit

    def unit_vectors(self) -> NDArray[np.float32]:
        """The movies' vectors, (n, hidden), of unit length; zeros stay zeros."""
        vectors = self.vectors.astype(np.float32)
        unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit

    @property
    def hidden_size(self) -> int:
        return int(self.vectors.shape[1])

    def save(self, path: Path | str) -> None:
        """Writes the index as npz, whole or not at all."""
        about = np.array([str(_FORMAT), self.base_model, self.weight_hash])
        save_npz(path, about=about, **{name: getattr(self, name) for name in _KINDS})

    @classmethod
    def load(cls, path: Path | str) -> EmbeddingIndex:
        """Reads an index.

        Raises:
            DataFormatError: when the file is missing, is none, or its parts do not fit together.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                about = [str(value) for value in file["about"]]
                arrays = {name: file[name] for name in _KINDS}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataFormatError("this is no index of embeddings", path=path, seen=str(error), mend=_REBUILD) from None
        if len(about) != 3 or about[0] != str(_FORMAT) or not _fit_together(arrays):
            raise DataFormatError("the parts of this index do not fit together", path=path, mend=_REBUILD)
        return cls(**arrays, base_model=about[1], weight_hash=about[2])


def _fit_together(arrays: dict[str, NDArray[np.generic]]) -> bool:
    rows, hidden = arrays["item_ids"].shape, arrays["mean"].shape
    shapes = {
        "item_ids": rows,
        "vectors": (*rows, *hidden),
        "scales": rows,
        "mean": hidden,
        "spread": hidden,
        "query_means": (2, *hidden),
    }
    fit = all(array.shape == shapes[name] and array.dtype == _KINDS[name] for name, array in arrays.items())
    return fit and len(rows) == len(hidden) == 1


def describe(movie: Movie) -> str:
    """The text that stands for a movie in the index: "Alien (1979), Horror, Sci-Fi"."""
    return ", ".join((movie.display(), *movie.genres))


def build_index(
    catalogue: Catalogue,
    encode: Encode,
    *,
    base_model: str,
    weight_hash: str,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> EmbeddingIndex:
    """Embeds every movie of a catalogue, and bare titles of some for the query means.

    Texts go to ``encode`` shortest first, so that a batch holds texts of about one length.

    Args:
        catalogue: Its movies.
        encode: Texts to vectors.
        base_model: Name of the model behind ``encode``.
        weight_hash: Hash of its weights.
        batch_size: Texts given to ``encode`` at once.
        progress: Told after every batch.

    Raises:
        DataFormatError: when the catalogue is empty.
    """
    if not len(catalogue):
        raise DataFormatError("there is no movie to embed", path="catalogue", mend="load a data set first")
    movies = catalogue.movies
    sample = movies[:: max(1, len(movies) // _NUM_QUERIES)]
    dated = [movie.display() for movie in sample if movie.year is not None]
    queries = [[movie.title for movie in sample], dated or [movie.title for movie in sample]]
    texts = [*(describe(movie) for movie in movies), *queries[0], *queries[1]]
    vectors = _encode_all(texts, encode, batch_size, progress)
    of_movies, of_bare, of_dated = np.split(vectors, [len(movies), len(movies) + len(queries[0])])
    query_means = np.stack([of_bare.mean(axis=0), of_dated.mean(axis=0)])
    item_ids = [movie.item_id for movie in movies]
    return EmbeddingIndex.of(item_ids, of_movies, query_means, base_model=base_model, weight_hash=weight_hash)


def _encode_all(
    texts: Sequence[str], encode: Encode, batch_size: int, progress: Progress | None
) -> NDArray[np.float32]:
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors: NDArray[np.float32] = np.zeros((len(texts), 0), dtype=np.float32)
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        encoded = encode([texts[i] for i in batch])
        if not vectors.shape[1]:
            vectors = np.zeros((len(texts), encoded.shape[1]), dtype=np.float32)
        vectors[batch] = encoded
        if progress is not None:
            done = start + len(batch)
            progress(done / len(order), f"embedded {done:,} of {len(order):,} titles")
    return vectors


class EmbeddingResolver:
    """Finds the movie whose vector has the highest cosine with the title's.

    Similarity is the cosine, at least 0. Movies of the catalogue that the index does not hold cannot be
    found, and rows of the index that the catalogue does not hold are passed over.

    Args:
        catalogue: What can be found.
        index: Vectors of its movies.
        encode: The same model that made the index.

    Raises:
        DataFormatError: when the index holds no movie of the catalogue.
    """

    name: str = "embedding"
    match: Match = "semantic"
    default_threshold: float = 0.62
    """Measured with SmolLM2-135M on tests/fixtures/hard_titles.csv against 1,001 movies."""

    def __init__(self, catalogue: Catalogue, index: EmbeddingIndex, encode: Encode) -> None:
        self.catalogue = catalogue
        self.index = index
        self._encode = encode
        self._rows = np.flatnonzero([int(item_id) in catalogue for item_id in index.item_ids])
        if len(catalogue) and not len(self._rows):
            raise DataFormatError("the index holds no movie of this catalogue", path="index", mend=_REBUILD)

    @cached_property
    def _lengths(self) -> NDArray[np.float32]:
        """Length of each row's int8 vector; 1 for a row of zeros."""
        squares = np.einsum("ij,ij->i", self.index.vectors, self.index.vectors, dtype=np.int64)
        lengths: NDArray[np.float32] = np.sqrt(np.maximum(squares, 1)).astype(np.float32)
        return lengths

    def nearest(self, titles: Sequence[str], years: Sequence[int | None]) -> list[Candidate]:
        """The nearest item for each title (given without its year); the year is part of the text compared.

        Raises:
            DataFormatError: when ``encode`` gives vectors of another size than the index holds.
        """
        if not titles:
            return []
        if not len(self._rows):
            return [Candidate((), 1.0, 0.0) for _ in titles]
        texts = [title if year is None else f"{title} ({year})" for title, year in zip(titles, years, strict=True)]
        have_year = np.array([year is not None for year in years])
        cosines = self._cosines(self._encode(texts), have_year)
        return [self._candidate(row) for row in cosines]

    def _cosines(self, vectors: NDArray[np.float32], have_year: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Cosines of queries with all rows in use, (queries, rows)."""
        if vectors.shape[1] != self.index.hidden_size:
            seen = f"{vectors.shape[1]} numbers a vector, the index has {self.index.hidden_size}"
            raise DataFormatError("the index was made by another model", path="index", seen=seen, mend=_REBUILD)
        centred = self.index.centre_queries(vectors, have_year=have_year)
        cosines = np.empty((len(vectors), len(self._rows)), dtype=np.float32)
        for start in range(0, len(self._rows), _ROWS_AT_ONCE):
            rows = self._rows[start : start + _ROWS_AT_ONCE]
            block = self.index.vectors[rows].astype(np.float32)
            cosines[:, start : start + len(rows)] = centred @ block.T / self._lengths[rows]
        return cosines

    def _candidate(self, cosines: NDArray[np.float32]) -> Candidate:
        best = float(cosines.max())
        places = np.flatnonzero(cosines >= best - 1e-6)
        found = [int(self.index.item_ids[self._rows[place]]) for place in places]
        popular = sorted(found, key=lambda i: (-self.catalogue.popularity.get(i, 0), i))
        return Candidate(tuple(popular), 1 - best, min(max(best, 0.0), 1.0))
