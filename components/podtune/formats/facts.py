"""An artifact's facts on disk: its manifest and a few of its files, for steps that need no more of it.

They are a sealed directory of their own, of kilobytes where the artifact has gigabytes. `artifact.json` is the
artifact's manifest byte by byte, and so names the same digest; the files lie where they lie in the artifact.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Optional

from podtune.errors import BadInput
from podtune.formats.artifact import Artifact, Facts, Format
from podtune.formats.sealed import MANIFEST, Manifest, parse_manifest
from podtune.sections import read_section, to_mapping

ARTIFACT = "artifact.json"


@dataclass(frozen=True)
class FactsOf:
    """What the facts are of."""

    kind: str
    digest: str


FACTS = Format("facts", 1, FactsOf)


def write_facts(of: Format[Any], artifact: Path, facts: Optional[Path], files: Iterable[str] = ()) -> None:
    """Leave the facts of an artifact that was made just now, with those of its files that it has; None leaves none."""
    if facts is None:
        return
    made = of.read(artifact)
    with FACTS.sealing(facts) as draft:
        shutil.copyfile(str(artifact / MANIFEST), str(draft.path / ARTIFACT))
        for name in made.files.keys() & set(files):
            (draft.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(artifact / name), str(draft.path / name))
        draft.facts.update(to_mapping(FactsOf(of.kind, made.digest)))


def open_facts(of: Format[Facts], path: Path) -> Artifact[Facts]:
    """Verify an artifact's facts; it is the artifact, of whose files only some lie there.

    BadInput where they are another kind's or damaged, or a file is not the one that the artifact has.
    """
    facts, where = FACTS.open(path), path / ARTIFACT
    if facts.facts.kind != of.kind:
        raise BadInput(f"{path} holds the facts of {facts.facts.kind}, not of {of.kind}")
    manifest = parse_manifest(where.read_bytes() if ARTIFACT in facts.files else b"", str(where), of.kind)
    if manifest.version != of.version:
        found = f"{path} holds the facts of {of.kind} of version {manifest.version}"
        raise BadInput(f"{found}; this podtune reads version {of.version}")
    _require_same(facts, manifest)
    return Artifact(path, read_section(of.facts, manifest.facts, f"{where} facts"), manifest)


def _require_same(facts: Artifact[FactsOf], manifest: Manifest) -> None:
    """BadInput unless the manifest is the one that the facts name, and the files are those that it lists."""
    if (manifest.kind, manifest.digest) != (facts.facts.kind, facts.facts.digest):
        raise BadInput(f"{facts.path / ARTIFACT} is another {manifest.kind}'s than {facts.path / MANIFEST} names")
    for name, entry in facts.files.items():
        if name != ARTIFACT and manifest.files.get(name) != entry:
            raise BadInput(f"{facts.path / name} is not the {manifest.kind}'s; make the {manifest.kind} again")
