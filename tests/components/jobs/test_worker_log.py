from typing import Iterator, List

from hypothesis import given
from hypothesis import strategies as some
from podtune.jobs.worker_pod import PodLog
from urllib3.exceptions import ProtocolError

FIRST = b"2026-11-25T10:00:01.100000000Z step 1\n"
SECOND = b"2026-11-25T10:00:02.200000000Z step 2\n"
THIRD = b"2026-11-25T10:00:02.300000000Z step 3\n"


def cut(*chunks: bytes) -> Iterator[bytes]:
    yield from chunks
    raise ProtocolError("Connection broken")


def test_lines_come_without_their_stamps() -> None:
    log = PodLog()

    assert list(log.lines(iter([FIRST + SECOND]))) == ["step 1", "step 2"]
    assert log.since == "2026-11-25T10:00:02Z"


def test_what_the_last_second_said_comes_once() -> None:
    log = PodLog()
    list(log.lines(iter([FIRST + SECOND])))

    assert list(log.lines(iter([SECOND + THIRD]))) == ["step 3"]


def test_a_line_that_is_cut_off_is_read_again() -> None:
    log = PodLog()

    assert list(log.lines(cut(FIRST + SECOND[:-3]))) == ["step 1"]
    assert not log.complete
    assert list(log.lines(iter([FIRST + SECOND]))) == ["step 2"]
    assert log.complete


def test_the_same_said_twice_comes_twice() -> None:
    log = PodLog()

    assert list(log.lines(iter([FIRST + FIRST]))) == ["step 1", "step 1"]
    assert list(log.lines(iter([FIRST + FIRST + FIRST]))) == ["step 1"]


def test_the_last_line_needs_no_end() -> None:
    assert list(PodLog().lines(iter([FIRST, b"2026-11-25T10:00:02.2Z done"]))) == ["step 1", "done"]


def test_a_line_without_a_stamp_is_passed_on() -> None:
    log = PodLog()

    assert list(log.lines(iter([b"unable to retrieve container logs\n"]))) == ["unable to retrieve container logs"]
    assert log.since == ""


def test_another_time_zone_is_kept() -> None:
    log = PodLog()

    list(log.lines(iter([b"2026-11-25T11:00:01.1+01:00 step 1\n"])))

    assert log.since == "2026-11-25T11:00:01+01:00"


def test_what_is_no_text_does_no_harm() -> None:
    assert list(PodLog().lines(iter([b"2026-11-25T10:00:01.1Z \xff\n"]))) == ["\ufffd"]


@given(
    seconds=some.lists(some.integers(0, 5), min_size=1, max_size=12),
    cuts=some.lists(some.integers(0, 400), max_size=6),
)
def test_nothing_is_lost_or_doubled_wherever_connections_break(seconds: List[int], cuts: List[int]) -> None:
    said = [
        b"2026-11-25T10:00:%02d.%09dZ line %d\n" % (second, number, number)
        for number, second in enumerate(sorted(seconds))
    ]
    log, heard = PodLog(), []

    for length in cuts:
        again = b"".join(line for line in said if line[:19].decode() + "Z" >= log.since)
        heard += log.lines(cut(again[:length]))
    heard += log.lines(iter([b"".join(line for line in said if line[:19].decode() + "Z" >= log.since)]))

    assert heard == [f"line {number}" for number in range(len(seconds))]
