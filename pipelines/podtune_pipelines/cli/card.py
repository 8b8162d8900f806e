"""podtune card: check model cards."""

from pathlib import Path
from typing import Annotated

import typer
from podtune.errors import BadInput

from podtune_pipelines.cli import options

card = typer.Typer(no_args_is_help=True, help="Check model cards.")


@card.callback()
def about() -> None:
    """Check model cards."""


@card.command()
def check(
    file: Annotated[Path, typer.Argument(help="Model card, such as README.md.")], as_json: options.Json = False
) -> None:
    """Find contradictions and gaps in a model card.

    Reports contradictions, missing or invalid metadata, and misleading statements. Exits with 0 if it finds none,
    with 1 otherwise.
    """
    from podtune_pipelines.card_check.check import check_card

    findings = check_card(_read(file))
    if as_json:
        options.print_json(findings, only_ascii=False)
    else:
        for finding in findings:
            message = "".join(filter(str.isprintable, " ".join(finding.message.split())))
            print(f"{file}:{finding.line}: {finding.severity}: {message} [{finding.rule}]")
    raise typer.Exit(1 if findings else 0)


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"cannot read the card {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8: byte {error.start} cannot be read; save the card as UTF-8") from error
