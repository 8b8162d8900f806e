"""`podtune schedule` and `podtune schedules`: recipes that a cluster runs by itself."""

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated, Any, Dict, List

import typer
from rich.console import Console
from rich.table import Column, Table

from podtune_pipelines.cli import options
from podtune_pipelines.cli.submit import print_version
from podtune_pipelines.recipe import load_recipe

if TYPE_CHECKING:
    from podtune_pipelines.cluster.schedules import Schedule

_TIMES = 3
"""Next times that are printed."""

_RUNS = 3
"""Runs that are shown with each schedule."""

schedules = typer.Typer(no_args_is_help=True, help="List, pause, resume or delete schedules.")

NameArgument = Annotated[str, typer.Argument(help="The recipe's name.")]


def schedule(
    recipe: options.Recipe,
    cron: Annotated[
        str,
        typer.Option(help="When, in UTC: minute hour day month weekday, such as '0 3 * * 1'; or with seconds first."),
    ],
    changes: options.Changes = options.NO_CHANGES,
    host: options.Host = "",
    namespace: options.Namespace = "",
    device: options.Device = "cpu",
    devices: options.Devices = 1,
    store: options.ClusterStore = "",
    workspace: options.Workspace = "",
    experiment: options.Experiment = "podtune",
    pipeline_root: options.PipelineRoot = "",
    service_account: options.ServiceAccount = "",
    max_concurrency: Annotated[int, typer.Option(min=1, max=10, help="Maximum number of concurrent runs.")] = 1,
    as_json: options.Json = False,
) -> None:
    """Schedule a recipe on a KFP cluster.

    Replaces the recipe's earlier schedule and prints the new one's address. A run stops before training if data,
    model, code and settings are those of the live release.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.cron import next_times, parse_cron
    from podtune_pipelines.cluster.runs import Conditions
    from podtune_pipelines.cluster.schedules import now, set_schedule
    from podtune_pipelines.cluster.versions import check_options, upload_pipeline
    from podtune_pipelines.graphs import arguments_of, scheduled_pipeline_of

    parsed = parse_cron(cron)
    times = [f"{time:%Y-%m-%d %H:%M:%S}" for time in next_times(parsed, now(), _TIMES)]
    loaded = load_recipe(recipe, changes)
    check_options(device, devices, store=store, workspace=workspace)
    cluster = connect(host, namespace)
    arguments = arguments_of(loaded, store=store, workspace=workspace)
    version = upload_pipeline(cluster, loaded, scheduled_pipeline_of, arguments, device=device, devices=devices)
    print_version(loaded, version)
    conditions = Conditions(experiment, pipeline_root, service_account)
    new, old = set_schedule(
        cluster, loaded.name, cron=parsed, version=version, conditions=conditions, at_once=max_concurrency
    )
    _print_schedule(new, old, times, as_json)


@schedules.command("list")
def list_schedules(host: options.Host = "", namespace: options.Namespace = "", as_json: options.Json = False) -> None:
    """List schedules with their next times and last runs."""
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.outcome import outcome_of
    from podtune_pipelines.cluster.runs import runs_of_schedule
    from podtune_pipelines.cluster.schedules import find_schedules

    cluster = connect(host, namespace)
    existing = find_schedules(cluster)
    runs = {one.id: runs_of_schedule(cluster, one.id, _RUNS) for one in existing}
    rows = [_row(one, [outcome_of(cluster, run) for run in runs[one.id]]) for one in existing]
    if as_json:
        options.print_json(rows)
    else:
        Console(markup=False, highlight=False).print(_table(rows))
    _warn_of_duplicates(existing)


@schedules.command()
def pause(recipe: NameArgument, host: options.Host = "", namespace: options.Namespace = "") -> None:
    """Pause a recipe's schedule until it is resumed."""
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.schedules import pause as pause_schedules

    for one in pause_schedules(connect(host, namespace), recipe):
        print(f"paused: {recipe}, {one.words}")


@schedules.command()
def resume(recipe: NameArgument, host: options.Host = "", namespace: options.Namespace = "") -> None:
    """Resume a paused schedule.

    Runs that it missed are not caught up on.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.schedules import resume as resume_schedule

    print(f"resumed: {recipe}, {resume_schedule(connect(host, namespace), recipe).words}")


@schedules.command()
def delete(recipe: NameArgument, host: options.Host = "", namespace: options.Namespace = "") -> None:
    """Delete a recipe's schedule.

    Runs that it has started continue.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.schedules import delete as delete_schedules

    for one in delete_schedules(connect(host, namespace), recipe):
        print(f"deleted: {recipe}, {one.words}")


def _print_schedule(new: "Schedule", old: List["Schedule"], times: List[str], as_json: bool) -> None:
    print(f"{new.recipe} runs {new.words} ({new.cron}): {', '.join(times)}, …", file=sys.stderr)
    print("UTC, unless the cluster's CRON_SCHEDULE_TIMEZONE says otherwise", file=sys.stderr)
    for one in old:
        paused = "" if one.enabled else ", which was paused"
        print(f"it replaces the schedule {one.words}{paused}", file=sys.stderr)
    if as_json:
        replaced = [one.id for one in old]
        options.print_json({**dataclasses.asdict(new), "words": new.words, "next": times, "replaced": replaced})
    else:
        print(new.url)


def _row(schedule: "Schedule", last: List[str]) -> Dict[str, Any]:
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
        state = "active" if row["enabled"] else "paused"
        following = (row["next"] or "")[:16].replace("T", " ")
        table.add_row(row["recipe"], row["words"], state, following, ", ".join(row["last_runs"]))
    return table


def _warn_of_duplicates(existing: List["Schedule"]) -> None:
    """A `podtune schedule` that died between creating a schedule and removing the old one leaves two."""
    recipes = [one.recipe for one in existing]
    for recipe in sorted({recipe for recipe in recipes if recipes.count(recipe) > 1}):
        remedy = f"`podtune schedules resume {recipe}` keeps only the newest"
        print(f"{recipe} has {recipes.count(recipe)} schedules; {remedy}", file=sys.stderr)
