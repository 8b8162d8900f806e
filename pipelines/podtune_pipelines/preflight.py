"""What is checked before a cluster gets anything: the same for every command that writes or starts a pipeline."""

from typing import Iterator

from podtune.environment import REGISTRY
from podtune.errors import BadInput
from podtune.image_names import image_of
from podtune.sources.uris import scheme_of, without_secrets
from podtune.stores.opening import refuse_secrets
from podtune.training.engines import ENGINES

from podtune_pipelines.recipe import Recipe


def check_options(device: str, devices: int, *, store: str, workspace: str, later: bool = False) -> None:
    """BadInput, naming every mistake, where a cluster could not run a recipe with these options.

    `later` says that an empty store or workspace will be set with each run.
    """
    uris = {"--store (or PODTUNE_STORE)": store, "--workspace (or PODTUNE_WORKSPACE)": workspace}
    for uri in uris.values():
        refuse_secrets(uri)
    mistakes = [
        f"{name} must be an s3:// URI, which the cluster's pods share; got {without_secrets(uri)!r}"
        for name, uri in uris.items()
        if scheme_of(uri) != "s3" and not (later and not uri)
    ]
    if device not in ENGINES:
        mistakes.append(f"--device must be one of {', '.join(ENGINES)}; got {device!r}")
    if devices < 1 or (device == "cpu" and devices > 1):
        wanted = "1 on CPUs" if device == "cpu" else "at least 1"
        mistakes.append(f"--devices must be {wanted}; got {devices}")
    if mistakes:
        raise BadInput("\n".join(mistakes))


def warnings(recipe: Recipe) -> Iterator[str]:
    """What may keep the pods of a pipeline from running, as far as it can be seen from here."""
    model = recipe.model
    sources = [location for location, _ in recipe.source.locations().values()]
    sources += [model.source] + ([model.decoder.source] if model.decoder else [])
    for path in sorted({source for source in sources if not scheme_of(source)}):
        yield f"{path} is a local path; it has to exist in the pods, not on this machine"
    if not REGISTRY.value():
        image = image_of("cpu")
        yield f"{REGISTRY.name} is not set: a cluster whose nodes lack {image} will look for it in a public registry"
