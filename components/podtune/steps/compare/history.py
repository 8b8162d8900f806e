"""What the store knows of the earlier versions of a release."""

from typing import List, Optional

from podtune.errors import BadInput
from podtune.formats.release import ModelFacts
from podtune.formats.verdict import PastVersion
from podtune.sections import Mistakes, read_section
from podtune.stores.releases import read_release, versions
from podtune.stores.store import Store

MOST = 30
"""Versions that are read, the newest: a manifest each."""


def history_of(store: Store, name: str) -> List[PastVersion]:
    """Read the metrics of the newest versions, oldest first; a damaged one is left out."""
    past = (_past_version(store, name, version) for version in versions(store, name)[-MOST:])
    return [version for version in past if version is not None]


def _past_version(store: Store, name: str, version: str) -> Optional[PastVersion]:
    try:
        manifest = read_release(store, name, version)
        facts = read_section(ModelFacts, manifest.facts, "")
    except (BadInput, Mistakes):
        return None
    metrics = {metric: result.value for metric, result in facts.metrics.items()}
    return PastVersion(version, manifest.created, facts.examples, metrics)
