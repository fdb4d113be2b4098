"""A map of the catalogue: every movie a place on a plane, near those that a model represents alike.

Made once from an index of embeddings: 50 principal components, then t-SNE (van der Maaten and Hinton, JMLR 9, 2008).
Distances between far places mean nothing; neighbourhoods do.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.data.atomic import save_npz
from recsys.errors import DataFormatError, ModelUnavailableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recsys.resolution.embedding import EmbeddingIndex

NUM_COMPONENTS = 50
PERPLEXITY = 30.0
_REBUILD = "make it again with: python -m recsys models map"


def require_scikit_learn() -> None:
    """Raises ModelUnavailableError, with the command that mends it, where scikit-learn is not installed."""
    if find_spec("sklearn") is None:
        raise _without_scikit_learn()


@dataclass(frozen=True, eq=False)
class ItemMap:
    """Places of movies on a plane.

    Attributes:
        item_ids: (items,) int64.
        places: (items, 2) float32, without a unit.
        base_model: The model whose embeddings they are of.
    """

    item_ids: NDArray[np.int64]
    places: NDArray[np.float32]
    base_model: str

    @classmethod
    def of(cls, index: EmbeddingIndex, *, seed: int = 0) -> ItemMap:
        """Computes the map, in about a minute for 9,000 movies.

        Raises:
            ModelUnavailableError: where scikit-learn, which only this needs, is not installed.
        """
        try:
            from sklearn.decomposition import PCA
            from sklearn.manifold import TSNE
        except ImportError:
            raise _without_scikit_learn() from None
        unit = index.unit_vectors()
        components = PCA(min(NUM_COMPONENTS, *unit.shape), random_state=seed).fit_transform(unit)
        perplexity = min(PERPLEXITY, max(1.0, (len(unit) - 1) / 3))
        # The cosine of unit vectors and their distance order pairs alike.
        places = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(components)
        return cls(index.item_ids, places.astype(np.float32), index.base_model)

    def save(self, path: Path | str) -> None:
        """Writes the map as npz, whole or not at all."""
        save_npz(path, item_ids=self.item_ids, places=self.places, base_model=np.array(self.base_model))

    @classmethod
    def load(cls, path: Path | str) -> ItemMap:
        """Reads a map.

        Raises:
            DataFormatError: when the file is missing, is none, or its parts do not fit together.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                item_ids, places, base_model = file["item_ids"], file["places"], str(file["base_model"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataFormatError("this is no map of movies", path=path, seen=str(error), mend=_REBUILD) from None
        if item_ids.ndim != 1 or places.shape != (len(item_ids), 2) or not np.isfinite(places).all():
            raise DataFormatError("the parts of this map do not fit together", path=path, mend=_REBUILD)
        return cls(item_ids.astype(np.int64), places.astype(np.float32), base_model)


def _without_scikit_learn() -> ModelUnavailableError:
    return ModelUnavailableError("a map needs scikit-learn", mend="run: pip install -e '.[map]'")
