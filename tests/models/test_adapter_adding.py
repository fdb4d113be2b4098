"""Adapters of strangers: what is sound appears whole and is usable, what is not is named and leaves nothing behind."""

import json
import os
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from recsys.errors import AdapterError, RecsysError, StorageError
from recsys.models.adapter_adding import add_archive, clean_name
from recsys.models.adapter_archive import MAX_MEMBERS, unpack_archive, write_archive
from recsys.models.adapter_files import unknown_settings
from recsys.models.adapter_listing import list_adapters
from recsys.models.adapters import select_adapter
from recsys.models.choices import ModelChoices
from recsys.models.loading import load_model
from recsys.models.registry import find_model
from tests.fixtures.adapter_zips import ALPACA_CONFIG, adapter_members, lora_weights, write_zip
from tests.fixtures.tiny_adapters import STORY_PROMPT, save_tiny_adapter

NOT_A_PATH = "a name in the archive leads out of it"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "adapters"


def zipped(tmp_path, members=None, **options):
    return write_zip(tmp_path / "brought.zip", adapter_members() if members is None else members, **options)


def left(root):
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


@pytest.mark.parametrize(
    ("inside", "name"), [("", "brought"), ("my-lora", "my-lora"), ("Ünïcode LoRA", "Unicode-LoRA")]
)
def test_an_adapter_at_the_root_or_one_folder_deep_is_taken_in_whole(tmp_path, root, inside, name):
    members = adapter_members(base_model="smollm2-135m", prompt_id=STORY_PROMPT, title="Mine")
    added = add_archive(zipped(tmp_path, {**members, "README.md": b"# card"}, root=inside), root)
    assert (added.info.name, added.model, added.info.title, added.info.r) == (name, "smollm2-135m", "Mine", 4)
    assert added.info.is_usable
    assert left(root) == [name]
    assert {path.name: path.read_bytes() for path in (root / name).iterdir()} == {**members, "README.md": b"# card"}


def test_what_this_app_packs_it_takes_in_again(tmp_path, root, tiny_llama_folder):
    folder = save_tiny_adapter(tiny_llama_folder, tmp_path / "story", notes={"prompt_id": STORY_PROMPT})
    with (tmp_path / "story.zip").open("wb") as file:
        write_archive(folder, file)
    added = add_archive(tmp_path / "story.zip", root, base_model=str(tiny_llama_folder))
    loaded = load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")
    assert select_adapter(loaded, added.info) == ()


def test_a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten(tmp_path, root):
    archive = zipped(tmp_path, adapter_members(base_model="smollm2-135m"), root="mine")
    (root / "mine").mkdir(parents=True)
    (root / "mine" / "precious.txt").write_text("x")
    (root / "mine-2").mkdir()
    assert add_archive(archive, root).info.name == "mine-3"
    assert add_archive(archive, root).info.name == "mine-4"
    assert left(root / "mine") == ["precious.txt"]
    assert left(root / "mine-2") == []


def test_other_files_stay_in_the_archive(tmp_path, root):
    members = {**adapter_members(), "tokenizer.json": b"{}", "run.sh": b"rm -rf /", "sub/notes.txt": b"x"}
    added = add_archive(zipped(tmp_path, members, root="mine"), root)
    assert left(added.info.path) == ["adapter_config.json", "adapter_model.safetensors"]
    assert not [path for path in added.info.path.iterdir() if path.stat().st_mode & stat.S_IXUSR]


@pytest.mark.parametrize(
    ("member", "match"),
    [
        ("../evil.txt", NOT_A_PATH),
        ("mine/../../evil.txt", NOT_A_PATH),
        ("..\\evil.txt", NOT_A_PATH),
        ("/etc/evil.txt", NOT_A_PATH),
        ("C:\\evil.txt", NOT_A_PATH),
        ("c:evil.txt", NOT_A_PATH),
        ("adapter_model.bin", "a pickle can run code.*adapters convert"),
        ("training_args.bin", "a pickle can run code.*zip the adapter's folder without it"),
        ("sub/weights.PKL", "a pickle can run code"),
        ("other/adapter_config.json", "holds several adapters"),
    ],
)
def test_names_that_lead_elsewhere_pickles_and_second_adapters_are_refused(tmp_path, root, member, match):
    with pytest.raises(AdapterError, match=match):
        add_archive(zipped(tmp_path, {**adapter_members(), member: b"x"}), root)
    assert left(root) == []
    assert left(tmp_path) == ["adapters", "brought.zip"]


def test_links_are_refused(tmp_path, root):
    archive = zipped(tmp_path)
    with zipfile.ZipFile(archive, "a") as opened:
        link = zipfile.ZipInfo("recsys.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")
    with pytest.raises(AdapterError, match="holds a link"):
        add_archive(archive, root)


