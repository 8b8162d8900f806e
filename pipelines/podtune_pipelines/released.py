"""The versions of a released model: those in a store, and the one that a directory holds."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, Iterator, List, Optional

from podtune.errors import BadInput
from podtune.formats.release import ModelFacts, ReleaseManifest
from podtune.sections import read_section
from podtune.stores.approvals import Approval, approval_of, candidates
from podtune.stores.fetching import Check, fetch_files, fetch_signature, read_fetched, verify_fetched
from podtune.stores.live import live_version
from podtune.stores.outcomes import bad_in_a_row, ended_runs, in_a_row
from podtune.stores.pruned import pruned_versions
from podtune.stores.pruning import pinned_versions
from podtune.stores.refusals import refused_against
from podtune.stores.releases import names, read_release, versions
from podtune.stores.store import Store
from rich.table import Table


@dataclass(frozen=True)
class Version:
    """One version of a release, as a person compares it with others."""

    version: str
    live: bool
    created: Optional[str] = None
    parent: Optional[str] = None
    examples: Optional[int] = None
    metrics: Dict[str, float] = field(default_factory=dict)
    problem: Optional[str] = None
    """Why the version cannot be read; None where it can."""

    pinned: bool = False
    """Whether a person keeps it from being pruned."""

    pruned: Optional[str] = None
    """When its files were given up; ISO 8601, UTC."""

    waiting: bool = False
    """Whether it waits for approval."""

    approval: Optional[Approval] = None
    """By whom and why it was made live; None where nobody was asked."""

    @property
    def state(self) -> str:
        """What a person should know before choosing it."""
        if self.pruned:
            return f"pruned {self.pruned[:10]}"
        states = {"live": self.live, "waiting": self.waiting and not self.live, "pinned": self.pinned}
        return ", ".join(state for state, holds in states.items() if holds)


def versions_of(store: Store, name: str) -> List[Version]:
    """Every version, oldest first; BadInput, naming what there is, where there is none."""
    live = live_version(store, name)
    found = [_version(store, name, version, live.version if live else None) for version in versions(store, name)]
    if not found:
        raise BadInput(f"{store.uri} holds no release named {name}; it holds {', '.join(names(store)) or 'nothing'}")
    pinned, pruned, asked = pinned_versions(store, name), pruned_versions(store, name), candidates(store, name)
    approvals = {version: approval_of(store, name, version) for version in asked}
    return [
        replace(
            one,
            pinned=one.version in pinned,
            pruned=pruned.get(one.version),
            approval=approvals.get(one.version),
            waiting=one.version in asked and not (approvals[one.version] or one.version in pruned),
        )
        for one in found
    ]


def troubles_of(store: Store, name: str) -> List[str]:
    """What a person should know of runs that released nothing: what was refused, and bad ends in a row."""
    live = live_version(store, name)
    refused = refused_against(store, name, live.version if live else None)
    lines = []
    if refused:
        since = f"while version {live.version} was live" if live else "before any version went live"
        count = f"{len(refused)} {'model' if len(refused) == 1 else 'models'}"
        lines.append(f"{count} of {name} refused {since}; the last at {refused[-1].time}: {refused[-1].reason}")
    streak = in_a_row([one.event for one in bad_in_a_row(ended_runs(store, name))])
    return [*lines, *([f"{name}: {streak}"] if streak else [])]


def _version(store: Store, name: str, version: str, live: Optional[str]) -> Version:
    try:
        manifest = read_release(store, name, version)
        facts = read_section(ModelFacts, manifest.facts, f"the facts of {name} {version}")
    except BadInput as error:
        return Version(version, version == live, problem=str(error).splitlines()[0])
    metrics = {metric: found.value for metric, found in facts.metrics.items()}
    return Version(version, version == live, manifest.created, manifest.parent, facts.examples, metrics)


def table_of(found: List[Version]) -> Table:
    """Tabulate versions for a terminal."""
    metrics = sorted({metric for version in found for metric in version.metrics})
    table = Table("version", "state", "created (UTC)", "compared with", "examples", *metrics)
    for version in found:
        scores = [f"{version.metrics[metric]:.2f}" if metric in version.metrics else "" for metric in metrics]
        table.add_row(
            version.version,
            version.state,
            version.problem or f"{version.created}"[:16].replace("T", " "),
            version.parent or "",
            "" if version.examples is None else f"{version.examples:,}",
            *scores,
        )
    return table


def approvals_of(found: List[Version]) -> Iterator[str]:
    """Say of each version that a person made live who did, when, after which, and why."""
    for one in found:
        if one.approval:
            when, after = one.approval.approved[:16].replace("T", " "), one.approval.champion or "none"
            yield f"{one.version} approved by {one.approval.by}, {when} (UTC), after {after}: {one.approval.reason}"


def download_release(store: Store, manifest: ReleaseManifest, directory: Path, check: Optional[Check] = None) -> bool:
    """Have a directory hold exactly this release, with its signature, and pass the check; whether it was fetched."""
    if not _is_downloaded(directory, manifest):
        fetch_files(store, manifest, directory, check=check)
        return True
    fetch_signature(store, manifest, directory)
    if check is not None:
        check(directory)
    return False


def _is_downloaded(directory: Path, manifest: ReleaseManifest) -> bool:
    """Whether a directory holds exactly this release; BadInput where it holds anything else."""
    if directory == Path.cwd():
        raise BadInput(f"{directory} is the working directory; choose a new one")
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return False
    held = read_fetched(directory)
    if held != manifest:
        wanted = f"{manifest.name} {manifest.version}"
        raise BadInput(f"{directory} holds {held.name} {held.version}; choose another directory for {wanted}")
    try:
        verify_fetched(directory, manifest)
    except BadInput as error:
        raise BadInput(f"{error}; remove {directory} to download it again") from error
    return True
