"""All that our code asks of PopTorch exists in SDK 3.4, by name, argument and type; no PopTorch is needed to see it.

The facts in poptorch_api.json were read from PopTorch's own package (public names and signatures).
"""

import ast
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import podtune.training.engines
import pytest

ENGINES = Path(podtune.training.engines.__file__).parent
API: Dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "poptorch_layer" / "poptorch_api.json").read_text(encoding="utf-8")
)
MODULES = sorted(ENGINES.glob("poptorch_*.py"))
CLASSES = {**API["classes"], **API["options"]}


def known_names() -> List[str]:
    enums = [f"{enum}.{member}" for enum, members in API["enums"].items() for member in members]
    errors = ["Error", "RecoverableError", "UnrecoverableError"]
    return [
        *API["functions"],
        *API["classes"],
        *enums,
        *API["enums"],
        *errors,
        *(f"optim.{name}" for name in API["optim"]),
    ]


def dotted(node: ast.AST) -> str:
    """a.b.c of an attribute chain that starts with a name; of others, what follows the last call."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def nodes(kind: Any) -> Iterator[Tuple[str, Any]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                yield path.name, node


def test_there_are_modules_to_look_at() -> None:
    assert [path.stem for path in MODULES] == ["poptorch_engine", "poptorch_program"]


def test_every_name_of_poptorch_exists() -> None:
    used = {dotted(node) for _, node in nodes(ast.Attribute)}
    used_names = {name[len("poptorch.") :] for name in used if name.startswith("poptorch.")}

    known = set(known_names())
    assert "identity_loss" in used_names
    assert {
        name for name in used_names if name not in known and not any(each.startswith(f"{name}.") for each in known)
    } == set()


def test_every_argument_of_poptorch_exists() -> None:
    signatures = {**API["functions"], **{f"optim.{name}": signature for name, signature in API["optim"].items()}}
    checked = []
    for file, call in nodes(ast.Call):
        name = dotted(call.func)[len("poptorch.") :] if dotted(call.func).startswith("poptorch.") else ""
        for keyword in call.keywords:
            if name in signatures and keyword.arg:
                checked.append((name, keyword.arg))
                assert f"{keyword.arg}:" in signatures[name], f"{file}: {name} takes no {keyword.arg}"
    assert ("BeginBlock", "ipu_id") in checked
    assert ("optim.AdamW", "loss_scaling") in checked


@pytest.mark.parametrize(
    ("owner", "kind"),
    [
        ("options", "Options"),
        ("options.Training", "_TrainingOptions"),
        ("options.Precision", "_PrecisionOptions"),
        ("options.TensorLocations", "_TensorLocationOptions"),
        ("options._Popart", "_PopartOptions"),
    ],
)
def test_every_option_exists(owner: str, kind: str) -> None:
    called = {dotted(call.func) for _, call in nodes(ast.Call)}
    methods = {name.rpartition(".")[2] for name in called if name.rpartition(".")[0] == owner}

    assert methods
    assert methods - set(CLASSES[kind]) == set()


def test_every_method_of_a_program_exists() -> None:
    called = {dotted(call.func) for _, call in nodes(ast.Call)}
    owners = ("program", "self._training", "self._predicting")
    methods = {name.rpartition(".")[2] for name in called if name.rpartition(".")[0] in owners}

    assert "detachFromDevice" in methods
    assert methods - set(CLASSES["PoplarExecutor"]) == set()


def test_every_session_option_has_a_name_and_a_type_that_the_backend_knows() -> None:
    kinds = {bool: "bool", int: "uint64", float: "double", str: "string", dict: "container", list: "container"}
    tree: Any = ast.parse((ENGINES / "poptorch_program.py").read_text(encoding="utf-8"))
    constants = {node.targets[0].id: node.value.value for node in tree.body if is_number(node)}
    found = {key: kinds[type(value)] for key, value in session_options(tree, constants)}

    assert found == {
        "disableGradAccumulationTensorStreams": "bool",
        "outlineThreshold": "double",
        "subgraphCopyingStrategy": "uint64",
        "scheduleNonWeightUpdateGradientConsumersEarly": "bool",
        "engineOptions": "container",
        "accumulateOuterFragmentSettings.schedule": "uint64",
        "accumulateOuterFragmentSettings.excludedVirtualGraphs": "container",
    }
    assert all(name in API["session_options"][kind] for name, kind in found.items())


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, int)


def session_options(tree: ast.Module, constants: Dict[str, int]) -> Iterator[Tuple[str, Any]]:
    """Key and value of every session option that the module sets."""
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "_session_options")
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            pairs = [(key.value, value) for key, value in zip(node.keys, node.values) if isinstance(key, ast.Constant)]
            yield from ((key, value_of(value, constants)) for key, value in pairs if "." not in key or "Outer" in key)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            key = node.targets[0].slice
            yield ast.literal_eval(key), value_of(node.value, constants)


def value_of(node: ast.AST, constants: Dict[str, int]) -> Any:
    return constants[node.id] if isinstance(node, ast.Name) else ast.literal_eval(node)
