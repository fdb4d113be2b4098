"""``adapters``: the list, the zip file, and the push to a small server that stands in for the Hub."""

import base64
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from recsys.cli.main import main
from tests.fixtures.adapter_zips import ALPACA_CONFIG, adapter_members, lora_weights, write_zip
from tests.fixtures.plain_adapters import save_plain_adapter


@pytest.fixture
def adapters(tmp_path):
    save_plain_adapter(tmp_path / "adapters" / "story")
    save_plain_adapter(tmp_path / "adapters" / "bare", notes={}, r=4)
    return tmp_path / "adapters"


def test_the_list_tells_base_method_rank_prompt_and_scores(adapters, capsys):
    assert main(["adapters", "list", "--adapters", str(adapters)]) == 0
    head, bare, story = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "base", "method", "r", "prompt", "scores"]
    assert bare.split() == ["bare", "-", "lora", "4", "-", "-"]
    assert story.split()[:5] == ["story", "smollm2-135m", "lora", "8", "v1/history/-/;/no-years/liked"]
    assert "MAP@4 0.0100 [0.0050, 0.0160] (test, catalogue rank, 716 records of 95 users)" in story


def test_the_list_as_json_has_every_fact(adapters, capsys):
    assert main(["adapters", "list", "--json", "--adapters", str(adapters)]) == 0
    bare, story = json.loads(capsys.readouterr().out)
    assert (bare["name"], bare["r"], bare["scores"]) == ("bare", 4, [])
    assert (story["base_model"], story["prompt_id"], story["num_parameters"]) == (
        "smollm2-135m",
        "v1/history/-/;/no-years/liked",
        32,
    )
    assert story["scores"][0]["map"] == 0.01
    assert story["forgetting"] == {"text": "general-v1", "before": 21.3, "after": 22.0}


def test_a_broken_adapter_is_listed_with_the_reason(adapters, capsys):
    (adapters / "story" / "recsys.json").write_text("{")
    assert main(["adapters", "list", "--adapters", str(adapters)]) == 0
    assert "Cannot be used: recsys.json of adapter story is broken" in capsys.readouterr().out


def test_without_adapters_the_list_says_how_one_is_made(tmp_path, capsys):
    assert main(["adapters", "list", "--adapters", str(tmp_path)]) == 0
    assert "python -m recsys train --recipe story" in capsys.readouterr().out


def test_a_zip_file_holds_the_adapters_folder(adapters, tmp_path, capsys):
    out = tmp_path / "new" / "story.zip"
    assert main(["adapters", "zip", "story", "--out", str(out), "--adapters", str(adapters)]) == 0
    assert "story/adapter_model.safetensors" in zipfile.ZipFile(out).namelist()
    assert str(out) in capsys.readouterr().out


