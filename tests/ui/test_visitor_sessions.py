"""Sessions of visitors: each keeps its own values, and none a copy of the page."""

import tracemalloc

import gradio as gr
import pytest
from gradio.state_holder import StateHolder
from gradio_client import Client

from recsys.ui.visitor_sessions import VisitorSessions, keep_sessions_small


@pytest.fixture
def page():
    with gr.Blocks() as demo:
        names = gr.State([])
        name, told = gr.Textbox(label="name"), gr.Textbox(label="told")
        for number in range(200):
            gr.Slider(0, number + 1, label=f"slider {number}")

        def add(name, names):
            return [*names, name], gr.update(value=", ".join([*names, name]), label="all")

        gr.on([name.submit], add, [name, names], [names, told], api_name="add")
    yield demo
    demo.close(verbose=False)


def _bytes_of_sessions(holder, demo, count=50):
    holder.set_blocks(demo)
    holder["warm"]
    tracemalloc.start()
    try:
        for number in range(count):
            holder[str(number)]
        return tracemalloc.get_traced_memory()[0] / count
    finally:
        tracemalloc.stop()


def test_a_session_costs_a_tenth_of_what_gradio_takes_for_it(page):
    stock = _bytes_of_sessions(StateHolder(), page)
    ours = _bytes_of_sessions(VisitorSessions(), page)
    assert stock > 100_000
    assert ours < stock / 10


def test_two_visitors_of_a_served_page_have_values_of_their_own(page):
    page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    keep_sessions_small(page)
    one, other = (Client(page.local_url, verbose=False) for _ in range(2))

    def told(client, name):
        return client.predict(name, api_name="/add")["value"]

    assert told(one, "Ada") == "Ada"
    assert told(other, "Bob") == "Bob"
    assert told(one, "Cy") == "Ada, Cy"
    assert told(other, "Di") == "Bob, Di"
    assert len(page.app.state_holder.session_data) == 2


def test_past_the_most_sessions_the_one_used_longest_ago_starts_anew(page):
    holder = VisitorSessions()
    holder.set_blocks(page)
    holder.capacity = 2
    first = holder["first"]
    second = holder["second"]
    assert holder["first"] is first
    holder["third"]
    assert holder["first"] is first
    assert holder["second"] is not second
