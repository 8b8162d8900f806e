"""Intermediate checkpoints: sealed directories that a stopped run continues from.

`step-00000500/` holds the engine's state in `engine/`, the log so far in `log.jsonl`, and in its manifest's facts
how far the run was. It appears complete or not at all. The states stay until the artifact that was made of them is in
its place, which the step that reads it sees; a lease beside them, or a lock on one machine, names the process that
uses them.
"""

import contextlib
import logging
import re
import shutil
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Set

from podtune.errors import BadInput, PodtuneError
from podtune.formats.artifact import Format
from podtune.formats.checkpoint import CheckpointFacts, Line, read_log, write_log
from podtune.formats.sealed import MANIFEST, canonical_json
from podtune.sections import read_section, to_mapping
from podtune.stores.lease import OnlyLease, elsewhere
from podtune.stores.lock_file import locked
from podtune.stores.opening import open_store
from podtune.stores.sealed_objects import bring, remove, send
from podtune.stores.store import Store, Stored
from podtune.training.config import TrainingConfig

ENGINE = "engine"
_LEASE = "lease"
_LOCK = "lock"
_UNDER_WAY = "this training is under way"
_LEASE_SECONDS = 60.0
"""After which a process that does not renew its lease is dead, and its training goes on in another."""

_KEY_DIGITS = 16
_KEY = re.compile(f"[0-9a-f]{{{_KEY_DIGITS}}}")
_CHECKPOINT_SETTINGS = ("checkpoint_minutes", "checkpoint_every", "keep_checkpoints")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    step: int = 0
    """Optimizer steps done."""

    loss_sum: float = 0.0
    """Over all of them."""

    seconds: float = 0.0
    """Spent on them; evaluations, checkpoints and interruptions left out."""

    joules: Optional[float] = None
    """That the accelerators took meanwhile, evaluations and checkpoints included; None where they do not tell."""

    resumed: int = 0
    """How often the run was continued."""

    losses: List[float] = field(default_factory=list)
    """Of the steps since the last line of the log."""

    gradient_norms: List[float] = field(default_factory=list)
    """Of the same steps; none where the device does not report them."""

    logged_seconds: float = 0.0
    """`seconds` at the last line of the log."""

    evaluated_step: int = 0
    """Of the last intermediate evaluation."""

    best_step: int = 0
    """Of the evaluation whose weights are kept; 0 where there is none. A checkpoint of that step exists."""

    best_value: float = 0.0
    """Of the recipe's metric, at that step."""


_STATE = Format("training-state", 1, Progress)


class Saved(NamedTuple):
    """What an intermediate checkpoint holds."""

    progress: Progress
    lines: List[Line]
    engine: Path
    """Directory for the engine's load_state."""


def run_key(features: str, base_model: str, config: TrainingConfig) -> str:
    """Name a run by the digests of what it trains on and by its settings: no other run continues from its states."""
    training = {name: value for name, value in to_mapping(config).items() if name not in _CHECKPOINT_SETTINGS}
    identity = {"features": features, "base_model": base_model, "training": training}
    return sha256(canonical_json(identity)).hexdigest()[:_KEY_DIGITS]


def open_states(workspace: str, key: str, keep: int, local: Path) -> "States":
    """The checkpoints of the run named `key` in a workspace: a directory, or a store such as s3://bucket/prefix.

    A store's checkpoints are written to this machine first, into `local`, and then uploaded.
    """
    if workspace and "://" not in workspace:
        return States(Path(workspace) / key, keep)
    return States(local, keep, Mirror(open_store(workspace), key))


def forget_states(workspace: str, facts: CheckpointFacts) -> None:
    """Delete the states of a run whose Checkpoint has come to the next step, unless another process uses them."""
    config = read_section(TrainingConfig, facts.training, "the checkpoint's training")
    key = run_key(facts.features, facts.base_model, config)
    try:
        open_states(workspace, key, config.keep_checkpoints, Path(workspace)).clear()
    except PodtuneError as error:
        _log.warning("the states of this training stay in %s: %s", workspace, error)


