"""`podtune runs`: the newest runs on a cluster."""

import dataclasses
import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, List

import typer
from rich.console import Console
from rich.table import Table

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
    else:
        Console(markup=False, highlight=False, soft_wrap=True).print(_table(found))


def _table(found: List["Run"]) -> Table:
    table = Table("run", "name", "state", "started (UTC)", "took", "by")
    for run in found:
        started = (run.created or "")[:16].replace("T", " ")
        table.add_row(run.id, run.name, run.state, started, _took(run), "schedule" if run.schedule else "hand")
    return table


def _took(run: "Run") -> str:
    if not (run.created and run.ended):
        return ""
    seconds = (datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.created)).total_seconds()
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
