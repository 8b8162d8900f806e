"""To which nodes, and beside which pods, a pod goes: Kubernetes' affinity, in its own words."""

# ruff: noqa: N815  # the fields' names are Kubernetes'

from dataclasses import dataclass
from typing import Dict, Iterator, List, Literal, Optional, Tuple

from podtune_pipelines.pods.syntax import mistake_in

Mistakes = Iterator[Tuple[str, str]]


@dataclass(frozen=True)
class Requirement:
    """One condition on a label, or on a node's field."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: Optional[List[str]] = None

    def mistakes(self) -> Mistakes:
        if mistake := mistake_in("key", self.key):
            yield "key", mistake
        needs = self.operator not in ("Exists", "DoesNotExist")
        if needs != bool(self.values):
            yield "values", f"must {'be given' if needs else 'not be given'} with operator {self.operator}"


@dataclass(frozen=True)
class NodeSelectorTerm:
    """Conditions that a node meets all of."""

    matchExpressions: Optional[List[Requirement]] = None
    matchFields: Optional[List[Requirement]] = None

    def mistakes(self) -> Mistakes:
        if not self.matchExpressions and not self.matchFields:
            yield "matchExpressions", "must be given: an empty term matches no node"


@dataclass(frozen=True)
class NodeSelector:
    """Terms of which a node meets at least one."""

    nodeSelectorTerms: List[NodeSelectorTerm]

    def mistakes(self) -> Mistakes:
        if not self.nodeSelectorTerms:
            yield "nodeSelectorTerms", "must have at least one term"


def _heavy(weight: int) -> Mistakes:
    if not 1 <= weight <= 100:
        yield "weight", f"must be from 1 to 100; got {weight}"


@dataclass(frozen=True)
class PreferredNodes:
    """Nodes that are better, and by how much."""

    weight: int
    preference: NodeSelectorTerm

    def mistakes(self) -> Mistakes:
        yield from _heavy(self.weight)


@dataclass(frozen=True)
class NodeAffinity:
    """To which nodes a pod goes."""

    requiredDuringSchedulingIgnoredDuringExecution: Optional[NodeSelector] = None
    preferredDuringSchedulingIgnoredDuringExecution: Optional[List[PreferredNodes]] = None


@dataclass(frozen=True)
class LabelSelector:
    """Labels of pods, or of namespaces."""

    matchLabels: Optional[Dict[str, str]] = None
    matchExpressions: Optional[List[Requirement]] = None


@dataclass(frozen=True)
class PodTerm:
    """Pods, and what their nodes share."""

    topologyKey: str
    labelSelector: Optional[LabelSelector] = None
    namespaces: Optional[List[str]] = None
    namespaceSelector: Optional[LabelSelector] = None

    def mistakes(self) -> Mistakes:
        if mistake := mistake_in("key", self.topologyKey):
            yield "topologyKey", mistake


@dataclass(frozen=True)
class PreferredPods:
    """Pods beside which it is better, or worse, and by how much."""

    weight: int
    podAffinityTerm: PodTerm

    def mistakes(self) -> Mistakes:
        yield from _heavy(self.weight)


@dataclass(frozen=True)
class PodAffinity:
    """Beside which pods a pod goes, or does not."""

    requiredDuringSchedulingIgnoredDuringExecution: Optional[List[PodTerm]] = None
    preferredDuringSchedulingIgnoredDuringExecution: Optional[List[PreferredPods]] = None


@dataclass(frozen=True)
class Affinity:
    """All of it."""

    nodeAffinity: Optional[NodeAffinity] = None
    podAffinity: Optional[PodAffinity] = None
    podAntiAffinity: Optional[PodAffinity] = None
