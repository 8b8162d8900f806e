"""podtune card: what can be told about a model card from its text."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from podtune.errors import BadInput
from podtune.steps.write_card.markup import one_line

from podtune_pipelines.card_check.check import check_card
from podtune_pipelines.cli.options import JsonOption

card = typer.Typer(no_args_is_help=True, help="Look at model cards.")


@card.callback()
def about() -> None:
    """Look at model cards."""


@card.command()
def check(
    file: Annotated[Path, typer.Argument(help="A model card: README.md with its front matter.")],
    as_json: JsonOption = False,
) -> None:
    """Find contradictions, missing metadata and misleading statements in a model card.

    Exit code 0 where nothing is found, 1 where something is.
    """
    findings = check_card(_read(file))
    if as_json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{file}:{finding.line}: {finding.severity}: {one_line(finding.message)} [{finding.rule}]")
    raise typer.Exit(1 if findings else 0)


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"cannot read the card {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8: byte {error.start} cannot be read; save the card as UTF-8") from error
