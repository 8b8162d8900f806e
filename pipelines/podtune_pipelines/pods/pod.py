"""What a placement file says of one pod: the fields of Kubernetes' pods that belong to a cluster's owners."""

# ruff: noqa: N815  # the fields' names are Kubernetes'

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, Iterator, List, Literal, Mapping, Optional, Tuple

from podtune.environment import IPU_POD, NOTIFY_URL, RUN, SIGNED, SIGNING_KEY
from podtune.jobs.ipujob import SECRET_VARIABLES
from podtune.jobs.trainjob import GPU

from podtune_pipelines.pods.affinity import Affinity
from podtune_pipelines.pods.syntax import amount, mistake_in
from podtune_pipelines.pods.volumes import Volume

Mistakes = Iterator[Tuple[str, str]]

OWN_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/component", "podtune/ipujob")
"""By which network policies, and podtune itself, find its pods."""

_OWN_VARIABLES = (RUN.name, IPU_POD.name)

_SECRET_VARIABLES = (*SECRET_VARIABLES, "AWS_SESSION_TOKEN", "HF_TOKEN", SIGNING_KEY.name, SIGNED.name, NOTIFY_URL.name)
_PASSWORD = re.compile(r"://[^/@\s]+@")
"""In the address of a proxy."""

_RESOURCES = ("cpu", "memory", "ephemeral-storage")


@dataclass(frozen=True)
class Resources:
    """Cores, memory and disk."""

    requests: Dict[str, Any] = field(default_factory=dict)
    limits: Dict[str, Any] = field(default_factory=dict)

    def mistakes(self) -> Mistakes:
        for kind, values in (("requests", self.requests), ("limits", self.limits)):
            for name, value in values.items():
                if name not in _RESOURCES:
                    yield f"{kind}.{name}", f"is not one of {', '.join(_RESOURCES)}; a device is named by accelerator"
                elif mistake := mistake_in("quantity", value):
                    yield f"{kind}.{name}", mistake
        for name, request in self.above_limits():
            yield f"requests.{name}", f"must not be above limits.{name}, {self.limits[name]}; got {request}"

    def above_limits(self) -> Iterator[Tuple[str, str]]:
        """Each request that is above its limit."""
        for name in self.requests.keys() & self.limits.keys():
            request, limit = (amount(str(values[name])) for values in (self.requests, self.limits))
            if request and limit and request > limit:
                yield name, str(self.requests[name])


@dataclass(frozen=True)
class Accelerator:
    """What a GPU is called here, in runs with --device gpu."""

    resource: str = GPU
    count: Optional[int] = None
    """As many as --devices says unless it is given."""

    def mistakes(self) -> Mistakes:
        if mistake := mistake_in("resource", self.resource):
            yield "resource", mistake
        if self.count is not None and self.count < 1:
            yield "count", f"must be at least 1; got {self.count}"


@dataclass(frozen=True)
class Toleration:
    """A taint that a node may have."""

    key: Optional[str] = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: Optional[str] = None
    effect: Optional[Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]] = None
    tolerationSeconds: Optional[int] = None

    def mistakes(self) -> Mistakes:
        if self.key is None and self.operator != "Exists":
            yield "key", "is missing; only operator Exists has none"
        if self.key is not None and (mistake := mistake_in("key", self.key)):
            yield "key", mistake
        if self.value is not None and (mistake := mistake_in("value", self.value)):
            yield "value", mistake
        if self.value and self.operator == "Exists":
            yield "value", "must not be given with operator Exists"
        if self.tolerationSeconds is not None and self.effect != "NoExecute":
            yield "tolerationSeconds", "needs effect NoExecute"


@dataclass(frozen=True)
class KeyRef:
    """A key of a secret or of a config map."""

    name: str
    key: str
    optional: bool = False

    def mistakes(self) -> Mistakes:
        for name, kind in (("name", "name"), ("key", "file")):
            if mistake := mistake_in(kind, getattr(self, name)):
                yield name, mistake


@dataclass(frozen=True)
class FieldRef:
    """A field of the pod itself, such as status.podIP."""

    fieldPath: str


@dataclass(frozen=True)
class ValueFrom:
    """Where a variable's value is."""

    secretKeyRef: Optional[KeyRef] = None
    configMapKeyRef: Optional[KeyRef] = None
    fieldRef: Optional[FieldRef] = None

    def mistakes(self) -> Mistakes:
        if sum(map(bool, (self.secretKeyRef, self.configMapKeyRef, self.fieldRef))) != 1:
            yield "secretKeyRef", "or configMapKeyRef or fieldRef must be given, and one of them only"


