from pathlib import Path

from podtune.formats.raw_data import RAW_DATA, DataFile, RawDataFacts, data_files
from podtune.sections import to_mapping


def test_files_are_shown_as_their_owner_knows_them(tmp_path: Path) -> None:
    splits = {"train": "train.json", "validation": "validation.json"}
    facts = RawDataFacts("/data", "", "", "", splits, {"train": "/data/my train.json"})
    with RAW_DATA.sealing(tmp_path / "raw") as draft:
        draft.facts.update(to_mapping(facts))

    files = data_files(RAW_DATA.open(tmp_path / "raw"))

    assert files["train"] == DataFile(tmp_path / "raw" / "train.json", "/data/my train.json")
    assert (str(files["train"]), files["train"].name) == ("/data/my train.json", "my train.json")
    assert str(files["validation"]) == f"{tmp_path}/raw/validation.json"


def test_data_that_was_fetched_before_origins_were_recorded_can_be_opened(tmp_path: Path) -> None:
    with RAW_DATA.sealing(tmp_path / "raw") as draft:
        draft.facts.update({"source": "/data", "dataset": "", "revision": "", "licence": "", "splits": {}})

    assert RAW_DATA.open(tmp_path / "raw").facts.origins == {}
