"""An adapter as a zip file: its known files, nothing else of the folder, and nothing where files are missing."""

import io
import zipfile

import pytest

from recsys.errors import AdapterError
from recsys.models.adapter_archive import write_archive
from recsys.models.adapter_listing import describe_adapter
from tests.fixtures.plain_adapters import make_curves, save_plain_adapter


def packed(folder):
    file = io.BytesIO()
    write_archive(folder, file)
    return file.getvalue()


def test_only_the_known_files_of_a_folder_leave_it(tmp_path):
    folder = save_plain_adapter(tmp_path / "story", curves=make_curves("story"))
    (folder / "README.md").write_text("A card.")
    (folder / "optimizer.pt").write_bytes(b"state")
    (folder / ".env").write_text("SECRET=1")
    with zipfile.ZipFile(io.BytesIO(packed(folder))) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "story/README.md",
            "story/adapter_config.json",
            "story/adapter_model.safetensors",
            "story/curves.json",
            "story/recsys.json",
        ]


def test_an_unpacked_archive_is_the_adapter_again(tmp_path):
    folder = save_plain_adapter(tmp_path / "story")
    zipfile.ZipFile(io.BytesIO(packed(folder))).extractall(tmp_path / "elsewhere")
    again = describe_adapter(tmp_path / "elsewhere" / "story")
    assert (again.name, again.r, again.prompt_id) == ("story", 8, "v1/history/-/;/no-years/liked")


def test_the_same_adapter_gives_the_same_bytes(tmp_path):
    folder = save_plain_adapter(tmp_path / "story")
    first = packed(folder)
    (folder / "recsys.json").touch()
    assert packed(folder) == first


@pytest.mark.parametrize("missing", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_without_settings_or_weights_is_not_packed(tmp_path, missing):
    folder = save_plain_adapter(tmp_path / "story")
    (folder / missing).unlink()
    with pytest.raises(AdapterError, match=f"has no {missing}"):
        packed(folder)
