"""The templates of the card and of the report: what they are given, and how they escape it."""

from pathlib import Path
from typing import Any, Dict

import jinja2

from podtune.steps.write_card import markup, tables
from podtune.steps.write_card.contents import Contents
from podtune.steps.write_card.sentences import sentences
from podtune.steps.write_card.wording import capital, count, decimal, fine, setting

FOLDER = Path(__file__).parent


def values(contents: Contents) -> Dict[str, Any]:
    """What every template may use."""
    records = contents.records
    return {
        "contents": contents,
        "words": contents.words,
        "evaluation": records.evaluation,
        "verdict": records.verdict,
        "tables": _tables(contents),
        "origin": {
            "data": tables.hub_link(records.raw_data.dataset, records.raw_data.source, "datasets/"),
            "base_models": tables.base_model_links(contents),
        },
        **sentences(contents),
    }


def markdown_templates() -> jinja2.Environment:
    """Open the Markdown templates; every text that is not Markdown already is escaped."""
    environment = _environment(autoescape=False)
    environment.finalize = lambda value: markup.escape(value) if type(value) is str else value
    environment.filters.update(code=markup.code, fenced=markup.fenced, cell=markup.cell, table=markup.table)
    return environment


def html_templates() -> jinja2.Environment:
    """Open the HTML templates; every text that is not markup already is escaped."""
    environment = _environment(autoescape=True)
    environment.finalize = lambda value: markup.one_line(value) if type(value) is str else value
    environment.tests.update(
        name=lambda cell: isinstance(cell, tables.Name), link=lambda cell: isinstance(cell, tables.Link)
    )
    return environment


def _environment(autoescape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(FOLDER)),
        autoescape=autoescape,  # noqa: S701  # Markdown has its own escaping, above
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(capital=capital, count=count, decimal=decimal, fine=fine, setting=setting)
    return environment


def _tables(contents: Contents) -> Dict[str, Any]:
    return {
        "results": tables.results(contents),
        "notes": tables.notes(contents),
        "comparison": tables.comparison(contents),
        "slices": tables.slices(contents),
        "amounts": tables.amounts(contents),
        "preparation": tables.preparation(contents),
        "origins": tables.origins(contents),
        "run": tables.run(contents),
        "settings": tables.settings(contents),
        "software": tables.software(contents),
    }
