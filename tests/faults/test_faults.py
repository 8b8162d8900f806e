"""A few points of the kinds that train nothing, the same each time; `make test-faults` tries all kinds."""

import os
import signal
from pathlib import Path
from typing import Iterator

import pytest

from faults import s3
from faults.kinds import KINDS, chosen
from faults.operations import at, fail, kill, watch
from faults.points import Point, tried
from faults.processes import ending_of, endings_of

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3.served() as address:
        yield address


@pytest.mark.parametrize(
    ("kind", "scale"),
    [
        ("races of publishers", 0.008),
        ("races of approvals", 0.03),
        ("publishers killed", 0.02),
        ("single faults", 0.008),
        ("damaged objects of a store", 0.04),
    ],
)
def test_no_fault_does_lasting_harm(kind: str, scale: float, server: str) -> None:
    points = chosen(KINDS[kind], server, scale)

    wrong = [(point.name, reason) for point, reason in tried(points) if reason]

    assert wrong == []
    assert len(points) >= 6


def _wrong(_: Path) -> None:
    raise AssertionError("two are live")


def _dies(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hangs(_: Path) -> None:
    signal.pause()


@pytest.mark.parametrize(
    ("trial", "reason"),
    [
        (lambda folder: None, ""),
        (_wrong, "AssertionError at test_faults.py:45: two are live"),
        (_dies, "it died with status 9"),
        (_hangs, "no end within 1 s"),
    ],
)
def test_what_is_wrong_with_a_point_is_told(trial: object, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faults.points.SECONDS", 1)

    assert [found for _, found in tried([Point("any", trial)])] == [reason]  # type: ignore[arg-type]  # by design


@pytest.mark.parametrize(("number", "code", "files"), [(1, -9, []), (2, -9, ["a"]), (3, 0, ["a", "b"])])
def test_a_process_is_killed_before_the_operation_of_a_number(
    number: int, code: int, files: object, tmp_path: Path
) -> None:
    def work() -> None:
        watch(tmp_path, at(number, kill))
        for name in ("a", "b"):
            (tmp_path / name).write_text(name)

    ending = ending_of(work)

    assert (ending.code, sorted(path.name for path in tmp_path.iterdir())) == (code, files)


def test_a_file_operation_meets_an_error(tmp_path: Path) -> None:
    def work() -> None:
        watch(tmp_path, at(1, fail(28)))
        (tmp_path / "a").write_text("a")

    ending = ending_of(work)

    assert ending.code == 75
    assert ending.told == f"error: no space left to write {tmp_path}/a; free some and start again\n"


@pytest.mark.parametrize(
    ("fault", "met"),
    [
        ("", "3 bytes"),
        ("403", "AccessDenied"),
        ("drop", "ConnectionClosedError"),
        ("empty", "FlexibleChecksumError"),
        ("flip", "FlexibleChecksumError"),
    ],
)
def test_a_request_meets_its_fault(fault: str, met: str, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        import boto3
        from botocore.config import Config

        bucket = s3.use(server).split("/")[2]
        os.environ["AWS_ENDPOINT_URL_S3"] = s3.Proxy(server, s3.only(2, fault)).address
        client = boto3.session.Session().client("s3", config=Config(retries={"total_max_attempts": 1}))
        client.put_object(Bucket=bucket, Key="key", Body=b"abc")
        try:
            found = f"{len(client.get_object(Bucket=bucket, Key='key')['Body'].read())} bytes"
        except Exception as error:
            found = type(error).__name__
        os.write(2, found.encode())

    assert endings_of([work])[0].told == met