@dataclass(frozen=True)
class Variable:
    """An environment variable of the step's container."""

    name: str
    value: Optional[str] = None
    valueFrom: Optional[ValueFrom] = None

    def mistakes(self) -> Mistakes:
        if mistake := mistake_in("variable", self.name):
            yield "name", mistake
        if self.name in _OWN_VARIABLES:
            yield "name", f"must be another: podtune sets {self.name} itself"
        if self.value is not None and (self.name in _SECRET_VARIABLES or _PASSWORD.search(self.value)):
            yield "value", "is a secret, which every reader of a pipeline would see; say valueFrom.secretKeyRef"
        if (self.value is None) == (self.valueFrom is None):
            yield "value", "or valueFrom must be given, and one of them only"


@dataclass(frozen=True)
class Bundle:
    """The certificate authorities that the pod trusts, instead of the public ones."""

    configMapKeyRef: Optional[KeyRef] = None
    secretKeyRef: Optional[KeyRef] = None

    def mistakes(self) -> Mistakes:
        if bool(self.configMapKeyRef) == bool(self.secretKeyRef):
            yield "configMapKeyRef", "or secretKeyRef must be given, and one of them only"


@dataclass(frozen=True)
class SecurityContext:
    """The groups of the pod's processes, who are not root: a fresh volume is often root's alone."""

    fsGroup: Optional[int] = None
    fsGroupChangePolicy: Optional[Literal["Always", "OnRootMismatch"]] = None
    supplementalGroups: Optional[List[int]] = None

    def mistakes(self) -> Mistakes:
        for key, groups in (("fsGroup", [self.fsGroup]), ("supplementalGroups", self.supplementalGroups or [])):
            if any(group is not None and not 0 <= group < 1 << 31 for group in groups):
                yield key, f"must be a group's number, from 0; got {getattr(self, key)}"


@dataclass(frozen=True)
class PullSecret:
    """A secret by which images are pulled."""

    name: str

    def mistakes(self) -> Mistakes:
        if mistake := mistake_in("name", self.name):
            yield "name", mistake


@dataclass(frozen=True)
class Pod:
    """One step's pod. What is not given is as podtune sets it."""

    resources: Resources = field(default_factory=Resources)
    accelerator: Optional[Accelerator] = None
    nodeSelector: Dict[str, str] = field(default_factory=dict)
    affinity: Optional[Affinity] = None
    tolerations: List[Toleration] = field(default_factory=list)
    labels: Dict[str, str] = field(default_factory=dict)
    annotations: Dict[str, str] = field(default_factory=dict)
    priorityClassName: Optional[str] = None
    imagePullPolicy: Optional[Literal["Always", "IfNotPresent", "Never"]] = None
    imagePullSecrets: List[PullSecret] = field(default_factory=list)
    serviceAccountName: Optional[str] = None
    securityContext: Optional[SecurityContext] = None
    env: List[Variable] = field(default_factory=list)
    caBundle: Optional[Bundle] = None
    volumes: List[Volume] = field(default_factory=list)
    activeDeadlineSeconds: Optional[int] = None
    """Of one try, from when its pod has a node."""

    terminationGracePeriodSeconds: Optional[int] = None
    """After SIGTERM."""

    retries: Optional[int] = None
    """After the first try."""

    @property
    def gpus(self) -> Accelerator:
        """What its GPUs are called, also where nothing is said."""
        return self.accelerator or Accelerator()

    def mistakes(self) -> Mistakes:
        yield from self._of_metadata()
        for key in ("priorityClassName", "serviceAccountName"):
            if getattr(self, key) is not None and (mistake := mistake_in("name", getattr(self, key))):
                yield key, mistake
        for key, least in (("activeDeadlineSeconds", 1), ("terminationGracePeriodSeconds", 0), ("retries", 0)):
            number = getattr(self, key)
            if number is not None and not least <= number < 1 << 31:
                yield key, f"must be a whole number from {least}; got {number}"
        yield from _twice("env", "name", (one.name for one in self.env))
        yield from _twice("volumes", "name", (one.name for one in self.volumes))
        yield from _twice("volumes", "mountPath", (one.mountPath for one in self.volumes))

    def _of_metadata(self) -> Mistakes:
        pairs: Tuple[Tuple[str, Mapping[str, str]], ...] = (
            ("labels", self.labels),
            ("annotations", self.annotations),
            ("nodeSelector", self.nodeSelector),
        )
        for kind, values in pairs:
            for key, value in values.items():
                if mistake := mistake_in("key", key):
                    yield f"{kind}.{key}", f"is no key: it {mistake}"
                elif kind != "annotations" and (mistake := mistake_in("value", value)):
                    yield f"{kind}.{key}", mistake
        for key in self.labels.keys() & set(OWN_LABELS):
            yield f"labels.{key}", "is podtune's own: network policies find the steps by it"


def _twice(where: str, key: str, values: Iterable[str]) -> Mistakes:
    seen: Dict[str, int] = {}
    for index, value in enumerate(values):
        if value in seen:
            yield f"{where}[{index}].{key}", f"is that of {where}[{seen[value]}] too: {value!r}"
        seen.setdefault(value, index)
