"""The arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated, List

import typer
from podtune.environment import HOME, STORE, WORKSPACE

RecipeArgument = Annotated[str, typer.Argument(help="A recipe's name (see `podtune recipes`) or a .yaml file.")]

ReleaseArgument = Annotated[str, typer.Argument(help="The release's name: a recipe's release.name.")]

SetOption = Annotated[
    List[str], typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override one value of the recipe; repeatable.")
]

NO_CHANGES: List[str] = []
"""Typer copies it for each call."""

DeviceOption = Annotated[str, typer.Option(help="Where to train and evaluate: cpu, gpu or ipu.")]

DevicesOption = Annotated[int, typer.Option(help="Accelerators in the training pod.")]

HomeOption = Annotated[Path, typer.Option(envvar=HOME.name, help="Directory for everything that local runs write.")]

StoreOption = Annotated[
    str, typer.Option(envvar=STORE.name, help="Where releases are kept: a directory or s3://bucket/prefix.")
]

DEFAULT_STORE = ".podtune/store"

LaterStoreOption = Annotated[str, typer.Option(help="s3:// URI of the releases; if omitted, set it with each run.")]

LaterWorkspaceOption = Annotated[
    str, typer.Option(help="s3:// URI for intermediate checkpoints; if omitted, set it with each run.")
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

HostOption = Annotated[
    str,
    typer.Option(
        envvar="KF_PIPELINES_ENDPOINT",
        help="KFP's address, such as https://kubeflow.example/pipeline. Credentials come from the environment: "
        "KF_PIPELINES_TOKEN, KF_PIPELINES_SA_TOKEN_PATH (a file) or KF_PIPELINES_COOKIES; "
        "KF_PIPELINES_CA_FILE names a CA certificate file.",
    ),
]

NamespaceOption = Annotated[
    str, typer.Option(envvar="KF_PIPELINES_NAMESPACE", help="Your profile's namespace, on a multi-user KFP.")
]

ExperimentOption = Annotated[
    str, typer.Option(envvar="KF_PIPELINES_DEFAULT_EXPERIMENT_NAME", help="KFP experiment that groups the runs.")
]

ClusterStoreOption = Annotated[str, typer.Option(envvar=STORE.name, help="s3:// URI where releases are kept.")]

WorkspaceOption = Annotated[str, typer.Option(envvar=WORKSPACE.name, help="s3:// URI for intermediate checkpoints.")]

PipelineRootOption = Annotated[str, typer.Option(help="s3:// URI for artifacts; default: the cluster's own root.")]

ServiceAccountOption = Annotated[
    str, typer.Option(help="Kubernetes service account of the pods; default: the cluster's.")
]

TimeoutOption = Annotated[float, typer.Option(help="Stop waiting after this many seconds, exit code 75; 0: never.")]

IntervalOption = Annotated[float, typer.Option(min=0.01, help="Seconds between polls of the run.")]
