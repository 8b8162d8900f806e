"""The images: in their registry, or without one on this machine."""

import re
import shutil
from typing import Iterable, Iterator

from podtune.environment import REGISTRY
from podtune.errors import BadInput, PodtuneError

from podtune_pipelines.doctor.findings import Finding, not_checked, ok, plain, refused, warning
from podtune_pipelines.doctor.machine import answer_of
from podtune_pipelines.registry import digest_of


def check_images(names: Iterable[str]) -> Iterator[Finding]:
    """Check whether the registry has the images, or without one whether a builder here has them for nodes."""
    return map(_in_registry if REGISTRY.value() else _here, names)


def _in_registry(name: str) -> Finding:
    about = f"image {name}"
    try:
        return ok(about, f"its registry has {digest_of(name)}")
    except BadInput as error:
        return refused(about, str(error))
    except PodtuneError as error:
        return not_checked(about, plain(str(error)), "a pipeline will name it by its tag; nodes may be able to pull it")


def _here(name: str) -> Finding:
    about, builders = f"image {name}", list(filter(None, map(shutil.which, ("docker", "podman"))))
    answers = [answer_of([builder, "image", "inspect", "--format", "{{.Id}}", name]) for builder in builders]
    if any(answer.returncode == 0 for answer in answers):
        return ok(about, f"is on this machine; nodes have it only if it was loaded into them, or with {REGISTRY.name}")
    if any(re.search("no such|not known", answer.stderr, re.IGNORECASE) for answer in answers):
        return warning(about, "is not on this machine", f"build it, or name the registry that has it: {REGISTRY.name}")
    return not_checked(about, "neither docker nor podman answers here", f"name its registry: {REGISTRY.name}")
