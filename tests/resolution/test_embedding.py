"""The semantic resolver over made-up encoders, whose nearest neighbours are known."""

import dataclasses
import re
import zlib

import numpy as np
import pytest

from recsys.catalogue import Catalogue, Movie
from recsys.errors import DataFormatError
from recsys.resolution.embedding import EmbeddingIndex, EmbeddingResolver, build_index, describe

CATALOGUE = Catalogue(
    (
        Movie(1, "Alien", 1979, ("Horror", "Sci-Fi")),
        Movie(2, "Heat", 1995, ("Action", "Crime")),
        Movie(3, "Spirited Away", 2001, ("Animation",)),
        Movie(4, "Nosferatu"),
    ),
    {2: 5},
)
HIDDEN = 64


def encode(texts):
    """A bag of words: each word adds its own pseudo-random direction, and all share a large common part."""
    rows = []
    for text in texts:
        row = 8 * np.ones(HIDDEN)
        for word in re.findall(r"\w+", text.lower()):
            row += np.random.default_rng(zlib.crc32(word.encode())).normal(size=HIDDEN)
        rows.append(row / np.linalg.norm(row))
    return np.array(rows, dtype=np.float32)


def index_of(catalogue=CATALOGUE, **options):
    return build_index(catalogue, encode, base_model="bag", weight_hash="0" * 8, **options)


def test_a_movie_is_described_by_title_year_and_genres():
    assert [describe(movie) for movie in CATALOGUE][::3] == ["Alien (1979), Horror, Sci-Fi", "Nosferatu"]


def test_a_title_finds_the_movie_whose_words_it_shares():
    resolver = EmbeddingResolver(CATALOGUE, index_of(), encode)
    found = resolver.nearest(["The Alien", "Spirited", "Crime in the Heat"], [1979, None, None])
    assert [candidate.item_ids[0] for candidate in found] == [1, 3, 2]
    assert all(0 <= c.similarity <= 1 and c.distance == pytest.approx(1 - c.similarity, abs=1e-6) for c in found)


def test_the_very_text_of_a_movie_without_genres_has_a_similarity_of_nearly_one():
    bare = Catalogue(tuple(Movie(i, title) for i, title in enumerate(["Alien", "Heat", "Up and Away", "Jaws"])))
    (candidate,) = EmbeddingResolver(bare, index_of(bare), encode).nearest(["Jaws"], [None])
    assert candidate.item_ids == (3,)
    assert candidate.similarity > 0.999


def test_the_year_written_is_part_of_what_is_compared():
    twins = Catalogue((Movie(1, "Hamlet", 1948), Movie(2, "Hamlet", 1996), Movie(3, "Up", 2009)), {1: 9})
    resolver = EmbeddingResolver(twins, index_of(twins), encode)
    assert resolver.nearest(["Hamlet"], [1996])[0].item_ids[0] == 2


def many_movies(num=400):
    drawn = np.random.default_rng(1)
    words = [f"word{i}" for i in range(300)]
    genres = ("Drama", "Comedy", "Horror")
    titles = [" ".join(drawn.choice(words, size=drawn.integers(2, 5), replace=False)) for _ in range(num)]
    return Catalogue(
        tuple(
            Movie(i, title, 1950 + i % 60, tuple(drawn.choice(genres, 2, replace=False)))
            for i, title in enumerate(titles)
        )
    )


def found_right(catalogue, index, encoder):
    """How many titles, written with one word left out, find their movie, and the mean cosine with the others."""
    resolver = EmbeddingResolver(catalogue, index, encoder)
    written = [movie.title.rpartition(" ")[0] for movie in catalogue]
    vectors = encoder([f"{title} ({movie.year})" for title, movie in zip(written, catalogue, strict=True)])
    cosines = resolver._cosines(vectors, np.ones(len(vectors), dtype=bool))
    right = cosines.argmax(axis=1) == np.arange(len(catalogue))
    return right.mean(), cosines[~np.eye(len(catalogue), dtype=bool)].mean()


def lopsided(texts):
    """As the hidden states of a decoder: a common part, one loud dimension that tells nothing, genres that move all."""
    vectors = encode(texts)
    for row, text in zip(vectors, texts, strict=True):
        row[0] += 3 * np.random.default_rng(zlib.crc32(text.encode())).normal()
        row[1:] += 0.4 * np.linspace(-1, 1, HIDDEN - 1) * ("Drama" in text or "Comedy" in text or "Horror" in text)
    return vectors


def plain_index(catalogue, vectors):
    """An index that takes nothing off: plain cosines."""
    largest = np.abs(vectors).max(axis=1)
    return EmbeddingIndex(
        item_ids=np.array([movie.item_id for movie in catalogue]),
        vectors=np.rint(127 * vectors / largest[:, None]).astype(np.int8),
        scales=(largest / 127).astype(np.float32),
        mean=np.zeros(HIDDEN, np.float32),
        spread=np.ones(HIDDEN, np.float32),
        query_means=np.zeros((2, HIDDEN), np.float32),
        base_model="bag",
        weight_hash="",
    )


