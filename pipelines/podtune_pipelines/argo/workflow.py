"""A recipe's pipeline for Argo Workflows without KFP: a WorkflowTemplate, and a CronWorkflow that starts it."""

import json
import re
from typing import Any, Dict, List, Mapping, Sequence

import yaml
from podtune.errors import BadInput

from podtune_pipelines.argo.pod import BUCKET, VOLUMES, argo_name, by_uri, filled_in, template_of
from podtune_pipelines.cluster.cron import parse_cron
from podtune_pipelines.compiled_graph import Graph, Step
from podtune_pipelines.pods.argo_pod import placed
from podtune_pipelines.pods.placement_file import NOTHING, Pods
from podtune_pipelines.pods.whole_run import ARGO_LACKS

STEPS, EXECUTOR = "podtune-steps", "podtune-executor"
"""The service accounts of the steps' containers and of Argo's own beside them (manifests/components/argo)."""

_API = "argoproj.io/v1alpha1"
_ARGO_USER = 8737
"""Argo's containers run as this user, and read what a step leaves."""

_LONGEST_NAME = 52
"""Argo refuses a longer one for a CronWorkflow, because it appends a time."""

_DAY = 24 * 3600
_LATE = 300
"""Seconds by which a missed run may start late, after a restart of Argo's controller or when a schedule is resumed."""

_GRACE_SECONDS = 300
"""After SIGTERM, for a training to save its state."""


def workflow_template(graph: Graph, arguments: Mapping[str, Any], pods: Pods = NOTHING) -> Dict[str, Any]:
    """Write a graph as a WorkflowTemplate; a parameter without an argument has to be passed to each run.

    What a placement says goes before what the graph says.
    """
    pods.refuse([f"run.{key}: {reason}" for key, reason in ARGO_LACKS.items() if getattr(pods.run, key)])
    return {
        "apiVersion": _API,
        "kind": "WorkflowTemplate",
        "metadata": {
            "name": graph.name,
            "labels": {"app.kubernetes.io/name": "podtune"},
            "annotations": {"workflows.argoproj.io/description": graph.description},
        },
        "spec": {
            "entrypoint": "pipeline",
            **({"onExit": graph.last.name} if graph.last else {}),
            "arguments": {"parameters": _parameters(graph, arguments)},
            "serviceAccountName": STEPS,
            "automountServiceAccountToken": False,
            "executor": {"serviceAccountName": EXECUTOR},
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _ARGO_USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            **({"activeDeadlineSeconds": graph.deadline} if graph.deadline else {}),
            "podSpecPatch": json.dumps({"terminationGracePeriodSeconds": _GRACE_SECONDS}),
            "volumes": [{"name": name, "emptyDir": {}} for name in VOLUMES],
            "podMetadata": {"labels": {"app.kubernetes.io/name": "podtune"}},
            "podGC": {"strategy": "OnWorkflowSuccess"},
            "ttlStrategy": {"secondsAfterCompletion": pods.run.ttlSecondsAfterFinished or 30 * _DAY},
            "templates": [
                {"name": "pipeline", "dag": {"tasks": [_task(step) for step in graph.steps]}},
                *(_template(step, pods) for step in (*graph.steps, *([graph.last] if graph.last else []))),
            ],
        },
    }


def cron_workflow(template: Mapping[str, Any], cron: str, zone: str = "UTC") -> Dict[str, Any]:
    """Write the schedule of a WorkflowTemplate; a run that was missed is started up to five minutes late."""
    name = template["metadata"]["name"]
    missing = [one["name"] for one in template["spec"]["arguments"]["parameters"] if "value" not in one]
    if missing:
        options = ", ".join(f"--{parameter}" for parameter in missing)
        raise BadInput(f"--cron needs {options} too: a scheduled run starts without anyone to pass it")
    if len(name) > _LONGEST_NAME:
        raise BadInput(f"a CronWorkflow's name may have {_LONGEST_NAME} characters; got {name!r}; shorten the recipe's")
    second, fields = parse_cron(cron).expression.split(" ", 1)
    if second != "0":
        raise BadInput(f"Argo's schedules begin with the minute; got {cron!r}, which begins with a second")
    return {
        "apiVersion": _API,
        "kind": "CronWorkflow",
        "metadata": {"name": name, "labels": template["metadata"]["labels"]},
        "spec": {
            "schedules": [fields],
            "timezone": zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _LATE,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "workflowSpec": {"workflowTemplateRef": {"name": name}},
        },
    }


def text_of(documents: Sequence[Mapping[str, Any]]) -> str:
    """Write what `kubectl apply` takes."""
    plain = json.loads(json.dumps(documents))  # so that YAML writes no anchors and aliases
    return yaml.safe_dump_all(plain, sort_keys=False, allow_unicode=True, width=120)


def _parameters(graph: Graph, arguments: Mapping[str, Any]) -> List[Dict[str, Any]]:
    names = [*graph.parameters, *([BUCKET] if any(by_uri(step) for step in graph.steps) else [])]
    return [{"name": name, **({"value": _text(name, arguments[name])} if name in arguments else {})} for name in names]


def _text(name: str, value: Any) -> str:
    """A parameter's value, in which Argo finds nothing to replace.

    Argo writes it into its own JSON with Go's escapes; for ASCII these are JSON's too.
    """
    if not isinstance(value, str):
        return re.sub(r"\{(?=\{)", r"\\u007b", json.dumps(value))
    if "{{" in value:
        raise BadInput(f"{name} must not contain {{{{, which Argo would replace; got {value!r}")
    return value


def _template(step: Step, pods: Pods) -> Dict[str, Any]:
    return placed(template_of(step), pods.of(step.module), f"{pods.source}: what is said of {step.module}")


def _task(step: Step) -> Dict[str, Any]:
    """The step in the graph: what it waits for and reads, and when it runs."""
    condition = step.condition
    artifacts = [
        {"name": argo_name(name), "from": filled_in("tasks", producer, "outputs.artifacts", argo_name(output))}
        for name, (producer, output) in step.inputs.items()
        if not by_uri(step)
    ]
    return {
        "name": step.name,
        "template": step.name,
        **({"dependencies": list(step.needs)} if step.needs else {}),
        # A skipped step counts as done, so every step under the condition needs it
        **({"when": f"{filled_in('tasks', condition[0], 'outputs.result')} == {condition[1]}"} if condition else {}),
        **({"arguments": {"artifacts": artifacts}} if artifacts else {}),
    }
