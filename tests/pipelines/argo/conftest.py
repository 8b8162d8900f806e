import json
from typing import Any, Callable, Dict, List

import pytest
from podtune_pipelines.argo.workflow import workflow_template
from podtune_pipelines.compiled_graph import Graph, graph_of, scheduled_graph_of
from podtune_pipelines.graphs import arguments_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import load_recipe

PLACES = {"store": "s3://models/podtune", "workspace": "s3://models/training"}


@pytest.fixture
def template_of() -> Callable[..., Dict[str, Any]]:
    """A function (recipe, device, *changes, **places) that writes a recipe's WorkflowTemplate."""
    return lambda *given, **places: _template(graph_of, *given, **places)


@pytest.fixture
def scheduled_template_of() -> Callable[..., Dict[str, Any]]:
    """The same of the pipeline that a schedule starts."""
    return lambda *given, **places: _template(scheduled_graph_of, *given, **places)


def _template(graph: Callable[..., Graph], recipe: str, device: str = "cpu", *changes: str, **places: str) -> Any:
    loaded = load_recipe(recipe, changes)
    arguments = arguments_of(loaded, **(places or PLACES))
    bucket = {"bucket": "artifacts"} if device == "ipu" else {}
    return workflow_template(graph(loaded, Placement(device), arguments), {**arguments, **bucket})


@pytest.fixture
def steps_of() -> Callable[[Dict[str, Any]], List[Dict[str, Any]]]:
    """A function that finds the templates of a WorkflowTemplate's steps, in the order of its graph."""

    def find(template: Dict[str, Any]) -> List[Dict[str, Any]]:
        by_name = {one["name"]: one for one in template["spec"]["templates"]}
        return [by_name[task["template"]] for task in by_name["pipeline"]["dag"]["tasks"]]

    return find


@pytest.fixture
def filled_in() -> Callable[..., Any]:
    """A function (content, values) that puts values for {{…}} as Argo does: into the content's JSON, by name."""

    def fill(content: Any, values: Dict[str, str]) -> Any:
        text = json.dumps(content)
        for name, value in values.items():
            text = text.replace(f"{{{{{name}}}}}", json.dumps(value)[1:-1])
        return json.loads(text)

    return fill
