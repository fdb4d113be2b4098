"""The map of movies: saved whole, read back as it was, and the shipped one holds every movie."""

import numpy as np
import pytest

from recsys.errors import DataFormatError
from recsys.resolution.embedding import EmbeddingIndex
from recsys.resolution.item_map import ItemMap
from recsys.resolver_pool import ResolverPool


@pytest.fixture
def item_map():
    return ItemMap(np.array([3, 5]), np.array([[0, 1], [2, 3]], dtype=np.float32), "a-model")


def test_what_is_saved_is_read_back(item_map, tmp_path):
    item_map.save(tmp_path / "m.npz")
    found = ItemMap.load(tmp_path / "m.npz")
    assert (found.item_ids.tolist(), found.places.tolist(), found.base_model) == ([3, 5], [[0, 1], [2, 3]], "a-model")
    assert [path.name for path in tmp_path.iterdir()] == ["m.npz"]


def test_a_file_that_is_none_or_does_not_fit_together_is_refused(item_map, tmp_path):
    (tmp_path / "text.npz").write_text("no map")
    ItemMap(item_map.item_ids, item_map.places[:1], "m").save(tmp_path / "short.npz")
    ItemMap(item_map.item_ids, item_map.places * np.nan, "m").save(tmp_path / "nan.npz")
    for name in ("missing.npz", "text.npz", "short.npz", "nan.npz"):
        with pytest.raises(DataFormatError, match="models map"):
            ItemMap.load(tmp_path / name)


def test_movies_of_two_kinds_come_to_lie_apart():
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1], 30)
    vectors = (rng.normal(size=(60, 8)) * 0.1 + np.where(kinds[:, None] == 1, 1.0, -1.0)).astype(np.float32)
    index = EmbeddingIndex.of(range(60), vectors, base_model="m", weight_hash="h")
    places = ItemMap.of(index).places
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert (kinds[apart.argmin(axis=1)] == kinds).mean() > 0.95


def test_the_shipped_map_holds_every_movie_of_the_embedded_data(embedded):
    from recsys.catalogue import Catalogue

    catalogue = Catalogue(embedded.movies)
    index, item_map = ResolverPool(catalogue, embedded.name).find_map("smollm2-135m")
    assert item_map.base_model == index.base_model == "smollm2-135m"
    assert set(item_map.item_ids.tolist()) >= {movie.item_id for movie in catalogue}


def test_another_data_set_has_no_map():
    from recsys.catalogue import Catalogue

    assert ResolverPool(Catalogue(()), "another set").find_map("smollm2-135m") is None


def test_similar_by_meaning_knows_every_movie_and_asks_for_an_index_where_there_is_none(embedded):
    from recsys.baselines.base import rank
    from recsys.catalogue import Catalogue
    from recsys.errors import ModelUnavailableError

    catalogue = Catalogue(embedded.movies)
    similarity = ResolverPool(catalogue, embedded.name).similarity("smollm2-135m", {})
    assert len(similarity.item_ids) == len(catalogue)
    nearest = rank(similarity, [(5618, 5971)], n=20)[0]
    by_genre = [set(catalogue[item].genres) & {"Animation", "Fantasy", "Children"} for item in nearest]
    assert sum(map(bool, by_genre)) > 15
    with pytest.raises(ModelUnavailableError, match="models index"):
        ResolverPool(Catalogue(()), "another set").similarity("smollm2-135m", {})