def test_means_and_spread_tell_near_from_far_where_plain_cosines_do_not():
    catalogue = many_movies()
    vectors = lopsided([describe(movie) for movie in catalogue])
    ids = [movie.item_id for movie in catalogue]
    plain, _ = found_right(catalogue, plain_index(catalogue, vectors), lopsided)
    one_mean, _ = found_right(catalogue, EmbeddingIndex.of(ids, vectors, base_model="bag", weight_hash=""), lopsided)
    whole_index = build_index(catalogue, lopsided, base_model="bag", weight_hash="")
    whole, others = found_right(catalogue, whole_index, lopsided)
    assert whole > 0.9
    assert max(plain, one_mean) < 0.2
    assert abs(others) < 0.1


def test_the_cosine_of_the_rounded_vectors_is_that_of_the_float_vectors():
    drawn = np.random.default_rng(0)
    vectors = drawn.normal(size=(300, 96)).astype(np.float32)
    many = Catalogue(tuple(Movie(i, f"Movie {i}") for i in range(300)))
    index = EmbeddingIndex.of(range(300), vectors, base_model="random", weight_hash="")
    queries = drawn.normal(size=(20, 96)).astype(np.float32)
    got = EmbeddingResolver(many, index, lambda texts: queries)._cosines(queries, np.zeros(20, dtype=bool))
    centred, moved = ((x - vectors.mean(0)) / vectors.std(0) for x in (vectors, queries))
    exact = (moved @ centred.T) / np.linalg.norm(moved, axis=1)[:, None] / np.linalg.norm(centred, axis=1)
    assert np.abs(got - exact).max() < 0.01


def test_every_movie_is_encoded_once_in_batches_and_progress_ends_at_one():
    batches, told = [], []

    def noting(texts):
        batches.append(list(texts))
        return encode(texts)

    index = build_index(
        CATALOGUE,
        noting,
        base_model="bag",
        weight_hash="x",
        batch_size=3,
        progress=lambda done, text: told.append((done, text)),
    )
    encoded = [text for batch in batches for text in batch]
    bare = [movie.title for movie in CATALOGUE]
    dated = [movie.display() for movie in CATALOGUE if movie.year]
    assert sorted(encoded) == sorted([*(describe(movie) for movie in CATALOGUE), *bare, *dated])
    assert [len(batch) for batch in batches] == [3, 3, 3, 2]
    assert index.item_ids.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(index.query_means, [encode(bare).mean(0), encode(dated).mean(0)], rtol=1e-5)
    assert [fraction for fraction, _ in told] == pytest.approx([3 / 11, 6 / 11, 9 / 11, 1])
    assert told[-1][1] == "embedded 11 of 11 titles"


def test_an_index_is_the_same_after_saving_and_loading(tmp_path):
    index = index_of()
    index.save(tmp_path / "index.npz")
    loaded = EmbeddingIndex.load(tmp_path / "index.npz")
    for name in ("item_ids", "vectors", "scales", "mean", "spread", "query_means"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(index, name))
    assert (loaded.base_model, loaded.weight_hash, loaded.hidden_size) == ("bag", "0" * 8, HIDDEN)
    assert [path.name for path in tmp_path.iterdir()] == ["index.npz"]


def test_the_index_of_the_embedded_catalogue_stays_below_six_megabytes(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(9061, 576)).astype(np.float32)
    EmbeddingIndex.of(range(9061), vectors, base_model="smollm2-135m", weight_hash="0" * 64).save(tmp_path / "i.npz")
    assert (tmp_path / "i.npz").stat().st_size < 6_000_000


@pytest.mark.parametrize("content", [None, b"", b"not an index", b"PK\x03\x04 cut off"])
def test_a_missing_or_broken_file_is_refused_with_the_mend(tmp_path, content):
    path = tmp_path / "index.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataFormatError, match="models index"):
        EmbeddingIndex.load(path)


def test_a_file_whose_parts_do_not_fit_is_refused(tmp_path):
    index = index_of()
    broken = dataclasses.replace(index, item_ids=index.item_ids[:2])
    broken.save(tmp_path / "index.npz")
    with pytest.raises(DataFormatError, match="do not fit"):
        EmbeddingIndex.load(tmp_path / "index.npz")


def test_rows_that_the_catalogue_does_not_have_are_passed_over():
    smaller = Catalogue(CATALOGUE.movies[1:])
    (candidate,) = EmbeddingResolver(smaller, index_of(), encode).nearest(["Alien"], [1979])
    assert candidate.item_ids[0] != 1


def test_an_index_of_another_catalogue_or_another_model_is_refused():
    with pytest.raises(DataFormatError, match="no movie"):
        EmbeddingResolver(Catalogue((Movie(99, "Other"),)), index_of(), encode)
    narrow = EmbeddingResolver(CATALOGUE, index_of(), lambda texts: encode(texts)[:, :10])
    with pytest.raises(DataFormatError, match="another model"):
        narrow.nearest(["Alien"], [None])


def test_no_titles_cost_no_call_and_an_empty_catalogue_has_no_index():
    def never(texts):
        raise AssertionError("nothing to encode")

    assert EmbeddingResolver(CATALOGUE, index_of(), never).nearest([], []) == []
    with pytest.raises(DataFormatError, match="no movie to embed"):
        index_of(Catalogue(()))


def test_movies_that_look_the_same_are_all_given_the_most_popular_first():
    same = Catalogue((Movie(1, "Up"), Movie(2, "Up"), Movie(3, "Heat")), {2: 3})
    (candidate,) = EmbeddingResolver(same, index_of(same), encode).nearest(["Up"], [None])
    assert candidate.item_ids == (2, 1)
