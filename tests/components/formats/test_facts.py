import json
from pathlib import Path
from typing import Dict

import pytest
from podtune.errors import BadInput
from podtune.formats.base_model import BASE_MODEL
from podtune.formats.facts import open_facts, write_facts
from podtune.formats.features import FEATURES
from podtune.formats.raw_data import RAW_DATA, RawDataFacts
from podtune.formats.sealed import sealing

SAID = {"source": "here", "dataset": "a/b", "revision": "", "licence": "mit", "splits": {"train": "train.json"}}


@pytest.fixture
def raw_data(tmp_path: Path) -> Path:
    """RawData of a large file and of a small one in a folder."""
    with RAW_DATA.sealing(tmp_path / "raw") as draft:
        (draft.path / "train.json").write_text("large" * 10_000)
        (draft.path / "notes").mkdir()
        (draft.path / "notes" / "small.txt").write_text("small")
        draft.facts.update(SAID)
    return tmp_path / "raw"


def files_of(directory: Path) -> Dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_facts_are_the_artifact_without_its_large_files(raw_data: Path, tmp_path: Path) -> None:
    write_facts(RAW_DATA, raw_data, tmp_path / "facts", ["notes/small.txt", "not/there.txt"])

    opened, whole = open_facts(RAW_DATA, tmp_path / "facts"), RAW_DATA.open(raw_data)
    assert opened.facts == RawDataFacts(**SAID)  # type: ignore[arg-type]  # a mapping of several types
    assert (opened.digest, opened.manifest) == (whole.digest, whole.manifest)
    assert opened.files["train.json"].size == 50_000
    assert (opened.path / "notes" / "small.txt").read_text() == "small"
    found = files_of(tmp_path / "facts")
    assert set(found) == {"manifest.json", "artifact.json", "notes/small.txt"}
    assert found["artifact.json"] == (raw_data / "manifest.json").read_bytes()
    assert json.loads(found["manifest.json"])["facts"] == {"kind": "raw-data", "digest": whole.digest}


def test_nothing_is_left_where_nobody_asks_for_it(raw_data: Path, tmp_path: Path) -> None:
    write_facts(RAW_DATA, raw_data, None)

    assert list(tmp_path.iterdir()) == [raw_data]


def test_facts_of_another_kind_are_refused(raw_data: Path, tmp_path: Path) -> None:
    write_facts(RAW_DATA, raw_data, tmp_path / "facts")

    with pytest.raises(BadInput, match=r"facts holds the facts of raw-data, not of base-model$"):
        open_facts(BASE_MODEL, tmp_path / "facts")


def test_the_artifact_itself_is_no_facts(raw_data: Path) -> None:
    with pytest.raises(BadInput, match=r"raw holds raw-data, not facts$"):
        open_facts(RAW_DATA, raw_data)


def test_facts_of_another_version_are_refused(tmp_path: Path) -> None:
    later = FEATURES.__class__(FEATURES.kind, 2, RawDataFacts)
    with later.sealing(tmp_path / "features") as draft:
        draft.facts.update(SAID)
    write_facts(later, tmp_path / "features", tmp_path / "facts")

    with pytest.raises(BadInput, match=r"facts of features of version 2; this podtune reads version 1$"):
        open_facts(FEATURES, tmp_path / "facts")


@pytest.mark.parametrize("name", ["artifact.json", "notes/small.txt", "manifest.json"])
def test_damaged_facts_are_refused(raw_data: Path, tmp_path: Path, name: str) -> None:
    write_facts(RAW_DATA, raw_data, tmp_path / "facts", ["notes/small.txt"])
    file = tmp_path / "facts" / name
    file.write_bytes(file.read_bytes().replace(b"a", b"b", 1))

    with pytest.raises(BadInput, match=name):
        open_facts(RAW_DATA, tmp_path / "facts")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"digest": "0" * 64}, "artifact.json is another raw-data's than .*manifest.json names$"),
        ({"file": "notes/small.txt"}, "notes/small.txt is not the raw-data's; make the raw-data again$"),
        ({"file": "notes/other.txt"}, "notes/other.txt is not the raw-data's; make the raw-data again$"),
        ({"file": "artifact.json"}, "artifact.json is damaged; make the raw-data again$"),
    ],
)
def test_facts_that_do_not_belong_together_are_refused(
    raw_data: Path, tmp_path: Path, changed: Dict[str, str], complaint: str
) -> None:
    digest = changed.get("digest", RAW_DATA.read(raw_data).digest)
    with sealing(tmp_path / "facts", "facts", 1) as draft:
        (draft.path / "notes").mkdir()
        (draft.path / "artifact.json").write_bytes((raw_data / "manifest.json").read_bytes())
        if "file" in changed:
            (draft.path / changed["file"]).write_text("forged")
        draft.facts.update(kind="raw-data", digest=digest)

    with pytest.raises(BadInput, match=complaint):
        open_facts(RAW_DATA, tmp_path / "facts")
