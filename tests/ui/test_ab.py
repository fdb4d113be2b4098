"""A and B: what differs, and what two answers have in common, by hand."""

import threading
import types
from dataclasses import replace

import gradio as gr
import pytest

from recsys.errors import CancelledError, ModelUnavailableError
from recsys.models import registry
from recsys.models.host import ModelChoice
from recsys.settings import DecodingSettings, GenerationSettings, PromptSettings, ResolutionSettings
from recsys.ui.ab_answers import AbHandlers
from recsys.ui.ab_cards import kept_html, mark_both
from recsys.ui.ab_differences import find_differences
from recsys.ui.recommend_handlers import RecommendHandlers
from recsys.ui.request_settings import RequestSettings
from recsys.ui.settings_panel import create_settings_panel
from recsys.ui.side_by_side import answer_in_turn
from tests.evaluation.answers import make_answer, title
from tests.fixtures.tiny_adapters import history_model
from tests.ui.fake_workbench import FakeWorkbench

A = RequestSettings(GenerationSettings(), PromptSettings(), ResolutionSettings(), ModelChoice())


def with_generation(**changes):
    return replace(A, generation=A.generation.replace(**changes))


def test_only_what_differs_is_named_and_in_the_order_of_the_panel():
    b = RequestSettings(
        GenerationSettings(temperature=0.2, top_k=0),
        PromptSettings("zero_shot"),
        ResolutionSettings("embedding", 0.5),
        ModelChoice("gptj-mini", adapter="gptj-mini-story"),
        DecodingSettings("catalogue_rank", genres=("War", "Drama"), year_from=1990),
    )
    assert [(d.label, d.a, d.b) for d in find_differences(A, b)] == [
        ("model", "smollm2-135m", "gptj-mini"),
        ("adapter", "none", "gptj-mini-story"),
        ("catalogue decoding", "off", "rank"),
        ("genres", "all", "War, Drama"),
        ("from", "any", "1990"),
        ("temperature", "0.7", "0.2"),
        ("top-k", "50", "off"),
        ("style", "few shot", "zero shot"),
        ("resolver", "levenshtein", "embedding"),
        ("threshold", "resolver's own", "0.5"),
    ]
    assert find_differences(A, A) == ()


def test_a_difference_that_does_nothing_in_either_mode_says_why():
    greedy, other = with_generation(temperature=0), with_generation(temperature=0, top_k=9)
    assert "nothing to cut off" in find_differences(greedy, other)[0].idle
    assert find_differences(A, other)[-1].idle == ""  # A samples, so its top-k counts


def ranked(titles):
    answer = make_answer(titles)
    placed = enumerate(answer.resolutions, start=1)
    return replace(
        answer, resolutions=tuple(replace(r, generated=replace(r.generated, rank=rank)) for rank, r in placed)
    )


def test_titles_of_both_are_marked_with_the_ranks_they_moved():
    a = ranked([1, 2, 3, title(None, "none", name="Void")])
    b = ranked([3, 2, 4, title(None, "none", name="VOID")])
    mine, theirs = mark_both(a, b)
    assert ["in both" in mine[rank] for rank in (1, 2, 3, 4)] == [False, True, True, True]
    assert "only A" in mine[1]
    assert "↑2" in theirs[1]  # 3 was third in A
    assert "2 ranks higher than in A" in theirs[1]
    assert "=" in theirs[2]
    assert "the rank of A" in theirs[2]
    assert "only B" in theirs[3]
    assert "in both" in theirs[4]  # a title that is no item counts by what was written
    down = mark_both(b, a)[1]
    assert "↓2" in down[3]


def test_a_title_that_is_repeated_is_marked_once():
    mine, theirs = mark_both(ranked([1, 1, 2]), ranked([2, 1]))
    assert set(mine) == {1, 3}
    assert "↑2" in theirs[1]
    assert "↓1" in theirs[2]  # its first rank in A is the one that counts


def test_the_card_escapes_and_counts():
    one = find_differences(A, with_generation(seed=4))
    assert "1 setting differs" in kept_html(one, (), "http://here")
    two = find_differences(A, replace(with_generation(seed=4), choice=ModelChoice("<b>${x}</b>")))
    page = kept_html(two, ("note <i>",), 'http://here/?"x"')
    assert "2 settings differ<" in page
    assert "<b>$" not in page
    assert "<i>" not in page
    assert "no difference yet" in kept_html((), (), "http://here")


