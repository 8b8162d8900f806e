"""`podtune releases`, `download` and `rollback`: a model's released versions."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from podtune_pipelines.cli import options

if TYPE_CHECKING:
    from podtune.stores.store import Store


def releases(
    name: Annotated[str, typer.Argument(help="The release's name; default: list all names.")] = "",
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """List a model's versions, or all released models.

    Shows which version is live, waiting for approval, pinned or pruned, when each was published, its scores, and who
    approved it. Says what the gate refused while the live version was live, and when many runs in a row were refused
    or failed.
    """
    from podtune.plain_text import visible
    from podtune.stores.opening import open_store
    from rich.console import Console

    from podtune_pipelines.released import approvals_of, table_of, troubles_of, versions_of

    opened = open_store(options.store_of(store, home))
    if not name:
        _list_names(opened, as_json)
        return
    for line in troubles_of(opened, name):
        print(line, file=sys.stderr)
    found = versions_of(opened, name)
    if as_json:
        options.print_json(found)
    else:
        Console(markup=False, highlight=False).print(table_of(found))
        for line in approvals_of(found):
            print(visible(line))


def _list_names(store: "Store", as_json: bool) -> None:
    """Print every released model with its live version."""
    from podtune.stores.live import live_version
    from podtune.stores.releases import names

    live = {name: live_version(store, name) for name in names(store)}
    if as_json:
        options.print_json([{"name": name, "live": one.version if one else None} for name, one in live.items()])
        return
    for name, one in live.items():
        print(f"{name} {one.version}" if one else f"{name} (none live)")
    if not live:
        print(f"{store.uri} holds no release", file=sys.stderr)


def download(
    name: options.Release,
    to: Annotated[Path, typer.Option(help="New directory for the model.")],
    version: Annotated[str, typer.Option(help="Version to download; default: the live one.")] = "",
    verify: Annotated[
        Optional[Path], typer.Option(metavar="KEY", help="Public key (PEM) whose owner must have signed the release.")
    ] = None,
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Download a released model.

    Every file is verified, and with --verify who signed them. A second call resumes an interrupted download, or
    verifies the files that are there.
    """
    from podtune.stores.opening import open_store
    from podtune.stores.pruned import refuse_pruned
    from podtune.stores.releases import read_live, read_release
    from podtune.stores.signing import verify_signature

    from podtune_pipelines.released import download_release

    opened = open_store(options.store_of(store, home))
    manifest = read_release(opened, name, version) if version else read_live(opened, name)
    if version:
        refuse_pruned(opened, name, version)
    directory = to.resolve()
    check = (lambda there: verify_signature(there, verify)) if verify else None
    fetched = download_release(opened, manifest, directory, check)
    size = sum(entry.size for entry in manifest.files.values())
    if as_json:
        found = {"name": manifest.name, "version": manifest.version, "directory": str(directory)}
        counts = {"files": len(manifest.files), "bytes": size}
        options.print_json({**found, **counts, "fetched": fetched, "signed_by": str(verify) if verify else None})
        return
    by = f" and signed by the owner of {verify}" if verify else ""
    what = f"{manifest.name} {manifest.version} {'was downloaded' if fetched else 'is there already'}"
    print(f"{what}: {len(manifest.files)} files, {size:,} bytes, all verified{by}", file=sys.stderr)
    print(directory)


def rollback(
    name: options.Release,
    to: Annotated[str, typer.Option(metavar="VERSION", help="The version to make live; see `podtune releases`.")],
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Make another version of a released model live.

    Changes nothing if another publisher changes the live version at the same moment.
    """
    from podtune.stores.live import live_version
    from podtune.stores.opening import open_store
    from podtune.stores.releases import set_live

    opened = open_store(options.store_of(store, home))
    live = live_version(opened, name)
    if live is not None and live.version == to:
        print(f"{name} {to} is live already")
        return
    set_live(opened, name, to, live.move if live else 0)
    print(f"{name} {to} is live; previously live: {live.version if live else 'none'}")
