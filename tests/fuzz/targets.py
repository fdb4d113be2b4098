"""What is fuzzed: each target reads bytes, calls one reader and checks what it answers.

A target may see the package's own errors, which are answers too. Anything else that is raised, a check that does not
hold or a case that takes longer than its limit is a finding. Targets share nothing between cases but what is cached
here.
"""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_args

from recsys.catalogue import Catalogue, Movie
from recsys.data.movielens import load
from recsys.data.own_history import MAX_FILE_BYTES, read_own_history
from recsys.errors import RecsysError
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.models.weights import read_tensor_entries
from recsys.parsing import is_list_complete, parse_completion
from recsys.parsing.generated import ListFormat
from recsys.resolution.common_characters import CommonCharactersResolver
from recsys.resolution.levenshtein import LevenshteinResolver
from recsys.resolution.resolve import resolve_titles
from recsys.settings import (
    DecodingSettings,
    EvaluationSettings,
    GenerationSettings,
    PromptSettings,
    ResolutionSettings,
    Settings,
)
from recsys.titles import move_article_to_front, normalise_title, split_alternatives, split_year
from recsys.ui.share import read_query
from tests.fuzz.adapter_zip import SEEDS, adapter_zip

_TITLES = (
    "Toy Story (1995)", "Good, the Bad and the Ugly, The (1966)", "Se7en (1995)", "M*A*S*H (1970)", "1984 (1984)",
    "2001: A Space Odyssey (1968)", "City of Lost Children, The (Cité des enfants perdus, La) (1995)", "[REC] (2007)",
    "Crouching Tiger, Hidden Dragon (2000)", "I, Robot (2004)", "Amélie (2001)",
    "千と千尋 (2001)", "Heat (1995)", "Heat (1986)",
    "Me, Myself & Irene (2000)", "One, Two, Three (1961)", "10 (1979)", "...And Justice for All (1979)",
    "Nothing Known",
)  # fmt: skip
"""Names that parsers stumble over."""


@cache
def catalogue() -> Catalogue:
    """A small catalogue of awkward names."""
    return Catalogue([Movie.from_source(n, title, None, ("Drama",)) for n, title in enumerate(_TITLES, start=1)])


@cache
def _resolvers() -> tuple[CommonCharactersResolver | LevenshteinResolver, ...]:
    return CommonCharactersResolver(catalogue()), LevenshteinResolver(catalogue())


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="surrogateescape" if data[:1] == b"\xff" else "replace")


def completion(data: bytes) -> None:
    """A completion: its titles lie in it in order, and each has an item or none, by both resolvers."""
    layout, text = (data[0] if data else 0), _text(data[1:])
    wanted = 1 + layout % 8
    options: dict[str, Any] = {
        "num_recommendations": wanted,
        "list_separator": ";,"[layout >> 3 & 1],
        "closing": (None, "]", "\n")[(layout >> 4) % 3],
        "answer_prefix": ("", "1.")[layout >> 7],
    }
    parsed = parse_completion(text, catalogue(), cut_off=bool(layout & 1), **options)
    assert parsed.list_format in get_args(ListFormat)
    assert len(parsed.titles) <= wanted
    end = 0
    for rank, title in enumerate(parsed.titles, start=1):
        assert title.rank == rank
        assert end <= title.start < title.end <= len(text)
        end = title.end
    assert isinstance(is_list_complete(text, catalogue(), **options), bool)
    for resolver in _resolvers():
        found = resolve_titles(parsed.titles, catalogue(), resolver, ResolutionSettings(), history=(1, text[:40]))
        assert [resolution.generated for resolution in found] == list(parsed.titles)
        for resolution in found:
            assert resolution.item_id is None or resolution.item_id in catalogue().by_id
            assert 0 <= resolution.similarity <= 1
            assert (resolution.match == "none") == (resolution.item_id is None)


def titles(data: bytes) -> None:
    """A title of any source: normalising it again changes nothing, and no year is lost."""
    text = _text(data)
    name, year = split_year(text)
    assert year is None or str(year) in text
    normal = normalise_title(text)
    assert normalise_title(normal) == normal
    split_alternatives(name)
    move_article_to_front(name)
    Movie.from_source(1, text, None, ())


def trie(data: bytes) -> None:
    """Token sequences: a walk reaches each title that is no other's continuation, and only titles."""
    sequences = [list(row) for row in data.split(b"\0") if row][:40]
    if not sequences:
        return
    items = list(range(1, len(sequences) + 1))
    tree = CatalogueTrie.of_sequences(items, [sequences])
    known = {tuple(sequence) for sequence in sequences}
    prefix_free = {row for row in known if not any(row != other and row[: len(other)] == other for other in known)}
    rows = zip(tree.leaf_tokens, tree.leaf_length, strict=True)
    leaves = {tuple(int(token) for token in row[:length]) for row, length in rows}
    assert leaves == prefix_free
    reached = [item for leaf in tree.leaf_items for item in leaf]
    assert sorted(reached) == [item for item in items if tuple(sequences[item - 1]) in prefix_free]
    assert sorted(tree.unreachable) == [item for item in items if item not in reached]
    allowed = {item for item in items if data[item % len(data)] % 2}
    assert {i for leaf in tree.restrict(allowed).leaf_items for i in leaf} <= allowed


def own_history(data: bytes) -> None:
    """Somebody's file of ratings or list of titles."""
    read = read_own_history(data[:MAX_FILE_BYTES])
    assert all(title.title.strip() and title.opinion in ("liked", "disliked") for title in read.titles)
    assert len({(title.title, title.year) for title in read.titles}) == len(read.titles)


