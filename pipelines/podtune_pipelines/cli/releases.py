"""`podtune releases`, `download` and `rollback`: a model's released versions."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Dict, List, Optional

import typer
from podtune.errors import BadInput
from podtune.formats.release import ModelFacts, ReleaseManifest
from podtune.sections import read_section
from podtune.stores.fetching import fetch_files, read_fetched, verify_fetched
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.releases import names, read_live, read_release, set_live, versions
from podtune.stores.store import Store
from rich.console import Console
from rich.table import Table

from podtune_pipelines.cli import options


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


def releases(
    name: Annotated[str, typer.Argument(help="The release's name; default: list all names.")] = "",
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """List a model's released versions, or all released models.

    Shows which version is live, when each was published, and its scores.
    """
    opened = open_store(options.store_of(store, home))
    if not name:
        _list_names(opened, as_json)
        return
    found = versions_of(opened, name)
    if as_json:
        options.print_json(found)
    else:
        Console(markup=False, highlight=False).print(_table(found))


def _list_names(store: Store, as_json: bool) -> None:
    """Print every released model with its live version."""
    live = {name: live_version(store, name) for name in names(store)}
    if as_json:
        options.print_json([{"name": name, "live": one.version if one else None} for name, one in live.items()])
        return
    for name, one in live.items():
        print(f"{name} {one.version}" if one else f"{name} (none live)")
    if not live:
        print(f"{store.uri} holds no release", file=sys.stderr)


def download(
    name: options.Release,
    to: Annotated[Path, typer.Option(help="New directory for the model.")],
    version: Annotated[str, typer.Option(help="Version to download; default: the live one.")] = "",
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Download a released model.

    Every file is verified. A second call resumes an interrupted download, or verifies the files that are there.
    """
    opened = open_store(options.store_of(store, home))
    manifest = read_release(opened, name, version) if version else read_live(opened, name)
    directory = to.resolve()
    there = is_downloaded(directory, manifest)
    if not there:
        fetch_files(opened, manifest, directory)
    size = sum(entry.size for entry in manifest.files.values())
    if as_json:
        found = {"name": manifest.name, "version": manifest.version, "directory": str(directory)}
        options.print_json({**found, "files": len(manifest.files), "bytes": size, "fetched": not there})
        return
    what = f"{manifest.name} {manifest.version} {'is there already' if there else 'was downloaded'}"
    print(f"{what}: {len(manifest.files)} files, {size:,} bytes, all verified", file=sys.stderr)
    print(directory)


def rollback(
    name: options.Release,
    to: Annotated[str, typer.Option(metavar="VERSION", help="The version to make live; see `podtune releases`.")],
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Make another version of a released model live.

    Changes nothing if another publisher changes the live version at the same moment.
    """
    opened = open_store(options.store_of(store, home))
    live = live_version(opened, name)
    if live is not None and live.version == to:
        print(f"{name} {to} is live already")
        return
    set_live(opened, name, to, live.move if live else 0)
    print(f"{name} {to} is live; previously live: {live.version if live else 'none'}")


def versions_of(store: Store, name: str) -> List[Version]:
    """Every version, oldest first; BadInput, naming what there is, where there is none."""
    live = live_version(store, name)
    found = [_version(store, name, version, live.version if live else None) for version in versions(store, name)]
    if not found:
        raise BadInput(f"{store.uri} holds no release named {name}; it holds {', '.join(names(store)) or 'nothing'}")
    return found


def _version(store: Store, name: str, version: str, live: Optional[str]) -> Version:
    try:
        manifest = read_release(store, name, version)
        facts = read_section(ModelFacts, manifest.facts, f"the facts of {name} {version}")
    except BadInput as error:
        return Version(version, version == live, problem=str(error).splitlines()[0])
    metrics = {metric: found.value for metric, found in facts.metrics.items()}
    return Version(version, version == live, manifest.created, manifest.parent, facts.examples, metrics)


def _table(found: List[Version]) -> Table:
    metrics = sorted({metric for version in found for metric in version.metrics})
    table = Table("version", "live", "created (UTC)", "compared with", "examples", *metrics)
    for version in found:
        scores = [f"{version.metrics[metric]:.2f}" if metric in version.metrics else "" for metric in metrics]
        table.add_row(
            version.version,
            "live" if version.live else "",
            version.problem or f"{version.created}"[:16].replace("T", " "),
            version.parent or "",
            "" if version.examples is None else f"{version.examples:,}",
            *scores,
        )
    return table


def is_downloaded(directory: Path, manifest: ReleaseManifest) -> bool:
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
