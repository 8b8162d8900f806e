"""One object of Kubernetes laid over another, as its strategic merge does."""

from typing import Any, Dict, List, Mapping

_NAMED = {"env": "name", "volumes": "name", "imagePullSecrets": "name", "volumeMounts": "mountPath"}
"""A list to the key by which Kubernetes tells its items apart; every other list is replaced as a whole."""


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Dict[str, Any]:
    """Both mappings, key by key, where `over` goes before; a key for which it has None goes.

    Of the lists with named items, an item goes before that of the same name.
    """
    together = {**base, **{key: _one(key, base.get(key), value) for key, value in over.items()}}
    return {key: value for key, value in together.items() if value is not None}


def _one(key: str, base: Any, over: Any) -> Any:
    if isinstance(over, Mapping):
        return merged(base if isinstance(base, Mapping) else {}, over)
    if isinstance(base, list) and isinstance(over, list) and key in _NAMED:
        return _by_name(base, over, _NAMED[key])
    return over


def _by_name(base: List[Any], over: List[Any], name: str) -> List[Any]:
    items = [*base, *over]
    if all(isinstance(item, Mapping) and name in item for item in items):
        return list({item[name]: item for item in items}.values())
    return over


def without_unmounted(volumes: List[Dict[str, Any]], container: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """The volumes that a container mounts."""
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    return [volume for volume in volumes if volume["name"] in mounted]
