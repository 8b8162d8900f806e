"""A sealed directory: an artifact on disk is complete and unchanged, or absent.

`manifest.json` names the kind and version of the artifact, the facts its maker recorded, the size and SHA-256 of every
file, and the SHA-256 of all this. What tells of the run rather than of its result, such as times and the machine,
stands in a part of its own, which the artifact's digest leaves out: the same work has the same digest. A directory is
written beside its final name, synced, and renamed.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Container, Dict, Iterator, Mapping, Sequence

from podtune.errors import BadInput, naming
from podtune.formats.drafts import draft_beside, replace_by
from podtune.formats.sums import known_sums, sha256_of
from podtune.parsing import parse_json

MANIFEST = "manifest.json"
_OWN_SUM = "sha256"
"""Key of the manifest with the SHA-256 of all else in it, so that a flipped bit in a fact is noticed."""

_RUN = "run"
"""Key of the manifest with the facts and files that its digest leaves out; absent where there are none."""


@dataclasses.dataclass(frozen=True)
class FileEntry:
    """A file's entry in the manifest."""

    size: int
    """In bytes."""

    sha256: str
    """In lower-case hexadecimal."""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The manifest of a sealed directory."""

    kind: str
    version: int
    facts: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    digest: str
    """SHA-256 of what was made: of the manifest's bytes, or where it has a part on the run of all but that."""


@dataclasses.dataclass(frozen=True)
class OfTheRun:
    """What of an artifact tells how it was made, and may differ where the same was made again."""

    facts: Sequence[str] = ()
    files: Sequence[str] = ()
    """Paths of files, or of folders with a slash at the end."""

    def divide(self, facts: Mapping[str, Any], files: Mapping[str, Any]) -> Dict[str, Any]:
        """The manifest's facts and files, with those of the run apart where there are any."""
        own = {name for name in files if name.startswith(tuple(self.files))}
        run = {"facts": _these(facts, set(self.facts)), "files": _these(files, own)}
        rest = {"facts": _these(facts, set(facts) - set(self.facts)), "files": _these(files, set(files) - own)}
        return {**rest, _RUN: run} if any(run.values()) else rest


NOTHING = OfTheRun()


@dataclasses.dataclass
class Draft:
    """A sealed directory in the making."""

    path: Path
    """Where to write the files."""

    facts: Dict[str, Any]
    """JSON-ready; whatever is here when the block ends is recorded."""


@contextlib.contextmanager
def sealing(path: Path, kind: str, version: int, of_the_run: OfTheRun = NOTHING) -> Iterator[Draft]:
    """Write a directory that appears at `path` complete when the block ends, replacing what was there.

    If the block or writing fails, `path` is as it was before and nothing is left beside it; what a killed process left
    there goes. Where only the folder above cannot be synced, OSError is raised although the new one is there, whole.
    """
    with naming(path), draft_beside(path) as place:
        draft = Draft(place, {})
        yield draft
        _seal(draft, kind, version, of_the_run)
        replace_by(place, path)
        sync(path.parent)


def _seal(draft: Draft, kind: str, version: int, of_the_run: OfTheRun) -> None:
    """Write the manifest of what lies there, and have all of it on the disk."""
    files = sorted(file for file in draft.path.rglob("*") if file.is_file())
    entries = {
        file.relative_to(draft.path).as_posix(): {"size": file.stat().st_size, "sha256": digest}
        for file, digest in zip(files, known_sums(files))
    }
    content = {"kind": kind, "version": version, **of_the_run.divide(draft.facts, entries)}
    (draft.path / MANIFEST).write_bytes(canonical_json({**content, _OWN_SUM: _sum_of(content)}))
    draft.path.chmod(0o755)
    sync_tree(draft.path)


def read_manifest(path: Path, kind: str, version: int) -> Manifest:
    """Read a directory's manifest without touching its files; BadInput unless it is a `kind` of `version`."""
    found = _parse_manifest(path, kind)
    if found.kind != kind:
        raise BadInput(f"{path} holds {found.kind}, not {kind}")
    if found.version != version:
        raise BadInput(f"{path} holds {kind} of version {found.version}; this podtune reads version {version}")
    return found


def open_sealed(path: Path, kind: str, version: int) -> Manifest:
    """Read a directory's manifest and verify every file against it; BadInput names the first that differs.

    A file is read, unless it was and is as it was then (formats/sums.py).
    """
    manifest = read_manifest(path, kind, version)
    _verify_files(path, manifest)
    return manifest


def parse_manifest(data: bytes, where: str, kind: str) -> Manifest:
    """Read a manifest's bytes; BadInput, saying `where`, if they are damaged."""
    try:
        fields = parse_json(data)
        if _OWN_SUM in fields and fields.pop(_OWN_SUM) != _sum_of(fields):
            raise ValueError("its own sum is another")
        run = fields.pop(_RUN, None)
        digest = hashlib.sha256(data).hexdigest() if run is None else _sum_of(fields)
        parts = (fields, run or {"facts": {}, "files": {}})
        files = {name: FileEntry(**entry) for part in parts for name, entry in part["files"].items()}
        facts = {name: value for part in parts for name, value in part["facts"].items()}
        return Manifest(fields["kind"], fields["version"], facts, files, digest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{where} is damaged; make the {kind} again") from error


def verify(path: Path) -> None:
    """Verify every file of a sealed directory of any kind; BadInput names the first that differs."""
    _verify_files(path, _parse_manifest(path, "artifact"))


def verify_file(path: Path, entry: FileEntry) -> None:
    """Read one file; BadInput if it is missing or differs."""
    _verify_size(path, entry)
    _verify_sum(path, entry, sha256_of(path))


def entry_of(path: Path) -> FileEntry:
    """Measure and read a file."""
    return FileEntry(path.stat().st_size, sha256_of(path))


def canonical_json(value: Any) -> bytes:
    """Encode JSON canonically for hashing: sorted keys, no NaN, a final newline."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _these(values: Mapping[str, Any], names: Container[str]) -> Dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


def _sum_of(content: Any) -> str:
    return hashlib.sha256(canonical_json(content)).hexdigest()


def sync(path: Path) -> None:
    """Force a file's or a directory's content to the disk."""
    descriptor = os.open(str(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Force everything below a directory to the disk, and the directory itself."""
    for child in path.rglob("*"):
        sync(child)
    sync(path)


def _parse_manifest(path: Path, kind: str) -> Manifest:
    try:
        data = (path / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise BadInput(f"{path} holds no {kind}: it has no {MANIFEST}") from error
    return parse_manifest(data, str(path / MANIFEST), kind)


def _verify_files(path: Path, manifest: Manifest) -> None:
    for name, entry in manifest.files.items():
        _verify_size(path / name, entry)
    sums = known_sums([path / name for name in manifest.files])
    for (name, entry), found in zip(manifest.files.items(), sums):
        _verify_sum(path / name, entry, found)


def _verify_size(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        raise BadInput(f"{path} is missing; the manifest beside it lists it")
    size = path.stat().st_size
    if size != entry.size:
        raise BadInput(f"{path} has {size} bytes; its manifest says {entry.size}")


def _verify_sum(path: Path, entry: FileEntry, found: str) -> None:
    if found != entry.sha256:
        raise BadInput(f"{path} is corrupted: its SHA-256 is {found}; its manifest says {entry.sha256}")
