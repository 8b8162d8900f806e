"""The graph of a compiled pipeline: its steps in an order in which they can run, as KFP's IR says them."""

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import yaml
from graphlib import TopologicalSorter
from podtune.errors import BadInput

from podtune_pipelines.graphs import compile_to, pipeline_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import Recipe
from podtune_pipelines.scheduling import scheduled_pipeline_of

_NO_FILE = "system.Metrics"
"""The type of an output for KFP's run page; a step that runs without KFP prints it."""

_CONDITION = re.compile(r"inputs\.parameter_values\['(?P<channel>.+)'\]\s*==\s*'(?P<value>\w+)'")
"""The one form that our graphs use."""


@dataclass(frozen=True)
class Parameter:
    """A step's argument that is no artifact."""

    value: str
    """The constant, or the name of the pipeline's parameter."""

    is_constant: bool
    is_section: bool
    """Whether it is settings, not one text."""


@dataclass(frozen=True)
class Step:
    """One task of the graph."""

    name: str
    module: str
    """Run by `python -m podtune.` and this."""

    image: str
    resources: Mapping[str, Any]
    inputs: Mapping[str, Tuple[str, str]]
    """Artifact to the step that makes it, and its name there."""

    parameters: Mapping[str, Parameter]
    outputs: Tuple[str, ...]
    needs: Tuple[str, ...]
    """The steps that have to be done before."""

    condition: Optional[Tuple[str, str]]
    """It runs only if that step says so: the step, and its word."""

    cache_key: Optional[str]
    """What its result depends on beside its arguments; None where it always runs, or where KFP makes the key."""

    kubernetes: Mapping[str, Any]
    """What KFP's Kubernetes platform is told about its pod."""


@dataclass(frozen=True)
class Graph:
    """A pipeline."""

    name: str
    description: str
    parameters: Tuple[str, ...]
    steps: Tuple[Step, ...]


def graph_of(recipe: Recipe, placement: Placement, arguments: Dict[str, Any]) -> Graph:
    """The graph of a recipe's pipeline."""
    return _compiled(pipeline_of(recipe, placement), arguments)


def scheduled_graph_of(recipe: Recipe, placement: Placement, arguments: Dict[str, Any]) -> Graph:
    """The graph of a scheduled recipe, which stops before training if nothing changed; it has a name of its own."""
    graph = _compiled(scheduled_pipeline_of(recipe, placement), arguments)
    return replace(graph, name=f"{graph.name}-scheduled")


def _compiled(pipeline: Any, arguments: Dict[str, Any]) -> Graph:
    """Compile a pipeline and read what came out, so that there is one definition of it."""
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "pipeline.yaml"
        compile_to(pipeline, arguments, target)
        specification, platform = yaml.safe_load_all(target.read_text(encoding="utf-8"))
    return read_graph(specification, platform)


def read_graph(specification: Mapping[str, Any], platform: Mapping[str, Any]) -> Graph:
    """Read the two documents of a compiled pipeline."""
    root, about = specification["root"], specification["pipelineInfo"]
    tasks = _flat(root["dag"]["tasks"], specification["components"])
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return Graph(
        about["name"],
        about.get("description", ""),
        tuple(root["inputDefinitions"]["parameters"]),
        tuple(_step(name, tasks[name], specification, pods) for name in _in_order(tasks)),
    )


def _flat(tasks: Mapping[str, Any], components: Mapping[str, Any]) -> Dict[str, Any]:
    """Every task by its name; what KFP groups under a condition has the condition itself."""
    flat: Dict[str, Any] = {}
    for name, task in tasks.items():
        group = components[task["componentRef"]["name"]].get("dag")
        inner = group["tasks"] if group else {}
        flat.update({key: _taken_out(one, task) for key, one in inner.items()} or {name: task})
    return flat


def _taken_out(task: Mapping[str, Any], group: Mapping[str, Any]) -> Dict[str, Any]:
    """A task as it is outside of its group, where what it is given has other names."""
    given = {}
    for kind, reference in (("artifacts", "componentInputArtifact"), ("parameters", "componentInputParameter")):
        own = task["inputs"].get(kind, {})
        given[kind] = {
            key: group["inputs"][kind][value[reference]] if reference in value else value for key, value in own.items()
        }
    needs = [*task.get("dependentTasks", []), *group["dependentTasks"]]
    return {**task, "inputs": given, "dependentTasks": needs, "condition": _condition(group)}


def _condition(group: Mapping[str, Any]) -> Tuple[str, str]:
    text = group["triggerPolicy"]["condition"]
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise BadInput(f"a step depends on {text!r}, of which Argo cannot be told")
    return group["inputs"]["parameters"][found["channel"]]["taskOutputParameter"]["producerTask"], found["value"]


def _in_order(tasks: Mapping[str, Any]) -> List[str]:
    """Each task after those that it needs; by name where that leaves a choice."""
    sorter = TopologicalSorter({name: task.get("dependentTasks", []) for name, task in tasks.items()})
    sorter.prepare()
    order: List[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order


def _step(name: str, task: Mapping[str, Any], specification: Mapping[str, Any], pods: Mapping[str, Any]) -> Step:
    component = specification["components"][task["componentRef"]["name"]]
    label = component["executorLabel"]
    container = specification["deploymentSpec"]["executors"][label]["container"]
    kinds = component["inputDefinitions"].get("parameters", {})
    inputs, outputs = task["inputs"], component["outputDefinitions"].get("artifacts", {})
    return Step(
        name=name,
        module=container["args"][container["args"].index("--function_to_execute") + 1],
        image=container["image"],
        resources=container.get("resources", {}),
        inputs={key: _origin(value) for key, value in inputs.get("artifacts", {}).items()},
        parameters={
            key: _parameter(value, kinds[key]["parameterType"]) for key, value in inputs.get("parameters", {}).items()
        },
        outputs=tuple(key for key, value in outputs.items() if value["artifactType"]["schemaTitle"] != _NO_FILE),
        needs=tuple(sorted(task.get("dependentTasks", []))),
        condition=task.get("condition"),
        cache_key=task.get("cachingOptions", {}).get("cacheKey"),
        kubernetes=pods.get(label, {}),
    )


def _origin(given: Mapping[str, Any]) -> Tuple[str, str]:
    output = given["taskOutputArtifact"]
    return output["producerTask"], output["outputArtifactKey"]


def _parameter(given: Mapping[str, Any], kind: str) -> Parameter:
    is_constant, is_section = "runtimeValue" in given, kind == "STRUCT"
    value = given["runtimeValue"]["constant"] if is_constant else given["componentInputParameter"]
    return Parameter(value, is_constant, is_section)
