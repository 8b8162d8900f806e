from datetime import datetime
from pathlib import Path
from typing import Any, Dict

import pytest
from podtune.errors import BadInput
from podtune.stores.directory_store import DirectoryStore
from podtune_pipelines.doctor import store
from podtune_pipelines.doctor.findings import failed, ok
from podtune_pipelines.doctor.store import CHECKPOINTS, RELEASES, check_store


def test_a_directory_does_all_that_releases_need(tmp_path: Path) -> None:
    about = f"store {tmp_path}"

    assert list(check_store(str(tmp_path), RELEASES)) == [
        ok(about, "can be read and written"),
        ok(about, "a conditional create leaves an existing object unchanged"),
        ok(about, "objects can be deleted"),
        ok(about, "of 8 concurrent writers, exactly one wins, in 5 of 5 races"),
    ]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = list(check_store(str(tmp_path / "store"), RELEASES))

    assert found == [ok(f"store {tmp_path}/store", "does not exist yet and can be created")]
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_overwrites_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overwrite(self: DirectoryStore, key: str, data: bytes) -> bool:
        (Path(self.uri) / key).write_bytes(data)
        return True

    monkeypatch.setattr(DirectoryStore, "create", overwrite)

    found = list(check_store(str(tmp_path), RELEASES))

    remedy = "use a store that honours If-None-Match"
    assert found[1] == failed(f"store {tmp_path}", "a conditional create replaced an existing object", remedy)


def test_a_store_that_refuses_conditions_has_failed_and_is_left_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: DirectoryStore, key: str, data: bytes) -> bool:
        raise BadInput("the store answers NotImplemented; check its kind")

    monkeypatch.setattr(DirectoryStore, "create", refuse)

    found = list(check_store(str(tmp_path), RELEASES))

    assert found[1] == failed(f"store {tmp_path}", "the store answers NotImplemented", "check its kind")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nothing_can_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: DirectoryStore, key: str) -> None:
        raise BadInput("cannot delete: access denied; these credentials need permission for it")

    monkeypatch.setattr(DirectoryStore, "delete", refuse)

    releases = [found.outcome for found in check_store(str(tmp_path), RELEASES)]
    checkpoints = [found.outcome for found in check_store(str(tmp_path), CHECKPOINTS)]

    assert releases == ["ok", "ok", "warning"]
    assert checkpoints == ["ok", "failed"]


@pytest.mark.parametrize(
    ("date", "outcome"),
    [
        ("Wed, 25 Nov 2026 12:00:00 GMT", "ok"),
        ("Wed, 25 Nov 2026 12:05:00 GMT", "warning"),
        ("Wed, 25 Nov 2026 11:30:00 GMT", "failed"),
        ("", "not checked"),
    ],
)
def test_a_clock_that_differs_is_noticed(monkeypatch: pytest.MonkeyPatch, date: str, outcome: str) -> None:
    class Noon(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls(2026, 11, 25, 12, 0, 1, tzinfo=tz)

    monkeypatch.setattr(store, "datetime", Noon)
    answer: Dict[str, Any] = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    assert store._clock(answer, "store").outcome == outcome


@pytest.mark.local
def test_moto_lets_one_win(moto_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moto_server.use(monkeypatch)

    found = [(one.outcome, one.found) for one in check_store("s3://models/doctor-moto", RELEASES)]

    assert found == [
        ("ok", "from environment variables"),
        ("ok", "this machine's agrees with the server's"),
        ("ok", "models can be listed"),
        ("ok", "can be read and written"),
        ("ok", "a conditional create leaves an existing object unchanged"),
        ("ok", "objects can be deleted"),
        ("ok", "of 8 concurrent writers, exactly one wins, in 5 of 5 races"),
    ]


@pytest.mark.local
def test_swift_lets_several_win(swift_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    swift_server.use(monkeypatch)
    monkeypatch.setattr(store, "_RACES", 12)

    found = list(check_store("s3://models/doctor-swift", RELEASES))

    assert [one.outcome for one in found] == ["ok"] * 6 + ["warning"]
    assert found[-1].found.startswith("of 8 concurrent writers, up to ")


@pytest.mark.local
def test_the_first_failure_on_s3_ends_the_check(s3_server: Any, outcomes: Any) -> None:
    assert outcomes(check_store("s3://absent/team", CHECKPOINTS)) == [
        ("workspace's credentials", "ok"),
        ("workspace's clock", "ok"),
        ("workspace's bucket", "failed"),
    ]


@pytest.mark.local
def test_wrong_credentials_are_named_and_not_shown(swift_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    swift_server.use(monkeypatch)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")

    found = list(check_store("s3://models/team", RELEASES))[-1]

    assert (found.about, found.outcome) == ("store's bucket", "failed")
    assert "SignatureDoesNotMatch" in found.found
    assert "canary" not in repr(found)


@pytest.mark.local
def test_without_credentials_the_check_says_which_to_set(moto_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moto_server.use(monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    (found,) = check_store("s3://models/team", RELEASES)

    remedy = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    assert found == failed("store's credentials", "none found", remedy)


@pytest.mark.local
def test_a_public_bucket_needs_no_credentials(moto_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moto_server.use(monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "true")

    first = next(iter(check_store("s3://models/team", RELEASES)))

    assert first == ok("store's credentials", "none are sent: AWS_NO_SIGN_REQUEST")
