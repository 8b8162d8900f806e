"""The images of a run by their digests, so that what runs is what was meant when its pipeline was compiled.

`python -m podtune_pipelines.image_digests cpu gpu ipu` prints them, as `make push` keeps them for PODTUNE_IMAGES.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterable, List, Tuple

from podtune.environment import IMAGES, REGISTRY
from podtune.errors import BadInput, PodtuneError, ending_cleanly
from podtune.formats.json_files import read_object
from podtune.image_names import image_of

from podtune_pipelines.placement import Placement
from podtune_pipelines.registry import DIGEST, digest_of


def by_digest(placement: Placement) -> Tuple[Placement, List[str]]:
    """Have a placement name its images by digest, as PODTUNE_IMAGES or else their registry has them.

    Also return a line for each whose digest cannot be known, which is then named by its tag. BadInput where the file
    lacks one, or where the registry has no such image.
    """
    names = placement.image_names
    if IMAGES.value():
        return replace(placement, digests=_listed(Path(IMAGES.value()), names)), []
    if not REGISTRY.value():
        where = f"{REGISTRY.name} is not set: only nodes that {' and '.join(names)} were loaded into can run this"
        return placement, [f"{where}; KFP will reuse no earlier results, because a tag may come to name another image"]
    digests, unknown = {}, []
    for name in names:
        try:
            digests[name] = digest_of(name)
        except BadInput:
            raise
        except PodtuneError as error:
            kept = "it is named by its tag, and KFP will reuse no earlier results"
            unknown.append(f"{name} may change while its tag does not: {error}; {kept}")
    return replace(placement, digests=digests), unknown


def _listed(path: Path, names: Iterable[str]) -> Dict[str, str]:
    listed = read_object(path)
    found = {name: str(listed.get(name)) for name in names}
    for name, digest in found.items():
        if not DIGEST.fullmatch(digest):
            got = f"got {digest!r}" if name in listed else "it is not there"
            raise BadInput(f"{path} ({IMAGES.name}) must have sha256:… for {name}; {got}; make push writes it anew")
    return found


if __name__ == "__main__":
    with ending_cleanly():
        found = {name: digest_of(name) for name in map(image_of, sys.argv[1:])}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
