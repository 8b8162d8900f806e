"""`podtune schedule` and `podtune schedules`: recipes that a cluster runs by itself."""

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated, Any, Dict, List

import typer
from podtune.errors import PodtuneError

from podtune_pipelines.cli import options
from podtune_pipelines.cli.checked import checked_for_cluster
from podtune_pipelines.cli.submit import print_version

if TYPE_CHECKING:
    from rich.table import Table

    from podtune_pipelines.cluster.client import Cluster
    from podtune_pipelines.cluster.schedules import Retired, Schedule

_TIMES = 3
"""Next times that are printed."""

_RUNS = 3
"""Runs that are shown with each schedule."""

schedules = typer.Typer(no_args_is_help=True, help="List, pause, resume or delete schedules.")

NameArgument = Annotated[str, typer.Argument(help="The schedule's name: the recipe's, unless it was set with --name.")]

Now = Annotated[
    bool, typer.Option("--now", help="Cancel the current run of a schedule that is to be deleted, instead of waiting.")
]


def schedule(  # as many as the command has options
    recipe: options.Recipe,
    cron: Annotated[
        str,
        typer.Option(help="When, in UTC: minute hour day month weekday, such as '0 3 * * 1'; or with seconds first."),
    ],
    changes: options.Changes = options.NO_CHANGES,
    name: Annotated[str, typer.Option(help="Of the schedule, of which a recipe may have several; the recipe's.")] = "",
    host: options.Host = "",
    namespace: options.Namespace = "",
    device: options.Device = "cpu",
    devices: options.Devices = 1,
    nodes: options.Nodes = 0,
    hours: options.Hours = options.A_WEEK,
    store: options.ClusterStore = "",
    workspace: options.Workspace = "",
    experiment: options.Experiment = "podtune",
    pipeline_root: options.PipelineRoot = "",
    service_account: options.ServiceAccount = "",
    placement: options.Placement = "",
    max_concurrency: Annotated[int, typer.Option(min=1, max=10, help="Maximum number of concurrent runs.")] = 1,
    now: Now = False,
    as_json: options.Json = False,
) -> None:
    """Schedule a recipe on a KFP cluster.

    Replaces the schedule of the same name, whose current run continues, and prints the new one's address. A run stops
    before training if data, model, code and settings are those of the live release, or of a model that was refused.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.cron import next_times, parse_cron
    from podtune_pipelines.cluster.runs import Conditions
    from podtune_pipelines.cluster.schedules import retire_others, set_schedule, utc_now
    from podtune_pipelines.cluster.versions import upload_pipeline
    from podtune_pipelines.graphs import arguments_of, scheduled_pipeline_of
    from podtune_pipelines.placement import Placement
    from podtune_pipelines.pods.placement_file import load_pods
    from podtune_pipelines.pods.whole_run import KFP_LACKS_ZONE
    from podtune_pipelines.recipe import load_recipe

    parsed = parse_cron(cron)
    times = [f"{time:%Y-%m-%d %H:%M:%S}" for time in next_times(parsed, utc_now(), _TIMES)]
    loaded, pods = load_recipe(recipe, changes), load_pods(placement)
    conditions = Conditions(experiment, pipeline_root, service_account or pods.account)
    pods.refuse([f"run.timeZone: {KFP_LACKS_ZONE}"] if pods.run.timeZone else [])
    where = Placement(device, devices, nodes, hours=hours, pods=pods)
    where = checked_for_cluster(loaded, where, store=store, workspace=workspace)
    cluster = connect(host, namespace)
    arguments = arguments_of(loaded, store=store, workspace=workspace)
    version = upload_pipeline(cluster, loaded, scheduled_pipeline_of, arguments, where)
    print_version(loaded, version)
    new = set_schedule(
        cluster, name or loaded.name, cron=parsed, version=version, conditions=conditions, at_once=max_concurrency
    )
    _say(f"{new.name} runs {new.words} ({new.cron}): {', '.join(times)}, …")
    _say("UTC, unless the cluster's CRON_SCHEDULE_TIMEZONE says otherwise")
    old = retire_others(cluster, new, _say, now=now)
    for one in old:
        paused = "" if one.schedule.enabled else ", which was paused"
        _say(f"it replaces the schedule {one.schedule.words}{paused}")
    _say_what_stays(old)
    if as_json:
        replaced = [one.schedule.id for one in old]
        options.print_json({**dataclasses.asdict(new), "words": new.words, "next": times, "replaced": replaced})
    else:
        print(new.url)


@schedules.command("list")
def list_schedules(host: options.Host = "", namespace: options.Namespace = "", as_json: options.Json = False) -> None:
    """List schedules with their next times and last runs.

    A run that is unchanged stopped before training, because nothing changed; one that is refused did not pass the gate.
    `podtune wait RUN` says why.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.outcome import outcome_of
    from podtune_pipelines.cluster.runs import runs_of_schedule
    from podtune_pipelines.cluster.schedules import find_schedules

    cluster = connect(host, namespace)
    existing = find_schedules(cluster)
    outcomes = [[outcome_of(cluster, run) for run in runs_of_schedule(cluster, one.id, _RUNS)] for one in existing]
    rows = [_row(one, last) for one, last in zip(existing, outcomes)]
    if as_json:
        options.print_json(rows)
    else:
        from rich.console import Console

        Console(markup=False, highlight=False).print(_table(rows))
    for one in existing:
        _retire_others(cluster, one)


