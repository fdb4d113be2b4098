"""The resolvers of one catalogue, each made once, and the title embeddings that one of them needs.

Resolvers outlive the model in memory, so none of them keeps its weights alive.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.catalogue import Catalogue
from recsys.errors import ModelUnavailableError
from recsys.models.artifacts import Progress, cache_folder
from recsys.resolution.base import TitleResolver
from recsys.settings import ResolverName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from recsys.baselines.similarity import Similarity
    from recsys.models.loading import LoadedModel
    from recsys.resolution.embedding import EmbeddingIndex, Encode
    from recsys.resolution.item_map import ItemMap

SHIPPED_INDICES = Path(__file__).resolve().parents[1] / "assets" / "embeddings"


class ResolverPool:
    """Makes each resolver when it is first asked for; safe to share between threads.

    Args:
        catalogue: What titles resolve to.
        dataset_name: Names the embedding indices of this catalogue.
    """

    def __init__(self, catalogue: Catalogue, dataset_name: str) -> None:
        self._catalogue = catalogue
        self._slug = re.sub(r"[^a-z0-9]+", "-", dataset_name.lower()).strip("-")
        self._made: dict[str, TitleResolver] = {}
        self._lock = threading.Lock()

    def find(self, name: ResolverName, loaded: LoadedModel | None) -> TitleResolver:
        """The resolver of that name; the embedding resolver reads titles with the model that is loaded.

        Raises:
            ModelUnavailableError: when the catalogue was never embedded with that model, or none is loaded.
        """
        if name == "levenshtein":
            return self.levenshtein
        key = f"{name}/{loaded.weight_hash if loaded else None}" if name == "embedding" else name
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(name, loaded)
            return self._made[key]

    @property
    def levenshtein(self) -> TitleResolver:
        """The default resolver, which needs no model."""
        from recsys.resolution.levenshtein import LevenshteinResolver

        with self._lock:
            return self._made.setdefault("levenshtein", LevenshteinResolver(self._catalogue))

    def index_path(self, loaded: LoadedModel, *, shipped: bool) -> Path:
        """Where the embeddings of this catalogue by that model are: in the repository or in the user's cache."""
        folder = SHIPPED_INDICES if shipped else cache_folder() / "embeddings"
        return folder / f"{self._slug}-{loaded.weight_hash[:12]}.npz"

    def find_index(self, base_model: str, weight_hash: str | None = None) -> tuple[EmbeddingIndex, Path] | None:
        """The embeddings of this catalogue by a model, and where they are.

        Args:
            base_model: Its name.
            weight_hash: Of its weights where they are known: a model may have been trained again under its name.
        """
        return next((found for found in self._indices() if _is_by(found[0], base_model, weight_hash)), None)

    def find_map(self, base_model: str, weight_hash: str | None = None) -> tuple[EmbeddingIndex, ItemMap] | None:
        """The embeddings as find_index gives them, with the map of them; None where there is no map."""
        from recsys.resolution.item_map import ItemMap

        found = self.find_index(base_model, weight_hash)
        path = found[1].with_suffix(".map.npz") if found else None
        return (found[0], ItemMap.load(path)) if found and path is not None and path.exists() else None

    def _indices(self) -> Iterator[tuple[EmbeddingIndex, Path]]:
        """Every index of exactly these movies; another data set may have had the same name."""
        from recsys.resolution.embedding import EmbeddingIndex

        items = self._catalogue.by_id.keys()
        for folder in (SHIPPED_INDICES, cache_folder() / "embeddings"):
            for path in sorted(folder.glob(f"{self._slug}-????????????.npz")):
                index = EmbeddingIndex.load(path)
                if set(index.item_ids.tolist()) == items:
                    yield index, path

    def similarity(self, base_model: str, popularity: Mapping[int, int], weight_hash: str | None = None) -> Similarity:
        """Similar by meaning, as that model sees the catalogue.

        Args:
            base_model: The model whose embeddings are read; any other's where it has none.
            popularity: How many like each item, for the order of ties.
            weight_hash: Of its weights where they are known.

        Raises:
            ModelUnavailableError: when no model has embedded this catalogue.
        """
        from recsys.baselines.similarity import Similarity

        found = self.find_index(base_model, weight_hash) or next(self._indices(), None)
        if found is None:
            mend = f"run: python -m recsys models index --model {base_model}"
            raise ModelUnavailableError("the titles of this catalogue are not embedded yet", seen=base_model, mend=mend)
        rows = [row for row, item in enumerate(found[0].item_ids.tolist()) if item in self._catalogue]
        return Similarity(found[0].item_ids[rows].tolist(), found[0].unit_vectors()[rows], popularity)

    def build_index(
        self, loaded: LoadedModel, *, ship: bool, encode: Encode | None = None, progress: Progress | None = None
    ) -> Path:
        """Embeds every title with a model and writes the index.

        Args:
            loaded: The model, which the caller holds unless ``encode`` is given.
            ship: Write to the repository instead of the user's cache.
            encode: Takes the model's turn for each batch.
            progress: Told after every batch.
        """
        from recsys.generation.encoder import TextEncoder
        from recsys.resolution.embedding import build_index

        index = build_index(
            self._catalogue,
            encode or TextEncoder(loaded).encode,
            base_model=loaded.spec.name,
            weight_hash=loaded.weight_hash,
            progress=progress,
        )
        path = self.index_path(loaded, shipped=ship)
        path.parent.mkdir(parents=True, exist_ok=True)
        index.save(path)
        return path

    def _make(self, name: ResolverName, loaded: LoadedModel | None) -> TitleResolver:
        from recsys.resolution.common_characters import CommonCharactersResolver

        if name != "embedding":
            return CommonCharactersResolver(self._catalogue)
        if loaded is None:
            raise ModelUnavailableError("titles are embedded by a model that is loaded here", mend="choose one")
        return self._make_embedding(loaded)

    def _make_embedding(self, loaded: LoadedModel) -> TitleResolver:
        from recsys.generation.encoder import TextEncoder
        from recsys.resolution.embedding import EmbeddingIndex, EmbeddingResolver

        places = (self.index_path(loaded, shipped=True), self.index_path(loaded, shipped=False))
        path = next((place for place in places if place.exists()), None)
        if path is None:
            raise ModelUnavailableError(
                "the titles of this catalogue are not embedded for this model yet",
                seen=loaded.spec.name,
                mend=f"run: python -m recsys models index --model {loaded.spec.name}",
            )
        alive = weakref.ref(loaded)

        def encode(texts: Sequence[str]) -> NDArray[np.float32]:
            current = alive()
            if current is None:
                raise ModelUnavailableError("the model of this index was unloaded", mend="ask again")
            return TextEncoder(current).encode(texts)

        return EmbeddingResolver(self._catalogue, EmbeddingIndex.load(path), encode)


def _is_by(index: EmbeddingIndex, base_model: str, weight_hash: str | None) -> bool:
    return index.base_model == base_model and weight_hash in (None, index.weight_hash)