def directory_name(step: int) -> str:
    """How the checkpoint of a step is called; names sort like steps."""
    return f"step-{step:08d}"


def step_of(name: str) -> int:
    """The step in a checkpoint's name."""
    return int(name.partition("-")[2])


def abandoned_runs(workspace: Store, before: float) -> Dict[str, int]:
    """Keys of runs of which nothing, no lease either, was written after a time (s since 1970), with their bytes."""
    found: Dict[str, List[Stored]] = {}
    for one in workspace.listing(""):
        key = one.key.partition("/")[0]
        if _KEY.fullmatch(key):
            found.setdefault(key, []).append(one)
    old = {key: ones for key, ones in found.items() if all(one.modified <= before for one in ones)}
    return {key: sum(one.size for one in ones) for key, ones in sorted(old.items())}


def forget_run(workspace: Store, key: str, before: float) -> bool:
    """Delete the states of an abandoned run, under the lease that its training would take; whether it still was one."""
    mirror = Mirror(workspace, key)
    with mirror.lease(lambda: False):
        newest = max((one.modified for one in workspace.listing(f"{key}/step-")), default=before)
        if newest <= before:
            mirror.hold({})
        return newest <= before


class Mirror:
    """A run's checkpoints in a store, so that another machine can continue: objects below one prefix.

    One without its manifest is not there.
    """

    def __init__(self, store: Store, prefix: str) -> None:
        self._store, self._prefix = store, prefix

    def steps(self) -> List[int]:
        """Those whose upload was completed."""
        keys = (PurePosixPath(key).parts[1:] for key in self._store.keys(f"{self._prefix}/step-"))
        return sorted(step_of(parts[0]) for parts in keys if parts[1:] == (MANIFEST,))

    def hold(self, directories: Mapping[int, Path]) -> None:
        """Upload those checkpoints that the store lacks, then delete all others of the run."""
        for step, directory in sorted(directories.items()):
            if not self.has(step, directory):
                send(self._store, self._key(step), directory)
        kept = {directory_name(step) for step in directories}
        for name in {PurePosixPath(key).parts[1] for key in self._store.keys(f"{self._prefix}/step-")} - kept:
            remove(self._store, f"{self._prefix}/{name}/")

    def has(self, step: int, directory: Path) -> bool:
        """Whether the store has the same as a directory."""
        return self._store.read(self._key(step) + MANIFEST) == (directory / MANIFEST).read_bytes()

    def lease(self, stopping: Callable[[], bool]) -> OnlyLease:
        """The lease on the run's checkpoints."""
        return OnlyLease(self._store, f"{self._prefix}/{_LEASE}", _LEASE_SECONDS, _UNDER_WAY, stopping)

    def clear(self) -> None:
        """Delete all, unless there is a lease, whether its holder lives or not."""
        held = self._store.read(f"{self._prefix}/{_LEASE}")
        if held is not None:
            raise elsewhere(_UNDER_WAY, held)
        self.hold({})

    def download(self, step: int, directory: Path) -> None:
        """Bring a checkpoint to this machine, verified."""
        bring(self._store, self._key(step), directory)

    def _key(self, step: int) -> str:
        return f"{self._prefix}/{directory_name(step)}/"


