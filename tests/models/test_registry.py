"""Names become models: the registry's, folders, Hub ids, and nonsense."""

import json
from pathlib import Path

import pytest

from recsys.errors import SettingsError, UnknownModelError
from recsys.models.registry import DEFAULT_MODEL, SMALL_MODEL, find_model, list_models
from recsys.settings import PromptSettings


def test_the_embedded_model_is_the_default_and_comes_first() -> None:
    first = list_models()[0]
    assert (first.name, first.source, first.num_parameters) == (DEFAULT_MODEL, "package", 134_515_008)
    assert find_model(DEFAULT_MODEL) is first


def test_the_models_of_the_story_are_listed() -> None:
    sizes = {spec.name: spec.num_parameters for spec in list_models()}
    assert sizes["huggyllama/llama-7b"] == 6_738_415_616
    assert sizes["huggyllama/llama-13b"] == 13_015_864_320
    assert sizes["huggyllama/llama-30b"] == 32_528_943_616
    assert sizes["huggyllama/llama-65b"] == 65_285_660_672
    assert sizes["EleutherAI/gpt-j-6b"] == 6_050_882_784
    assert find_model("meta-llama/Llama-3.2-1B").gated


def test_a_pinned_revision_is_a_whole_commit_and_each_model_says_its_licence() -> None:
    for spec in list_models():
        assert spec.licence
        assert spec.revision is None or (len(spec.revision) == 40 and int(spec.revision, 16))
    assert len({spec.name for spec in list_models()}) == len(list_models())


def test_a_folder_is_read_for_its_architecture_and_size(tiny_llama_folder: Path, tiny_gptj_folder: Path) -> None:
    llama, gptj = find_model(str(tiny_llama_folder)), find_model(str(tiny_gptj_folder))
    assert (llama.source, llama.architecture, gptj.architecture) == ("folder", "llama", "gptj")
    # Embedding and head of 504 tokens; per layer q, o 32×32, k, v 16×32, three 64×32, two norms; a last norm.
    assert llama.num_parameters == 2 * 504 * 32 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 64 * 32 + 2 * 32) + 32


def test_any_hub_id_is_taken_with_and_without_a_revision() -> None:
    plain, pinned = find_model("someone/their-llama"), find_model("someone/their-llama@v1.0")
    assert (plain.source, plain.location, plain.revision) == ("hub", "someone/their-llama", None)
    assert (pinned.location, pinned.revision) == ("someone/their-llama", "v1.0")


@pytest.mark.parametrize(
    "name",
    ["", " ", "nonsense", "\0", "a/b\0", "../../etc/passwd", "..", "a/../b", "a//b", "https://x.org/a/b", "a/b/c",
     "-a/b", "é/b", "x" * 5000, "a/b@../c", "<b>/x", "/etc/passwd"],
)  # fmt: skip
def test_nonsense_is_refused_with_the_known_names(name: str) -> None:
    with pytest.raises(UnknownModelError) as told:
        find_model(name)
    if name != "..":  # a folder, but one without a model
        assert "choose one of smollm2-135m" in str(told.value)


def write_config(folder: Path, config: object) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return str(folder)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"model_type": "bert"}, "not a LLaMA or GPT-J model .seen: 'bert'"),
        ({"model_type": ["llama"]}, "not a LLaMA or GPT-J"),
        ({}, "not a LLaMA or GPT-J"),
        ([], "not a LLaMA or GPT-J"),
        ("{", "cannot be read"),
        ({"model_type": "llama", "quantization_config": {"quant_method": "gptq"}}, "already quantised .seen: 'gptq'"),
    ],
)
def test_a_folder_of_another_kind_is_refused(config: object, match: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match=match):
        find_model(write_config(tmp_path / "model", config))


def test_an_empty_folder_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="the folder holds no model"):
        find_model(str(tmp_path))


def test_visitors_get_the_embedded_models_and_what_the_owner_lists(
    monkeypatch: pytest.MonkeyPatch, tiny_llama_folder: Path
) -> None:
    monkeypatch.delenv("RECSYS_PUBLIC_MODELS", raising=False)
    assert [spec.name for spec in list_models(public=True)] == [DEFAULT_MODEL, SMALL_MODEL]
    for name in (str(tiny_llama_folder), "huggyllama/llama-7b", "someone/model"):
        with pytest.raises(UnknownModelError, match=r"does not offer.*choose one of smollm2-135m, gptj-mini\."):
            find_model(name, public=True)
    monkeypatch.setenv("RECSYS_PUBLIC_MODELS", f" huggyllama/llama-7b, {tiny_llama_folder},")
    assert [spec.name for spec in list_models(public=True)] == [
        DEFAULT_MODEL, SMALL_MODEL, "huggyllama/llama-7b", str(tiny_llama_folder),
    ]  # fmt: skip
    assert find_model(str(tiny_llama_folder), public=True).architecture == "llama"


def test_gptj_mini_reads_history_prompts_alone_and_says_why() -> None:
    spec = find_model(SMALL_MODEL)
    spec.require_prompt(PromptSettings("history"))
    for style in ("zero_shot", "few_shot", "instruction"):
        with pytest.raises(SettingsError, match=r"movie titles and reads no English. Choose the style history"):
            spec.require_prompt(PromptSettings(style))


def test_gptj_mini_is_what_the_registry_says_of_it() -> None:
    from recsys.models.weights import count_parameters, model_tensor_entries

    spec = find_model(SMALL_MODEL)
    entries = model_tensor_entries(Path(spec.location))
    assert count_parameters(entries) == spec.num_parameters
    assert 2e6 <= spec.num_parameters < 5e6
    assert {entry.dtype for entry in entries.values()} == {"F16"}
    assert all(path.stat().st_size < 10e6 for path in Path(spec.location).iterdir())
