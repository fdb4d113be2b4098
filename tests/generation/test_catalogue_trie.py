from __future__ import annotations

from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue
from recsys.errors import SettingsError
from recsys.generation.catalogue_trie import NO_LEAF, CatalogueTrie
from recsys.generation.title_tokens import ListForm, tokenise_in_list
from recsys.prompts import render, render_answer
from recsys.settings import PromptSettings

END = 9


def trie_of(*sequences: list[int]) -> CatalogueTrie:
    return CatalogueTrie.of_sequences(list(range(len(sequences))), [sequences])


def no_exclusions(beams: int) -> Any:
    return np.zeros((beams, 0), np.int64)


def leaf_of(trie: CatalogueTrie, item: int) -> int:
    return trie.leaves_of[item][0]


def live_sequences(trie: CatalogueTrie, excluded: set[int]) -> dict[int, list[int]]:
    return {
        leaf: trie.leaf_tokens[leaf, : trie.leaf_length[leaf]].tolist()
        for leaf in range(len(trie))
        if leaf not in excluded
    }


sequences = st.lists(
    st.lists(st.integers(0, 3), min_size=0, max_size=5).map(lambda tokens: [*tokens, END]), min_size=1, max_size=25
)


@pytest.fixture(scope="module")
def tokenizers(tiny_llama_folder: Path, tiny_sentencepiece_llama_folder: Path, tiny_gptj_folder: Path) -> list[Any]:
    from transformers import AutoTokenizer

    folders = (tiny_llama_folder, tiny_sentencepiece_llama_folder, tiny_gptj_folder)
    return [AutoTokenizer.from_pretrained(folder) for folder in folders]


def test_two_titles_part_at_their_first_different_token() -> None:
    trie = trie_of([1, 2, 3, END], [1, 2, 4, END])
    moved = trie.advance(trie.nodes.roots, no_exclusions(1))
    assert moved.forced.tolist() == [[1, 2]]
    assert moved.leaf.tolist() == [-1]
    assert trie.open_choices(moved.node, no_exclusions(1)).token.tolist() == [3, 4]


def test_a_title_that_begins_another_branches_at_its_terminator() -> None:
    trie = trie_of([1, END], [1, 2, END])
    moved = trie.advance(trie.nodes.roots, no_exclusions(1))
    assert moved.forced.tolist() == [[1]]
    assert trie.open_choices(moved.node, no_exclusions(1)).token.tolist() == [2, END]


def test_an_excluded_title_leaves_the_other_one_forced_to_its_end() -> None:
    trie = trie_of([1, 2, 3, END], [1, 2, 4, 5, END])
    moved = trie.advance(trie.nodes.roots, trie.exclusions([[leaf_of(trie, 0)]]))
    assert moved.forced.tolist() == [[1, 2, 4, 5, END]]
    assert moved.leaf.tolist() == [leaf_of(trie, 1)]


def test_a_choice_is_dead_only_when_all_below_it_is_excluded() -> None:
    trie = trie_of([1, 1, END], [1, 2, END], [2, END], [3, END])
    root = trie.nodes.roots
    half = trie.exclusions([[leaf_of(trie, 0)]])
    whole = trie.exclusions([[leaf_of(trie, 0), leaf_of(trie, 1)]])
    assert trie.open_choices(root, half).token.tolist() == [1, 2, 3]
    assert trie.open_choices(root, whole).token.tolist() == [2, 3]


def test_movies_of_one_writing_share_a_leaf_that_closes_with_the_last_of_them() -> None:
    trie = CatalogueTrie.of_sequences([10, 11, 12], [[[1, END], [1, END], [2, END]]])
    assert len(trie) == 2
    assert trie.excluded_leaves([10]) == []
    assert trie.excluded_leaves([10, 11]) == [trie.leaves_of[10][0]]
    assert trie.restrict([11, 12]).excluded_leaves([11]) == [0]


def test_a_title_that_no_token_tells_from_two_others_is_unreachable() -> None:
    trie = CatalogueTrie.of_sequences([1, 2, 3], [[[1, END], [1, END, 2, END], [2, END]]])
    assert trie.unreachable == (2,)
    assert set(trie.leaves_of) == {1, 3}


