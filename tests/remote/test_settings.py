"""Where a server is, and that its key never gets into a message."""

import pytest

from recsys.errors import SettingsError
from recsys.remote.settings import ServerSettings


@pytest.fixture(autouse=True)
def no_address(monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        (" https://llm.example.org/api/v1 ", "https://llm.example.org/api/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_the_address_goes_down_to_v1_however_it_is_typed(typed, meant):
    assert ServerSettings("openai", typed).base_url == meant


@pytest.mark.parametrize(
    "typed",
    ["localhost:8000", "file:///etc/passwd", "ftp://x", "http://", "http://x:99999", "http://x/v1?key=1", "nonsense"],
)
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(SettingsError, match="base_url"):
        ServerSettings("openai", typed)


def test_a_password_in_the_address_is_refused_and_not_shown():
    with pytest.raises(SettingsError, match="password") as caught:
        ServerSettings("openai", "http://me:sesame@localhost/v1")
    assert "sesame" not in str(caught.value)


def test_the_address_may_be_in_the_environment_and_must_be_somewhere(monkeypatch):
    with pytest.raises(SettingsError, match="needs the address"):
        ServerSettings("openai")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1234")
    assert ServerSettings("openai").host == "localhost:1234"


def test_an_address_without_the_engine_is_told_rather_than_ignored():
    with pytest.raises(SettingsError, match="--engine openai"):
        ServerSettings(base_url="http://localhost:8000")


def test_a_key_given_for_its_variable_is_refused_and_not_shown():
    with pytest.raises(SettingsError, match="never the key") as caught:
        ServerSettings("openai", "http://x", api_key_env="sk-open-sesame")
    assert "sesame" not in str(caught.value)


def test_a_variable_that_is_not_set_is_told_without_its_name_since_that_may_be_the_key(monkeypatch):
    monkeypatch.delenv("opensesame", raising=False)
    with pytest.raises(SettingsError, match="is not set") as caught:
        ServerSettings("openai", "http://x", api_key_env="opensesame").read_key()
    assert "opensesame" not in str(caught.value)


def test_the_key_is_in_no_words_and_no_plain_form_of_the_settings(monkeypatch):
    monkeypatch.setenv("MY_KEY", "open-sesame")
    settings = ServerSettings("openai", "http://x", api_key_env="MY_KEY")
    assert settings.read_key() == "open-sesame"
    assert "sesame" not in f"{settings!r} {settings.to_dict()} {settings.words}"
    assert settings.words == ("--base-url=http://x/v1",)
