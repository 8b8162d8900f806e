"""A step's pod as Argo starts it: image, resources and environment from the graph, artifacts as paths."""

from typing import Any, Dict, Iterator, Mapping

from podtune.disk import REQUEST
from podtune.environment import AGAIN
from podtune.errors import BadInput
from podtune.steps.table import STEPS

from podtune_pipelines.compiled_graph import Step

INPUTS, OUTPUTS, SECTIONS = "/podtune/inputs", "/podtune/outputs", "/podtune/sections"
_TEMPORARY = "/tmp"  # noqa: S108  # in the pod, a volume of its own

VOLUMES = {"outputs": OUTPUTS, "temporary": _TEMPORARY}
"""Every pod has these of its own, empty; all else that a step sees is read-only."""

BUCKET = "bucket"
"""The workflow's parameter that completes an artifact's URI, for steps that pass it to a pod elsewhere."""

_RUN_LABELS = {"metadata.labels['pipeline/runid']": "metadata.labels['workflows.argoproj.io/workflow']"}
"""KFP's label that all pods of a run have, and Argo's."""

_REFERENCES = {
    "secretAsEnv": ("secretName", "secretKey", "secretKeyRef"),
    "configMapAsEnv": ("configMapName", "configMapKey", "configMapKeyRef"),
}
"""A kind of variables in KFP's platform to its words for an object and a key, and to Kubernetes' for both."""

_COMPARE_AGAIN = {
    "name": AGAIN.name,
    "value": "argo -n {{workflow.namespace}} retry {{workflow.name}} --restart-successful --node-field-selector "
    "templateName=compare",
}
"""Argo reuses no results: another run would train again, and a plain retry publish the same comparison."""

_STATUS = "{{workflow.status}} {{workflow.failures}}"
"""Of a run that has ended; Argo knows the failed pods' messages."""

_KNOWN = {"podMetadata", "securityContext", "fieldPathAsEnv", "emptyDirMounts", *_REFERENCES}

_UNPACKED: Mapping[str, Any] = {"none": {}}

_RETRY = {
    "limit": "3",
    "retryPolicy": "Always",
    # An error is Argo's own or a pod's that did not start; -1 is a pod that was lost; a pod that its node evicts, or
    # takes down with itself, has failed with its process's code and says so. Other exit codes come again.
    "expression": "lastRetry.status == 'Error' || lastRetry.exitCode in ['-1', '75', '143'] || "
    "lastRetry.message matches 'low on resource|ephemeral local storage|node shutdown|Preempted'",
    # Without maxDuration, which counts from the first try's start and ends a later one in the middle of its training
    "backoff": {"duration": "10s", "factor": "4"},
}


def template_of(step: Step) -> Dict[str, Any]:
    """Write the template that runs one step."""
    unknown = sorted(step.kubernetes.keys() - _KNOWN)
    if unknown:
        raise BadInput(f"{step.name} has {', '.join(unknown)}, which cannot be written for Argo")
    return {
        "name": step.name,
        "metadata": step.kubernetes.get("podMetadata", {}),
        **_account(step.module),
        "retryStrategy": _RETRY,
        "inputs": {"artifacts": list(_inputs(step))},
        "outputs": {"artifacts": [_output(step, name) for name in step.outputs]},
        "container": _container(step),
        "volumes": [
            {"name": mount["volumeName"], "emptyDir": {"medium": mount["medium"], "sizeLimit": mount["sizeLimit"]}}
            for mount in step.kubernetes.get("emptyDirMounts", [])
        ],
    }


def by_uri(step: Step) -> bool:
    """Whether a step takes the URIs of its inputs instead of the artifacts."""
    return bool(STEPS[step.module].by_job)


def argo_name(name: str) -> str:
    """An artifact's name with the characters that Argo takes."""
    return name.replace("_", "-")


def filled_in(*parts: str) -> str:
    """What Argo replaces by a value."""
    return "{{" + ".".join(parts) + "}}"


