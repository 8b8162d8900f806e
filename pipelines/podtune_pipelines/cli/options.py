"""The arguments and options that several commands share, and the JSON that --json prints."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any, List

import typer
from podtune.environment import HOME, PIPELINE_ROOT, PLACEMENT, STORE, WORKSPACE


def complete_recipe(incomplete: str) -> List[str]:
    """Recipes that a command line may go on with: the packaged ones, and YAML files."""
    from podtune_pipelines.packaged import packaged_recipes

    folder = Path(incomplete.rpartition("/")[0])
    found = [*(path.stem for path in packaged_recipes()), *map(str, sorted(folder.glob("*.yaml")))]
    return [name for name in found if name.startswith(incomplete)]


def complete_part(incomplete: str) -> List[str]:
    """Sections and settings of a recipe."""
    from podtune_pipelines.recipe_settings import all_settings

    found = dict.fromkeys(name for one in all_settings() for name in (one.section, one.key) if name)
    return [name for name in found if name.startswith(incomplete)]


def _complete_change(incomplete: str) -> List[str]:
    return [f"{key}=" for key in complete_part(incomplete) if "." in key]


def _complete_device(incomplete: str) -> List[str]:
    from podtune.training.engines import ENGINES

    return [name for name in ENGINES if name.startswith(incomplete)]


Recipe = Annotated[
    str,
    typer.Argument(help="A recipe's name (see `podtune recipes`) or a .yaml file.", autocompletion=complete_recipe),
]

Release = Annotated[str, typer.Argument(help="The release's name: a recipe's release.name.")]

Changes = Annotated[
    List[str],
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Override one value of the recipe (see `podtune settings`); repeatable.",
        autocompletion=_complete_change,
    ),
]

NO_CHANGES: List[str] = []
"""Typer copies it for each call."""

Device = Annotated[
    str, typer.Option(help="Where to train and evaluate: cpu, gpu or ipu.", autocompletion=_complete_device)
]

Devices = Annotated[int, typer.Option(help="Accelerators in the training pod, or in each of --nodes.")]

Nodes = Annotated[
    int, typer.Option(min=0, max=999, help="Train in a TrainJob of Kubeflow Trainer on so many nodes; 0: in one pod.")
]

Hours = Annotated[
    float, typer.Option(min=0, help="End a run that has not ended after this many hours, waiting included; 0: never.")
]

A_WEEK = 168.0
"""Of hours, in which every published recipe is trained; longer than any retry waits."""

Home = Annotated[Path, typer.Option(envvar=HOME.name, help="Directory for everything that local runs write.")]

DEFAULT_HOME = Path(".podtune")

Store = Annotated[
    str,
    typer.Option(
        envvar=STORE.name,
        help="Where releases are kept: a directory or s3://bucket/prefix; default: store in --home.",
    ),
]


def store_of(store: str, home: Path) -> str:
    """The store that is given, or the home's own: which release is live must not depend on the working directory."""
    return store or str(home / "store")


LaterStore = Annotated[
    str, typer.Option(envvar=STORE.name, help="s3:// URI of the releases; if omitted, set it with each run.")
]

LaterWorkspace = Annotated[
    str,
    typer.Option(
        envvar=WORKSPACE.name, help="s3:// URI for intermediate checkpoints; if omitted, set it with each run."
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_json(value: Any, *, only_ascii: bool = True) -> None:
    """Print values and records as JSON."""
    print(json.dumps(value, indent=1, ensure_ascii=only_ascii, default=dataclasses.asdict))


Host = Annotated[
    str,
    typer.Option(
        envvar="KF_PIPELINES_ENDPOINT",
        help="KFP's address, such as https://kubeflow.example/pipeline. Credentials come from the environment: "
        "KF_PIPELINES_TOKEN, KF_PIPELINES_SA_TOKEN_PATH (a file) or KF_PIPELINES_COOKIES; "
        "KF_PIPELINES_CA_FILE names a CA certificate file.",
    ),
]

Namespace = Annotated[
    str, typer.Option(envvar="KF_PIPELINES_NAMESPACE", help="Your profile's namespace, on a multi-user KFP.")
]

Experiment = Annotated[
    str, typer.Option(envvar="KF_PIPELINES_DEFAULT_EXPERIMENT_NAME", help="KFP experiment that groups the runs.")
]

ClusterStore = Annotated[str, typer.Option(envvar=STORE.name, help="s3:// URI where releases are kept.")]

Workspace = Annotated[str, typer.Option(envvar=WORKSPACE.name, help="s3:// URI for intermediate checkpoints.")]

PipelineRoot = Annotated[
    str,
    typer.Option(envvar=PIPELINE_ROOT.name, help="minio://, s3:// or gs:// URI for artifacts; default: the cluster's."),
]

ServiceAccount = Annotated[str, typer.Option(help="Kubernetes service account of the pods; default: the cluster's.")]

Placement = Annotated[
    str,
    typer.Option(
        envvar=PLACEMENT.name,
        metavar="FILE",
        help="YAML file with what the cluster wants of the pods; `podtune placement` prints an example.",
    ),
]

Timeout = Annotated[float, typer.Option(help="Stop waiting after this many seconds, exit code 75; 0: never.")]

StartWithin = Annotated[
    float,
    typer.Option(min=0, help="Cancel the run if a step's pod has not started after this many minutes; 0: never."),
]

Interval = Annotated[float, typer.Option(min=0.01, help="Seconds between polls of the run.")]
