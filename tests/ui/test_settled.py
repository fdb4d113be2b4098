"""What follows the controls: every follower gets its own inputs, and what no page of ours sent changes nothing."""

import gradio as gr
import pytest

from recsys.ui.settled import Settled

SKIP = gr.skip()


@pytest.fixture
def settled():
    with gr.Blocks():
        settled, controls = Settled("here"), [gr.Number(), gr.Textbox()]
        told, more, other, kept = gr.HTML(), gr.HTML(), gr.HTML(), gr.State()
        settled.add(lambda request, values, own: [f"{request}: {values}", own], [kept], [told, more])
        settled.add(lambda request, values: [sum(values)], [], [other])
        settled.tell(controls, "shape")
        settled.connect(controls)
    return settled


def test_every_follower_is_given_all_values_and_its_own_inputs(settled):
    assert settled._follow("me", [1, 2], "mine") == ["me: [1, 2]", "mine", 3]


@pytest.mark.parametrize("sent", [None, "12", {"0": 1}, [], [1], [1, 2, 3]])
def test_what_are_not_the_values_of_all_controls_changes_nothing(settled, sent):
    assert settled._follow("me", sent, "mine") == [SKIP, SKIP, SKIP]