def test_a_produced_title_is_closed_in_every_form() -> None:
    trie = CatalogueTrie.of_sequences([1, 2], [[[1, END], [2, END]], [[0, 1, END], [0, 2, END]]])
    assert len(trie.nodes.roots) == 2
    first = trie.nodes.of_leaf[:, 0] == trie.nodes.roots[0]
    leaf = next(leaf for leaf in trie.leaves_of[1] if first[leaf])
    closed = trie.exclude(no_exclusions(2), np.array([leaf, -1]))
    assert closed.tolist() == [sorted(trie.leaves_of[1]), [NO_LEAF, NO_LEAF]]
    moved = trie.advance(trie.nodes.roots[[1]], closed[:1])
    assert moved.forced.tolist() == [[0, 2, END]]


@given(sequences, st.data())
@settings(max_examples=200, deadline=None)
def test_every_walk_sees_what_a_search_through_all_live_titles_sees(rows: list[list[int]], data: st.DataObject) -> None:
    trie = trie_of(*rows)
    excluded = data.draw(st.sets(st.integers(0, len(trie) - 1), max_size=len(trie) - 1))
    live = live_sequences(trie, excluded)
    closed = trie.exclusions([excluded])
    node = trie.nodes.roots
    written: list[int] = []
    while True:
        assert trie.num_live(node, closed)[0] == sum(s[: len(written)] == written for s in live.values())
        moved = trie.advance(node, closed)
        written += moved.forced[0, : moved.num_forced[0]].tolist()
        below = [s for s in live.values() if s[: len(written)] == written]
        depth = int(trie.nodes.depth[node[0]])
        from_here = [s for s in live.values() if s[:depth] == written[:depth]]
        columns = zip(*from_here, strict=False)
        shared = [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]
        assert written == shared
        if moved.leaf[0] >= 0:
            assert live[int(moved.leaf[0])] == written
            break
        choices = trie.open_choices(moved.node, closed)
        assert choices.token.tolist() == sorted({s[len(written)] for s in below})
        pick = data.draw(st.integers(0, len(choices.token) - 1))
        written.append(int(choices.token[pick]))
        node = choices.child[[pick]]


@given(sequences, st.data())
@settings(max_examples=50, deadline=None)
def test_a_batch_is_walked_as_its_rows_are_one_by_one(rows: list[list[int]], data: st.DataObject) -> None:
    trie = trie_of(*rows)
    excluded = data.draw(st.lists(st.sets(st.integers(0, len(trie) - 1)), min_size=1, max_size=4))
    nodes = np.array(
        data.draw(st.lists(st.integers(0, len(trie.nodes.lo) - 1), min_size=len(excluded), max_size=len(excluded)))
    )
    together = trie.exclusions(excluded)
    alone = [trie.exclusions([row]) for row in excluded]
    choices = trie.open_choices(nodes, together)
    for beam, closed in enumerate(alone):
        assert choices.child[choices.beam == beam].tolist() == trie.open_choices(nodes[[beam]], closed).child.tolist()
        assert trie.num_live(nodes, together)[beam] == trie.num_live(nodes[[beam]], closed)[0]


@given(sequences, st.data())
@settings(max_examples=50, deadline=None)
def test_a_restricted_tree_is_the_tree_of_the_allowed_titles(rows: list[list[int]], data: st.DataObject) -> None:
    items = list(range(len(rows)))
    allowed = data.draw(st.sets(st.sampled_from(items), min_size=1))
    restricted = CatalogueTrie.of_sequences(items, [rows]).restrict(allowed)
    rebuilt = CatalogueTrie.of_sequences(sorted(allowed), [[rows[item] for item in sorted(allowed)]])
    assert restricted.leaf_tokens.tolist() == rebuilt.leaf_tokens.tolist()
    assert restricted.leaf_items == rebuilt.leaf_items
    assert restricted.nodes.token.tolist() == rebuilt.nodes.token.tolist()


