"""`podtune plan`: what a run would do."""

import sys
from typing import Annotated

import typer

from podtune_pipelines.cli import options


def plan(
    recipe: options.Recipe,
    changes: options.Changes = options.NO_CHANGES,
    device: options.Device = "cpu",
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Download remote sources, to count rows and measure speed.")
    ] = False,
    price: Annotated[
        float, typer.Option(metavar="NUMBER", help="What one device costs in an hour, in any currency.")
    ] = 0.0,
    as_json: options.Json = False,
) -> None:
    """Show what a run would do, reuse and take.

    Nothing is trained or released.
    """
    from podtune_pipelines.cost import require_price
    from podtune_pipelines.home import Home
    from podtune_pipelines.plan import make_plan
    from podtune_pipelines.plan_tables import show
    from podtune_pipelines.preflight import check_device, missing_paths, wrong_models
    from podtune_pipelines.recipe import load_recipe

    loaded = load_recipe(recipe, changes)
    check_device(device)
    require_price(price)
    for mistake in (*missing_paths(loaded), *wrong_models(loaded, device, remote=fetch)):
        print(f"{mistake}; the run would stop at once", file=sys.stderr)
    store = options.store_of(store, home)
    made = make_plan(loaded, Home(home), device, fetch=fetch, price=price, store=store)
    if as_json:
        options.print_json(made)
    else:
        show(made)
