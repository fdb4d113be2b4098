import json
from dataclasses import replace

import pytest

from recsys.errors import SettingsError
from recsys.generation.token_view import Alternative, CompletionView, TokenView
from recsys.models.host import ModelChoice
from recsys.recommend import RecommendationRequest
from recsys.remote.settings import as_served
from recsys.settings import DecodingSettings, GenerationSettings
from recsys.token_viewing import TokenViewer
from recsys.ui.running_requests import MAX_SESSIONS, LastAnswers
from recsys.ui.token_card import card_of, look_through
from tests.ui.fake_workbench import FakeWorkbench
from tests.ui.scripted_tokens import HOSTILE

SLIDERS = GenerationSettings().to_dict()


@pytest.fixture(scope="module")
def workbench():
    return FakeWorkbench()


@pytest.fixture(scope="module")
def answer(workbench):
    workbench.generator.text = " Toy Story; Alien;"
    return workbench.recommend(RecommendationRequest(history=(1,)))


def look(workbench, answer, **changes):
    return look_through(answer, SLIDERS | changes, TokenViewer(workbench.host))


def one(token_id, before, after, cut_by=None, is_penalised=False):
    return Alternative(token_id, f" t{token_id}", before, after, cut_by, is_penalised)


def view_of(*tokens, settings=None):
    return CompletionView(tokens, settings or GenerationSettings())


def token(written, *, rank=1, entropies=(3.0, 1.0), num_kept=2, before=(), after=()):
    return TokenView(written, rank, *entropies, num_kept, tuple(before or (written,)), tuple(after))


def test_an_answers_tokens_are_its_text_with_two_columns_each(workbench, answer):
    card = look(workbench, answer)
    assert "".join(token["text"] for token in card["tokens"]) == " Toy Story; Alien;"
    for shown in card["tokens"]:
        assert len(shown["likeliest_before"]) == 10
        assert all(one["after"] > 0 and not one["is_cut"] for one in shown["likeliest_after"])
    assert json.loads(json.dumps(card)) == card


def test_a_higher_temperature_flattens_the_same_text(workbench, answer):
    cold, hot = (look(workbench, answer, temperature=t, top_p=1.0, top_k=0) for t in (0.5, 2.0))
    for low, high in zip(cold["tokens"], hot["tokens"], strict=True):
        assert low["likeliest_after"][0]["after"] > high["likeliest_after"][0]["after"]
        assert low["before"] == high["before"]


def test_the_sliders_of_the_browser_may_send_whole_numbers_as_decimals(workbench, answer):
    assert look(workbench, answer, top_k=3.0)["tokens"][0]["told"].startswith("rank ")
    assert len(look(workbench, answer, top_k=3.0, top_p=1.0)["tokens"][0]["likeliest_after"]) == 3


def test_a_slider_that_cannot_be_is_told_in_the_card(workbench, answer):
    assert look(workbench, answer, temperature=float("nan")) == {
        "message": "Temperature is out of range. Temperature must be a number from 0 to 2."
    }


def test_before_the_first_answer_the_card_says_what_it_is_for(workbench):
    assert "its tokens appear here" in look(workbench, None)["message"]


def test_an_answer_without_a_token_says_so(workbench):
    workbench.generator.text = ""
    empty = workbench.recommend(RecommendationRequest(history=(1,)))
    assert "wrote nothing" in look(workbench, empty)["message"]


def test_catalogue_decoding_and_servers_have_no_tokens_to_look_at(workbench, answer):
    viewer = TokenViewer(workbench.host)
    listed = workbench.recommend(RecommendationRequest(decoding=DecodingSettings("catalogue_list")))
    assert "catalogue decoding" in look(workbench, listed)["message"]
    served = replace(answer, request=replace(answer.request, choice=ModelChoice(as_served("some"))))
    with pytest.raises(SettingsError, match="a server gives text alone"):
        viewer(served)


def test_a_look_never_loads_the_model_of_an_older_answer(workbench, answer):
    workbench.host.choice = ModelChoice("gptj-mini")
    try:
        assert "not in memory now" in look(workbench, answer)["message"]
    finally:
        workbench.host.choice = ModelChoice()


def test_the_marks_name_the_slider_that_cut():
    written = one(1, 0.5, 0.75)
    rest = [one(2, 0.2, 0.25, None, True), one(3, 0.2, 0, "top_p"), one(4, 0.1, 0, "top_k", True)]
    card = card_of(view_of(token(written, before=[written, *rest])), GenerationSettings())
    marks = [alternative["marks"] for alternative in card["tokens"][0]["likeliest_before"]]
    assert marks == [[], ["penalised"], ["cut by top-p"], ["cut by top-k", "penalised"]]


def test_five_steps_by_the_chance_after_the_sliders():
    chances = (0, 0.049, 0.05, 0.2, 0.5, 0.79, 0.8, 1)
    card = card_of(view_of(*(token(one(1, 0.3, chance)) for chance in chances)), GenerationSettings())
    assert [shown["step"] for shown in card["tokens"]] == [0, 0, 1, 2, 3, 3, 4, 4]


def test_the_summary_tells_the_openness_what_moved_and_what_could_not_be_drawn():
    kept, cut = token(one(1, 0.5, 1), entropies=(4.0, 0.0)), token(one(2, 0.1, 0, "top_p"), entropies=(2.0, 2.0))
    settings = GenerationSettings(temperature=0.3, top_p=0.5)
    told = card_of(view_of(kept, cut, settings=settings), GenerationSettings())["summary"]
    assert "2 tokens" in told
    assert "a choice among 8.0 equal ones before the sliders, and among 2.0 after" in told
    assert "Written with temperature 0.7, top-p 0.9" in told
    assert "1 token of this text could not be drawn so." in told


def test_small_chances_keep_four_digits_and_nothing_is_nothing():
    card = card_of(view_of(token(one(1, 0.000123456, 0.0))), GenerationSettings())
    assert (card["tokens"][0]["before"], card["tokens"][0]["after"]) == (0.0001235, 0.0)


def test_text_of_a_model_goes_to_the_page_as_it_is_and_only_as_a_value(workbench):
    workbench.generator.text = "".join(HOSTILE)
    hostile = workbench.recommend(RecommendationRequest(history=(1,)))
    assert "".join(shown["text"] for shown in look(workbench, hostile)["tokens"]) == "".join(HOSTILE)


def test_a_new_question_takes_the_tokens_away_and_keeps_the_items(answer):
    answers = LastAnswers()
    answers.remember("me", answer)
    assert answers.answer_of("me") is answer
    assert answers.of("me") == tuple(item for item in answer.item_ids if item is not None)
    answers.begin("me")
    assert answers.answer_of("me") is None
    assert answers.of("me")


def test_answers_are_bounded_and_private_to_their_session(answer):
    answers = LastAnswers()
    for number in range(MAX_SESSIONS + 3):
        answers.remember(str(number), answer)
    assert len(answers.answers) == len(answers.items) == MAX_SESSIONS
    assert answers.answer_of("0") is None
    assert answers.answer_of("other") is None
    answers.forget()
    assert answers.answer_of(str(MAX_SESSIONS)) is None
