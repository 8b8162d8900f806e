"""`podtune settings`: what a recipe may say."""

from typing import Annotated

import typer

from podtune_pipelines.cli import options


def settings(
    part: Annotated[
        str,
        typer.Argument(
            metavar="[SECTION]",
            help="A section or a key, such as training; default: all.",
            autocompletion=options.complete_part,
        ),
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Show every setting of a recipe.

    Each with its type, its default and what it means.
    """
    from podtune_pipelines.recipe_settings import as_text, settings_under

    found = settings_under(part)
    if as_json:
        options.print_json(found)
    else:
        print(as_text(found))
