"""A zip that claims to be an adapter: taken in whole and within its folder, or refused with nothing left behind.

A case is the zip itself or, so that mutation reaches what lies within, what a zip is made of: names, kinds and
contents, after which the zip may lie about their sizes.
"""

from __future__ import annotations

import io
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path

from recsys.errors import RecsysError
from recsys.models.adapter_adding import add_archive, clean_name
from recsys.models.adapter_archive import ADAPTER_FILES
from tests.fixtures.adapter_zips import adapter_members, lora_weights

_AS_IT_IS, _OF_MEMBERS, _LYING = range(3)
_BETWEEN, _AFTER_NAME = b"\x1e--\x1e", b"\x1f--\x1f"
_KINDS = (0o100644, 0o040755, 0o120777, 0o010644, 0, 0o060644)
"""A file, a folder, a link, a pipe, nothing told, a device."""


def adapter_zip(data: bytes) -> None:
    """Takes a case in and looks at everything that is on the disk afterwards."""
    how = (data[0] if data else 0) % 3
    content = data[1:] if how == _AS_IT_IS else _zip_of(data[1:], is_lying=how == _LYING)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        place = Path(name)
        archive, root, kept = place / "brought.zip", place / "machine" / "adapters", place / "machine" / "kept.txt"
        root.mkdir(parents=True)
        archive.write_bytes(content)
        kept.write_text("as it was", encoding="utf-8")
        before = set(place.rglob("*"))
        try:
            added = add_archive(archive, root)
        except RecsysError:
            assert set(place.rglob("*")) == before, "something is left of what was refused"
            raise
        finally:
            assert archive.read_bytes() == content
            assert kept.read_text(encoding="utf-8") == "as it was"
        folder = root / added.info.name
        new = set(place.rglob("*")) - before
        assert added.info.name == clean_name(added.info.name)
        assert new == {folder, *folder.iterdir()}
        assert all(path.name in ADAPTER_FILES and path.is_file() and not path.is_symlink() for path in new - {folder})
        assert added.info.is_usable


def _zip_of(data: bytes, *, is_lying: bool) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings(action="ignore"):  # of names given twice
        for member in data.split(_BETWEEN)[:40]:
            name, _, content = member[1:].partition(_AFTER_NAME)
            entry = zipfile.ZipInfo("x")
            entry.filename = name.decode("utf-8", errors="replace")[:300]
            entry.external_attr = _KINDS[(member[0] if member else 0) % len(_KINDS)] << 16
            entry.compress_type = zipfile.ZIP_DEFLATED if member[:1] > b"\x7f" else zipfile.ZIP_STORED
            archive.writestr(entry, content)
    written = bytearray(buffer.getvalue())
    if is_lying and (at := written.find(b"PK\x01\x02")) >= 0:
        struct.pack_into("<I", written, at + 24, (data[1] if len(data) > 1 else 0) * 16_777_216 + 7)
    return bytes(written)


def _case(how: int, members: dict[str, bytes]) -> bytes:
    parts = [b"\x00" + name.encode() + _AFTER_NAME + content for name, content in members.items()]
    return bytes([how]) + _BETWEEN.join(parts)


def _packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


_WEIGHTS = {name: weights.astype("float16") for name, weights in lora_weights(r=1).items()}
_CONFIG = {"peft_type": "LORA", "r": 1, "lora_alpha": 8, "target_modules": ["q_proj"], "enable_lora": None}
_SOUND = adapter_members(weights=_WEIGHTS, config=_CONFIG, base_model="smollm2-135m", title="Mine")
"""The smallest LoRA of SmolLM2 135M: less than 4 KB, so that mutation keeps all of it."""

SEEDS = (
    _case(_OF_MEMBERS, _SOUND),
    _case(_OF_MEMBERS, {f"mine/{name}": content for name, content in _SOUND.items()} | {"mine/README.md": b"# Mine"}),
    bytes([_AS_IT_IS]) + _packed(_SOUND),
)
REFUSED = {
    "leads out of it": _case(_OF_MEMBERS, _SOUND | {"../../kept.txt": b"gone"}),
    "holds a link": _case(_OF_MEMBERS, _SOUND) + _BETWEEN + b"\x02README.md" + _AFTER_NAME + b"../kept.txt",
    "a pickle can run code": _case(_OF_MEMBERS, _SOUND | {"adapter_model.bin": b"cos\nsystem\n"}),
    "too large": _case(_LYING, _SOUND),
    "several adapters": _case(_OF_MEMBERS, _SOUND | {"a/adapter_config.json": b"{}"}),
}
"""What is told of each case that must not be taken."""