def test_a_zip_that_fails_leaves_the_older_file_as_it_was(adapters, tmp_path, capsys):
    out = tmp_path / "story.zip"
    out.write_bytes(b"older")
    (adapters / "story" / "adapter_model.safetensors").unlink()
    assert main(["adapters", "zip", "story", "--out", str(out), "--adapters", str(adapters)]) == 2
    assert "has no adapter_model.safetensors" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["story.zip"]
    assert out.read_bytes() == b"older"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zip", "missing"], "there is no such adapter (seen: 'missing'). choose one of bare, story"),
        (["zip", "../story"], "there is no such adapter"),
        (["zip", "story", "--out", "."], "--out is a folder"),
        (["push", "story", "--repo", "no-slash"], "a repository is named user/name"),
        (["push", "story", "--repo", "me/story"], "nobody is logged in to the Hugging Face Hub. set HF_TOKEN"),
    ],
)
def test_bad_input_ends_with_exit_code_2_and_a_sentence(adapters, arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    assert main(["adapters", *arguments, "--adapters", str(adapters)]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err


class FakeHub(BaseHTTPRequestHandler):
    """Takes a repository and a commit, as the Hub does, and remembers them."""

    received: dict[str, object]
    refuse: bool

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.received["token"] = self.headers.get("Authorization")
        if self.refuse:
            return self._send(403, {"error": "forbidden"})
        if self.path == "/api/repos/create":
            self.received["repo"] = json.loads(body)
            return self._send(200, {"url": f"http://{self.headers['Host']}/me/story", "id": "me/story"})
        if self.path == "/api/validate-yaml":
            return self._send(200, {"warnings": [], "errors": []})
        if "/preupload/" in self.path:
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            return self._send(200, {"files": files})
        lines = [json.loads(line) for line in body.splitlines()]
        self.received["files"] = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"
        }
        url = f"http://{self.headers['Host']}/me/story/commit/{'1' * 40}"
        return self._send(200, {"commitUrl": url, "commitOid": "1" * 40, "pullRequestUrl": None})

    def do_GET(self) -> None:
        self._send(200, {"id": "me/story", "sha": "0" * 40, "siblings": []})

    def log_message(self, *arguments: object) -> None:
        """Keeps the test's output clean."""

    def _send(self, status: int, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub(monkeypatch):
    handler = type("Handler", (FakeHub,), {"received": {}, "refuse": False})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    yield handler
    server.shutdown()
    server.server_close()


def test_a_push_uploads_the_known_files_with_the_token_of_the_environment(adapters, hub, capsys):
    (adapters / "story" / "README.md").write_text("---\nlicense: apache-2.0\n---\n# story\n")
    (adapters / "story" / "optimizer.pt").write_bytes(b"state")
    arguments = ["adapters", "push", "story", "--repo", "me/story", "--private", "--adapters", str(adapters)]
    assert main(arguments) == 0
    assert hub.received["token"] == "Bearer hf_of_a_test"
    assert hub.received["repo"]["name"] == "story"
    assert hub.received["repo"].get("visibility") == "private" or hub.received["repo"].get("private") is True
    files = hub.received["files"]
    assert set(files) == {"README.md", "adapter_config.json", "adapter_model.safetensors", "recsys.json"}
    assert files["adapter_config.json"] == (adapters / "story" / "adapter_config.json").read_bytes()
    assert "4 files are at" in capsys.readouterr().out


def test_a_push_that_the_hub_refuses_is_told(adapters, hub, capsys):
    hub.refuse = True
    assert main(["adapters", "push", "story", "--repo", "me/story", "--adapters", str(adapters)]) == 1
    printed = capsys.readouterr().err
    assert "the Hub refused the upload (seen: 403)" in printed
    assert "hf_of_a_test" not in printed


def test_a_push_without_a_network_is_told(adapters, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert main(["adapters", "push", "story", "--repo", "me/story", "--adapters", str(adapters)]) == 1
    assert "the Hub cannot be reached" in capsys.readouterr().err


def test_a_zip_is_added_and_told(tmp_path, capsys):
    archive = write_zip(tmp_path / "mine.zip", adapter_members(base_model="smollm2-135m"), root="my lora")
    assert main(["adapters", "add", str(archive), "--adapters", str(tmp_path / "adapters")]) == 0
    told, where = capsys.readouterr().out.splitlines()
    assert told == "my-lora was added for smollm2-135m: a LoRA of rank 4 with 4,608 weights"
    assert where == str(tmp_path / "adapters" / "my-lora")
    assert main(["adapters", "list", "--adapters", str(tmp_path / "adapters")]) == 0
    assert "my-lora" in capsys.readouterr().out
    assert archive.exists()


def test_an_old_adapter_is_converted_and_told(tmp_path, capsys):
    import torch

    old = tmp_path / "alpaca"
    old.mkdir()
    (old / "adapter_config.json").write_text(json.dumps({**ALPACA_CONFIG, "target_modules": ["q_proj"], "r": 4}))
    torch.save({name: torch.tensor(array) for name, array in lora_weights().items()}, old / "adapter_model.bin")
    where = ["--adapters", str(tmp_path / "adapters"), "--base-model", "smollm2-135m"]
    assert main(["adapters", "convert", str(old), "--out", "alpaca", *where]) == 0
    out = capsys.readouterr().out
    assert "alpaca was added for smollm2-135m: a LoRA of rank 4" in out
    assert "left out: enable_lora, merge_weights." in out
    assert "It names decapoda-research/llama-7b-hf as its base; it is taken for SmolLM2 135M Instruct, embedded." in out


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.zip", "there is no such file (seen: 'missing.zip')"),
        ("no-slash", "this is no id of the Hub"),
        (".", "this is a folder, neither a zip nor an id of the Hub"),
    ],
)
def test_what_cannot_be_added_ends_with_exit_code_2_and_a_sentence(tmp_path, source, message, capsys):
    assert main(["adapters", "add", source, "--adapters", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_an_unknown_base_ends_with_exit_code_2(tmp_path, capsys):
    archive = write_zip(tmp_path / "mine.zip", adapter_members())
    where = ["--adapters", str(tmp_path / "adapters"), "--base-model", "no such"]
    assert main(["adapters", "add", str(archive), *where]) == 2
    assert "there is no such model" in capsys.readouterr().err
