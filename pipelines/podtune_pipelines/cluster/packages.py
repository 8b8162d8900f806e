"""A recipe's pipeline compiled for a cluster, and uploaded."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List

from podtune.errors import BadInput
from podtune.sources.uris import scheme_of, without_secrets
from podtune.stores.opening import refuse_secrets
from podtune.training.engines import ENGINES

from podtune_pipelines.cluster.client import Cluster
from podtune_pipelines.cluster.versions import Version, upload_once
from podtune_pipelines.graphs import arguments_of, compile_to
from podtune_pipelines.identity import unpinned_steps
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import Recipe


@dataclass(frozen=True)
class Request:
    """A recipe to be run by a cluster, with its device and locations."""

    recipe: Recipe
    command: str
    """Reproduces the run; for its card."""

    device: str
    devices: int
    store: str
    workspace: str

    @property
    def placement(self) -> Placement:
        return Placement(self.device, self.devices, unpinned=unpinned_steps(self.recipe))

    @property
    def arguments(self) -> Dict[str, Any]:
        """The pipeline's arguments."""
        return arguments_of(self.recipe, self.command, store=self.store, workspace=self.workspace)

    def check(self) -> None:
        """BadInput, naming every mistake, where a cluster could not run it."""
        uris = {"--store (or PODTUNE_STORE)": self.store, "--workspace (or PODTUNE_WORKSPACE)": self.workspace}
        for uri in uris.values():
            refuse_secrets(uri)
        mistakes = [
            f"{name} must be an s3:// URI, which the cluster's pods share; got {without_secrets(uri)!r}"
            for name, uri in uris.items()
            if scheme_of(uri) != "s3"
        ]
        if self.device not in ENGINES:
            mistakes.append(f"--device must be one of {', '.join(ENGINES)}; got {self.device!r}")
        if self.devices < 1:
            mistakes.append(f"--devices must be at least 1; got {self.devices}")
        if mistakes:
            raise BadInput("\n".join(mistakes))

    def paths(self) -> List[str]:
        """The recipe's sources that are local paths, which have to exist in the pods."""
        model = self.recipe.model
        sources = [place for place, _ in self.recipe.source.locations().values()]
        sources += [model.source] + ([model.decoder.source] if model.decoder else [])
        return sorted({source for source in sources if not scheme_of(source)})


def upload_pipeline(cluster: Cluster, request: Request, pipeline: Any) -> Version:
    """Compile one of the recipe's pipelines with its arguments, and upload it unless the cluster has it."""
    with tempfile.TemporaryDirectory() as directory:
        package = Path(directory) / "pipeline.yaml"
        compile_to(pipeline, request.arguments, package)
        return upload_once(cluster, f"podtune-{request.recipe.name}", package)