def test_the_same_file_twice_is_refused(tmp_path, root):
    archive = zipped(tmp_path)
    with zipfile.ZipFile(archive, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("adapter_config.json", "{}")
    with pytest.raises(AdapterError, match="holds a file twice"):
        add_archive(archive, root)


def test_a_bomb_is_refused_by_what_it_says_and_a_lie_by_what_it_unpacks_to(tmp_path, root):
    bomb = zipped(tmp_path, {**adapter_members(), "curves.json": b"0" * 3_000_000})
    with pytest.raises(AdapterError, match="decompression bomb"):
        add_archive(bomb, root)
    size = struct.pack("<L", 3_000_000)
    honest = bomb.read_bytes()
    assert honest.count(size) == 2  # once beside the file and once in the list of members
    bomb.write_bytes(honest.replace(size, struct.pack("<L", 1000)))
    with pytest.raises(AdapterError, match="damaged"):
        add_archive(bomb, root)
    assert left(root) == []


def test_more_than_any_adapter_needs_is_refused_before_it_is_unpacked(tmp_path, root, monkeypatch):
    crowded = {**adapter_members(), **{f"f{number}": b"" for number in range(MAX_MEMBERS)}}
    with pytest.raises(AdapterError, match="too many members"):
        add_archive(zipped(tmp_path, crowded), root)
    long_notes = adapter_members(note="".join(map(chr, range(35, 91))) * 80_000)
    with pytest.raises(AdapterError, match=r"recsys.json is too large"):
        add_archive(zipped(tmp_path, long_notes), root)
    monkeypatch.setattr("recsys.models.adapter_archive.MAX_WEIGHTS_BYTES", 1000)
    with pytest.raises(AdapterError, match=r"adapter_model.safetensors is too large .*at most 1,000"):
        add_archive(zipped(tmp_path), root)


def test_a_list_of_members_that_would_fill_the_memory_is_never_read(tmp_path, root):
    archive = tmp_path / "crowd.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for number in range(30_000):
            opened.writestr(f"{number:040}", b"")
    with pytest.raises(AdapterError, match="too many members"):
        add_archive(archive, root)


@pytest.mark.parametrize("kept", [0, 10, 300, -30])
def test_a_cut_archive_is_told(tmp_path, root, kept):
    archive = zipped(tmp_path)
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(AdapterError, match=r"no zip, or it is cut off|damaged"):
        add_archive(archive, root)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda data: data[:-7], "is cut off or was altered"),
        (lambda data: data + b"more", "is cut off or was altered"),
        (lambda data: data[:40], "is cut off or was altered"),
        (lambda data: b"", "is cut off or was altered"),
        (lambda data: struct.pack("<Q", 2**40) + data[8:], "is cut off or was altered"),
        (lambda data: struct.pack("<Q", 50_000) + b"[" * 50_000, "is cut off or was altered"),
        (lambda data: data[:-4] + struct.pack("<f", float("nan")), "values that are no numbers"),
        (lambda data: data[:-4] + struct.pack("<f", float("inf")), "values that are no numbers"),
    ],
)
def test_weights_that_are_cut_or_altered_are_told(tmp_path, root, change, match):
    members = adapter_members()
    members["adapter_model.safetensors"] = change(members["adapter_model.safetensors"])
    with pytest.raises(AdapterError, match=match):
        add_archive(zipped(tmp_path, members), root)
    assert left(root) == []


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ({}, "holds no tensors"),
        ({"lm_head.weight": np.zeros((4, 4), np.float32)}, "a tensor that is not LoRA's"),
        ({name: array for name, array in lora_weights().items() if "lora_A" in name}, "half of a pair"),
        (lora_weights(r=8), "not of its rank 4"),
        ({name: array.astype(np.int32) for name, array in lora_weights().items()}, "of type I32"),
        ({name: array.ravel() for name, array in lora_weights().items()}, "not of its rank 4"),
    ],
)
def test_weights_that_are_not_those_of_the_settings_are_told(tmp_path, root, weights, match):
    with pytest.raises(AdapterError, match=match):
        add_archive(zipped(tmp_path, adapter_members(weights=weights)), root)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (b"[]", "is no JSON object"),
        (b"{", "is broken"),
        (b"\xff\xfe", "is broken"),
        (b"[" * 100_000, "is broken"),
        (json.dumps({"peft_type": "IA3"}).encode(), "another method"),
        (
            json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 1e999, "target_modules": ["q"]}).encode(),
            "lora_alpha",
        ),
        (json.dumps({"peft_type": "LORA", "r": 10**12, "lora_alpha": 8, "target_modules": ["q"]}).encode(), "usable r"),
        (json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q", 1]}).encode(), "target_mod"),
        (json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": "(q+)+x"}).encode(), "not safe"),
    ],
)
def test_settings_that_cannot_be_are_told(tmp_path, root, config, match):
    with pytest.raises(AdapterError, match=match):
        add_archive(zipped(tmp_path, {**adapter_members(), "adapter_config.json": config}), root)
    assert left(root) == []


