"""The directory that holds all that local runs leave: what is in it, and what may go."""

import contextlib
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Container, ContextManager, Dict, Iterator, List, Literal, Optional, Set

from podtune.errors import BadInput, TryAgainLater
from podtune.formats.release import RELEASE
from podtune.formats.verdict import VERDICT, VerdictFacts
from podtune.parsing import parse_json
from podtune.stores.lock_file import locked

from podtune_pipelines.reuse import Results

_RUN = re.compile(r"podtune-(?P<recipe>.+?)(?P<preparation>-preparation)?-(?P<time>\d{4}(-\d\d){5})-\d+")
"""How KFP's local runner calls the directory of a run: the pipeline, and when it began, in local time."""


@dataclass(frozen=True)
class Home:
    """The directory, of which a recipe has its runs, its newest run's log and its lock."""

    directory: Path

    @property
    def runs(self) -> Path:
        """KFP's pipeline root: the artifacts of every run."""
        return self.directory / "runs"

    @cached_property  # once a command, so that no artifact is verified twice
    def results(self) -> Results:
        """What steps have made, for later runs to reuse."""
        return Results(self.directory / "reuse")

    @property
    def sums(self) -> Path:
        """The sums of files that have not changed; a file that may go at any time."""
        return self.directory / "sums"

    @property
    def workspace(self) -> Path:
        """Checkpoints of runs that did not end."""
        return self.directory / "training"

    @property
    def models(self) -> Path:
        """Releases that were downloaded to be tried."""
        return self.directory / "models"

    @property
    def speeds(self) -> Path:
        """What `podtune plan` has measured on each machine."""
        return self.directory / "speeds"

    @property
    def curves(self) -> Path:
        """TensorBoard's files: a directory for each training, called after its recipe and its beginning."""
        return self.directory / "tensorboard"

    def log(self, recipe: str) -> Path:
        """The output of a recipe's newest run."""
        return self.directory / "logs" / f"{recipe}.log"

    def used_by(self, recipe: str) -> ContextManager[None]:
        """Keep other processes from running the recipe in this home; TryAgainLater names the one that does."""
        return locked(self.directory / "locks" / recipe, f"a run of {recipe} in {self.directory} is under way")


@dataclass(frozen=True)
class LocalRun:
    """A run on this machine."""

    recipe: str
    started: str
    """ISO 8601, local time."""

    outcome: str
    """Such as "released as version 3", "made candidate 3" or "ended in finetune"; "planned" where `podtune plan`
    prepared the data."""

    bytes: int
    """Of its directory."""

    directory: Path


@dataclass(frozen=True)
class Unneeded:
    """Something in a home that may go."""

    what: Literal["artifacts", "model", "result", "states", "leftover"]
    path: Path
    bytes: int


def local_runs(home: Home, most: Optional[int] = None) -> List[LocalRun]:
    """The runs whose directories are there, the newest first, all or so many."""
    runs = _runs(home)
    newest, shown = _newest_whole(runs), sorted(runs, key=lambda run: run[1]["time"], reverse=True)[:most]
    busy = {recipe for recipe in {match["recipe"] for _, match in shown} if _is_busy(home, recipe)}
    found = []
    for path, match in shown:
        is_busy = match["recipe"] in busy and newest.get(match["recipe"]) == path
        outcome = "planned" if match["preparation"] else "under way" if is_busy else _outcome(path)
        day, clock = match["time"][:10], match["time"][11:].replace("-", ":")
        found.append(LocalRun(match["recipe"], f"{day}T{clock}", outcome, _size(path), path))
    return found


def newest_verdict(home: Home, recipe: str) -> Optional[VerdictFacts]:
    """What the gate found in the newest run of a recipe in which two models were paired; None where there is none."""
    runs = [path for path, match in _runs(home) if match["recipe"] == recipe and not match["preparation"]]
    for path in reversed(runs):
        with contextlib.suppress(BadInput):
            verdict = VERDICT.read(path / "compare" / "verdict").facts
            if verdict.examples:
                return verdict
    return None


