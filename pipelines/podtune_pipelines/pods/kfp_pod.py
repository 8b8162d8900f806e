"""A placement's pod on KFP: what kfp-kubernetes can say, and what it cannot."""

import re
from typing import Any, Callable, Dict, Iterator, List, Tuple

from podtune.sections import to_mapping
from podtune.steps.table import STEPS

from podtune_pipelines.kfp_compiler import kubernetes
from podtune_pipelines.pods.kubernetes_pod import resources_of
from podtune_pipelines.pods.placement_file import Pods
from podtune_pipelines.pods.pod import Pod, Variable
from podtune_pipelines.pods.syntax import amount
from podtune_pipelines.pods.volumes import Volume

_CORES, _MEMORY = re.compile(r"([0-9]*[.])?[0-9]+m?"), re.compile(r"[0-9]+([EPTGM]i?)?")
"""Quantities that kfp takes, of those that Kubernetes does."""

_READ_ONLY = ("configMap", "secret")
"""Volumes that are read-only whatever is said."""

Cannot = Tuple[str, Callable[[Pod], bool], str]

CANNOT: List[Cannot] = [
    (
        "resources",
        lambda pod: "ephemeral-storage" in {**pod.resources.requests, **pod.resources.limits},
        "KFP 2.17 knows cpu and memory only; give ephemeral-storage its default by a LimitRange of the namespace, or "
        "mount an ephemeral volume at /tmp",
    ),
    (
        "affinity",
        lambda pod: pod.affinity is not None and bool(pod.affinity.podAffinity or pod.affinity.podAntiAffinity),
        "KFP 2.17 has nodeAffinity only; say with it, or with nodeSelector, which nodes are meant",
    ),
    (
        "priorityClassName",
        lambda pod: pod.priorityClassName is not None,
        "KFP 2.17 has no priority; make the class the cluster's globalDefault, or write the pipeline with podtune argo",
    ),
    (
        "terminationGracePeriodSeconds",
        lambda pod: pod.terminationGracePeriodSeconds is not None,
        "KFP 2.17 kills a step within a second of SIGTERM; set training.checkpoint_minutes of the recipe instead",
    ),
    (
        "securityContext",
        lambda pod: pod.securityContext is not None,
        "KFP 2.17 sets no groups of a pod; take a storage class whose volumes everybody may write, or podtune argo",
    ),
    (
        "volumes",
        lambda pod: any(one.readOnly and not _has(one, *_READ_ONLY) for one in pod.volumes),
        "KFP 2.17 mounts claims and directories for writing only; leave readOnly out, or make the claim ReadOnlyMany",
    ),
    (
        "volumes",
        lambda pod: any(one.subPath is not None and not _has(one, "persistentVolumeClaim") for one in pod.volumes),
        "KFP 2.17 has a subPath of persistentVolumeClaim only; leave it out",
    ),
]
"""Field, whether a pod has what KFP cannot say, and why and what to do instead."""


def refusals(pods: Pods, *, by_ipujobs: bool) -> Iterator[str]:
    """What a placement says of the pods that KFP itself starts and KFP cannot say, by the file's own names."""
    elsewhere = {step.by_job for step in STEPS.values() if step.by_ipujob and by_ipujobs}
    for step in STEPS:
        if step in elsewhere:
            continue
        pod = pods.of(step)
        for key, has, reason in CANNOT:
            if has(pod):
                yield f"{pods.where(step, key)}: {reason}"
        if "serviceAccountName" in pods.steps.get(step, {}):
            yield f"steps.{step}.serviceAccountName: KFP 2.17 has one account a run; say it under all"


def set_resources(task: Any, step: str, pod: Pod) -> None:
    """Set a task's cores and memory: podtune's own requests, unless the placement has others."""
    resources = resources_of(step, pod)
    task.set_cpu_request(_cores(resources.requests["cpu"])).set_memory_request(_memory(resources.requests["memory"]))
    if "cpu" in resources.limits:
        task.set_cpu_limit(_cores(resources.limits["cpu"]))
    if "memory" in resources.limits:
        task.set_memory_limit(_memory(resources.limits["memory"]))