def test_a_prompt_that_nobody_writes_is_told(tmp_path, root):
    with pytest.raises(AdapterError, match="not the name of a prompt"):
        add_archive(zipped(tmp_path, adapter_members(prompt_id="v9/x")), root)


def test_an_adapter_of_another_base_is_refused_with_both(tmp_path, root):
    archive = zipped(tmp_path, adapter_members(weights=lora_weights(4096, layers=32)))
    with pytest.raises(AdapterError) as raised:
        add_archive(archive, root, base_model="smollm2-135m")
    assert str(raised.value) == (
        "adapter brought was made for a LLaMA of hidden size 4096 with 32 layers, and this is SmolLM2 135M Instruct, "
        "embedded, a LLaMA of hidden size 576 with 30 layers. choose Llama 3.1 8B or LLaMA 7B as the base model, then "
        "add it."
    )
    assert left(root) == []


def test_an_adapter_that_names_the_wrong_base_is_refused(tmp_path, root):
    members = adapter_members(weights=lora_weights(4096), base_model="smollm2-135m")
    with pytest.raises(AdapterError, match=r"says that it is for SmolLM2 135M .* made for a LLaMA of hidden size 4096"):
        add_archive(zipped(tmp_path, members), root)


def test_a_named_base_goes_before_the_chosen_one(tmp_path, root):
    members = adapter_members(base_model="smollm2-135m")
    added = add_archive(zipped(tmp_path, members), root, base_model="gptj-mini")
    assert (added.model, added.info.taken_for) == ("smollm2-135m", "")


def test_without_any_base_it_is_told_whose_shape_it_has(tmp_path, root):
    added = add_archive(zipped(tmp_path), root)
    assert added.model is None
    assert added.told == (
        "It does not name its base; its shape is that of SmolLM2 135M Instruct, embedded, SmolLM2 135M Instruct.",
    )


def test_an_alpaca_adapter_loads_for_the_model_that_it_is_added_for(tmp_path, root, tiny_llama_folder):
    """Keys that PEFT has dropped, a base that is gone from the Hub: taken for the model of its shape, and said so."""
    save_tiny_adapter(
        tiny_llama_folder, tmp_path / "saved", target_modules=tuple(ALPACA_CONFIG["target_modules"]), r=16
    )
    weights = (tmp_path / "saved" / "adapter_model.safetensors").read_bytes()
    config = json.dumps(ALPACA_CONFIG).encode()
    archive = zipped(tmp_path, {"adapter_config.json": config, "adapter_model.safetensors": weights})
    base = str(tiny_llama_folder)
    added = add_archive(archive, root, base_model=base)
    assert added.told == (
        "Settings that are not known here are left out: enable_lora, merge_weights.",
        f"It names decapoda-research/llama-7b-hf as its base; it is taken for {tiny_llama_folder.name}.",
    )
    choices = ModelChoices(adapters_folder=root)
    assert [info.name for info in choices.adapters_for(base)] == ["brought"]
    assert choices.find(adapter="brought").model == base
    assert choices.adapters_for("smollm2-135m") == ()
    loaded = load_model(find_model(base), "fp32", device="cpu")
    assert select_adapter(loaded, added.info) == (
        f"Adapter brought was trained on decapoda-research/llama-7b-hf, not on {base}.",
    )


def test_settings_of_a_release_to_come_are_left_out_with_a_warning(tmp_path, root, tiny_llama_folder):
    folder = save_tiny_adapter(tiny_llama_folder, tmp_path / "new")
    config = json.loads((folder / "adapter_config.json").read_text())
    config |= {"corda_config": {"a": 1}, "eva_config": {"rho": 2.0}, "twist": True, "bend": None}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    with (tmp_path / "new.zip").open("wb") as file:
        write_archive(folder, file)
    added = add_archive(tmp_path / "new.zip", root, base_model=str(tiny_llama_folder))
    assert added.told[0] == "Settings that are not known here are left out: twist, bend."
    loaded = load_model(find_model(str(tiny_llama_folder)), "fp32", device="cpu")
    assert select_adapter(loaded, added.info) == (
        "Adapter new was made with settings that are not known here and left out: twist.",
    )


def test_every_setting_that_peft_writes_is_known(tmp_path):
    """Held against PEFT itself, so that its next release tells which keys are new."""
    from peft import LoraConfig

    LoraConfig(r=4, target_modules=["q_proj"]).save_pretrained(tmp_path)
    assert unknown_settings(tmp_path) == ()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "adapters").write_text("a file")
    with pytest.raises(StorageError, match="cannot be kept"):
        add_archive(zipped(tmp_path), tmp_path / "adapters")


