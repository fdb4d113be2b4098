"""Fixtures that several rooms share, and the rule that nothing is skipped where CI is set."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from recsys.catalogue import Catalogue, Movie
from tests.fixtures import tiny_models

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Two torch processes with all cores each are many times slower than with one each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

_MUST_RUN_IN_CI = ("browser", "model")
_NO_PACKAGE = "could not import"
"""What pytest.importorskip says of a package that is not installed; the extra dev has them all."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI set, a test of a browser, a model or a package that skips itself is a failure: nobody would see it."""
    report = yield
    if not report.skipped or not os.environ.get("CI") or hasattr(report, "wasxfail"):
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    marked = [f"a test marked {name}" for name in _MUST_RUN_IN_CI if item.get_closest_marker(name)]
    if _NO_PACKAGE in reason:
        marked.append("a test of an optional package")
    if marked:
        report.outcome = "failed"
        report.longrepr = f"{marked[0]} may not be skipped where CI is set: {reason}"
    return report


@pytest.fixture(scope="session")
def tiny_llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random LLaMA without a chat template."""
    return tiny_models.save_tiny_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="session")
def tiny_chat_llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random LLaMA whose tokenizer has a chat template."""
    return tiny_models.save_tiny_llama(tmp_path_factory.mktemp("models") / "tiny-chat-llama", chat_template=True)


@pytest.fixture(scope="session")
def tiny_sentencepiece_llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random LLaMA whose tokenizer is Metaspace with byte fallback and writes a BOS."""
    return tiny_models.save_tiny_sentencepiece_llama(tmp_path_factory.mktemp("models") / "tiny-sentencepiece-llama")


@pytest.fixture(scope="session")
def tiny_gptj_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random GPT-J."""
    return tiny_models.save_tiny_gptj(tmp_path_factory.mktemp("models") / "tiny-gptj")


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """A dozen movies with commas, articles, alternative titles, a shared name and a movie without a year."""
    rows: list[tuple[int, str, int | None, tuple[str, ...]]] = [
        (1, "Toy Story", 1995, ("Adventure", "Animation", "Children")),
        (32, "Twelve Monkeys (a.k.a. 12 Monkeys)", 1995, ("Mystery", "Sci-Fi", "Thriller")),
        (260, "Star Wars: Episode IV - A New Hope (Star Wars)", 1977, ("Action", "Adventure", "Sci-Fi")),
        (318, "Shawshank Redemption, The", 1994, ("Crime", "Drama")),
        (589, "Terminator 2: Judgment Day", 1991, ("Action", "Sci-Fi")),
        (924, "2001: A Space Odyssey", 1968, ("Adventure", "Drama", "Sci-Fi")),
        (1201, "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il)", 1966, ("Western",)),
        (2571, "Matrix, The", 1999, ("Action", "Sci-Fi", "Thriller")),
        (3000, "Princess Mononoke (Mononoke-hime)", 1997, ("Action", "Animation", "Fantasy")),
        (4973, "Amelie (Fabuleux destin d'Amélie Poulain, Le)", 2001, ("Comedy", "Romance")),
        (5618, "Spirited Away (Sen to Chihiro no kamikakushi)", 2001, ("Adventure", "Animation", "Fantasy")),
        (5971, "My Neighbor Totoro (Tonari no Totoro)", 1988, ("Animation", "Children", "Fantasy")),
        (7076, "Solaris", 2002, ("Drama", "Sci-Fi")),
        (7234, "Solaris (Solyaris)", 1972, ("Drama", "Mystery", "Sci-Fi")),
        (9000, "Nosferatu", None, ("Horror",)),
    ]
    movies = tuple(Movie.from_source(*row) for row in rows)
    return Catalogue(movies, {1: 20, 260: 30, 318: 40, 2571: 35, 5618: 12, 7234: 3, 7076: 1})


@pytest.fixture(scope="session")
def embedded() -> Any:
    """The embedded MovieLens data; loaded when the first test asks."""
    from recsys.data import movielens

    return movielens.load()
