"""`podtune runs`: the newest runs on a cluster."""

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer

from podtune_pipelines.cli.cluster_options import ExperimentOption, HostOption, NamespaceOption
from podtune_pipelines.cli.options import JsonOption

if TYPE_CHECKING:
    from podtune_pipelines.cluster.runs import Run


def runs(
    host: HostOption = "",
    namespace: NamespaceOption = "",
    experiment: ExperimentOption = "podtune",
    last: Annotated[int, typer.Option(min=1, help="How many to list.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """List the newest runs: their state, when they started, how long they took, and whether a schedule made them."""
    from podtune_pipelines.cluster.client import address_of, connect
    from podtune_pipelines.cluster.runs import newest_runs

    found = newest_runs(connect(address_of(host, namespace)), experiment, last)
    if as_json:
        print(json.dumps([dataclasses.asdict(run) for run in found], indent=1))
        return
    for run in found:
        print(_line(run))


def _line(run: "Run") -> str:
    """A run's ID whole, to be copied; a table would cut it."""
    started = (run.created or "")[:16].replace("T", " ")
    by = " (by schedule)" if run.schedule else ""
    return f"{run.id}  {run.state:9}  {started}  {_took(run):>8}  {run.name}{by}"


def _took(run: "Run") -> str:
    from podtune_pipelines.cluster.runs import seconds_between

    seconds = seconds_between(run.created, run.ended)
    if seconds is None:
        return ""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
