from pathlib import Path
from typing import ClassVar, List

import pytest
from podtune.errors import BadInput
from podtune.formats.sealed import open_sealed, sealing
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.sealed_objects import bring, is_sealed, read_sealed, remove, send
from podtune.stores.store import Advance, Store, unwatched


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return write(tmp_path / "artifact", {"model/weights": "abc", "log.jsonl": "{}\n"})


def write(path: Path, files: "dict[str, str]") -> Path:
    with sealing(path, "checkpoint", 1) as draft:
        for name, text in files.items():
            (draft.path / name).parent.mkdir(parents=True, exist_ok=True)
            (draft.path / name).write_text(text)
    return path


def test_an_artifact_comes_back_as_it_was_sent(store: Store, artifact: Path, tmp_path: Path) -> None:
    send(store, "output/", artifact)

    bring(store, "output/", tmp_path / "back")

    assert open_sealed(tmp_path / "back", "checkpoint", 1) == open_sealed(artifact, "checkpoint", 1)
    assert (tmp_path / "back/model/weights").read_text() == "abc"
    assert read_sealed(store, "output/").digest == open_sealed(artifact, "checkpoint", 1).digest


def test_a_store_can_be_the_artifact_itself(store: Store, artifact: Path, tmp_path: Path) -> None:
    send(store, "", artifact)

    bring(store, "", tmp_path / "back")

    assert (tmp_path / "back/log.jsonl").read_text() == "{}\n"


def test_nothing_is_left_of_what_was_there_before(store: Store, artifact: Path, tmp_path: Path) -> None:
    send(store, "output/", artifact)
    send(store, "output/", write(tmp_path / "other", {"other": "x"}))

    keys = list(store.keys("output/"))

    assert keys == ["output/manifest.json", "output/other"]


def test_without_its_manifest_it_is_not_there(store: Store, artifact: Path, tmp_path: Path) -> None:
    send(store, "output/", artifact)
    store.delete("output/manifest.json")

    assert not is_sealed(store, "output/")
    with pytest.raises(BadInput, match=r"/output holds no artifact: it has no manifest\.json$"):
        bring(store, "output/", tmp_path / "back")


def test_the_manifest_is_the_last_to_come_and_the_first_to_go(artifact: Path, tmp_path: Path) -> None:
    class Noting(DirectoryStore):
        done: ClassVar[List[str]] = []

        def upload(self, source: Path, key: str, advance: Advance = unwatched) -> None:
            self.done.append(f"upload {key}")
            super().upload(source, key, advance)

        def delete(self, key: str) -> None:
            self.done.append(f"delete {key}")
            super().delete(key)

    store = Noting(tmp_path / "store")

    send(store, "a/", artifact)
    remove(store, "a/")

    assert store.done == [
        "delete a/manifest.json",
        "upload a/log.jsonl",
        "upload a/model/weights",
        "upload a/manifest.json",
        "delete a/manifest.json",
        "delete a/log.jsonl",
        "delete a/model/weights",
    ]


def test_an_interrupted_call_is_continued(directory_store: DirectoryStore, artifact: Path, tmp_path: Path) -> None:
    send(directory_store, "a/", artifact)
    (tmp_path / ".back.download/model").mkdir(parents=True)
    (tmp_path / ".back.download/model/weights").write_text("abc")
    directory_store.delete("a/model/weights")

    bring(directory_store, "a/", tmp_path / "back")

    assert (tmp_path / "back/model/weights").read_text() == "abc"
    assert not (tmp_path / ".back.download").exists()


def test_a_damaged_file_is_refused(store: Store, artifact: Path, tmp_path: Path) -> None:
    send(store, "a/", artifact)
    store.delete("a/model/weights")
    store.create("a/model/weights", b"abd")

    with pytest.raises(BadInput, match=r"^a/model/weights in .* is corrupted"):
        bring(store, "a/", tmp_path / "back")

    assert not (tmp_path / "back").exists()


def test_a_name_that_leads_elsewhere_is_refused(store: Store, tmp_path: Path) -> None:
    entry = '{"size": 1, "sha256": "0"}'
    store.create(
        "a/manifest.json", f'{{"kind": "k", "version": 1, "facts": {{}}, "files": {{"../outside": {entry}}}}}'.encode()
    )

    with pytest.raises(BadInput, match=r"/a/\.\./outside is not the name of an artifact's file"):
        bring(store, "a/", tmp_path / "back")

    assert [path.name for path in tmp_path.rglob("outside")] == []