def test_a_full_disk_leaves_nothing_behind(tmp_path, root, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        add_archive(zipped(tmp_path), root)
    assert left(root) == []


def test_what_a_killed_process_left_is_swept_and_what_another_is_at_is_not_however_old_the_clock_makes_it(
    tmp_path, root
):
    for name in (".adding-left", ".adding-held"):
        (root / name / "mine").mkdir(parents=True)
        (root / name / "adapter_config.json").write_text("{}")
        os.utime(root / name, (0, 0))
    assert list_adapters(root) == ()
    with FileLock(root / ".adding-held.lock"):
        add_archive(zipped(tmp_path), root)
        assert left(root) == [".adding-held", ".adding-held.lock", "brought"]
    add_archive(zipped(tmp_path), root)
    assert left(root) == ["brought", "brought-2"]


@pytest.mark.parametrize(
    "name", ["..", ".", "", "/", "a/../b", "-rf", "\x00", "é" * 300, "CON:x", "${x}<b>", ".hidden"]
)
def test_no_name_leads_elsewhere(tmp_path, name):
    cleaned = clean_name(name)
    assert (tmp_path / cleaned).parent == tmp_path
    assert cleaned
    assert not cleaned.startswith((".", "-"))
    assert len(cleaned) <= 64


PARTS = st.sampled_from(
    ["..", ".", "", "a", "adapter_config.json", "adapter_model.safetensors", "recsys.json", "C:", "~"]
)
NAMES = st.one_of(
    st.lists(PARTS, min_size=1, max_size=4).map("/".join),
    st.lists(PARTS, min_size=1, max_size=3).map("\\".join),
    st.text(min_size=1, max_size=40),
)
SOUND = adapter_members(base_model="smollm2-135m")
CONTENTS = st.one_of(st.binary(max_size=300), st.sampled_from(list(SOUND.values())))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    members=st.lists(st.tuples(NAMES, CONTENTS, st.integers(0, 0xFFFF)), max_size=5),
    cut=st.integers(0, 200),
    flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), max_size=4),
)
@example(members=[("../adapter_config.json", b"{}", 0)], cut=0, flips=[])
@example(members=[(name, data, 0o100644) for name, data in SOUND.items()], cut=0, flips=[])
def test_no_archive_writes_outside_its_folder_or_ends_in_anything_but_our_errors(tmp_path_factory, members, cut, flips):
    base = tmp_path_factory.mktemp("fuzz")
    path = base / "brought.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # zipfile's of a name that comes twice
        for name, data, mode in members:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, data)
    data = bytearray(path.read_bytes())
    for place, mask in flips:
        data[place % len(data)] ^= mask
    path.write_bytes(bytes(data[: len(data) - cut % len(data)]) if cut else bytes(data))
    root = base / "adapters"
    try:
        added = add_archive(path, root)
    except RecsysError:
        assert left(root) == []
    else:
        assert left(root) == [added.info.name]
        assert set(left(added.info.path)) <= {"adapter_config.json", "adapter_model.safetensors", "recsys.json"}
    assert set(left(base)) <= {"adapters", "brought.zip"}


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [*ALPACA_CONFIG, "rank_pattern", "alpha_pattern", "layers_pattern", "init_lora_weights", "twist"]
)
NOTES = st.sampled_from(["base_model", "prompt_id", "base_weight_hash", "title", "note", "taken_for", "scores", "lora"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=st.dictionaries(KEYS, JSON, max_size=4), notes=st.dictionaries(NOTES, JSON, max_size=4))
def test_no_settings_or_notes_keep_the_others_from_being_listed(tmp_path_factory, config, notes):
    root = tmp_path_factory.mktemp("listed")
    sound = json.loads(SOUND["adapter_config.json"])
    for name, data in {
        "adapter_config.json": json.dumps(sound | config).encode(),
        "recsys.json": json.dumps(notes).encode(),
        "adapter_model.safetensors": SOUND["adapter_model.safetensors"],
    }.items():
        (root / "odd").mkdir(exist_ok=True)
        (root / "odd" / name).write_bytes(data)
    (listed,) = list_adapters(root)
    assert isinstance(listed.title, str)
    assert listed.is_usable or listed.note


def test_an_archive_is_read_into_a_folder_under_names_of_our_own(tmp_path):
    (tmp_path / "out").mkdir()
    archive = write_zip(tmp_path / "a.zip", adapter_members(), root="deep")
    assert unpack_archive(archive, Path(tmp_path / "out")) == "deep"
    assert left(tmp_path / "out") == ["adapter_config.json", "adapter_model.safetensors"]