def _account(step: str) -> Dict[str, Any]:
    """The service account of a step that may do what others may not: write releases, or create jobs."""
    account, token = STEPS[step].account, {"automountServiceAccountToken": True}
    return {"serviceAccountName": account, **(token if STEPS[step].by_job else {})} if account else {}


def _inputs(step: Step) -> Iterator[Dict[str, Any]]:
    """The artifacts that the step reads, and a file for each section of the recipe."""
    for name in () if by_uri(step) else step.inputs:
        yield {"name": argo_name(name), "path": f"{INPUTS}/{name}", "archive": _UNPACKED}
    for name, parameter in step.parameters.items():
        if parameter.is_section:
            data = filled_in("workflow.parameters", parameter.value)
            yield {"name": name, "path": f"{SECTIONS}/{name}.json", "raw": {"data": data}}


def _output(step: Step, name: str) -> Dict[str, Any]:
    """A directory is stored file by file: a pod elsewhere may read it by its URI."""
    key = {"key": _key_of(step.name, name)}
    return {"name": argo_name(name), "path": f"{OUTPUTS}/{name}", "archive": _UNPACKED, "s3": key}


def _key_of(step: str, output: str) -> str:
    """An artifact's key in the artifact repository's bucket."""
    return f"artifacts/{filled_in('workflow.name')}/{step}/{output}"


def _container(step: Step) -> Dict[str, Any]:
    mounts = [(mount["volumeName"], mount["mountPath"]) for mount in step.kubernetes.get("emptyDirMounts", [])]
    return {
        "image": step.image,
        "command": ["python3", "-m", "podtune", step.module],
        "args": [text for name, value in _options(step) for text in (f"--{argo_name(name)}", value)],
        "env": [*_environment(step), *([_COMPARE_AGAIN] if step.module == "publish" else [])],
        "resources": _resources(step),
        "securityContext": {
            **step.kubernetes.get("securityContext", {}),
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in (*VOLUMES.items(), *mounts)],
    }


def _options(step: Step) -> Iterator["tuple[str, str]"]:
    bucket = filled_in("workflow.parameters", BUCKET)
    for name, origin in step.inputs.items():
        yield name, f"s3://{bucket}/{_key_of(*origin)}" if by_uri(step) else f"{INPUTS}/{name}"
    for name in step.outputs:
        yield name, f"{OUTPUTS}/{name}"
    for name, parameter in step.parameters.items():
        text = parameter.value if parameter.is_constant else filled_in("workflow.parameters", parameter.value)
        text = _STATUS if parameter.is_status else text
        yield name, f"{SECTIONS}/{name}.json" if parameter.is_section else text


def _environment(step: Step) -> Iterator[Dict[str, Any]]:
    platform = step.kubernetes
    for field in platform.get("fieldPathAsEnv", []):
        path = _RUN_LABELS.get(field["fieldPath"], field["fieldPath"])
        yield {"name": field["name"], "valueFrom": {"fieldRef": {"fieldPath": path}}}
    for kind, (name, key, reference) in _REFERENCES.items():
        for source in platform.get(kind, []):
            optional = source.get("optional", False)
            for pair in source["keyToEnv"]:
                value = {"name": source[name], "key": pair[key], "optional": optional}
                yield {"name": pair["envVar"], "valueFrom": {reference: value}}
    for variable, given in step.environment.items():
        yield {"name": variable, "value": given}


def _resources(step: Step) -> Dict[str, Any]:
    """Cores and memory, which every step requests, the disk where it is known, and accelerators."""
    resources = step.resources
    requests = {"cpu": resources["resourceCpuRequest"], "memory": resources["resourceMemoryRequest"]}
    if step.disk:
        requests[REQUEST] = step.disk
    accelerator = resources.get("accelerator")
    limits = {"limits": {accelerator["resourceType"]: accelerator["resourceCount"]}} if accelerator else {}
    return {"requests": requests, **limits}