_FORMS = (("movies.csv", "ratings.csv"), ("movies.dat", "ratings.dat"), ("u.item", "u.data"))


def movielens(data: bytes) -> None:
    """A data set in any form, as a folder."""
    names = _FORMS[(data[0] if data else 0) % len(_FORMS)]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        for file, content in zip(names, data[1:].partition(b"\x1e")[::2], strict=True):
            (Path(name) / file).write_bytes(content)
        _check(load(name))


def archive(data: bytes) -> None:
    """A zip that claims to be a data set."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        path = Path(name) / "ml.zip"
        path.write_bytes(data)
        _check(load(path))


def _check(dataset: Any) -> None:
    items = [movie.item_id for movie in dataset.movies]
    assert items == sorted(set(items))
    assert set(dataset.ratings["item_id"]) <= set(items)
    assert dataset.ratings["rating"].between(0.5, 5).all()


def weights(data: bytes) -> None:
    """A safetensors file; what is none is told by ValueError, which the loaders word."""
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(data)
        file.flush()
        try:
            entries = read_tensor_entries(Path(file.name))
        except ValueError:
            return
    assert all(entry.end <= len(data) for entry in entries.values())


_SETTINGS: tuple[type[Settings], ...] = (
    GenerationSettings, PromptSettings, DecodingSettings, ResolutionSettings, EvaluationSettings,
)  # fmt: skip


def settings(data: bytes) -> None:
    """Settings from JSON: what is taken comes back the same."""
    kind = _SETTINGS[(data[0] if data else 0) % len(_SETTINGS)]
    try:
        given = json.loads(_text(data[1:]))
    except (ValueError, RecursionError):
        return
    if isinstance(given, dict):
        read = kind.from_dict(given)
        assert kind.from_dict(json.loads(json.dumps(read.to_dict()))) == read


def link(data: bytes) -> None:
    """The query of a link: never refused as a whole, each wrong part told."""
    pairs = [part.partition("=")[::2] for part in _text(data).split("&")]
    request, problems = read_query(dict(pairs), catalogue())
    assert all(isinstance(problem, str) and problem for problem in problems)
    assert all(entry in catalogue().by_id for entry in request.history if isinstance(entry, int))


@dataclass(frozen=True)
class Target:
    """One reader under fuzz.

    Attributes:
        run: Reads one case.
        seeds: Good cases to start from.
        share: Its part of the cases, by what one costs.
    """

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    share: int


def _zip(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in files.items():
            opened.writestr(f"ml/{name.replace('_', '.')}", content)
    return buffer.getvalue()


_MOVIES = b'movieId,title,genres\n1,Toy Story (1995),Animation|Comedy\n2,"Shawshank, The (1994)",Drama\n'
_RATINGS = b"userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,5.0,964982931\n"
_DAT = b"1::Toy Story (1995)::Animation\n2::Heat (1995)::Drama\n\x1e1::1::5::978300760\n1::2::3::978302109\n"
_HUNDRED = (
    b"1|Toy Story (1995)|01-Jan-1995||http://x|" + b"|".join([b"0"] * 18 + [b"1"]) + b"\n\x1e1\t1\t5\t874965758\n"
)
_HEADER = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()


def _written(values: Settings) -> bytes:
    return json.dumps(values.to_dict()).encode()


def _query() -> bytes:
    numbers = "&".join(f"{field.name}={field.default}" for field in fields(GenerationSettings))
    return f'liked=[1,"Heat (1995)"]&disliked=[2]&{numbers}&style=few_shot&decoding=catalogue_list'.encode()


TARGETS: dict[str, Target] = {
    "completion": Target(
        completion,
        (
            b"\x03Toy Story (1995); Heat (1995); I, Robot (2004); Nothing",
            b"\x0b 1. Toy Story\n2. Me, Myself & Irene (2000)\n3. M*A*S*H",
            b'\x13["Heat", "10"] => def f(x): return x',
            "\x04千と千尋, Amélie; ...And Justice for All -> 1984".encode(),
        ),
        30,
    ),
    "titles": Target(titles, tuple(title.encode() for title in _TITLES), 25),
    "trie": Target(trie, (b"ab\0abc\0b\0ba\0ab", b"\1\2\3\0\1\2\0\4"), 12),
    "own_history": Target(
        own_history,
        (
            b"Date,Name,Year,Letterboxd URI,Rating\n2020-01-01,Heat,1995,u,4.5\n",
            b"Const,Your Rating,Date Rated,Title,Year\ntt1,9,2020-01-01,Heat,1995\n",
            b"Heat (1995)\nToy Story\n",
        ),
        10,
    ),
    "movielens": Target(movielens, (b"\0" + _MOVIES + b"\x1e" + _RATINGS, b"\1" + _DAT, b"\2" + _HUNDRED), 2),
    "archive": Target(archive, (_zip(movies_csv=_MOVIES, ratings_csv=_RATINGS),), 1),
    "adapter_zip": Target(adapter_zip, SEEDS, 2),
    "weights": Target(weights, (struct.pack("<Q", len(_HEADER)) + _HEADER + bytes(8),), 4),
    "settings": Target(settings, tuple(bytes([n]) + _written(kind()) for n, kind in enumerate(_SETTINGS)), 8),
    "link": Target(link, (_query(),), 8),
}

EXPECTED: tuple[type[Exception], ...] = (RecsysError,)
"""What a reader may answer instead of a value."""
