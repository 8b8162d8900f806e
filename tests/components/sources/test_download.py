"""Downloads over a socket that breaks, lies and changes its mind."""

from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput, TryAgainLater
from podtune.sources.download import download

pytestmark = pytest.mark.local

CONTENT = bytes(range(100))

Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def served(web: Any) -> Any:
    web.files["/train.json"] = CONTENT
    return web


def _download(web: Any, target: Path) -> bytes:
    download(f"{web.address}/train.json?key=secret", target, f"{web.address}/train.json")
    return target.read_bytes()


def test_a_file_arrives_whole_and_alone(served: Any, tmp_path: Path) -> None:
    assert _download(served, tmp_path / "train.json") == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["train.json"]


def test_an_answer_that_breaks_off_is_continued(served: Any, tmp_path: Path) -> None:
    served.fails(cut=40)

    assert _download(served, tmp_path / "train.json") == CONTENT
    assert served.asked("Range") == [None, None, "bytes=40-"]


def test_a_connection_that_is_reset_is_opened_again(served: Any, tmp_path: Path) -> None:
    served.fails(cut=40, reset=True)

    assert _download(served, tmp_path / "train.json") == CONTENT


def test_the_next_call_continues_where_an_earlier_one_gave_up(served: Any, tmp_path: Path) -> None:
    served.fails(cut=40)
    served.fails(status=503, times=5)
    with pytest.raises(TryAgainLater):
        _download(served, tmp_path / "train.json")
    assert not (tmp_path / "train.json").exists()

    assert _download(served, tmp_path / "train.json") == CONTENT
    assert served.asked("Range")[-1] == "bytes=40-"
    assert [path.name for path in tmp_path.iterdir()] == ["train.json"]


def test_a_file_that_was_changed_starts_over(served: Any, tmp_path: Path) -> None:
    served.fails(cut=40)
    served.fails(status=503, times=5)
    with pytest.raises(TryAgainLater):
        _download(served, tmp_path / "train.json")
    served.files["/train.json"] = b"x" * 90

    assert _download(served, tmp_path / "train.json") == b"x" * 90


def test_a_file_that_is_changed_between_two_requests_starts_over(served: Any, tmp_path: Path) -> None:
    served.fails(cut=40)
    served.fails()
    served.fails(becomes=b"x" * 90)

    assert _download(served, tmp_path / "train.json") == b"x" * 90
    assert [path.name for path in tmp_path.iterdir()] == ["train.json"]


def test_a_date_names_the_content_where_there_is_no_etag(served: Any, tmp_path: Path) -> None:
    served.validators = ("Last-Modified",)
    served.fails(cut=40)

    assert _download(served, tmp_path / "train.json") == CONTENT
    assert served.asked("If-Range")[-1] == "Sat, 21 Nov 2026 03:00:00 GMT"


def test_a_content_without_a_name_is_never_continued(served: Any, tmp_path: Path) -> None:
    served.validators = ()
    served.fails(cut=40)

    assert _download(served, tmp_path / "train.json") == CONTENT
    assert served.asked("Range") == [None, None]


def test_a_server_without_ranges_sends_the_whole_file_again(served: Any, tmp_path: Path) -> None:
    served.ranges = False
    served.fails(cut=40)

    assert _download(served, tmp_path / "train.json") == CONTENT


def test_another_part_than_the_one_asked_for_is_thrown_away(served: Any, tmp_path: Path) -> None:
    served.fails(cut=40)
    served.fails()
    served.fails(content_range="bytes 0-59/100")

    assert _download(served, tmp_path / "train.json") == CONTENT
    assert served.asked("Range") == [None, None, "bytes=40-", None]


def test_a_copy_that_was_complete_is_not_asked_for_again(served: Any, tmp_path: Path) -> None:
    target = tmp_path / "train.json"
    _download(served, target)
    served.fails(cut=40)
    served.fails(status=503, times=5)
    with pytest.raises(TryAgainLater):
        _download(served, target)
    (partial,) = tmp_path.glob(".*.partial")
    partial.write_bytes(CONTENT)

    assert _download(served, target) == CONTENT
    assert "bytes=100-" not in served.asked("Range")


def test_answers_that_keep_breaking_off_end_with_the_place_and_the_bytes(served: Any, tmp_path: Path) -> None:
    served.fails(cut=0, times=50)

    with pytest.raises(TryAgainLater) as failure:
        _download(served, tmp_path / "train.json")

    assert str(failure.value) == (
        f"cannot read {served.address}/train.json: the answer breaks off at byte 0 of 100; try again later"
    )
    assert not (tmp_path / "train.json").exists()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, BadInput, "the server answers 404 Not Found; correct the address"),
        (403, BadInput, "the server answers 403 Forbidden; it needs a permission that is missing"),
        (400, BadInput, "the server answers 400 Bad Request"),
        (503, TryAgainLater, "the server answers 503 Service Unavailable; try again later"),
        (429, TryAgainLater, "the server answers 429 Too Many Requests; try again later"),
    ],
)
def test_refusals_say_what_was_answered(served: Any, tmp_path: Path, status: int, kind: Any, words: str) -> None:
    served.fails(status=status, times=5)

    with pytest.raises(kind) as failure:
        _download(served, tmp_path / "train.json")

    assert str(failure.value) == f"cannot read {served.address}/train.json: {words}"
    assert list(tmp_path.glob("*.json")) == []


