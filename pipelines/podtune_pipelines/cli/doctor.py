"""`podtune doctor`: everything that a run lacks, before it fails on it."""

from typing import Annotated

import typer

from podtune_pipelines.cli import options


def doctor(
    host: options.Host = "",
    namespace: options.Namespace = "",
    argo: Annotated[
        str, typer.Option(metavar="NAMESPACE", help="Check a namespace for Argo Workflows without KFP.")
    ] = "",
    store: options.Store = "",
    workspace: options.Workspace = "",
    device: options.Device = "cpu",
    nodes: options.Nodes = 0,
    placement: options.Placement = "",
    home: options.Home = options.DEFAULT_HOME,
    seconds: Annotated[float, typer.Option(help="Time limit of each check.")] = 20.0,
    as_json: options.Json = False,
) -> None:
    """Check this machine and a cluster before a run.

    Exits with 1 if a check failed.
    """
    from podtune_pipelines.doctor.checks import checks_of, examine
    from podtune_pipelines.placement import Placement
    from podtune_pipelines.pods.placement_file import load_pods
    from podtune_pipelines.preflight import check_device

    check_device(device)
    store, pods = options.store_of(store, home), load_pods(placement)
    locations = {"store": store, "workspace": workspace, "host": host, "namespace": namespace, "argo": argo}
    checks = checks_of(Placement(device, nodes=nodes, pods=pods), home, **locations)
    found = examine(checks, seconds)
    if as_json:
        options.print_json(found)
    else:
        for finding in found:
            print(f"{finding.outcome:<12}{finding.about}: {finding.found}")
            if finding.remedy:
                print(f"{'':<12}→ {finding.remedy}")
    raise typer.Exit(int(any(finding.outcome == "failed" for finding in found)))
