"""The `podtune` command."""

from typing import Annotated

import typer
from podtune import __version__
from podtune.errors import ending_cleanly

from podtune_pipelines.cli.approve import approve
from podtune_pipelines.cli.card import card
from podtune_pipelines.cli.clean import clean
from podtune_pipelines.cli.compile import argo, compile_recipe
from podtune_pipelines.cli.convert_detector import convert_detector
from podtune_pipelines.cli.doctor import doctor
from podtune_pipelines.cli.placement import placement
from podtune_pipelines.cli.plan import plan
from podtune_pipelines.cli.predict import predict
from podtune_pipelines.cli.prune import pin, prune
from podtune_pipelines.cli.releases import download, releases, rollback
from podtune_pipelines.cli.run import recipes, run
from podtune_pipelines.cli.runs import cancel, retry, runs, wait
from podtune_pipelines.cli.schedule import schedule, schedules
from podtune_pipelines.cli.settings import settings
from podtune_pipelines.cli.submit import submit

app = typer.Typer(
    name="podtune",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command()(plan)
app.command("compile")(compile_recipe)
app.command()(argo)
app.command()(submit)
app.command()(wait)
app.command()(cancel)
app.command()(retry)
app.command()(runs)
app.command()(schedule)
app.add_typer(schedules, name="schedules")
app.command()(placement)
app.command()(recipes)
app.command()(settings)
app.command()(releases)
app.command()(download)
app.command()(approve)
app.command()(rollback)
app.command()(pin)
app.command()(prune)
app.command()(predict)
app.command()(convert_detector)
app.command()(doctor)
app.command()(clean)
app.add_typer(card, name="card")


def _print_version(requested: bool) -> None:
    if requested:
        print(f"podtune {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Fine-tune transformer models on accelerator pods and release them."""


def main() -> None:
    """Run the command line; an expected failure is one line and its own exit code."""
    with ending_cleanly():
        app()
