from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie
from recsys.errors import CancelledError, HistoryError, ModelUnavailableError, SettingsError
from recsys.generation.catalogue_decoding import CatalogueDecoder
from recsys.generation.hypotheses import SearchPlan
from recsys.generation.packed_model import PackedModel
from recsys.generation.prefix_cache import PrefixCache
from recsys.generation.title_scores import OutputLayer
from recsys.generation.title_tokens import ListForm
from recsys.generation.tokenization import PromptTokenizer
from recsys.generation.tree_search import TreeSearch
from recsys.models.loading import LoadedModel
from recsys.models.registry import ModelSpec
from recsys.parsing import parse_completion
from recsys.prompts import Prompt, render
from recsys.settings import GenerationSettings, PromptSettings
from tests.generation.catalogue_oracle import Oracle, Written

WORDS = ("Star", "Wars", "Trek", "Toy", "Story", "The", "2", "Matrix", "Léon", "Lé")
GREEDY = GenerationSettings(temperature=0.0, repetition_penalty=1.0)
ZERO_SHOT = PromptSettings(style="zero_shot")


def load(folder: Path, *, lora: bool = False) -> LoadedModel:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder).eval()
    if lora:
        import torch
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(1)
        model = get_peft_model(
            model, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        ).eval()
    spec = ModelSpec(folder.name, folder.name, "folder", str(folder), None, None, "none")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return LoadedModel(spec, model, tokenizer, "fp32", "asked for", "cpu", "hash", 0, "lora" if lora else None)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are slower on more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=["llama", "gptj", "llama with LoRA", "gptj with LoRA", "sentencepiece llama"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    name, _, rest = request.param.partition(" with ")
    fixture = f"tiny_{name.replace(' ', '_')}_folder"
    return load(request.getfixturevalue(fixture), lora=bool(rest))


@pytest.fixture(scope="module")
def llama(tiny_llama_folder: Path) -> LoadedModel:
    return load(tiny_llama_folder)


titles = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
catalogues = st.lists(st.tuples(titles, st.sampled_from((None, 1977, 1978))), min_size=1, max_size=9).map(
    lambda rows: Catalogue(tuple(Movie(10 + i, title, year) for i, (title, year) in enumerate(rows)))
)


def prompts_of(*histories: Sequence[str], n: int = 2, style: PromptSettings = ZERO_SHOT) -> list[Prompt]:
    return [render(history, style, num_recommendations=n) for history in histories]


def oracle(decoder: CatalogueDecoder, prompt: Prompt, excluded: set[int], *, full: bool, **options: Any) -> Oracle:
    """The oracle on the same titles, tokenised one by one."""
    model = decoder.loaded.model
    live: dict[str, set[int]] = {}
    for movie in decoder.catalogue:
        live.setdefault(movie.display(include_year=decoder.include_years), set()).add(movie.item_id)
    texts = [text for text, items in live.items() if not items <= excluded]
    form = decoder.form
    forms = [
        [tokens_in_list(decoder, f"{lead}{text}{form.tail}") for text in texts] for lead in (form.first_lead, form.lead)
    ]
    ids = PromptTokenizer(decoder.loaded.tokenizer)(prompt).ids
    return Oracle(model, ids, *forms, full=full, **options)


def tokens_in_list(decoder: CatalogueDecoder, text: str) -> tuple[int, ...]:
    tokenizer = decoder.loaded.tokenizer
    before = tokenizer("\n", add_special_tokens=False)["input_ids"]
    return tuple(tokenizer("\n" + text, add_special_tokens=False)["input_ids"][len(before) :])


def text_of(decoder: CatalogueDecoder, written: Written) -> str:
    tokenizer = decoder.loaded.tokenizer
    before = tokenizer("\n", add_special_tokens=False)["input_ids"]
    return str(tokenizer.decode([*before, *written.tokens], clean_up_tokenization_spaces=False))[1:]


slow = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
HISTORIES = (["Star Wars"], ["Toy Story", "The Matrix", "Amelie"])


@given(catalogues, st.data())
@slow
def test_lists_are_those_of_the_oracle(loaded: LoadedModel, movies: Catalogue, data: st.DataObject) -> None:
    decoder = CatalogueDecoder(loaded, movies, include_years=data.draw(st.booleans()))
    ids = [movie.item_id for movie in movies]
    excluded = [data.draw(st.sets(st.sampled_from(ids))) for _ in HISTORIES]
    num_beams, num_titles = data.draw(st.sampled_from((1, 2, 4))), data.draw(st.integers(1, 3))
    penalty, full = data.draw(st.sampled_from((1.0, 1.3))), data.draw(st.booleans())
    asked = GREEDY.replace(num_beams=num_beams, num_recommendations=num_titles, repetition_penalty=penalty)
    found = decoder.list_titles(prompts_of(*HISTORIES), asked, excluded=excluded, score="full" if full else "tree")
    for prompt, closed, completion in zip(prompts_of(*HISTORIES), excluded, found, strict=True):
        options = {"num_titles": num_titles, "num_beams": num_beams, "repetition_penalty": penalty}
        judge = oracle(decoder, prompt, closed, full=full, **options)
        expected = judge.search() if judge.first else []
        assert completion.text == (text_of(decoder, expected[0]) if expected else "")
        assert completion.finish_reason == "titles_complete"
        assert completion.completion_tokens == (len(expected[0].tokens) if expected else 0)


@given(catalogues, st.data())
@slow
def test_every_token_of_a_list_is_scored_as_the_oracle_scores_it(
    loaded: LoadedModel, movies: Catalogue, data: st.DataObject
) -> None:
    decoder = CatalogueDecoder(loaded, movies, include_years=True)
    search = TreeSearch(PackedModel(loaded), OutputLayer(loaded), PrefixCache(), "weights")
    full, penalty, num_beams = data.draw(st.booleans()), data.draw(st.sampled_from((1.0, 1.5))), 3
    plan = SearchPlan(
        num_titles=3,
        num_beams=num_beams,
        num_best=2,
        score="full" if full else "tree",
        with_scores=True,
        repetition_penalty=penalty,
    )
    prompts = prompts_of(*HISTORIES)
    tokenizer = PromptTokenizer(loaded.tokenizer)
    ids = [tokenizer(prompt).ids for prompt in prompts]
    found = search.run(ids, decoder.trie, [[], []], plan, [0, 0])
    for prompt, hypotheses in zip(prompts, found, strict=True):
        options = {"num_titles": 3, "num_beams": num_beams, "num_best": 2, "repetition_penalty": penalty}
        expected = oracle(decoder, prompt, set(), full=full, **options).search()
        assert [one.tokens for one in hypotheses] == [tuple(one.tokens) for one in expected]
        for one, other in zip(hypotheses, expected, strict=True):
            assert one.log_probabilities == pytest.approx(other.steps, abs=1e-4)
            assert one.score == pytest.approx(other.score, abs=1e-3)


@given(catalogues, st.data())
@slow
def test_draws_are_those_of_the_oracle(loaded: LoadedModel, movies: Catalogue, data: st.DataObject) -> None:
    decoder = CatalogueDecoder(loaded, movies, include_years=True)
    seeds = [data.draw(st.integers(0, 2**32 - 1)) for _ in HISTORIES]
    asked = GenerationSettings(
        temperature=data.draw(st.sampled_from((0.5, 1.0, 2.0))),
        top_k=data.draw(st.sampled_from((0, 1, 3))),
        top_p=data.draw(st.sampled_from((0.6, 1.0))),
        num_beams=data.draw(st.sampled_from((1, 3))),
        num_recommendations=2,
    )
    full = data.draw(st.booleans())
    found = decoder.list_titles(prompts_of(*HISTORIES), asked, seeds=seeds, score="full" if full else "tree")
    for prompt, seed, completion in zip(prompts_of(*HISTORIES), seeds, found, strict=True):
        judge = oracle(
            decoder,
            prompt,
            set(),
            full=full,
            num_titles=2,
            num_beams=asked.num_beams,
            repetition_penalty=asked.repetition_penalty,
            sampling=asked,
            seed=seed,
        )
        assert completion.text == text_of(decoder, judge.search()[0])
        assert completion.settings.seed == seed


@given(catalogues, st.data())
@slow
def test_rankings_are_those_of_the_oracle(loaded: LoadedModel, movies: Catalogue, data: st.DataObject) -> None:
    decoder = CatalogueDecoder(loaded, movies, include_years=data.draw(st.booleans()))
    ids = [movie.item_id for movie in movies]
    excluded = [data.draw(st.sets(st.sampled_from(ids))) for _ in HISTORIES]
    num_beams, full = data.draw(st.sampled_from((1, 2, 4))), data.draw(st.booleans())
    n = data.draw(st.integers(1, num_beams))
    found = decoder.rank_titles(
        prompts_of(*HISTORIES), n=n, num_beams=num_beams, excluded=excluded, score="full" if full else "tree"
    )
    for prompt, closed, ranked in zip(prompts_of(*HISTORIES), excluded, found, strict=True):
        judge = oracle(decoder, prompt, closed, full=full, num_beams=num_beams, num_best=n)
        expected = judge.search() if judge.first else []
        assert [one.tokens for one in ranked] == [tuple(one.tokens) for one in expected]
        for one, other in zip(ranked, expected, strict=True):
            assert one.num_choices == tuple(other.choices)
            assert one.token_logprobs == pytest.approx(other.steps, abs=1e-4)
            assert one.score == pytest.approx(other.score, abs=1e-4)
            assert not closed & set(one.item_ids)


@given(catalogues, st.data())
@slow
def test_a_beam_as_wide_as_the_catalogue_ranks_as_scoring_every_title_does(
    loaded: LoadedModel, movies: Catalogue, data: st.DataObject
) -> None:
    decoder = CatalogueDecoder(loaded, movies, include_years=True)
    ids = [movie.item_id for movie in movies]
    excluded = [data.draw(st.sets(st.sampled_from(ids))) for _ in HISTORIES]
    score = data.draw(st.sampled_from(("full", "tree")))
    prompts = prompts_of(*HISTORIES)
    every = decoder.rank_titles(prompts, n=len(ids), num_beams=len(ids), excluded=excluded, score=score)
    brute = decoder.score_candidates(prompts, ids, excluded=excluded, score=score)
    for ranked, scores, closed in zip(every, brute, excluded, strict=True):
        by_item = dict(zip(ids, scores, strict=True))
        assert [one.score for one in ranked] == pytest.approx(
            sorted({title_of(movies, i): s for i, s in by_item.items() if np.isfinite(s)}.values(), reverse=True),
            abs=1e-4,
        )
        for one in ranked:
            assert [by_item[item] for item in one.item_ids] == pytest.approx([one.score] * len(one.item_ids), abs=1e-4)
        listed = {item for one in ranked for item in one.item_ids}
        assert listed == set(ids) - closed


def title_of(movies: Catalogue, item: int) -> str:
    return movies[item].display()


@given(catalogues, st.booleans())
@slow
def test_candidates_are_scored_as_the_oracle_scores_a_title_alone(
    loaded: LoadedModel, movies: Catalogue, full: bool
) -> None:
    decoder = CatalogueDecoder(loaded, movies, include_years=True)
    ids = [movie.item_id for movie in movies][::2]
    prompts = prompts_of(*HISTORIES)
    found = decoder.score_candidates(prompts, ids, score="full" if full else "tree")
    for prompt, scores in zip(prompts, found, strict=True):
        judge = oracle(decoder, prompt, set(), full=full)
        for item, score in zip(ids, scores, strict=True):
            one = Written()
            for token in tokens_in_list(decoder, f" {title_of(movies, item)};"):
                allowed = judge.allowed(one)
                judge.append(one, token, judge.log_probability(one, token, allowed), len(allowed))
            assert score == pytest.approx(one.score, abs=1e-4)


@pytest.mark.parametrize("score", ["full", "tree"])
def test_candidates_of_each_prompts_own_are_scored_as_all_are(
    loaded: LoadedModel, catalogue: Catalogue, score: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = prompts_of(*HISTORIES, ["Solaris", "Nosferatu"], ["Big"])
    decoder = CatalogueDecoder(loaded, catalogue, include_years=False)
    items = [movie.item_id for movie in catalogue]
    own, excluded = [items[::2], [7234, 7076, 1, 1], [], items], [[1], [], [318], items[:3]]
    every = decoder.score_candidates(prompts, items, excluded=excluded, score=score)
    for room in (64, 2):
        monkeypatch.setattr("recsys.generation.candidate_scores._TOKENS_AT_ONCE", room)
        monkeypatch.setattr("recsys.generation.candidate_scores._FEWEST_NODES", room)
        found = decoder.score_each(prompts, own, excluded=excluded, score=score)
        for row, (asked, scores) in enumerate(zip(own, found, strict=True)):
            assert scores == pytest.approx(every[row, [items.index(item) for item in asked]], abs=1e-4)


@pytest.mark.parametrize("separator", [";", ",", "newline", "numbered"])
@pytest.mark.parametrize("queue_symbol", ["=>", "[]", "words"])
@pytest.mark.parametrize("style", ["few_shot", "instruction"])
@pytest.mark.parametrize("folder", ["tiny_llama_folder", "tiny_sentencepiece_llama_folder"])
def test_every_form_of_list_is_decoded_in_its_own_tokens(
    separator: Any, queue_symbol: Any, style: Any, folder: str, request: pytest.FixtureRequest, catalogue: Catalogue
) -> None:
    loaded = load(request.getfixturevalue(folder))
    form_settings = PromptSettings(style=style, queue_symbol=queue_symbol, list_separator=separator)
    prompts = prompts_of(*HISTORIES, n=3, style=form_settings)
    decoder = CatalogueDecoder(loaded, catalogue, include_years=True, form=ListForm.of(prompts[0]))
    asked = GREEDY.replace(num_recommendations=3, num_beams=2)
    found = decoder.list_titles(prompts, asked)
    for prompt, completion in zip(prompts, found, strict=True):
        between = [tokens_in_list(decoder, decoder.form.between(i)) for i in range(3)]
        judge = oracle(decoder, prompt, set(), full=True, num_titles=3, num_beams=2, between=between)
        assert completion.text == text_of(decoder, judge.search()[0]) + decoder.form.closing
        parsed = parse_completion(
            completion.text,
            catalogue,
            num_recommendations=3,
            list_separator=separator,
            closing=prompt.closing,
            answer_prefix=prompt.answer_prefix,
        )
        assert parsed.is_well_formed
        assert len({(title.title, title.year) for title in parsed.titles}) == 3


def test_a_batch_is_decoded_as_its_records_are_one_by_one(loaded: LoadedModel, catalogue: Catalogue) -> None:
    histories = [list(c) for c in itertools.combinations([movie.display() for movie in catalogue.movies[:4]], 2)]
    prompts = prompts_of(*histories, n=4)
    decoder = CatalogueDecoder(loaded, catalogue, include_years=True)
    for asked in (GREEDY, GREEDY.replace(num_beams=3), GenerationSettings()):
        together = decoder.list_titles(prompts, asked)
        alone = [decoder.list_titles([prompt], asked)[0] for prompt in prompts]
        assert [one.text for one in together] == [one.text for one in alone]


def test_prompts_that_share_a_long_beginning_are_decoded_as_one_by_one(
    loaded: LoadedModel, catalogue: Catalogue
) -> None:
    """Rows that share a beginning attend to it once for all; a single row holds it itself."""
    history = ["Amelie", "Solaris", "Toy Story", "Heat", "Alien", "Seven"]
    prompts = prompts_of(*([*history, last] for last in ("Big", "Fargo", "Jaws", "Rocky", "Ran")), n=3)
    decoder = CatalogueDecoder(loaded, catalogue, include_years=True)
    shared: list[int] = []
    original = decoder._model.new_cache

    def watched(*arguments: Any, **options: Any) -> Any:
        cache = original(*arguments, **options)
        shared.append(cache.num_shared)
        return cache

    decoder._model.new_cache = watched  # type: ignore[method-assign]
    for asked in (GREEDY, GREEDY.replace(num_beams=3)):
        decoder.prefixes.clear()
        together = decoder.list_titles(prompts, asked)
        assert max(shared) >= 8
        alone = [decoder.list_titles([prompt], asked)[0] for prompt in prompts]
        assert [one.text for one in together] == [one.text for one in alone]
    items = [movie.item_id for movie in catalogue]
    several, one_row = decoder.score_candidates(prompts, items), decoder.score_candidates(prompts[:1], items)
    np.testing.assert_allclose(several[:1], one_row, atol=1e-4)


def test_a_list_ends_when_no_title_is_left(llama: LoadedModel, catalogue: Catalogue) -> None:
    decoder = CatalogueDecoder(llama, catalogue, include_years=True)
    (completion,) = decoder.list_titles(prompts_of(["Amelie"]), GREEDY, allowed=[1, 318, 589], excluded=[[589]])
    titles = {title.strip() for title in completion.text.split(";") if title}
    assert titles == {"Toy Story (1995)", "The Shawshank Redemption (1994)"}
    assert completion.finish_reason == "titles_complete"


def test_nothing_left_gives_an_empty_list(llama: LoadedModel, catalogue: Catalogue) -> None:
    decoder = CatalogueDecoder(llama, catalogue, include_years=True)
    prompts = prompts_of(["Amelie"], ["Solaris"])
    empty, other = decoder.list_titles(prompts, GREEDY, allowed=[1, 318], excluded=[[1, 318], []])
    assert empty.text == ""
    assert other.text.count(";") == 2
    assert decoder.rank_titles(prompts, n=1, num_beams=1, allowed=[1], excluded=[[1], [1]]) == [(), ()]
    assert decoder.list_titles(prompts, GREEDY, allowed=[])[0].text == ""


def test_a_liked_movie_does_not_close_the_other_one_of_its_name(llama: LoadedModel, catalogue: Catalogue) -> None:
    decoder = CatalogueDecoder(llama, catalogue, include_years=False)
    (ranked,) = decoder.rank_titles(prompts_of(["Amelie"]), n=1, num_beams=1, allowed=[7076, 7234], excluded=[[7234]])
    assert [one.item_ids for one in ranked] == [(7076,)]
    (both,) = decoder.rank_titles(prompts_of(["Amelie"]), n=1, num_beams=1, allowed=[7076, 7234])
    assert [one.item_ids for one in both] == [(7234, 7076)]


def test_the_most_likely_titles_do_not_depend_on_what_was_computed_before(
    loaded: LoadedModel, catalogue: Catalogue
) -> None:
    prompts = prompts_of(*HISTORIES, ["Toy Story", "The Matrix", "Solaris"])
    fresh = CatalogueDecoder(loaded, catalogue, include_years=True, prefixes=PrefixCache(0))
    warm = CatalogueDecoder(loaded, catalogue, include_years=True)
    for asked in (prompts, prompts[:1], prompts[1:2], prompts[2:], prompts):
        expected = fresh.score_candidates(asked, [1, 318, 589])
        assert warm.score_candidates(asked, [1, 318, 589]) == pytest.approx(expected, abs=1e-4)
    assert warm.prefixes.num_bytes > 0
    assert fresh.prefixes.num_bytes == 0


def test_prompts_computed_in_several_passes_are_the_same(
    loaded: LoadedModel, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = prompts_of(*HISTORIES, ["Solaris", "Nosferatu"])
    decoder = CatalogueDecoder(loaded, catalogue, include_years=True, prefixes=PrefixCache(0))
    whole = decoder.score_candidates(prompts, [1, 318, 589])
    monkeypatch.setattr("recsys.generation.packed_model.TOKENS_AT_ONCE", 20)
    monkeypatch.setattr("recsys.generation.candidate_scores._TOKENS_AT_ONCE", 1)
    monkeypatch.setattr("recsys.generation.candidate_scores._FEWEST_NODES", 6)
    assert decoder.score_candidates(prompts, [1, 318, 589]) == pytest.approx(whole, abs=1e-4)
    assert decoder.list_titles(prompts, GREEDY.replace(num_beams=2))[1].text
    monkeypatch.setattr("recsys.generation.packed_model.MAX_CACHE_BYTES", 1)
    assert decoder.score_candidates(prompts, [1, 318, 589]) == pytest.approx(whole, abs=1e-4)


def test_the_model_is_left_as_it_was(loaded: LoadedModel, catalogue: Catalogue) -> None:
    import torch

    ids = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        before = loaded.model(ids).logits
        decoder = CatalogueDecoder(loaded, catalogue, include_years=True)
        decoder.list_titles(prompts_of(["Amelie"]), GREEDY)
        assert torch.equal(loaded.model(ids).logits, before)


def test_a_search_may_be_stopped(llama: LoadedModel, catalogue: Catalogue) -> None:
    cancel = threading.Event()
    cancel.set()
    decoder = CatalogueDecoder(llama, catalogue, include_years=True)
    (completion,) = decoder.list_titles(prompts_of(["Amelie"]), GREEDY, cancel=cancel)
    assert (completion.text, completion.finish_reason) == ("", "stopped")
    with pytest.raises(CancelledError):
        decoder.rank_titles(prompts_of(["Amelie"]), n=1, num_beams=1, cancel=cancel)
    with pytest.raises(CancelledError):
        decoder.score_candidates(prompts_of(["Amelie"]), [1], cancel=cancel)


def test_long_lists_let_go_of_what_no_beam_sees(
    llama: LoadedModel, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = prompts_of(*HISTORIES)
    asked = GREEDY.replace(num_beams=4, num_recommendations=12)
    decoder = CatalogueDecoder(llama, catalogue, include_years=True)
    whole = decoder.list_titles(prompts, asked)
    squeezed: list[Any] = []
    monkeypatch.setattr("recsys.generation.batch_search._SQUEEZE_FROM", 1)
    original = decoder._model.new_cache

    def watched(*arguments: Any, **options: Any) -> Any:
        cache = original(*arguments, **options)
        squeeze: Callable[..., Any] = cache.squeeze

        def noted(seen: Any) -> Any:
            squeezed.append(seen.shape)
            return squeeze(seen)

        cache.squeeze = noted  # type: ignore[method-assign]
        return cache

    monkeypatch.setattr(decoder._model, "new_cache", watched)
    assert [one.text for one in decoder.list_titles(prompts, asked)] == [one.text for one in whole]
    assert squeezed


def test_what_cannot_be_asked_is_refused(llama: LoadedModel, catalogue: Catalogue) -> None:
    decoder = CatalogueDecoder(llama, catalogue, include_years=True)
    prompts = prompts_of(["Amelie"])
    with pytest.raises(SettingsError, match="beams"):
        decoder.rank_titles(prompts, n=4, num_beams=3)
    with pytest.raises(SettingsError, match="one seed"):
        decoder.list_titles(prompts, GREEDY, seeds=[1, 2])
    with pytest.raises(HistoryError):
        decoder.score_candidates(prompts, [424242])
    with pytest.raises(HistoryError, match="too long"):
        decoder.list_titles(prompts_of(["Amelie " * 60] * 40), GREEDY)


def test_an_unknown_attention_is_refused(llama: LoadedModel, catalogue: Catalogue) -> None:
    class Strange:
        _supports_attention_backend = False
        config = llama.model.config
        base_model = llama.model.base_model

    with pytest.raises(ModelUnavailableError, match="attention"):
        CatalogueDecoder(replace(llama, model=Strange()), catalogue, include_years=True)
