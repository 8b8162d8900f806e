"""Results of earlier local runs: reused for the same step with the same parameters and the very same input artifacts.

A result's key hashes the step's identity, its parameters and the digests of its inputs. It is computed when the
inputs exist: just before each task, by KFP's runner, which is handed `Results` in place of its own cache; and by
`reusable`, which walks the same compiled graph as far as earlier results go. So no result can be served beside an
artifact that it was not made from.
"""

import contextlib
import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Optional, Set

from podtune.errors import BadInput
from podtune.formats.sealed import MANIFEST, verify
from podtune.formats.sums import known_sha256
from podtune.parsing import parse_json

if TYPE_CHECKING:
    from kfp import dsl

    from podtune_pipelines.compiled_graph import Graph


@dataclass(frozen=True)
class Produced:
    """An output of a step."""

    path: str
    digest: str
    """Of a sealed directory its manifest's SHA-256, of a file its own."""


Outputs = Dict[str, Produced]
"""A step's artifacts by name."""


class Results:
    """The results under one directory, one file each, which appears at once: several runs may share them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._verified: Set[Produced] = set()

    def find(self, key: str) -> Optional[Outputs]:
        """The verified outputs under a key; forget the entry if one of them is damaged, replaced or missing."""
        try:
            entry = parse_json(self._entry(key).read_bytes())
            outputs = {name: Produced(**fields) for name, fields in entry["outputs"].items()}
            if entry["seal"] != _hash([key, entry["outputs"]]):
                raise BadInput(f"{self._entry(key)} is not what was written there")
            for produced in outputs.values():
                self._verify(produced)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, BadInput):
            self._forget(key)
            return None
        return outputs

    # The interface of KFP's LocalCache that its task executor calls (kfp 2.17, local/orchestrator/task_executor.py)

    def compute_key(self, *, arguments: Mapping[str, Any], custom_cache_key: str, **_: Any) -> str:
        """The key of a task that is about to run."""
        from kfp import dsl

        inputs = {name: digest_of(value.uri) for name, value in arguments.items() if isinstance(value, dsl.Artifact)}
        parameters = {name: value for name, value in arguments.items() if name not in inputs}
        return key_of(custom_cache_key, parameters, inputs)

    def get(self, key: str) -> "Optional[Dict[str, dsl.Artifact]]":
        """The outputs of an earlier task, as KFP hands them on."""
        from kfp import dsl

        outputs = self.find(key)
        return outputs and {name: dsl.Artifact(name=name, uri=one.path) for name, one in outputs.items()}

    def put(self, key: str, outputs: "Mapping[str, dsl.Artifact]") -> None:
        """Record the outputs of a task that has just ended."""
        made = {name: asdict(Produced(output.uri, digest_of(output.uri))) for name, output in outputs.items()}
        self.directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.directory, suffix=".partial", delete=False) as draft:
            json.dump({"outputs": made, "seal": _hash([key, made])}, draft)
        Path(draft.name).replace(self._entry(key))

    def _entry(self, key: str) -> Path:
        return self.directory / f"{key}.json"

    def _forget(self, key: str) -> None:
        """Remove an entry, whatever lies in its place."""
        entry = self._entry(key)
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink(missing_ok=True)

    def _verify(self, produced: Produced) -> None:
        """BadInput unless an artifact is the one that was made; its files are looked at once a command."""
        if digest_of(produced.path) != produced.digest:
            raise BadInput(f"{produced.path} is not what was made there")
        if produced not in self._verified and Path(produced.path).is_dir():
            verify(Path(produced.path))
        self._verified.add(produced)


def reusable(graph: "Graph", arguments: Mapping[str, Any], results: Results) -> Dict[str, Optional[Outputs]]:
    """Each step, in topological order, to the outputs that a run will reuse; None where it runs.

    A step after one that runs counts as one that runs: whether its inputs stay the same is known only then.
    """
    reused: Dict[str, Outputs] = {}
    for step in graph.steps:
        if step.cache_key is None or any(producer not in reused for producer, _ in step.inputs.values()):
            continue
        inputs = {name: reused[producer][output].digest for name, (producer, output) in step.inputs.items()}
        values = {name: one.value if one.is_constant else arguments[one.value] for name, one in step.parameters.items()}
        outputs = results.find(key_of(step.cache_key, values, inputs))
        if outputs:
            reused[step.name] = outputs
    return {step.module: reused.get(step.name) for step in graph.steps}


def key_of(identity: str, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Hash all that a result is made from; `inputs` are digests."""
    return _hash([identity, json.loads(json.dumps(parameters), parse_int=float), inputs])  # KFP makes integers floats


def digest_of(path: str) -> str:
    """The identity of an artifact on the disk; of a directory only its manifest is read."""
    manifest = Path(path) / MANIFEST
    return known_sha256(manifest if Path(path).is_dir() else Path(path))


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def serving(results: Results) -> Iterator[None]:
    """Have KFP's local runner ask `results` in place of its own cache.

    A replaced function, because KFP has no setting for it. Its own key, computed from paths or fixed when the
    pipeline is compiled, knows nothing of the inputs' content: without this, a step would be served a result that
    was made from other artifacts.
    """
    import kfp.local.cache

    own = kfp.local.cache.get_local_cache
    kfp.local.cache.get_local_cache = lambda: results
    try:
        yield
    finally:
        kfp.local.cache.get_local_cache = own
