"""The options that several commands share."""

from pathlib import Path
from typing import Annotated, List

import typer
from podtune.environment import HOME, STORE

RecipeArgument = Annotated[str, typer.Argument(help="A recipe's name (see `podtune recipes`) or a .yaml file.")]

ReleaseArgument = Annotated[str, typer.Argument(help="The name that a recipe releases its model under.")]

SetOption = Annotated[
    List[str], typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change one value of the recipe; repeatable.")
]

NO_CHANGES: List[str] = []
"""Typer copies it for each call."""

DevicesOption = Annotated[int, typer.Option(help="Accelerators in the pod that trains.")]

LaterStoreOption = Annotated[str, typer.Option(help="s3:// URI of the releases; asked for at submission if left out.")]

LaterWorkspaceOption = Annotated[str, typer.Option(help="s3:// URI for intermediate checkpoints, likewise.")]

DeviceOption = Annotated[str, typer.Option(help="Where to train and evaluate: cpu, gpu or ipu.")]

HomeOption = Annotated[
    Path, typer.Option(envvar=HOME.name, help="The directory for everything that a local run leaves.")
]

StoreOption = Annotated[
    str,
    typer.Option(envvar=STORE.name, help="Where releases live: a directory or s3://bucket/prefix."),
]

DEFAULT_STORE = ".podtune/store"

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
