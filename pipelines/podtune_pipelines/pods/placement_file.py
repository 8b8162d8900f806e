"""A placement file: what a cluster's owners say of the pods, for all steps and by step, read strictly."""

import json
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple, get_args, get_type_hints

from podtune.environment import IPU_POD
from podtune.errors import BadInput
from podtune.merging import merged
from podtune.sections import Mistakes, read_parts, read_section, read_settings_file
from podtune.steps.table import STEPS

from podtune_pipelines.pods.kubernetes_pod import pod_patch, resources_above_limits
from podtune_pipelines.pods.pod import Pod, Variable
from podtune_pipelines.pods.volumes import CA_BUNDLE, CA_PATH, ConfigMap, Secret, Volume
from podtune_pipelines.pods.whole_run import Run

_CA_VARIABLES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Of boto3, of Python's ssl and the Hub's client, and of requests."""

_NOT_FROM_ALL = ("serviceAccountName", "resources", "retries", "accelerator")
"""What `all` does not say of an IPUJob's worker: accounts and sizes are its own, and its step is retried."""

EXAMPLE = Path(__file__).with_name("example.yaml")
"""Every field, with a comment on each."""


@dataclass(frozen=True)
class Pods:
    """What a placement file says of each step's pod; nothing where there is no file."""

    source: str = ""
    """The file's name."""

    run: Run = field(default_factory=Run)
    all: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, step: str) -> Pod:
        """The pod of a step; for one that an IPUJob does, the pod that waits for it."""
        pod = _bundled(_read(merged(self.all, self.steps.get(step, {})), f"steps.{step}"))
        patch = pod_patch(self.of_worker(STEPS[step].by_job)) if STEPS[step].by_ipujob else {}
        if not patch:
            return pod
        variable = Variable(IPU_POD.name, value=json.dumps(patch, sort_keys=True))
        return replace(pod, env=[*pod.env, variable])

    def without_cache(self) -> "Pods":
        """The same, for a run that reuses no results."""
        return replace(self, run=replace(self.run, cache=False))

    @property
    def account(self) -> str:
        """The service account that `all` names; empty where it names none."""
        return self.all.get("serviceAccountName") or ""

    def of_worker(self, step: str) -> Pod:
        """The pod of an IPUJob's worker that does this step."""
        common = {key: value for key, value in self.all.items() if key not in _NOT_FROM_ALL}
        return _bundled(_read(merged(common, self.steps.get(step, {})), f"steps.{step}"))

    def where(self, step: str, key: str) -> str:
        """How the file names a step's field."""
        return f"steps.{step}.{key}" if key in self.steps.get(step, {}) else f"all.{key}"

    def refuse(self, lines: List[str]) -> None:
        """BadInput with these mistakes of the file, each once."""
        if lines:
            raise BadInput("\n".join(f"{self.source}: {line}" for line in dict.fromkeys(lines)))


NOTHING = Pods()
"""Where there is no file."""


def load_pods(source: str) -> Pods:
    """Read a placement file; BadInput with every mistake in it. Without a name nothing is said."""
    if not source:
        return NOTHING
    values = read_settings_file(Path(source))
    pods, lines = _checked(source, values)
    pods.refuse(lines)
    return pods


def _checked(source: str, values: Mapping[str, Any]) -> Tuple[Pods, List[str]]:
    """The file's content, and what is wrong with it: with each part, and where they are right, with what they make."""
    given = _stated(values)
    common, steps = given.get("all", {}), given.get("steps", {})
    plain = {**given, "all": _without_none(Pod, common)}
    read, lines = read_parts({"run": Run, "all": Pod, "steps": Dict[str, Any]}, plain, "")
    if isinstance(steps, Mapping):
        steps = _stated(steps)
        own = {name: _without_none(Pod, step) for name, step in steps.items()}
        lines += read_parts(dict.fromkeys(STEPS, Pod), own, "steps")[1]
    if lines:
        return Pods(source), lines
    pods = Pods(source, read.get("run", Run()), common, steps)
    try:
        for step in STEPS:
            lines += _mistakes_of(pods, step)
    except Mistakes as mistakes:
        lines += mistakes.lines
    return pods, lines


def _mistakes_of(pods: Pods, step: str) -> List[str]:
    """What is wrong with a step's pod, in which both parts of the file and podtune's own requests come together."""
    pod, needs = pods.of(step), STEPS[step]
    lines = [
        f"{pods.where(step, 'resources')}: {text}; say resources.requests of steps.{step} too"
        for text in resources_above_limits(step, pod)
    ]
    if "accelerator" in pods.steps.get(step, {}) and not needs.on_accelerator:
        having = " and ".join(name for name, one in STEPS.items() if one.on_accelerator)
        lines.append(f"steps.{step}.accelerator is not a setting: {step} needs none; {having} do")
    return lines


def _read(values: Mapping[str, Any], where: str) -> Pod:
    return read_section(Pod, _without_none(Pod, values), where)


def _stated(parts: Mapping[str, Any]) -> Dict[str, Any]:
    """Parts of the file, where nothing is said of one whose lines are all comments."""
    return {name: {} if part is None else part for name, part in parts.items()}


def _without_none(kind: Any, values: Any) -> Any:
    """Without the keys by which a step takes back what `all` says; keys that `kind` does not have stay, to be told."""
    if not isinstance(values, Mapping):
        return values
    kinds = get_type_hints(kind) if is_dataclass(kind) else {}
    known = values.keys() & kinds.keys() if kinds else values.keys()
    return {
        key: _without_none(_inner(kinds.get(key)), value)
        for key, value in values.items()
        if value is not None or key not in known
    }


def _inner(kind: Any) -> Any:
    """The type that an optional one has when it is given."""
    return next((option for option in get_args(kind) if is_dataclass(option)), kind)


def _bundled(pod: Pod) -> Pod:
    """A pod with its certificate authorities as a volume, and the variables that name their file."""
    bundle = pod.caBundle
    origin = bundle and (bundle.configMapKeyRef or bundle.secretKeyRef)
    if not bundle or not origin:
        return pod
    source: Dict[str, Any] = {"secret": Secret(origin.name, origin.optional)}
    if bundle.configMapKeyRef:
        source = {"configMap": ConfigMap(origin.name, origin.optional)}
    named = {one.name for one in pod.env}
    variables = [Variable(name, value=f"{CA_PATH}/{origin.key}") for name in _CA_VARIABLES if name not in named]
    volume = Volume(CA_BUNDLE, CA_PATH, **source)
    return replace(pod, volumes=[*pod.volumes, volume], env=[*pod.env, *variables])
