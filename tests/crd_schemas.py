"""Custom resource definitions read strictly."""

import copy
from typing import Any, Dict


def strict(node: Dict[str, Any]) -> Dict[str, Any]:
    """A CRD's schema, in which an unknown field is an error; an API server would silently leave it out."""
    node = copy.deepcopy(node)
    if node.pop("x-kubernetes-int-or-string", False):
        node.pop("anyOf", None)
        node["type"] = ["integer", "string"]
    properties = node.get("properties", {})
    if properties and "additionalProperties" not in node:
        node["additionalProperties"] = False
    node["properties"] = {name: strict(inner) for name, inner in properties.items()}
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            node[inner] = strict(node[inner])
    if not properties:
        del node["properties"]
    return node
