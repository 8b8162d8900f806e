"""A step's work, done by a job: inputs are read from an object store, and the output comes back through it."""

import logging
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Dict
from urllib.parse import urlsplit

from podtune import __version__
from podtune.disk import Sizes, disk_of, quantity
from podtune.environment import RUN
from podtune.errors import BadInput, PodtuneError
from podtune.formats.sealed import Manifest, canonical_json
from podtune.jobs.cluster import open_cluster
from podtune.jobs.kind import Kind
from podtune.jobs.life import JobLife
from podtune.jobs.work import LEASE, OUTPUT, StepCall, Work
from podtune.stores.lease import Lease
from podtune.stores.opening import open_store
from podtune.stores.sealed_objects import bring, is_sealed, read_sealed, remove

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Computation(StepCall):
    """A step to run by a job, and everything that its output depends on."""

    size: Dict[str, int]
    """Of the job: its ipus, or its nodes and the gpus of each."""

    workspace: str
    image: str

    @cached_property
    def manifests(self) -> Dict[str, Manifest]:
        """Of the inputs."""
        return {name: read_sealed(open_store(uri), "") for name, uri in self.inputs.items()}

    @property
    def disk(self) -> str:
        """What the worker's pod requests of it: its inputs are there whole, and what the step leaves."""
        sizes = {
            name: sum(entry.size for entry in manifest.files.values()) for name, manifest in self.manifests.items()
        }
        kept = self.arguments.get("training", {}).get("keep_checkpoints", 0)
        weights = sizes.get("base_model", sizes.get("checkpoint"))
        size = disk_of(self.step, Sizes(features=sizes.get("prepared_data"), weights=weights, keep_checkpoints=kept))
        return quantity(size) if size else ""

    def name(self) -> str:
        """The job's: the same for the same work in the same run, and at most 25 characters. 36 are allowed."""
        digests = {name: manifest.digest for name, manifest in self.manifests.items()}
        identity = {"inputs": digests, "arguments": self.arguments, **self.size}
        made_by = {"image": self.image, "podtune": __version__, "run": RUN.value()}
        key = sha256(canonical_json({"step": self.step, **identity, **made_by})).hexdigest()
        return f"{self.step}-{key[:16]}"


def compute(computation: Computation, kind: Kind, target: Path) -> None:
    """Run it in a job and download the output to `target`.

    A call that follows a killed one joins its job, or takes its output; what others left behind is deleted.
    """
    require_s3(computation.workspace, "the workspace")
    name = computation.name()
    location = f"{computation.workspace.rstrip('/')}/{kind.plural}/{name}"
    store, cluster = open_store(location), open_cluster(kind)
    if is_sealed(store, OUTPUT):
        _log.info("%s %s has left its output already", kind.word, name)
        cluster.delete(name)
        store.delete(LEASE)
    else:
        work = Work(computation.step, computation.inputs, computation.output, computation.arguments, location)
        manifest = kind.manifest(name, work, computation.size, computation.image, computation.disk)
        JobLife(cluster, manifest, Lease(store, LEASE, work.lease_seconds)).run()
    if not is_sealed(store, OUTPUT):
        raise PodtuneError(f"{store.uri} has no output although its {kind.word} succeeded; start the step again")
    bring(store, OUTPUT, target)
    remove(store, OUTPUT)


def s3_uri(uri: str, what: str) -> str:
    """An artifact's URI as the worker reads it; `minio://` is KFP's spelling of S3 at another endpoint."""
    parts = urlsplit(uri)
    plain = parts._replace(scheme="s3" if parts.scheme == "minio" else parts.scheme, query="").geturl()
    require_s3(plain, what)
    return plain


def require_s3(uri: str, what: str) -> None:
    """Refuse what a pod in another namespace cannot reach."""
    if not uri.startswith("s3://"):
        raise BadInput(f"jobs read and write S3 only; {what} must lie in s3://…; got {uri or 'nothing'!r}")
