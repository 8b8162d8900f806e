"""`podtune run`: the whole pipeline on this machine; and `podtune recipes`: what there is to run."""

import contextlib
import dataclasses
import shlex
import sys
import time
from typing import Annotated

import typer
from podtune.errors import BadInput

from podtune_pipelines.cli import options


def run(
    recipe: options.Recipe,
    changes: options.Changes = options.NO_CHANGES,
    device: options.Device = "cpu",
    store: options.Store = "",
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Run a recipe from data to release on this machine.

    Steps whose settings, inputs and code have not changed since an earlier run are reused. A run that was stopped is
    continued by the same command.
    """
    from podtune.formats.release import RELEASE

    from podtune_pipelines.data_change import data_changes
    from podtune_pipelines.home import Home, sweep
    from podtune_pipelines.local_run import left_behind, reusable_locally, run_locally
    from podtune_pipelines.preflight import check_here
    from podtune_pipelines.recipe import load_recipe
    from podtune_pipelines.refused import refused_before
    from podtune_pipelines.telling import telling

    loaded, directory, store = load_recipe(recipe, changes), Home(home), options.store_of(store, home)
    with telling(loaded, store):
        check_here(loaded, device, store)
        with directory.used_by(loaded.slug):
            sweep(directory, loaded.slug)
            reused = {step: outputs for step, outputs in reusable_locally(loaded, directory, device).items() if outputs}
            if reused:
                print(f"reused, because nothing they depend on has changed: {', '.join(reused)}", file=sys.stderr)
            refused = refused_before(loaded, device, reused, store)
            if refused:
                print(f"{refused}; it is asked again, because you started this run yourself", file=sys.stderr)
            begun = time.time()
            try:
                if "finetune" not in reused:
                    for change in data_changes(loaded, directory, device, store):
                        print(f"the data changed since the live release: {change}", file=sys.stderr)
                release = run_locally(loaded, directory, store, device)
            finally:
                for what, path in left_behind(loaded, directory, reused, begun).items():
                    _say(what, path)
    facts = RELEASE.open(release).facts
    in_store = "" if store == options.store_of("", options.DEFAULT_HOME) else f" --store {shlex.quote(store)}"
    waits = facts.state == "candidate"
    if waits:
        _say("approve", f"podtune approve {facts.name} {facts.version}{in_store}")
    else:
        _say("download", f"podtune download {facts.name} --to DIRECTORY{in_store}")
    if as_json:
        options.print_json({**dataclasses.asdict(facts), "record": str(release)})
    else:
        print(f"{facts.name} version {facts.version} {'waits for approval' if waits else 'is live'} in {facts.store}")


def _say(what: str, where: object) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed must not hide how the run ended
        print(f"{what + ':':<12}{where}", file=sys.stderr)


def recipes(
    name: Annotated[
        str,
        typer.Argument(
            help="Print this one, as a start for your own; default: list all.",
            autocompletion=options.complete_recipe,
        ),
    ] = "",
    as_json: options.Json = False,
) -> None:
    """List the recipes that come with podtune, or print one."""
    from podtune_pipelines.packaged import packaged_recipes, recipe_header

    files = {path.stem: path for path in packaged_recipes()}
    if name and name not in files:
        raise BadInput(f"{name} is not one of {', '.join(files)}")
    if name:
        print(files[name].read_text(encoding="utf-8"), end="")
    elif as_json:
        from podtune_pipelines.recipe import load_recipe

        rows = [{"name": one, "task": load_recipe(one).task, "about": recipe_header(files[one])} for one in files]
        options.print_json(rows)
    else:
        from rich.console import Console
        from rich.table import Column, Table

        table = Table(Column("recipe", no_wrap=True), "what it is")
        for one, path in files.items():
            table.add_row(one, recipe_header(path).splitlines()[0])
        Console().print(table)
