"""The graph of a compiled pipeline: its steps in an order in which they can run, as KFP's IR says them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import yaml
from graphlib import TopologicalSorter

from podtune_pipelines.graphs import write_pipeline
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import Recipe

_NO_FILE = "system.Metrics"
"""The type of an output for KFP's run page; a step that runs without KFP prints it."""


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
    """Compile a recipe's pipeline and read what came out, so that there is one definition of it."""
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "pipeline.yaml"
        write_pipeline(recipe, placement, arguments, target)
        specification, platform = yaml.safe_load_all(target.read_text(encoding="utf-8"))
    return read_graph(specification, platform)


def read_graph(specification: Mapping[str, Any], platform: Mapping[str, Any]) -> Graph:
    """Read the two documents of a compiled pipeline."""
    root, about = specification["root"], specification["pipelineInfo"]
    tasks: Dict[str, Any] = root["dag"]["tasks"]
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return Graph(
        about["name"],
        about.get("description", ""),
        tuple(root["inputDefinitions"]["parameters"]),
        tuple(_step(name, tasks[name], specification, pods) for name in _in_order(tasks)),
    )


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
    inputs, outputs = task["inputs"], component["outputDefinitions"]["artifacts"]
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
        kubernetes=pods.get(label, {}),
    )


def _origin(given: Mapping[str, Any]) -> Tuple[str, str]:
    output = given["taskOutputArtifact"]
    return output["producerTask"], output["outputArtifactKey"]


def _parameter(given: Mapping[str, Any], kind: str) -> Parameter:
    is_constant, is_section = "runtimeValue" in given, kind == "STRUCT"
    value = given["runtimeValue"]["constant"] if is_constant else given["componentInputParameter"]
    return Parameter(value, is_constant, is_section)
