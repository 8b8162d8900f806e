"""The graph of a compiled pipeline: its steps in topological order, read from KFP's IR."""

import re
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from graphlib import TopologicalSorter
from podtune.errors import BadInput

from podtune_pipelines.disk import disk_of_step
from podtune_pipelines.graphs import compile_pipeline, pipeline_of, read_compiled, scheduled_pipeline_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import Recipe

_NO_FILE = "system.Metrics"
"""The type of an output for KFP's run page; a step that runs without KFP prints it instead."""

_CONDITION = re.compile(r"inputs\.parameter_values\['(?P<channel>.+)'\]\s*==\s*'(?P<value>\w+)'")
"""The one form that our graphs use."""


@dataclass(frozen=True)
class Parameter:
    """A step's argument other than an artifact."""

    value: str
    """The constant, or the name of the pipeline's parameter."""

    is_constant: bool
    is_section: bool
    """Whether it is a section of settings, not a plain string."""

    is_status: bool = False
    """Whether it is how the run ended, which only the orchestrator can say; it has no value then."""


@dataclass(frozen=True)
class Step:
    """One task of the graph."""

    name: str
    module: str
    """Run by `python -m podtune` and this."""

    image: str
    resources: Mapping[str, Any]
    inputs: Mapping[str, Tuple[str, str]]
    """Input to the step that produces it, and the output's name there."""

    parameters: Mapping[str, Parameter]
    outputs: Tuple[str, ...]
    needs: Tuple[str, ...]
    """The steps that have to end before."""

    condition: Optional[Tuple[str, str]]
    """It runs only if that step prints that word: the step, and the word."""

    cache_key: Optional[str]
    """What its result depends on beside its arguments; None where it always runs, or where KFP makes the key."""

    kubernetes: Mapping[str, Any]
    """Its pod's settings on KFP's Kubernetes platform."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of its pod that were known when it was compiled."""

    disk: str = ""
    """What its pod requests of it, which KFP cannot say; empty where that is not known."""


@dataclass(frozen=True)
class Graph:
    """A pipeline; its steps in topological order."""

    name: str
    description: str
    parameters: Tuple[str, ...]
    steps: Tuple[Step, ...]
    deadline: Optional[int] = None
    """Seconds after which a run ends that has not; None for never."""

    last: Optional[Step] = None
    """What runs after all of them, however they ended."""


def graph_of(recipe: Recipe, placement: Placement, arguments: Dict[str, Any]) -> Graph:
    """Compile a recipe's pipeline and read its graph."""
    return _compiled(recipe, pipeline_of(recipe, placement), arguments)


def scheduled_graph_of(recipe: Recipe, placement: Placement, arguments: Dict[str, Any]) -> Graph:
    """Do so for a scheduled recipe's, which stops before training if nothing changed and has a name of its own."""
    graph = _compiled(recipe, scheduled_pipeline_of(recipe, placement), arguments)
    return replace(graph, name=f"{graph.name}-scheduled")


def _compiled(recipe: Recipe, pipeline: Any, arguments: Dict[str, Any]) -> Graph:
    """Compile a pipeline and read what came out, so that there is one definition of it."""
    specification, platform = read_compiled(compile_pipeline(pipeline, arguments))
    graph = read_graph(specification, platform)
    steps = (replace(step, disk=disk_of_step(recipe, step.module)) for step in graph.steps)
    last = graph.last and replace(graph.last, disk=disk_of_step(recipe, graph.last.module))
    return replace(graph, steps=tuple(steps), last=last)