# ---- both answered ----


@pytest.fixture
def handlers(monkeypatch):
    monkeypatch.setattr(registry, "_KNOWN", (*registry._KNOWN, history_model("lists")))
    with gr.Blocks():
        workbench = FakeWorkbench()
        return AbHandlers(RecommendHandlers(workbench, create_settings_panel(workbench, ModelChoice())))


def page(**parameters):
    return types.SimpleNamespace(session_hash="me", headers={"host": "here:7860"}, query_params=parameters)


def answer(handlers, kept, panel=A):
    return list(handlers.answer(page(), kept, [], [], None, *handlers.panel.write(panel)))


def test_both_are_answered_in_turn_with_their_own_settings(handlers):
    views = answer(handlers, with_generation(num_recommendations=2), replace(A, decoding=DecodingSettings("hybrid")))
    cards, details = views[-1][:2]
    assert cards.count('data-phase="done"') == 2
    assert "of 2 recommended" in cards
    assert "of 4 recommended" in cards
    assert "titles in both answers" in cards
    assert "catalogue decoding <b>off</b>" in cards
    assert "catalogue decoding <b>hybrid</b>" in cards
    assert "a.num_recommendations=2" in details
    assert details.count("data-copy") == 5
    assert "Next" in views[1][0]  # B waits while A is written


def test_without_an_a_there_is_a_reason(handlers):
    assert "No settings are kept as A" in answer(handlers, None)[-1][0]


def test_what_goes_wrong_with_one_side_is_told_there_and_the_other_answers(handlers):
    last = answer(handlers, replace(A, choice=ModelChoice(adapter="no-such")))[-1][0]
    assert last.count('data-phase="error"') == 1
    assert "There is no such adapter" in last
    assert last.count('data-phase="done"') == 1
    handlers.workbench.generator.error = ModelUnavailableError("it takes 13 GB", mend="take int8")
    listed = replace(A, decoding=DecodingSettings("catalogue_list"))
    last = answer(handlers, A, listed)[-1][0]
    assert "It takes 13 GB" in last
    assert last.count('data-phase="done"') == 1


def test_a_stop_keeps_what_was_written_and_says_so_beside_it():
    cancel = threading.Event()

    def ask(request, own):
        yield "half"
        cancel.set()
        yield "more"
        assert own.is_set()
        yield make_answer([1])

    states = list(answer_in_turn(ask, [None, None], "waiting", cancel))
    (written, stopped), is_last = states[-1]
    assert written == make_answer([1])
    assert isinstance(stopped, CancelledError)
    assert [last for _, last in states] == [False, False, False, True]
    assert is_last


def test_an_iterator_is_stopped_by_its_own_event_alone():
    """As workbench.stream does, which sets the event that it was given when it is read to its end."""

    def ask(request, own):
        yield "text"
        own.set()
        yield make_answer([request])

    states = list(answer_in_turn(ask, [1, 2], "waiting", threading.Event()))
    assert [part.item_ids for part in states[-1][0]] == [(1,), (2,)]


def test_another_model_in_a_is_said_to_take_a_load(handlers):
    kept = replace(A, choice=ModelChoice("huggyllama/llama-65b", "fp16"))
    card = handlers.card(page(), kept, [], [], handlers.panel.write(A))
    assert "each answer waits until its model is loaded" in card
    assert "each answer waits" not in handlers.card(page(), A, [], [], handlers.panel.write(A))


def test_a_is_kept_swapped_copied_and_dropped(handlers):
    b = with_generation(temperature=0.2)
    kept, box, keep, card = handlers.keep(page(), [], [], *handlers.panel.write(b))
    assert kept == b
    assert box.visible
    assert not keep.visible
    assert "no difference yet" in card
    now, *shown = handlers.swap(A, *handlers.panel.write(b))
    assert now == b
    assert 0.7 in shown
    assert 0.7 in handlers.take(A)
    assert handlers.copy(*handlers.panel.write(b)) == b
    assert handlers.drop()[0] is None
    assert handlers.follow(page(), [[], [], *handlers.panel.write(b)], None) == (gr.skip(),)


def test_a_link_restores_a(handlers):
    kept, box, *_ = handlers.restore(page(**{"a.temperature": "0.2", "a.model": "smollm2-135m", "temperature": "1"}))
    assert kept == with_generation(temperature=0.2)
    assert box.visible
    assert handlers.restore(page(temperature="1"))[0] == gr.skip()
