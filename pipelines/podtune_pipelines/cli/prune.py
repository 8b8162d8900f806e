"""`podtune prune` and `pin`: which versions a store keeps."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, List

import typer
from podtune.errors import BadInput

from podtune_pipelines.cli import options

if TYPE_CHECKING:
    from podtune.stores.store import Store

    from podtune_pipelines.kept import Pruned

_A_DAY = 86_400.0


def prune(
    name: Annotated[str, typer.Argument(help="The release's name; default: all in the store.")] = "",
    predecessors: Annotated[
        int, typer.Option("--keep", min=0, help="Versions kept of those that were live before the live one.")
    ] = 3,
    days: Annotated[
        float, typer.Option("--older-than", min=0, metavar="DAYS", help="What was written since then is kept.")
    ] = 7.0,
    waiting: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="What waits for approval is kept for so long.")
    ] = 30.0,
    workspace: Annotated[
        str,
        typer.Option(
            metavar="URI", help="Prune this s3:// workspace of the states of stopped trainings, and not the store."
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only listed.")] = False,
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """List what may go from a store of releases, or remove it.

    Kept are the live version, some that were live before, the best by each metric, pinned and young ones, and those
    that wait for approval. Of the others the files go that no version kept shares; their scores stay on record. Old
    records go too, of how runs ended and of refusals by another version than the live one. It is safe while others
    publish and roll back. What local runs leave in a home is for `podtune clean`.
    """
    from podtune.stores.opening import open_store

    from podtune_pipelines import kept

    now = time.time()
    before = now - days * _A_DAY
    if workspace:
        _prune_workspace(open_store(workspace), before, yes=yes, as_json=as_json)
        return
    opened = open_store(options.store_of(store, home))
    policy = kept.Policy(predecessors, before, now - waiting * _A_DAY)
    chosen = _chosen(opened, name)
    found = kept.prune(opened, chosen, policy) if yes else kept.pruned_by(opened, chosen, policy)
    if as_json:
        counts = {"contents": found.contents, "bytes": found.bytes, "records": len(found.records)}
        options.print_json({"versions": found.versions, **counts})
    else:
        _show(found)
    _say_total(found, removed=yes)


def pin(
    name: options.Release,
    version: Annotated[str, typer.Argument(help="The version; see `podtune releases`.")],
    remove: Annotated[bool, typer.Option("--remove", help="Let it be pruned again.")] = False,
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Keep a version of a released model from being pruned."""
    from podtune.stores import pruning
    from podtune.stores.opening import open_store

    opened = open_store(options.store_of(store, home))
    if remove:
        pruning.unpin(opened, name, version)
    else:
        pruning.pin(opened, name, version)
    state = "may be pruned" if remove else f"is kept until `podtune pin {name} {version} --remove`"
    print(f"{name} {version} {state}")


def _prune_workspace(workspace: "Store", before: float, *, yes: bool, as_json: bool) -> None:
    """List or delete the states of trainings that nobody has gone on with."""
    from podtune.training.resume import abandoned_runs, forget_run

    from podtune_pipelines.sizes import size_in_words

    found = abandoned_runs(workspace, before)
    if yes:
        found = {key: size for key, size in found.items() if forget_run(workspace, key, before)}
    if as_json:
        options.print_json([{"training": key, "bytes": size} for key, size in found.items()])
    else:
        for key, size in found.items():
            print(f"{size_in_words(size):>12}  {workspace.uri}/{key}")
    cure = "" if yes or not found else "; the same command with --yes removes it"
    print(f"{size_in_words(sum(found.values()))} {'removed' if yes else 'can go'}{cure}", file=sys.stderr)


def _chosen(store: "Store", name: str) -> List[str]:
    """The releases to prune; BadInput where the one that is given is not in the store."""
    from podtune_pipelines.kept import prunable_names

    there = prunable_names(store)
    if name and name not in there:
        raise BadInput(f"{store.uri} holds no release named {name}; it holds {', '.join(there) or 'nothing'}")
    return [name] if name else there


def _show(found: "Pruned") -> None:
    """Tabulate what becomes of each version."""
    from rich.console import Console
    from rich.table import Table

    from podtune_pipelines.sizes import size_in_words

    table = Table("release", "version", "size", "goes", "kept")
    for one in found.versions:
        table.add_row(one.name, one.version, size_in_words(one.bytes), "" if one.kept else "goes", one.kept)
    if found.versions:
        Console(markup=False, highlight=False).print(table)


def _say_total(found: "Pruned", *, removed: bool) -> None:
    """Say how many versions and bytes go or went."""
    from podtune_pipelines.sizes import size_in_words

    going = sum(1 for one in found.versions if not one.kept)
    records = f", and {len(found.records)} records of refusals and of runs" if found.records else ""
    what = f"{going} versions and {size_in_words(found.bytes)} in {found.contents} contents{records}"
    cure = (
        "" if removed or not (going or found.contents or found.records) else "; the same command with --yes removes it"
    )
    print(f"{what} {'removed' if removed else 'can go'}{cure}", file=sys.stderr)
