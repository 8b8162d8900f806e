import typer
import yaml
from podtune.errors import BadInput
from podtune_pipelines.cli.run import recipes
from podtune_pipelines.recipe import load_recipe, read_recipe
from typer.testing import CliRunner


def invoke(*arguments: str) -> "typer.testing.Result":
    app = typer.Typer()
    app.command()(recipes)
    return CliRunner().invoke(app, list(arguments))


def test_a_recipe_is_printed_to_start_from() -> None:
    printed = invoke("minilm-squad")

    assert printed.exit_code == 0
    assert read_recipe(yaml.safe_load(printed.stdout)) == load_recipe("minilm-squad")


def test_a_recipe_that_is_none_is_answered_with_those_there_are() -> None:
    refused = invoke("bert")

    assert isinstance(refused.exception, BadInput)
    assert "bert is not one of bert-base-uncased-squad, bert-tiny-squad, " in str(refused.exception)
