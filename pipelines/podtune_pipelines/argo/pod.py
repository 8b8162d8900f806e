"""A step's pod as Argo starts it: image, resources and environment as the graph says, artifacts as paths."""

from typing import Any, Dict, Iterator, List, Mapping

from podtune.errors import BadInput
from podtune.steps.table import STEPS, Properties

from podtune_pipelines.compiled_graph import Step

INPUTS, OUTPUTS, SECTIONS = "/podtune/inputs", "/podtune/outputs", "/podtune/sections"
_TEMPORARY = "/tmp"  # noqa: S108  # in the pod, a volume of its own

VOLUMES = {"outputs": OUTPUTS, "temporary": _TEMPORARY}
"""Every pod has these of its own, empty; the rest of what a step sees it cannot write to."""

BUCKET = "bucket"
"""The workflow's parameter that completes an artifact's URI, for steps that hand it on to a pod elsewhere."""

_RUN_LABELS = {"metadata.labels['pipeline/runid']": "metadata.labels['workflows.argoproj.io/workflow']"}
"""KFP's label that all pods of a run have, and Argo's."""

_KNOWN = {"podMetadata", "securityContext", "secretAsEnv", "configMapAsEnv", "fieldPathAsEnv", "emptyDirMounts"}

_AS_IT_IS: Mapping[str, Any] = {"none": {}}

_RETRY = {
    "limit": "3",
    "retryPolicy": "Always",
    # An error is Argo's own or a pod's that did not start; -1 is a pod that was lost. Other exit codes come again.
    "expression": "lastRetry.status == 'Error' || lastRetry.exitCode in ['-1', '75', '143']",
    "backoff": {"duration": "1m", "factor": "2", "maxDuration": "2h"},
}


def by_uri(step: Step) -> bool:
    """Whether a step is given its inputs' URIs instead of the artifacts."""
    return STEPS[step.module].by_ipujob


def key_of(step: str, output: str) -> str:
    """Where an artifact lies in the artifact repository's bucket."""
    return f"artifacts/{{{{workflow.name}}}}/{step}/{output}"


def template_of(step: Step) -> Dict[str, Any]:
    """Write the template that runs one step."""
    return {
        "name": step.name,
        "metadata": step.kubernetes.get("podMetadata", {}),
        **_account(STEPS[step.module]),
        "retryStrategy": _RETRY,
        "inputs": {"artifacts": [*_inputs(step), *_sections(step)]},
        "outputs": {"artifacts": [_output(step, name) for name in step.outputs]},
        "container": _container(step),
        "volumes": [_volume(mount) for mount in step.kubernetes.get("emptyDirMounts", [])],
    }


def _account(needs: Properties) -> Dict[str, Any]:
    """The service account of a step that may do what others may not: write releases, or create IPUJobs."""
    token = {"automountServiceAccountToken": True} if needs.by_ipujob else {}
    return {"serviceAccountName": needs.account, **token} if needs.account else {}


def argo_name(name: str) -> str:
    """An artifact's name with the characters that Argo takes."""
    return name.replace("_", "-")


def _inputs(step: Step) -> List[Dict[str, Any]]:
    if by_uri(step):
        return []
    return [{"name": argo_name(name), "path": f"{INPUTS}/{name}", "archive": _AS_IT_IS} for name in step.inputs]


def _output(step: Step, name: str) -> Dict[str, Any]:
    """A directory is stored file by file: a pod elsewhere may read it by its URI."""
    key = {"key": key_of(step.name, name)}
    return {"name": argo_name(name), "path": f"{OUTPUTS}/{name}", "archive": _AS_IT_IS, "s3": key}


def _sections(step: Step) -> Iterator[Dict[str, Any]]:
    """A file for each of the recipe's sections that the step uses."""
    for name, parameter in step.parameters.items():
        if parameter.is_section:
            data = f"{{{{workflow.parameters.{parameter.value}}}}}"
            yield {"name": name, "path": f"{SECTIONS}/{name}.json", "raw": {"data": data}}


def _container(step: Step) -> Dict[str, Any]:
    return {
        "image": step.image,
        "command": ["python3", "-m", "podtune", step.module],
        "args": [text for name, value in _arguments(step) for text in (f"--{argo_name(name)}", value)],
        "env": list(_environment(step)),
        "resources": _resources(step.resources),
        "securityContext": {
            **step.kubernetes.get("securityContext", {}),
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            *({"name": name, "mountPath": path} for name, path in VOLUMES.items()),
            *(
                {"name": mount["volumeName"], "mountPath": mount["mountPath"]}
                for mount in step.kubernetes.get("emptyDirMounts", [])
            ),
        ],
    }


def _arguments(step: Step) -> Iterator["tuple[str, str]"]:
    for name, (producer, output) in step.inputs.items():
        uri = f"s3://{{{{workflow.parameters.{BUCKET}}}}}/{key_of(producer, output)}"
        yield name, uri if by_uri(step) else f"{INPUTS}/{name}"
    for name in step.outputs:
        yield name, f"{OUTPUTS}/{name}"
    for name, parameter in step.parameters.items():
        if parameter.is_section:
            yield name, f"{SECTIONS}/{name}.json"
        else:
            reference = f"{{{{workflow.parameters.{parameter.value}}}}}"
            yield name, parameter.value if parameter.is_constant else reference


def _environment(step: Step) -> Iterator[Dict[str, Any]]:
    """The pod's environment; what the graph says and this module does not know must not get lost."""
    unknown = sorted(step.kubernetes.keys() - _KNOWN)
    if unknown:
        raise BadInput(f"{step.name} is placed with {', '.join(unknown)}, of which Argo cannot be told")
    for field in step.kubernetes.get("fieldPathAsEnv", []):
        path = _RUN_LABELS.get(field["fieldPath"], field["fieldPath"])
        yield {"name": field["name"], "valueFrom": {"fieldRef": {"fieldPath": path}}}
    for kind, name, key, source in (
        ("secretAsEnv", "secretName", "secretKey", "secretKeyRef"),
        ("configMapAsEnv", "configMapName", "configMapKey", "configMapKeyRef"),
    ):
        for given in step.kubernetes.get(kind, []):
            yield from (_referring(pair["envVar"], source, given[name], pair[key], given) for pair in given["keyToEnv"])


def _referring(variable: str, source: str, name: str, key: str, given: Mapping[str, Any]) -> Dict[str, Any]:
    reference = {"name": name, "key": key, "optional": given.get("optional", False)}
    return {"name": variable, "valueFrom": {source: reference}}


def _resources(given: Mapping[str, Any]) -> Dict[str, Any]:
    limits = _amounts(given, "Limit")
    if "accelerator" in given:
        limits[given["accelerator"]["resourceType"]] = given["accelerator"]["resourceCount"]
    return {"requests": _amounts(given, "Request"), **({"limits": limits} if limits else {})}


def _amounts(given: Mapping[str, Any], kind: str) -> Dict[str, str]:
    """Cores and memory, where the graph says them."""
    keys = {"cpu": f"resourceCpu{kind}", "memory": f"resourceMemory{kind}"}
    return {name: given[key] for name, key in keys.items() if key in given}


def _volume(mount: Mapping[str, Any]) -> Dict[str, Any]:
    """A directory in memory."""
    return {"name": mount["volumeName"], "emptyDir": {"medium": mount["medium"], "sizeLimit": mount["sizeLimit"]}}