class States:
    """The newest few checkpoints of one run, and those with the best weights. Only one process may use it.

    One thread may save while another shares: what is being uploaded stays until the next one is.
    """

    def __init__(self, directory: Path, keep: int, mirror: Optional[Mirror] = None) -> None:
        self.directory, self._keep, self._mirror = directory, keep, mirror
        self._lock = Lock()
        self._in_use: Set[int] = set()
        """The steps that are on their way to the store."""

    def newest(self) -> int:
        """The step of the newest intact checkpoint; 0 where there is none. Damaged newer ones are removed."""
        for leftover in self.directory.glob(".step-*"):
            shutil.rmtree(str(leftover), ignore_errors=True)
        uploaded = self._mirror.steps() if self._mirror else []
        for step in sorted({*self._steps(), *uploaded}, reverse=True):
            try:
                self._verify(step)
                return step
            except BadInput as error:
                _log.warning("cannot continue from step %d, trying the checkpoint before it: %s", step, error)
                self._remove(step)
        return 0

    def fetch(self, step: int) -> None:
        """Have a checkpoint that the first process, on another machine, has shared."""
        path = self._path(step)
        if self._mirror and path.exists() and not self._mirror.has(step, path):
            self._remove(step)
        if not self._mirror and not path.exists():
            lacking = f"{self.directory} has no checkpoint of step {step}, which another machine wrote"
            raise BadInput(f"{lacking}; machines that train together need a workspace in s3://… or a shared directory")
        self._bring(step)

    def open(self, step: int) -> Saved:
        path = self._path(step)
        return Saved(_STATE.read(path).facts, read_log(path), path / ENGINE)

    def save(self, progress: Progress, lines: List[Line], write_engine: Callable[[Path], None]) -> None:
        """Write a checkpoint on this machine, then remove the oldest; `write_engine` fills a directory."""
        with _STATE.sealing(self._path(progress.step)) as draft:
            (draft.path / ENGINE).mkdir()
            write_engine(draft.path / ENGINE)
            write_log(draft.path, lines)
            draft.facts.update(to_mapping(progress))
        with self._lock:
            for step in set(self._steps()) - self._kept() - self._in_use:
                self._remove(step)

    def share(self) -> None:
        """Bring the store, where there is one, to what is on this machine; also what an earlier call could not."""
        if not self._mirror:
            return
        with self._lock:
            self._in_use = self._kept()
        self._mirror.hold({step: self._path(step) for step in self._in_use})
        with self._lock:
            self._in_use = set()

    @contextlib.contextmanager
    def held(self, stopping: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
        """Keep other processes from using these checkpoints; TryAgainLater names the one that does.

        Begins after a minute where the last holder of a store's may have died. Yields `stopping`, which from now on
        raises TryAgainLater if another process took the run while this one could not reach the store.
        """
        if self._mirror is None:
            with locked(self.directory / _LOCK, _UNDER_WAY):
                yield stopping
            return
        lease = self._mirror.lease(stopping)
        with lease:
            yield lambda: stopping() or lease.require()

    def forget_here(self) -> None:
        """Delete what the store has, too, from this machine."""
        if self._mirror:
            shutil.rmtree(str(self.directory), ignore_errors=True)

    def clear(self) -> None:
        """Forget the run; TryAgainLater names a process that uses its checkpoints."""
        if self._mirror is None and self.directory.exists():
            with locked(self.directory / _LOCK, _UNDER_WAY):
                shutil.rmtree(str(self.directory), ignore_errors=True)
        elif self._mirror:
            self._mirror.clear()

    def _kept(self) -> Set[int]:
        """The newest checkpoints, and those with the best weights that they refer to."""
        newest = self._steps()[-self._keep :]
        return {*newest, *(self.open(step).progress.best_step for step in newest)} - {0}

    def _path(self, step: int) -> Path:
        return self.directory / directory_name(step)

    def _steps(self) -> List[int]:
        return sorted(step_of(path.name) for path in self.directory.glob("step-[0-9]*"))

    def _verify(self, step: int) -> None:
        """Make sure that a checkpoint, and the one with the best weights that it refers to, are here and intact."""
        self._bring(step)
        best = self.open(step).progress.best_step
        if best not in (0, step):
            self._bring(best)

    def _bring(self, step: int) -> None:
        path = self._path(step)
        if self._mirror and not path.exists():
            self._mirror.download(step, path)
        _STATE.open(path)

    def _remove(self, step: int) -> None:
        """Take a checkpoint's name away first, so that a half removed one never looks like a damaged one."""
        path = self._path(step)
        if path.exists():
            doomed = path.with_name(f".{path.name}.old")
            shutil.rmtree(str(doomed), ignore_errors=True)
            path.rename(doomed)
            shutil.rmtree(str(doomed), ignore_errors=True)
