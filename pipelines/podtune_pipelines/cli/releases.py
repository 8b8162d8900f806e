"""`podtune releases`: the versions of a released model."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Dict, List, Optional

from podtune.errors import BadInput
from podtune.formats.release import ModelFacts
from podtune.sections import read_section
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.releases import names, read_release, versions
from podtune.stores.store import Store
from rich.console import Console
from rich.table import Table

from podtune_pipelines.cli.options import DEFAULT_STORE, JsonOption, ReleaseArgument, StoreOption


@dataclass(frozen=True)
class Version:
    """One version of a release, as a person compares it with others."""

    version: str
    live: bool
    created: Optional[str] = None
    parent: Optional[str] = None
    examples: Optional[int] = None
    metrics: Dict[str, float] = dataclasses.field(default_factory=dict)
    problem: Optional[str] = None
    """Why the version cannot be read; None where it can."""


def releases(name: ReleaseArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List the versions of a released model: which is live, when it was made, and what it scores."""
    found = versions_of(open_store(store), name)
    if as_json:
        print(json.dumps([dataclasses.asdict(version) for version in found], indent=1))
    else:
        Console(markup=False, highlight=False).print(_table(found))


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
