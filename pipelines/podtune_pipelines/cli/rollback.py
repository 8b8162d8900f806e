"""`podtune rollback`: an earlier version of a released model, live again."""

from typing import Annotated

import typer
from podtune.stores.live import live_version
from podtune.stores.opening import open_store
from podtune.stores.releases import set_live

from podtune_pipelines.cli.options import DEFAULT_STORE, ReleaseArgument, StoreOption


def rollback(
    name: ReleaseArgument,
    to: Annotated[str, typer.Option(metavar="VERSION", help="The version to make live; see `podtune releases`.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Make another version live, unless the live one changes at the same moment."""
    opened = open_store(store)
    live = live_version(opened, name)
    if live is not None and live.version == to:
        print(f"{name} {to} is live already")
        return
    set_live(opened, name, to, live.move if live else 0)
    print(f"{name} {to} is live; before it was {live.version if live else 'none'}")
