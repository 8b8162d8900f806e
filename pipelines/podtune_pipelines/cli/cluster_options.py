"""The options of the commands that speak with a cluster."""

from typing import Annotated

import typer
from podtune.environment import STORE, WORKSPACE

HostOption = Annotated[
    str,
    typer.Option(
        envvar="KF_PIPELINES_ENDPOINT",
        help="KFP's address, such as https://kubeflow.example/pipeline. Who you are is said by the environment: "
        "KF_PIPELINES_TOKEN, KF_PIPELINES_SA_TOKEN_PATH (a file) or KF_PIPELINES_COOKIES; "
        "KF_PIPELINES_CA_FILE names a certificate authority's file.",
    ),
]

NamespaceOption = Annotated[
    str, typer.Option(envvar="KF_PIPELINES_NAMESPACE", help="Your profile's, if several users share the KFP.")
]

ExperimentOption = Annotated[
    str,
    typer.Option(envvar="KF_PIPELINES_DEFAULT_EXPERIMENT_NAME", help="Where KFP keeps the runs together."),
]

ClusterStoreOption = Annotated[str, typer.Option(envvar=STORE.name, help="s3:// URI where releases live.")]

WorkspaceOption = Annotated[str, typer.Option(envvar=WORKSPACE.name, help="s3:// URI for intermediate checkpoints.")]

PipelineRootOption = Annotated[
    str, typer.Option(help="s3:// URI for the artifacts; the cluster's own place if left out.")
]

ServiceAccountOption = Annotated[
    str, typer.Option(help="Whose rights the pods have; the cluster's default if left out.")
]

TimeoutOption = Annotated[float, typer.Option(help="Seconds after which waiting ends with exit code 75; 0 for none.")]

IntervalOption = Annotated[float, typer.Option(min=0.01, help="Seconds between two looks at the run.")]
