"""`podtune schedules`: what a cluster runs by itself; listed, paused, resumed, deleted."""

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Dict, List

import typer
from rich.console import Console
from rich.table import Column, Table

from podtune_pipelines.cli.cluster_options import HostOption, NamespaceOption
from podtune_pipelines.cli.options import JsonOption

if TYPE_CHECKING:
    from podtune_pipelines.cluster.client import Cluster
    from podtune_pipelines.cluster.schedules import Schedule

_RUNS = 3
"""Runs that are shown with each schedule."""

schedules = typer.Typer(no_args_is_help=True, help="See, pause, resume and delete schedules.")

NameArgument = Annotated[str, typer.Argument(help="The recipe's name.")]


@schedules.command("list")
def list_schedules(host: HostOption = "", namespace: NamespaceOption = "", as_json: JsonOption = False) -> None:
    """List the schedules: when they run, when next, and how their last runs ended."""
    from podtune_pipelines.cluster.runs import runs_of_schedule
    from podtune_pipelines.cluster.schedules import find_schedules

    cluster = _cluster(host, namespace)
    found = find_schedules(cluster)
    rows = [_row(one, [run.state for run in runs_of_schedule(cluster, one.id, _RUNS)]) for one in found]
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        Console(markup=False, highlight=False).print(_table(rows))
    _tell_doubles(found)


@schedules.command()
def pause(recipe: NameArgument, host: HostOption = "", namespace: NamespaceOption = "") -> None:
    """Let a recipe's schedule rest until it is resumed."""
    from podtune_pipelines.cluster.schedules import pause as pause_schedules

    for one in pause_schedules(_cluster(host, namespace), recipe):
        print(f"paused: {recipe}, {one.words}")


@schedules.command()
def resume(recipe: NameArgument, host: HostOption = "", namespace: NamespaceOption = "") -> None:
    """Let a paused schedule go on; times that passed meanwhile are not made up for."""
    from podtune_pipelines.cluster.schedules import resume as resume_schedule

    print(f"resumed: {recipe}, {resume_schedule(_cluster(host, namespace), recipe).words}")


@schedules.command()
def delete(recipe: NameArgument, host: HostOption = "", namespace: NamespaceOption = "") -> None:
    """Remove a recipe's schedule; runs that it started go on."""
    from podtune_pipelines.cluster.schedules import delete as delete_schedules

    for one in delete_schedules(_cluster(host, namespace), recipe):
        print(f"deleted: {recipe}, {one.words}")


def _cluster(host: str, namespace: str) -> "Cluster":
    from podtune_pipelines.cluster.client import address_of, connect

    return connect(address_of(host, namespace))


def _row(schedule: "Schedule", last: List[str]) -> Dict[str, Any]:
    """A schedule as JSON has it."""
    from podtune_pipelines.cluster.schedules import now

    following = schedule.next_time(now())
    return {
        **dataclasses.asdict(schedule),
        "words": schedule.words,
        "next": following.isoformat() + "+00:00" if following else None,
        "last_runs": last,
    }


def _table(rows: List[Dict[str, Any]]) -> Table:
    table = Table(Column("recipe", no_wrap=True), "when", "state", "next (UTC)", "last runs")
    for row in rows:
        state = "runs" if row["enabled"] else "paused"
        following = (row["next"] or "")[:16].replace("T", " ")
        table.add_row(row["recipe"], row["words"], state, following, ", ".join(row["last_runs"]))
    return table


def _tell_doubles(found: List["Schedule"]) -> None:
    """Two schedules of a recipe are what a call that died in between left."""
    recipes = [one.recipe for one in found]
    for recipe in sorted({recipe for recipe in recipes if recipes.count(recipe) > 1}):
        mend = f"`podtune schedules resume {recipe}` keeps the newest"
        print(f"{recipe} has {recipes.count(recipe)} schedules; {mend}", file=sys.stderr)