def unneeded(home: Home, *, results: bool, states: bool) -> List[Unneeded]:
    """What no release, no later run and no newest run of a recipe needs.

    With `results` also what later runs would reuse, with `states` that from which stopped trainings would continue.
    """
    needed = set() if results else _reused(home)
    runs = _runs(home)
    kept = set(_newest_whole(runs).values())
    found = [Unneeded("artifacts", path, _size(path)) for run, _ in runs for path in _parts(run, needed, kept)]
    if home.models.is_dir():
        found += [Unneeded("model", path, _size(path)) for path in sorted(home.models.iterdir())]
    if results:
        found += [Unneeded("result", path, _size(path)) for path in sorted(home.results.directory.glob("*.json"))]
    if states and home.workspace.is_dir():
        found += [Unneeded("states", path, _size(path)) for path in sorted(home.workspace.iterdir())]
    gone = {one.path for one in found}
    leftovers = sorted(home.results.directory.glob("*.partial"))
    leftovers += [path for run, _ in runs for path in _half_made(run) if gone.isdisjoint(path.parents)]
    return found + [Unneeded("leftover", path, _size(path)) for path in leftovers]


def sweep(home: Home, recipe: str) -> None:
    """Delete what killed steps of a recipe left half-made; its lock has to be held."""
    for run, match in _runs(home):
        for path in _half_made(run) if match["recipe"] == recipe else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def nobody_running(home: Home) -> Iterator[None]:
    """Hold the locks of every recipe that has run; TryAgainLater where one of them is running."""
    with contextlib.ExitStack() as held:
        for recipe in sorted({match["recipe"] for _, match in _runs(home)}):
            held.enter_context(home.used_by(recipe))
        yield


def remove(found: List[Unneeded]) -> None:
    """Delete what may go, and run directories that are empty then."""
    for one in found:
        shutil.rmtree(one.path) if one.path.is_dir() else one.path.unlink(missing_ok=True)
        if one.what == "artifacts" and one.path.parent.is_dir() and not any(one.path.parent.iterdir()):
            one.path.parent.rmdir()


def _runs(home: Home) -> "List[Any]":
    """Each run's directory with the match of its name; of a recipe in the order in which they began."""
    directories = sorted(home.runs.iterdir()) if home.runs.is_dir() else []
    return [(path, match) for path in directories for match in [_RUN.fullmatch(path.name)] if match]


def _newest_whole(runs: "List[Any]") -> Dict[str, Path]:
    """Recipe to its newest whole run, at whose end the paths in it were printed."""
    return {match["recipe"]: path for path, match in runs if not match["preparation"]}


def _half_made(run: Path) -> List[Path]:
    """What stands beside the artifacts of a run: drafts, and what one replaced."""
    return sorted(path for suffix in ("partial", "old") for path in run.glob(f"*/.*.{suffix}"))


def _is_busy(home: Home, recipe: str) -> bool:
    try:
        with home.used_by(recipe):
            return False
    except TryAgainLater:
        return True


def _reused(home: Home) -> Set[Path]:
    """The artifacts that entries of the reuse name; an entry that cannot be read serves nothing."""
    paths: Set[Path] = set()
    for entry in home.results.directory.glob("*.json"):
        with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError):
            outputs: Dict[str, Dict[str, str]] = parse_json(entry.read_bytes())["outputs"]
            paths |= {Path(output["path"]).resolve() for output in outputs.values()}
    return paths


def _parts(run: Path, needed: Set[Path], kept: Container[Path]) -> Iterator[Path]:
    """What of a run may go: all of it, or the steps whose artifacts nothing needs."""
    if run in kept:
        return
    used = [step for step in sorted(run.iterdir()) if any(step.resolve() in path.parents for path in needed)]
    yield from [run] if not used else [step for step in sorted(run.iterdir()) if step not in used]


def _outcome(run: Path) -> str:
    with contextlib.suppress(BadInput):
        facts = RELEASE.read(run / "publish" / "published").facts
        return f"{'released as version' if facts.state == 'live' else 'made candidate'} {facts.version}"
    with contextlib.suppress(BadInput):
        if VERDICT.read(run / "compare" / "verdict").facts.decision == "refuse":
            return "refused"
    steps = sorted((path for path in run.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    return f"ended in {steps[-1].name.replace('-', '_')}" if steps else "ended before its first step"


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.lstat().st_size for file in files)
