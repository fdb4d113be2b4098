"""A real MCP client on the page's tools."""

import asyncio
import json
from importlib.metadata import PackageNotFoundError

import pytest

from recsys.errors import SettingsError
from recsys.ui import mcp_tools
from recsys.ui.app import launch
from tests.ui.served import serve

pytest.importorskip("mcp")
TOOLS = {"recommend", "models", "adapters", "search_titles"}


@pytest.fixture(scope="module", params=[[], ["--public"]], ids=["private", "public"])
def served(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mcp")
    page = serve(["tests/ui/run_fake.py", "--mcp", "--runs", str(folder / "runs"), *request.param], folder)
    yield page
    page.end()


def ask(served, talk):
    """What ``talk`` finds in a session of its own."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def run():
        async with (
            streamable_http_client(f"{served.address}/gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return await talk(session)

    return asyncio.run(run())


def call(served, name, **values):
    return ask(served, lambda session: session.call_tool(name, values))


def test_the_bounded_endpoints_are_the_tools_and_no_other(served):
    tools = ask(served, lambda session: session.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    assert {tool["name"] for tool in served.ask("/gradio_api/mcp/schema").json} == TOOLS
    gone = call(served, "evaluate", records=1)
    assert gone.isError
    assert "Unknown tool" in gone.content[0].text


def test_every_tool_and_parameter_is_typed_and_told_in_whole_sentences(served):
    tools = {tool.name: tool for tool in ask(served, lambda session: session.list_tools()).tools}
    assert all(tool.description.endswith(".") for tool in tools.values())
    schema = tools["recommend"].inputSchema
    assert schema["required"] == ["liked"]
    assert len(schema["properties"]) == 32
    for told in (*schema["properties"].values(), *tools["search_titles"].inputSchema["properties"].values()):
        assert told["description"].endswith("."), told
        assert {"type", "enum", "oneOf"} & set(told), told
    assert schema["properties"]["temperature"] | {"description": ""} == {
        "type": "number",
        "default": 0.7,
        "description": "",
    }


def test_recommend_answers_what_the_api_answers(served):
    from gradio_client import Client

    values = {"liked": ["Toy Story", 2571], "num_recommendations": 3, "seed": 5}
    answered = call(served, "recommend", **values)
    assert not answered.isError
    (text,) = (part.text for part in answered.content)
    told = json.loads(text)
    asked = Client(served.address, verbose=False).predict(**values, api_name="/recommend")
    assert [row["rank"] for row in told["recommendations"]] == [1, 2, 3]
    assert told["recommendations"] == asked["recommendations"]
    assert told["prompt"] == asked["prompt"]


def test_the_other_tools_answer_in_json(served):
    hits = json.loads(call(served, "search_titles", query="totoro", limit=1).content[0].text)
    assert [hit["title"] for hit in hits] == ["My Neighbor Totoro"]
    models = json.loads(call(served, "models").content[0].text)
    assert {"smollm2-135m", "gptj-mini"} <= {model["name"] for model in models}
    assert all("path" not in adapter for adapter in json.loads(call(served, "adapters").content[0].text))


@pytest.mark.parametrize(
    ("tool", "values", "told"),
    [
        ("recommend", {"liked": ["Heat"], "temperature": 9}, "temperature is out of range (seen: 9). temperature must"),
        ("recommend", {"liked": ["Heat"], "temperature": "hot"}, "'hot' is not of type 'number'"),
        ("recommend", {"liked": ["Heat"], "adapter": "gone"}, "there is no such adapter (seen: 'gone')"),
        ("recommend", {"liked": ["Heat"] * 51}, "too many liked movies (seen: '51 movies'). give at most 50."),
        ("recommend", {}, "'liked' is a required property"),
        ("search_titles", {"query": "x" * 201}, "the query is not a short text"),
        ("search_titles", {"query": "heat", "limit": 0}, "limit is out of range (seen: 0)"),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence(served, tool, values, told):
    answered = call(served, tool, **values)
    assert answered.isError
    assert told in answered.content[0].text
    assert "Traceback" not in answered.content[0].text
    assert not answered.content[0].text.startswith(("'", '"'))


def test_a_public_page_keeps_its_limits_for_tools(served):
    answered = call(served, "recommend", liked=["Heat"], max_new_tokens=1000)
    is_public = "--public" in served.process.args
    assert answered.isError is is_public
    if is_public:
        assert answered.content[0].text.startswith("max_new_tokens is above this page's limit (seen: 1000)")


def _missing(name):
    raise PackageNotFoundError(name)


def test_without_the_package_one_sentence_names_the_extra(monkeypatch, capsys):
    monkeypatch.setattr(mcp_tools, "version", _missing)
    with pytest.raises(SystemExit) as stop:
        launch(["--mcp"])
    assert stop.value.code == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert told == ['Error: --mcp needs the package mcp, which is not installed. pip install "recsys[mcp]".']


@pytest.mark.parametrize("found", ["1.21.0", "2.3.0"])
def test_a_version_that_gradio_does_not_know_is_refused(monkeypatch, found):
    monkeypatch.setattr(mcp_tools, "version", lambda name: found)
    with pytest.raises(SettingsError, match=f"below 2 .seen: '{found}'"):
        mcp_tools.require_mcp()


def test_without_the_flag_there_are_no_tools(tmp_path):
    page = serve(["tests/ui/run_fake.py", "--runs", str(tmp_path / "runs")], tmp_path, GRADIO_MCP_SERVER="True")
    try:
        assert page.ask("/gradio_api/mcp/schema").status == 404
    finally:
        page.end()