@schedules.command()
def pause(name: NameArgument, host: options.Host = "", namespace: options.Namespace = "") -> None:
    """Pause a schedule until it is resumed.

    Its current run continues.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.schedules import pause as pause_schedule

    cluster = connect(host, namespace)
    paused = pause_schedule(cluster, name)
    print(f"paused: {name}, {paused.words}")
    _retire_others(cluster, paused)


@schedules.command()
def resume(name: NameArgument, host: options.Host = "", namespace: options.Namespace = "") -> None:
    """Resume a paused schedule, by a new one of the same name.

    Runs that it missed are not caught up on.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.schedules import resume as resume_schedule

    cluster = connect(host, namespace)
    resumed = resume_schedule(cluster, name)
    print(f"resumed: {name}, {resumed.words}")
    _retire_others(cluster, resumed)


@schedules.command()
def delete(name: NameArgument, host: options.Host = "", namespace: options.Namespace = "", now: Now = False) -> None:
    """Delete a schedule.

    While a run of it goes on, which would end with it, it is only paused; with --now that run is cancelled.
    """
    from podtune_pipelines.cluster.client import connect
    from podtune_pipelines.cluster.schedules import delete as delete_schedule

    for one in delete_schedule(connect(host, namespace), name, _say, now=now):
        if not one.runs:
            print(f"deleted: {name}, {one.schedule.words}")
            continue
        print(f"paused: {name}, {one.schedule.words}")
        remedy = "delete the schedule when it has ended, or with --now"
        _say(f"its run {', '.join(one.runs)} continues, and would end with it; {remedy}")


def _retire_others(cluster: "Cluster", kept: "Schedule") -> None:
    """Retire what an earlier command left of a name; where that fails, the next command does it."""
    from podtune_pipelines.cluster.schedules import retire_others

    try:
        _say_what_stays(retire_others(cluster, kept, _say))
    except PodtuneError as error:
        _say(f"{error}")


def _say_what_stays(retired: List["Retired"]) -> None:
    for one in retired:
        if one.runs:
            until = f"its run {', '.join(one.runs)} continues; the next `podtune schedules` after its end deletes it"
            _say(f"an earlier schedule of {one.schedule.name} is paused: {until}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _row(schedule: "Schedule", last: List[str]) -> Dict[str, Any]:
    from podtune_pipelines.cluster.schedules import utc_now

    following = schedule.next_time(utc_now())
    return {
        **dataclasses.asdict(schedule),
        "words": schedule.words,
        "next": following.isoformat() + "+00:00" if following else None,
        "last_runs": last,
    }


def _table(rows: List[Dict[str, Any]]) -> "Table":
    from rich.table import Column, Table

    table = Table(Column("name", no_wrap=True), "when", "state", "next (UTC)", "last runs")
    for row in rows:
        state = "active" if row["enabled"] else "paused"
        following = (row["next"] or "")[:16].replace("T", " ")
        table.add_row(row["name"], row["words"], state, following, ", ".join(row["last_runs"]))
    return table