def test_a_passing_refusal_is_survived(served: Any, tmp_path: Path) -> None:
    served.fails(status=503, times=4)

    assert _download(served, tmp_path / "train.json") == CONTENT


def test_an_unreachable_server_is_worth_another_try(fetching: Path, tmp_path: Path) -> None:
    with pytest.raises(TryAgainLater) as failure:
        download("http://127.0.0.1:9/train.json", tmp_path / "train.json", "http://127.0.0.1:9/train.json")

    assert "cannot read http://127.0.0.1:9/train.json: " in str(failure.value)
    assert "Connection refused; check the address, or try again later" in str(failure.value)


def test_an_answer_without_end_is_stopped_and_removed(
    served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.lengths = False
    served.files["/train.json"] = b"x" * 3_000
    monkeypatch.setenv("PODTUNE_LARGEST_DOWNLOAD", "0.000002")

    with pytest.raises(BadInput) as failure:
        _download(served, tmp_path / "train.json")

    assert str(failure.value) == (
        f"{served.address}/train.json does not end: stopped after 2,000 bytes, and removed; "
        "correct the address, or set PODTUNE_LARGEST_DOWNLOAD to more gigabytes than 2e-06"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_answer_without_a_length_leaves_the_disk_some_room(
    served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.lengths = False
    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk(1000, 900, 100))

    with pytest.raises(TryAgainLater, match=r"no space left to write .*: stopped after 90 bytes, and removed; free"):
        _download(served, tmp_path / "train.json")

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_larger_than_allowed_is_not_begun(
    served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTUNE_LARGEST_DOWNLOAD", "0.00000005")

    with pytest.raises(BadInput, match="has 100 bytes, more than 50; correct the address, or set PODTUNE_LARGEST"):
        _download(served, tmp_path / "train.json")

    assert list(tmp_path.iterdir()) == []


def test_a_file_for_which_the_disk_has_no_room_is_not_begun(
    served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk(1000, 901, 99))

    with pytest.raises(TryAgainLater, match="it needs 100 bytes more, and 99 are free; free some and start again"):
        _download(served, tmp_path / "train.json")

    assert not (tmp_path / "train.json").exists()


@pytest.mark.parametrize("wrong", ["much", "0", "-1", "inf", "nan"])
def test_a_limit_that_is_no_number_is_told(
    served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("PODTUNE_LARGEST_DOWNLOAD", wrong)

    with pytest.raises(BadInput, match="must be a number of gigabytes, more than 0; got"):
        _download(served, tmp_path / "train.json")


def test_redirects_are_followed(served: Any, tmp_path: Path) -> None:
    served.redirects["/old"] = "/train.json"

    download(f"{served.address}/old", tmp_path / "train.json", "old")

    assert (tmp_path / "train.json").read_bytes() == CONTENT


@pytest.mark.parametrize("target", ["https://127.0.0.1/train.json", "http://example.org/x"])
def test_a_redirect_to_another_scheme_or_over_open_http_is_refused(served: Any, tmp_path: Path, target: str) -> None:
    served.redirects["/old"] = f"{target}?signature=secret"

    with pytest.raises(BadInput) as failure:
        download(f"{served.address}/old?key=secret", tmp_path / "train.json", "old")

    assert str(failure.value) == (
        f"{served.address}/old redirects to {target}; only redirects to https:// are followed, and not in circles"
    )


@pytest.mark.parametrize("target", ["file:///etc/passwd?secret", "/old?secret"])
def test_a_redirect_to_a_file_or_in_a_circle_is_refused(served: Any, tmp_path: Path, target: str) -> None:
    served.redirects["/old"] = target

    with pytest.raises(BadInput) as failure:
        download(f"{served.address}/old", tmp_path / "train.json", "old")

    assert str(failure.value) == (
        "cannot read old: the server answers 302 Found; only redirects to https:// are followed, and not in circles"
    )


def test_private_headers_stay_with_their_host(served: Any, another_web: Any, tmp_path: Path) -> None:
    served.redirects["/first"] = "/second"
    served.redirects["/second"] = f"{another_web.address}/train.json"
    another_web.files["/train.json"] = CONTENT

    download(f"{served.address}/first", tmp_path / "train.json", "first", {"Authorization": "Bearer secret"})

    assert served.asked("Authorization") == ["Bearer secret", "Bearer secret"]
    assert another_web.asked("Authorization") == [None]


def test_a_proxy_is_asked_in_place_of_the_host_by_its_user(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", web.address.replace("://", "://me:canary@"))
    web.files["http://files.example/train.json"] = CONTENT

    download("http://files.example/train.json", tmp_path / "train.json", "train.json")

    assert (tmp_path / "train.json").read_bytes() == CONTENT
    assert web.asked("Proxy-Authorization") == ["Basic bWU6Y2FuYXJ5"]
