"""Release: the manifest of a version in the store, and the artifact that points to it."""

import hashlib
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Collection, Dict, Iterator, List, Literal, Mapping, Optional, Tuple

from podtune.errors import BadInput
from podtune.formats.artifact import Artifact, Format
from podtune.formats.evaluation import Metric
from podtune.formats.sealed import FileEntry, canonical_json
from podtune.parsing import parse_json
from podtune.sections import Mistakes, read_section

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A release's name; it becomes part of keys and of Kubernetes names."""

NUMBER = re.compile(r"[1-9][0-9]{0,8}")
"""A version, counted from 1."""

RECORD = "release.json"
"""The release's manifest, in a directory that was fetched from a store."""

SIGNATURE = "model.sig"
"""The signature of a release, beside its manifest; not every release has one."""

EVALUATION_FOLDER = "evaluation"
"""The folder of a release with the sealed Evaluation, for the next model's gate."""

TRAINING_FOLDER = "training"
"""The folder of a release with the Checkpoint's log and manifest."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


State = Literal["live", "candidate"]


@dataclass(frozen=True)
class ReleaseFacts:
    """The location of a release."""

    store: str
    """Its URI."""

    name: str
    version: str
    digest: str
    """Of its content, as its manifest in the store says."""

    state: State = "live"
    """As the run left it; a candidate waits for approval."""


RELEASE = Format("release", 1, ReleaseFacts)
Release = Artifact[ReleaseFacts]


@dataclass(frozen=True)
class ModelFacts:
    """Facts of a released model in its manifest."""

    task: str
    checkpoint: str
    """Digest of the Checkpoint."""

    evaluation: str
    """Digest of the Evaluation."""

    examples: int
    """The denominator of every metric."""

    metrics: Dict[str, Metric]
    card: Dict[str, Any]
    """The recipe's words on the model's card."""

    data: str = ""
    """Digest of the examples (evaluation.EvaluationFacts.data); empty in releases of earlier versions."""

    anchors: Dict[str, str] = field(default_factory=dict)
    """Metric to the best version before it on the same examples, which the gate held it against, or to an empty text
    where there was none; releases of earlier versions have none."""

    grouped_by: str = ""
    """What examples share of which the intervals take account (evaluation.EvaluationFacts.grouped_by)."""

    def is_same_model(self, other: "ModelFacts") -> bool:
        """Whether they differ at most in what the model was held against."""
        return replace(self, data="", anchors={}) == replace(other, data="", anchors={})


@dataclass(frozen=True)
class ReleaseManifest:
    """One version of a release; it never changes."""

    name: str
    version: str
    created: str
    """ISO 8601, UTC."""

    nonce: str
    """Random: identifies the publisher that wrote this."""

    parent: Optional[str]
    """The version that was live when this one was made."""

    digest: str
    """Of facts and files but the record: two releases with the same digest hold the same model, judged the same."""

    facts: Dict[str, Any]
    """What the publisher recorded."""

    files: Dict[str, FileEntry]
    """Path in the release to size and SHA-256; the content lies in the blob of that SHA-256."""

    record: List[str] = field(default_factory=list)
    """Files that tell of the run, such as its times and its machine; releases of earlier versions name none."""

    def to_bytes(self) -> bytes:
        """Encode the manifest as it is stored."""
        return canonical_json(asdict(self))

    def mistakes(self) -> Iterator[Tuple[str, str]]:
        """Yield inconsistencies as (key, what is wrong)."""
        if self.digest != content_digest(self.facts, self.files, self.record):
            yield "digest", "does not belong to these facts and files"
        for name, entry in self.files.items():
            if not is_safe(name) or any(str(parent) in self.files for parent in PurePosixPath(name).parents):
                yield f"files.{name!r}", "must be a plain relative path"
            if not _SHA256.fullmatch(entry.sha256) or entry.size < 0:
                yield f"files.{name!r}", "has no valid size and SHA-256"


def require_name(name: str) -> None:
    """Raise BadInput where a release cannot have this name."""
    if not NAME.fullmatch(name):
        raise BadInput(f"a release's name must be lower-case letters, digits and hyphens, at most 63; got {name!r}")


def parse_release(data: bytes, where: str) -> ReleaseManifest:
    """Read a release's manifest strictly; BadInput, saying `where`, if it is damaged or unsafe."""
    try:
        return read_section(ReleaseManifest, parse_json(data), "")
    except Mistakes as mistakes:
        raise BadInput(f"{where} is damaged: {mistakes.lines[0]}; publish again or use another version") from mistakes
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where} is damaged: it is not JSON; publish again or use another version") from error


def content_digest(facts: Mapping[str, Any], files: Mapping[str, FileEntry], record: Collection[str] = ()) -> str:
    """Hash a release's content, independent of who made and published it, when and where."""
    content = {"facts": facts, "files": {name: asdict(files[name]) for name in files if name not in record}}
    return hashlib.sha256(canonical_json(content)).hexdigest()


def is_safe(name: str) -> bool:
    """Whether a file of this name stays inside the target directory."""
    plain = name.isprintable() and "\\" not in name and name not in (RECORD, SIGNATURE)
    return plain and not {"", ".", ".."}.intersection(name.split("/"))
