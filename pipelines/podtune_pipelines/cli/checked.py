"""What every command does that makes something for a cluster, before anything is sent."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podtune_pipelines.placement import Placement
    from podtune_pipelines.recipe import Recipe


def checked_for_cluster(
    recipe: "Recipe", where: "Placement", *, store: str, workspace: str, later: bool = False
) -> "Placement":
    """Return the placement with its images by digest; print a line on stderr for what may keep a cluster from running.

    BadInput where it could not. `later` says that an empty store or workspace will be set with each run.
    """
    from podtune_pipelines.image_digests import by_digest
    from podtune_pipelines.preflight import check_for_cluster

    doubts = check_for_cluster(recipe, where, store=store, workspace=workspace, later=later)
    placed, unknown = by_digest(where)
    for line in (*doubts, *unknown):
        print(line, file=sys.stderr)
    return placed
