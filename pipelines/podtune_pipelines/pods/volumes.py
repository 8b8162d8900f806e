"""What a pod mounts: a volume of Kubernetes and where it stands in the container, in one record."""

# ruff: noqa: N815  # the fields' names are Kubernetes'

from dataclasses import dataclass, fields
from typing import Any, Dict, Iterator, List, Literal, Optional, Tuple

from podtune.sections import to_mapping

from podtune_pipelines.pods.syntax import mistake_in

Mistakes = Iterator[Tuple[str, str]]

CA_BUNDLE, CA_PATH = "ca-bundle", "/podtune/ca"

_OWN = {
    "shm": "/dev/shm",  # noqa: S108  # in the pod
    "shared-memory": "/dev/shm",  # noqa: S108
    "temporary": "/tmp",  # noqa: S108
    "outputs": "/podtune/outputs",
    "executables": "/executables",
    CA_BUNDLE: CA_PATH,
}
"""Podtune's own volumes to where they are mounted."""


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim that is there."""

    claimName: str

    def mistakes(self) -> Mistakes:
        if mistake := mistake_in("name", self.claimName):
            yield "claimName", mistake


@dataclass(frozen=True)
class EmptyDir:
    """An empty directory on the node, or in its memory."""

    medium: Optional[Literal["", "Memory"]] = None
    sizeLimit: Optional[str] = None

    def mistakes(self) -> Mistakes:
        if self.sizeLimit is not None and (mistake := mistake_in("quantity", self.sizeLimit)):
            yield "sizeLimit", mistake


@dataclass(frozen=True)
class StorageRequests:
    """The size of a volume."""

    storage: str

    def mistakes(self) -> Mistakes:
        if mistake := mistake_in("quantity", self.storage):
            yield "storage", mistake


@dataclass(frozen=True)
class StorageResources:
    """What a volume has."""

    requests: StorageRequests


@dataclass(frozen=True)
class ClaimSpec:
    """A claim that is to be made."""

    accessModes: List[Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]]
    resources: StorageResources
    storageClassName: Optional[str] = None


@dataclass(frozen=True)
class ClaimTemplate:
    """A claim that is made for one pod and deleted with it."""

    spec: ClaimSpec


@dataclass(frozen=True)
class Ephemeral:
    """A volume of the pod's own."""

    volumeClaimTemplate: ClaimTemplate


@dataclass(frozen=True)
class ConfigMap:
    """A config map, whose keys become files."""

    name: str
    optional: bool = False

    def mistakes(self) -> Mistakes:
        if mistake := mistake_in("name", self.name):
            yield "name", mistake


@dataclass(frozen=True)
class Secret:
    """A secret, whose keys become files."""

    secretName: str
    optional: bool = False

    def mistakes(self) -> Mistakes:
        if mistake := mistake_in("name", self.secretName):
            yield "secretName", mistake


@dataclass(frozen=True)
class Volume:
    """A volume and its mount; it takes the place of podtune's own of the same name or path."""

    name: str
    mountPath: str
    subPath: Optional[str] = None
    readOnly: Optional[bool] = None
    persistentVolumeClaim: Optional[Claim] = None
    emptyDir: Optional[EmptyDir] = None
    ephemeral: Optional[Ephemeral] = None
    configMap: Optional[ConfigMap] = None
    secret: Optional[Secret] = None

    def mistakes(self) -> Mistakes:
        for key, kind in (("name", "label"), ("mountPath", "path")):
            if mistake := mistake_in(kind, getattr(self, key)):
                yield key, mistake
        if _OWN.get(self.name, self.mountPath) != self.mountPath:
            yield "name", f"must be another: {self.name} is podtune's own volume at {_OWN[self.name]}"
        if self.subPath is not None and (mistake := mistake_in("path", f"/{self.subPath}")):
            yield "subPath", "must be a relative path without .. and :"
        given = [name for name in _SOURCES if getattr(self, name)]
        if len(given) != 1:
            yield "name", f"needs one of {', '.join(_SOURCES)}; got {' and '.join(given) or 'none'}"

    def source(self) -> Dict[str, Any]:
        """The volume as a pod has it."""
        whole = to_mapping(self)
        return {"name": self.name, **{key: whole[key] for key in _SOURCES if key in whole}}

    def mount(self) -> Dict[str, Any]:
        """Its mount as a container has it."""
        whole = to_mapping(self)
        return {key: value for key, value in whole.items() if key not in _SOURCES}


_SOURCES = tuple(field.name for field in fields(Volume))[4:]