def set_pod(task: Any, pod: Pod) -> None:
    """Set all else that a placement says of a task's pod, but for the accelerator and the retries."""
    _set_scheduling(task, pod)
    for key, value in pod.labels.items():
        kubernetes.add_pod_label(task, key, value)
    for key, value in pod.annotations.items():
        kubernetes.add_pod_annotation(task, key, value)
    if pod.imagePullPolicy:
        kubernetes.set_image_pull_policy(task, pod.imagePullPolicy)
    if pod.imagePullSecrets:
        kubernetes.set_image_pull_secrets(task, [secret.name for secret in pod.imagePullSecrets])
    if pod.activeDeadlineSeconds:
        kubernetes.set_timeout(task, pod.activeDeadlineSeconds)
    for variable in pod.env:
        _set_variable(task, variable)
    for volume in pod.volumes:
        _mount(task, volume)


def _set_scheduling(task: Any, pod: Pod) -> None:
    for key, value in pod.nodeSelector.items():
        kubernetes.add_node_selector(task, key, value)
    for one in pod.tolerations:
        kubernetes.add_toleration(
            task,
            key=one.key,
            operator=one.operator,
            value=one.value,
            effect=one.effect,
            toleration_seconds=one.tolerationSeconds,
        )
    nodes = pod.affinity.nodeAffinity if pod.affinity else None
    if nodes is None:
        return
    required = nodes.requiredDuringSchedulingIgnoredDuringExecution
    for term in required.nodeSelectorTerms if required else ():
        kubernetes.add_node_affinity(task, **_term(term))
    for better in nodes.preferredDuringSchedulingIgnoredDuringExecution or ():
        kubernetes.add_node_affinity(task, **_term(better.preference), weight=better.weight)


def _term(term: Any) -> Dict[str, Any]:
    whole = to_mapping(term)
    return {"match_expressions": whole.get("matchExpressions"), "match_fields": whole.get("matchFields")}


def _set_variable(task: Any, variable: Variable) -> None:
    origin = variable.valueFrom
    if origin is None:
        task.set_env_variable(variable.name, variable.value)
    elif origin.fieldRef:
        kubernetes.use_field_path_as_env(task, variable.name, origin.fieldRef.fieldPath)
    elif origin.secretKeyRef:
        of = origin.secretKeyRef
        kubernetes.use_secret_as_env(task, of.name, {of.key: variable.name}, optional=of.optional)
    elif origin.configMapKeyRef:
        of = origin.configMapKeyRef
        kubernetes.use_config_map_as_env(task, of.name, {of.key: variable.name}, optional=of.optional)


def _mount(task: Any, volume: Volume) -> None:
    path = volume.mountPath
    if volume.persistentVolumeClaim:
        kubernetes.mount_pvc(task, volume.persistentVolumeClaim.claimName, path, sub_path=volume.subPath or "")
    elif volume.emptyDir:
        directory = volume.emptyDir
        medium, size = directory.medium or None, directory.sizeLimit
        kubernetes.empty_dir_mount(task, volume.name, path, medium=medium, size_limit=size)
    elif volume.ephemeral:
        claim = volume.ephemeral.volumeClaimTemplate.spec
        size, kind = claim.resources.requests.storage, claim.storageClassName
        kubernetes.add_ephemeral_volume(task, volume.name, path, list(claim.accessModes), size, kind)
    elif volume.configMap:
        kubernetes.use_config_map_as_volume(task, volume.configMap.name, path, optional=volume.configMap.optional)
    elif volume.secret:
        kubernetes.use_secret_as_volume(task, volume.secret.secretName, path, optional=volume.secret.optional)


def _has(volume: Volume, *sources: str) -> bool:
    return any(getattr(volume, source) for source in sources)


def _cores(text: str) -> str:
    return text if _CORES.fullmatch(text) else f"{amount(text):f}"


def _memory(text: str) -> str:
    return text if _MEMORY.fullmatch(text) else f"{amount(text):.0f}"
