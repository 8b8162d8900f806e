"""Readers tried with mutated inputs, in forked processes that may crash, hang or run out of memory alone."""

import contextlib
import faulthandler
import json
import os
import resource
import select
import signal
import tempfile
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from podtune.errors import PodtuneError, from_os_error

from fuzz.mutation import Mutate

SECONDS = 20
"""An input after which it counts as a hang."""

MEMORY = 4 << 30
"""Bytes that a process may take beyond what it has when it begins."""

ACCEPTED, REFUSED, TRACEBACK, KILLED, HANG = "accepted", "refused", "traceback", "killed", "hang"
_OWN_FAULT = 99
"""The status of a process that could not make its input."""

FAILURES = (TRACEBACK, KILLED, HANG)


@dataclass(frozen=True)
class Reader:
    """What reads input of strangers."""

    seeds: Callable[[Path], Sequence[bytes]]
    """Makes good inputs; the directory is for whatever they need."""

    mutate: Mutate
    read: Callable[[Path, bytes], Any]
    """Reads an input as the product does; the directory is for its files."""

    weight: int = 10
    """Its part of the whole."""


@dataclass
class Tally:
    """What became of a reader's inputs."""

    outcomes: Dict[str, int] = field(default_factory=Counter)
    kinds: Dict[str, Tuple[int, int]] = field(default_factory=dict)
    """A kind of failure to how often it was met, and the number of the first input."""

    def add(self, number: int, outcome: str, kind: str) -> None:
        """Count one input."""
        self.outcomes[outcome] += 1
        if outcome in FAILURES:
            count, first = self.kinds.get(kind, (0, number))
            self.kinds[kind] = (count + 1, first)


class _Hangs(BaseException):
    """The time is over."""


def try_reader(name: str, reader: Reader, count: int, seed: int, keep: Path) -> Tally:
    """Try `count` inputs; one of each kind of failure is kept. The same seed makes the same inputs."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        seeds = list(reader.seeds(Path(folder)))
        number = 0
        while number < count:
            number = _in_a_process(name, reader, seeds, range(number, count), seed, Path(folder), tally)
        for kind, (_, first) in tally.kinds.items():
            keep.mkdir(parents=True, exist_ok=True)
            content = made(name, reader, seeds, first, seed)
            (keep / f"{name}-{seed}-{first}").write_bytes(content)
            (keep / f"{name}-{seed}-{first}.txt").write_text(kind + "\n")
    return tally


def made(name: str, reader: Reader, seeds: Sequence[bytes], number: int, seed: int) -> bytes:
    """The input of a number."""
    random = Random(f"{name} {seed} {number}")
    return reader.mutate(random, random.choice(seeds))


def _in_a_process(
    name: str, reader: Reader, seeds: Sequence[bytes], numbers: range, seed: int, folder: Path, tally: Tally
) -> int:
    """Fork a process for these inputs, which goes on until it dies; return the number of the next input."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        _work(name, reader, seeds, numbers, seed, folder, writing)
    os.close(writing)
    number, hangs = numbers.start, False
    with os.fdopen(reading, "rb") as results:
        while select.select([results], [], [], 3 * SECONDS)[0] and (line := results.readline()):
            outcome, kind = json.loads(line)
            tally.add(number, outcome, kind)
            number += 1
        hangs = not select.select([results], [], [], 0)[0]
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _OWN_FAULT:
        made(name, reader, seeds, number, seed)
    if number < numbers.stop:
        end = HANG if hangs else KILLED
        tally.add(
            number, end, f"{end}: {signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else status}"
        )
        number += 1
    return number


def _work(
    name: str, reader: Reader, seeds: Sequence[bytes], numbers: range, seed: int, folder: Path, results: int
) -> None:
    """Read one input after the other; say of each what became of it."""
    said = os.dup(2)
    for standard in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), standard)
    own = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (own + MEMORY, own + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")  # pytest makes errors of them
    faulthandler.disable()
    try:
        for number in numbers:
            content = made(name, reader, seeds, number, seed)
            outcome = outcome_of(partial(reader.read, folder, content))
            os.write(results, (json.dumps(outcome) + "\n").encode())
    except BaseException:  # of the mutation
        os.write(said, traceback.format_exc().encode("utf-8", "replace"))
        os._exit(_OWN_FAULT)
    os._exit(0)


def outcome_of(read: Callable[[], Any]) -> Tuple[str, str]:
    """What became of an input, and of a failure its kind: where it happened, and what."""
    try:
        with _alarm():
            read()
        return ACCEPTED, ""
    except PodtuneError:
        return REFUSED, ""
    except _Hangs as error:
        return HANG, f"{HANG} at {_where(error)}"
    except BaseException as error:  # whatever it is, it is what is looked for
        if isinstance(error, OSError) and from_os_error(error):
            return REFUSED, ""
        return TRACEBACK, f"{type(error).__name__} at {_where(error)}"


def _where(error: BaseException) -> str:
    """The last line of ours, and of others."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if "/podtune" in frame.filename] or frames
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (frames[-1], own[-1])]
    return " < ".join(dict.fromkeys(places))


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def over(*_: Any) -> None:
        raise _Hangs

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def rows_of(tallies: Dict[str, Tally]) -> List[str]:
    """The table of what was tried, as Markdown."""
    columns = (ACCEPTED, REFUSED, TRACEBACK, KILLED, HANG)
    lines = ["| reader | tried | accepted | refused | tracebacks | killed | hangs | kinds |", "|---|" + "---:|" * 7]
    for name, tally in tallies.items():
        counts = [sum(tally.outcomes.values()), *(tally.outcomes[one] for one in columns), len(tally.kinds)]
        lines.append(f"| {name} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    return lines
