"""`podtune clean`: what a home holds and nothing needs."""

import sys
from typing import Annotated

import typer

from podtune_pipelines.cli import options


def clean(
    home: options.Home = options.DEFAULT_HOME,
    results: Annotated[
        bool, typer.Option("--results", help="Also what later runs would reuse: they compute it again.")
    ] = False,
    states: Annotated[
        bool, typer.Option("--states", help="Also that from which stopped trainings would continue.")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; without this it is only listed.")] = False,
    as_json: options.Json = False,
) -> None:
    """List what nothing needs of local runs, or delete it.

    Kept are all releases, logs and curves, the newest run of each recipe, what later runs reuse, and the states of
    stopped trainings. Releases that nobody needs are for `podtune prune`.
    """
    from podtune_pipelines.home import Home, nobody_running, remove, unneeded
    from podtune_pipelines.sizes import size_in_words

    directory = Home(home)
    with nobody_running(directory):
        found = unneeded(directory, results=results, states=states)
        if delete:
            remove(found)
    if as_json:
        options.print_json([{"what": one.what, "path": str(one.path), "bytes": one.bytes} for one in found])
    else:
        for one in found:
            print(f"{size_in_words(one.bytes):>12}  {one.what:<9}  {one.path}")
    total = size_in_words(sum(one.bytes for one in found))
    cure = "" if delete or not found else "; the same command with --delete deletes it"
    print(f"{total} {'deleted' if delete else 'can go'}{cure}", file=sys.stderr)
