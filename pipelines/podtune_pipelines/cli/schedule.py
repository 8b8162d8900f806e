"""`podtune schedule`: a recipe that a cluster runs by itself."""

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated, List

import typer

from podtune_pipelines.cli.cluster_options import (
    ClusterStoreOption,
    ExperimentOption,
    HostOption,
    NamespaceOption,
    PipelineRootOption,
    ServiceAccountOption,
    WorkspaceOption,
)
from podtune_pipelines.cli.options import NO_CHANGES, DeviceOption, DevicesOption, JsonOption, RecipeArgument, SetOption
from podtune_pipelines.cli.submit import tell_version
from podtune_pipelines.recipe import load_recipe

if TYPE_CHECKING:
    from podtune_pipelines.cluster.schedules import Schedule

_TIMES = 3


def schedule(
    recipe: RecipeArgument,
    cron: Annotated[
        str,
        typer.Option(help="When, in UTC: minute hour day month weekday, such as '0 3 * * 1'; or with seconds first."),
    ],
    changes: SetOption = NO_CHANGES,
    host: HostOption = "",
    namespace: NamespaceOption = "",
    device: DeviceOption = "cpu",
    devices: DevicesOption = 1,
    store: ClusterStoreOption = "",
    workspace: WorkspaceOption = "",
    experiment: ExperimentOption = "podtune",
    pipeline_root: PipelineRootOption = "",
    service_account: ServiceAccountOption = "",
    max_concurrency: Annotated[int, typer.Option(min=1, max=10, help="Runs of it that may go on together.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Have a KFP cluster run a recipe regularly, in place of its earlier schedule; print the schedule's address.

    A run stops before training if data, model, code and settings are those of the live release.
    """
    from podtune_pipelines.cluster.client import address_of, connect
    from podtune_pipelines.cluster.cron import next_times, parse_cron
    from podtune_pipelines.cluster.packages import Request, upload_pipeline
    from podtune_pipelines.cluster.runs import Conditions
    from podtune_pipelines.cluster.schedules import now, set_schedule
    from podtune_pipelines.graphs import command_of
    from podtune_pipelines.scheduling import scheduled_pipeline_of

    parsed = parse_cron(cron)
    times = [f"{time:%Y-%m-%d %H:%M:%S}" for time in next_times(parsed, now(), _TIMES)]
    request = Request(load_recipe(recipe, changes), command_of(recipe, changes), device, devices, store, workspace)
    request.check()
    cluster = connect(address_of(host, namespace))
    version = upload_pipeline(cluster, request, scheduled_pipeline_of(request.recipe, request.placement))
    tell_version(request, version)
    conditions = Conditions(experiment, pipeline_root, service_account)
    new, old = set_schedule(
        cluster, request.recipe.name, cron=parsed, version=version, conditions=conditions, at_once=max_concurrency
    )
    _tell(new, old, times)
    facts = {**dataclasses.asdict(new), "words": new.words, "next": times, "replaced": [one.id for one in old]}
    print(json.dumps(facts, indent=1) if as_json else new.url)


def _tell(new: "Schedule", old: List["Schedule"], times: List[str]) -> None:
    print(f"{new.recipe} runs {new.words} ({new.cron}): {', '.join(times)}, …", file=sys.stderr)
    print("UTC, unless the cluster's CRON_SCHEDULE_TIMEZONE says otherwise", file=sys.stderr)
    for one in old:
        paused = "" if one.enabled else ", which was paused"
        print(f"it replaces the schedule {one.words}{paused}", file=sys.stderr)