def read_graph(specification: Mapping[str, Any], platform: Mapping[str, Any]) -> Graph:
    """Read the two documents of a compiled pipeline."""
    root, about = specification["root"], specification["pipelineInfo"]
    tasks = _flat(root["dag"]["tasks"], specification["components"])
    exits = {name: tasks.pop(name) for name in list(tasks) if "strategy" in tasks[name].get("triggerPolicy", {})}
    of_kubernetes = platform["platforms"]["kubernetes"]
    pods = of_kubernetes["deploymentSpec"]["executors"]
    steps = tuple(_step(name, tasks[name], specification, pods) for name in _in_order(tasks))
    parameters = tuple(root["inputDefinitions"]["parameters"])
    deadline = of_kubernetes.get("pipelineConfig", {}).get("activeDeadlineSeconds")
    after = [_step(name, {**task, "dependentTasks": []}, specification, pods) for name, task in exits.items()]
    return Graph(about["name"], about.get("description", ""), parameters, steps, deadline, next(iter(after), None))


def _flat(tasks: Mapping[str, Any], components: Mapping[str, Any]) -> Dict[str, Any]:
    """List every task by name, without KFP's groups; those under a condition carry the condition themselves."""
    flat: Dict[str, Any] = {}
    for name, task in tasks.items():
        group = components[task["componentRef"]["name"]].get("dag")
        inner = group["tasks"] if group else {}
        flat.update(_flat({key: _ungrouped(one, task) for key, one in inner.items()}, components) or {name: task})
    return flat


def _ungrouped(task: Mapping[str, Any], group: Mapping[str, Any]) -> Dict[str, Any]:
    """Take a task out of its group: its inputs, named after the group's, become those of the pipeline."""
    inputs = {}
    for kind, reference in (("artifacts", "componentInputArtifact"), ("parameters", "componentInputParameter")):
        own = task.get("inputs", {}).get(kind, {})
        inputs[kind] = {
            key: group["inputs"][kind][value[reference]] if reference in value else value for key, value in own.items()
        }
    needs = [*task.get("dependentTasks", []), *group.get("dependentTasks", [])]
    condition = {"condition": _condition(group)} if "triggerPolicy" in group else {}
    return {**task, "inputs": inputs, "dependentTasks": needs, **condition}


def _condition(group: Mapping[str, Any]) -> Tuple[str, str]:
    text = group["triggerPolicy"]["condition"]
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise BadInput(f"a condition must compare one step's output with one word; the compiled pipeline has {text!r}")
    return group["inputs"]["parameters"][match["channel"]]["taskOutputParameter"]["producerTask"], match["value"]


def _in_order(tasks: Mapping[str, Any]) -> List[str]:
    """Sort tasks topologically; by name where that leaves a choice."""
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
    artifacts = {key: value["taskOutputArtifact"] for key, value in task["inputs"].get("artifacts", {}).items()}
    parameters, outputs = (
        task["inputs"].get("parameters", {}),
        component.get("outputDefinitions", {}).get("artifacts", {}),
    )
    return Step(
        name=name,
        module=container["args"][container["args"].index("--function_to_execute") + 1],
        image=container["image"],
        resources=container.get("resources", {}),
        inputs={key: (value["producerTask"], value["outputArtifactKey"]) for key, value in artifacts.items()},
        parameters={key: _parameter(value, kinds[key]["parameterType"]) for key, value in parameters.items()},
        outputs=tuple(key for key, value in outputs.items() if value["artifactType"]["schemaTitle"] != _NO_FILE),
        needs=tuple(sorted(task.get("dependentTasks", []))),
        condition=task.get("condition"),
        cache_key=task.get("cachingOptions", {}).get("cacheKey"),
        kubernetes=pods.get(label, {}),
        environment={variable["name"]: variable["value"] for variable in container.get("env", [])},
    )


def _parameter(reference: Mapping[str, Any], kind: str) -> Parameter:
    if "taskFinalStatus" in reference:
        return Parameter("", is_constant=True, is_section=False, is_status=True)
    is_constant = "runtimeValue" in reference
    value = reference["runtimeValue"]["constant"] if is_constant else reference["componentInputParameter"]
    return Parameter(value, is_constant, is_section=kind == "STRUCT")
