"""podtune card: check model cards."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, List

import typer
from podtune.errors import BadInput, bad_input
from podtune.plain_text import one_line

from podtune_pipelines.cli import options

card = typer.Typer(no_args_is_help=True, help="Check model cards.")


@card.callback()
def about() -> None:
    """Check model cards."""


@card.command()
def check(
    cards: Annotated[List[Path], typer.Argument(metavar="CARD", help="Model cards, or directories with a README.md.")],
    as_json: options.Json = False,
) -> None:
    """Find contradictions and gaps in model cards.

    Reports contradictions, missing or invalid metadata, and misleading statements. Exits with 0 if it finds none,
    with 1 otherwise.
    """
    from podtune.formats.model_card import README

    from podtune_pipelines.card_check.check import check_card

    files = [path / README if path.is_dir() else path for path in cards]
    found = {file: check_card(text) for file, text in [(file, _read(file)) for file in files]}
    if as_json:
        rows = [{"file": str(file), **dataclasses.asdict(one)} for file, findings in found.items() for one in findings]
        options.print_json(rows, only_ascii=False)
    else:
        for file, findings in found.items():
            for finding in findings:
                print(f"{file}:{finding.line}: {finding.severity}: {one_line(finding.message)} [{finding.rule}]")
            if not findings:
                print(f"{file}: nothing found", file=sys.stderr)
    raise typer.Exit(1 if any(found.values()) else 0)


def _read(file: Path) -> str:
    try:
        with bad_input(f"cannot read the card {file}"):
            return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8: byte {error.start} cannot be read; save the card as UTF-8") from error