@pytest.mark.parametrize("separator", [";", ",", "newline", "numbered"])
@pytest.mark.parametrize("queue_symbol", ["=>", "[]", "words"])
@pytest.mark.parametrize("style", ["few_shot", "zero_shot", "instruction"])
def test_a_list_is_written_as_training_writes_it(
    separator: Any, queue_symbol: Any, style: Any, catalogue: Catalogue
) -> None:
    settings = PromptSettings(style=style, queue_symbol=queue_symbol, list_separator=separator)
    movies = catalogue.movies[:4]
    form = ListForm.of(render(movies, settings, num_recommendations=4))
    written = form.write([movie.display(include_year=settings.include_years) for movie in movies])
    assert written == render_answer(movies, settings)


@pytest.mark.parametrize("tail", [";", ",", "\n"])
@pytest.mark.parametrize("include_years", [True, False])
def test_the_tokens_of_a_leaf_read_as_its_title(
    tail: str, include_years: bool, catalogue: Catalogue, tokenizers: list[Any]
) -> None:
    for tokenizer in tokenizers:
        trie = CatalogueTrie.build(catalogue, tokenizer, include_years=include_years, form=ListForm(tail=tail))
        assert_round_trip(trie, catalogue, tokenizer, include_years=include_years, tail=tail)


def test_a_tokenizer_that_marks_the_start_of_a_text_gives_the_tokens_of_its_middle(tokenizers: list[Any]) -> None:
    metaspace = tokenizers[1]
    (tokens,) = tokenise_in_list([" Toy Story (1995);"], metaspace)
    joined = metaspace("Amelie (2001); Toy Story (1995);", add_special_tokens=False)["input_ids"]
    assert joined[-len(tokens) :] == tokens


def test_a_tokenizer_that_joins_titles_is_refused() -> None:
    def one_token_a_text(texts: list[str], add_special_tokens: bool) -> dict[str, list[list[int]]]:
        return {"input_ids": [[hash(text)] for text in texts]}

    with pytest.raises(SettingsError, match="joins"):
        tokenise_in_list([" Solaris;"], one_token_a_text)


@pytest.mark.model
@pytest.mark.parametrize("include_years", [True, False])
def test_every_embedded_title_survives_the_shipped_tokenizer(include_years: bool, embedded: Any) -> None:
    from transformers import AutoTokenizer

    from recsys.models.artifacts import fetch_smollm2

    tokenizer = AutoTokenizer.from_pretrained(fetch_smollm2())
    catalogue = Catalogue(embedded.movies)
    trie = CatalogueTrie.build(catalogue, tokenizer, include_years=include_years)
    assert_round_trip(trie, catalogue, tokenizer, include_years=include_years, tail=";")
    shared = [items for items in trie.leaf_items if len(items) > 1]
    assert not trie.unreachable
    written = Counter(movie.display(include_year=include_years) for movie in catalogue)
    assert sorted(map(len, shared)) == sorted(count for count in written.values() if count > 1)


@pytest.mark.parametrize("include_years", [True, False])
def test_every_embedded_title_survives_small_tokenizers(
    include_years: bool, embedded: Any, tokenizers: list[Any]
) -> None:
    catalogue = Catalogue(embedded.movies)
    for tokenizer in tokenizers:
        trie = CatalogueTrie.build(catalogue, tokenizer, include_years=include_years)
        assert_round_trip(trie, catalogue, tokenizer, include_years=include_years, tail=";")


def assert_round_trip(
    trie: CatalogueTrie, catalogue: Catalogue, tokenizer: Any, *, include_years: bool, tail: str
) -> None:
    before = tokenizer("a", add_special_tokens=False)["input_ids"]
    seen = 0
    texts = tokenizer.batch_decode(
        [before + trie.leaf_tokens[leaf, : trie.leaf_length[leaf]].tolist() for leaf in range(len(trie))],
        clean_up_tokenization_spaces=False,
    )
    for text, items in zip(texts, trie.leaf_items, strict=True):
        for item in items:
            assert text == f"a {catalogue[item].display(include_year=include_years)}{tail}"
            seen += 1
    assert seen + len(trie.unreachable) == len(catalogue)
