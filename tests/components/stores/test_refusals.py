import hashlib
import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict, Optional

import pytest
from podtune.errors import BadInput
from podtune.formats.evaluation import Metric
from podtune.formats.sealed import canonical_json
from podtune.stores.directory_store import DirectoryStore
from podtune.stores.refusals import Refusal, refusals, refused_against, remember_refusal, standing_refusal
from podtune.stores.releases import names
from podtune.stores.store import Store

GATE: Dict[str, Any] = {"metric": "f1", "floors": {"f1": 60.0}, "tolerance": 1.0, "too_few": "refuse"}

REFUSAL = Refusal(
    derivation="a" * 64,
    time="2026-11-27T03:12:00+00:00",
    reason="f1 differs by -4.00 from live version 3",
    metrics={"f1": Metric(70.0, 65.0, 75.0)},
    live="3",
    anchor="2",
    gate=GATE,
    readable=True,
)


def find(store: Store, gate: Dict[str, Any] = GATE, live: Optional[str] = "3") -> Optional[Refusal]:
    return standing_refusal(store, "qa", "a" * 64, gate=gate, live=live)


def test_a_refusal_is_on_record_once_and_is_no_release(store: Store) -> None:
    again = replace(REFUSAL, time="2026-11-28T03:12:00+00:00")

    assert remember_refusal(store.uri, "qa", REFUSAL) is None
    assert remember_refusal(store.uri, "qa", again) == REFUSAL

    (key,) = store.keys("refusals/")
    name = hashlib.sha256(canonical_json(asdict(REFUSAL))).hexdigest()
    assert key == f"refusals/qa/{'a' * 64}/{name}.json"
    assert find(store) == REFUSAL
    assert names(store) == []


def test_other_ingredients_and_other_names_are_not_refused(store: Store) -> None:
    remember_refusal(store.uri, "qa", REFUSAL)

    assert standing_refusal(store, "qa", "b" * 64, gate=GATE, live="3") is None
    assert standing_refusal(store, "vqa", "a" * 64, gate=GATE, live="3") is None


@pytest.mark.parametrize(
    ("gate", "live", "why"),
    [
        (GATE, "3", "f1 differs by -4.00 from live version 3"),
        ({**GATE, "tolerance": 1}, "3", "f1 differs by -4.00 from live version 3"),
        (GATE, "4", ""),
        (GATE, None, ""),
        ({**GATE, "tolerance": 5.0}, "3", ""),
        ({**GATE, "too_few": "accept"}, "3", ""),
        ({**GATE, "anchor": 1}, "3", ""),
        ({**GATE, "floors": {"f1": 80}}, "4", "f1 is 70.00, below its floor of 80.00"),
        ({**GATE, "floors": {"f1": "80", "exact_match": 99.0}}, "4", ""),
        ({**GATE, "floors": None}, "4", ""),
    ],
)
def test_it_stands_while_what_it_depended_on_is_the_same(gate: Any, live: Any, why: str) -> None:
    assert REFUSAL.why(gate, live) == why


def test_one_that_could_not_compare_does_not_stand(store: Store) -> None:
    remember_refusal(store.uri, "qa", replace(REFUSAL, readable=False))

    assert find(store) is None
    assert find(store, {**GATE, "floors": {"f1": 80.0}}) is not None


def test_a_refusal_is_put_on_record_again_where_the_earlier_one_does_not_stand(store: Store) -> None:
    later = replace(REFUSAL, time="2026-11-28T03:12:00+00:00", live="4")
    remember_refusal(store.uri, "qa", REFUSAL)

    assert remember_refusal(store.uri, "qa", later) is None

    assert (find(store), find(store, live="4")) == (REFUSAL, later)
    assert list(refused_against(store, "qa", "4")) == [later]


def test_the_newest_of_several_is_told(store: Store) -> None:
    floors = {**GATE, "floors": {"f1": 80.0}}
    earlier = replace(REFUSAL, gate=floors, live="2", time="2026-11-20T03:12:00+00:00")
    remember_refusal(store.uri, "qa", REFUSAL)
    store.create(_key(canonical_json(asdict(earlier))), canonical_json(asdict(earlier)))

    assert find(store, floors) == REFUSAL


def _key(data: bytes) -> str:
    return f"refusals/qa/{'a' * 64}/{hashlib.sha256(data).hexdigest()}.json"


def _of_another_version() -> bytes:
    return canonical_json({**asdict(REFUSAL), "signed_by": "somebody"})


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"{}", _of_another_version()])
def test_what_cannot_be_read_is_as_if_absent_and_is_logged(
    directory_store: DirectoryStore, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    caplog.set_level(logging.WARNING, "podtune")
    directory_store.create(_key(data), data)

    assert find(directory_store) is None
    assert f"{_key(data)} in {directory_store.uri} is damaged, or of another version of podtune" in caplog.text

    remember_refusal(directory_store.uri, "qa", REFUSAL)
    assert find(directory_store) == REFUSAL
    assert sorted(refusals(directory_store, "qa").values(), key=bool) == [None, REFUSAL]


def test_a_flipped_bit_is_noticed(directory_store: DirectoryStore) -> None:
    remember_refusal(directory_store.uri, "qa", REFUSAL)
    (path,) = Path(directory_store.uri).glob("refusals/qa/*/*.json")
    path.write_text(path.read_text().replace('"live": "3"', '"live": "4"'))

    assert find(directory_store, live="4") is None


def test_a_store_that_takes_no_record_changes_nothing(
    directory_store: DirectoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Any, key: str, data: bytes) -> bool:
        raise BadInput("no permission to write")

    monkeypatch.setattr(DirectoryStore, "create", refuse)
    caplog.set_level(logging.WARNING, "podtune")

    assert remember_refusal(directory_store.uri, "qa", REFUSAL) is None

    cause = "so that a schedule trains this model again: no permission to write"
    assert f"the refusal cannot be put on record, {cause}" in caplog.text


def test_a_record_is_small(directory_store: DirectoryStore) -> None:
    remember_refusal(directory_store.uri, "qa", REFUSAL)

    (key,) = directory_store.keys("refusals/")
    assert json.loads(directory_store.read(key) or b"")["reason"] == REFUSAL.reason
    assert (directory_store.size(key) or 0) < 1000
