"""What a server says that it serves, which kind it is, and what of it may be asked."""

import pytest

from recsys.errors import AdapterError, ServerError, UnknownModelError
from recsys.remote.server import CompletionServer
from recsys.remote.settings import ServerSettings
from tests.fixtures.odd_server import models, refuse, say

VLLM = {
    "data": [
        {"id": "llama-65b", "owned_by": "vllm", "parent": None, "root": "huggyllama/llama-65b"},
        {"id": "liked", "owned_by": "vllm", "parent": "llama-65b", "root": "adapters/liked"},
    ]
}


def server_of(odd, **options):
    settings = {name: options.pop(name) for name in list(options) if name in ("server_kind", "api_key_env")}
    return CompletionServer(ServerSettings("openai", odd.url, **settings), **options)


def test_nothing_is_asked_before_it_is_needed(odd):
    server = server_of(odd)
    assert (server.names(), server.known) == ((), None)
    assert odd.seen == []


def test_the_loras_of_vllm_are_adapters_of_their_model(odd):
    odd.pages["/v1/models"] = VLLM
    server = server_of(odd)
    assert server.look().kind.name == "vllm"
    assert (server.names(), server.look().adapters_of("llama-65b")) == (("openai:llama-65b",), ("liked",))
    assert server.open("openai:llama-65b", "liked").asked_name == "liked"
    assert server.open("openai:liked", None).asked_name == "liked"
    assert server.opening_for("liked") == "openai:llama-65b"


def test_a_lora_or_model_that_it_does_not_have_is_told_with_those_that_it_has(odd):
    odd.pages["/v1/models"] = VLLM
    server = server_of(odd)
    with pytest.raises(AdapterError, match="choose one of liked"):
        server.open("openai:llama-65b", "other")
    with pytest.raises(UnknownModelError, match="it has llama-65b"):
        server.open("openai:llama-7b", None)


@pytest.mark.parametrize(
    ("kind", "pages"),
    [
        ("llama.cpp", {"/v1/models": models("m", owned_by="llamacpp")}),
        ("tgi", {"/info": {"model_id": "m", "max_concurrent_requests": 128}}),
        ("transformers", {"/openapi.json": {"paths": {"/load_model": {}, "/v1/completions": {}}}}),
        ("other", {"/openapi.json": {"paths": {"/v1/completions": {}}}}),
        ("other", {"/info": say("<html>")}),
    ],
)
def test_the_kind_is_known_by_what_the_server_tells_of_itself(odd, kind, pages):
    odd.pages |= pages
    assert server_of(odd).look().kind.name == kind


def test_the_kind_may_be_told(odd):
    assert server_of(odd, server_kind="llama.cpp").look().kind.name == "llama.cpp"


@pytest.mark.parametrize("found", [[], {}, {"data": 3}, {"data": [3, {"id": 3}, {"id": ""}, {"id": "a\nb"}]}])
def test_a_list_of_another_form_lists_nothing(odd, found):
    odd.pages["/v1/models"] = say("[]") if found == [] else found
    server = server_of(odd)
    assert server.look().names == ()
    with pytest.raises(ServerError, match="lists no model"):
        server.opening_name()
    assert server.open("openai:any", None).asked_name == "any"  # what nobody lists may still be there


def test_a_server_that_cannot_list_but_is_well_is_asked_for_the_model_that_was_named(odd):
    odd.pages |= {"/v1/models": refuse(500), "/health": {"status": "ok"}}
    assert "failed" in server_of(odd).look().problem
    assert server_of(odd, opening_model="m").open("openai:m", None).asked_name == "m"


def test_a_server_that_neither_lists_nor_is_well_is_told(odd):
    odd.pages["/v1/models"] = refuse(503, {"error": {"message": "Loading model"}})
    with pytest.raises(ServerError, match="Loading model"):
        server_of(odd).look()


def test_visitors_of_a_public_page_are_given_what_is_listed_and_what_the_page_opens_with(odd):
    odd.pages["/v1/models"] = {"data": []}
    odd.pages["/openapi.json"] = {"paths": {"/load_model": {}, "/v1/completions": {}}}
    server = server_of(odd, public=True, opening_model="mine")
    assert server.open("openai:mine", None).asked_name == "mine"
    with pytest.raises(UnknownModelError):
        server.open("openai:anything/of-the-hub", None)


def test_a_key_is_sent_and_a_refused_one_is_told_without_it(odd, monkeypatch):
    monkeypatch.setenv("MY_KEY", "open-sesame")
    assert server_of(odd, api_key_env="MY_KEY").look().models == ("odd",)
    assert odd.seen[0][1]["authorization"] == "Bearer open-sesame"
    odd.pages["/v1/models"] = refuse(401, {"error": {"message": "Incorrect API key provided: open-sesame"}})
    with pytest.raises(ServerError, match="refuses the key") as caught:
        server_of(odd, api_key_env="MY_KEY").look()
    assert "sesame" not in str(caught.value)
    with pytest.raises(ServerError, match="wants a key"):
        server_of(odd).look()


def test_nobody_at_the_address_is_told():
    with pytest.raises(ServerError, match=r"no server answers at 127\.0\.0\.1:9"):
        CompletionServer(ServerSettings("openai", "http://127.0.0.1:9")).look()
