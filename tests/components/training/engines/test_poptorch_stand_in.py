"""The stand-in for PopTorch has PopTorch's names, signatures and numbers, and no others."""

import ast
import inspect
import re
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from poptorch_layer.backend import FACTS
from poptorch_layer.stand_in import optim, options, poptorch

ERRORS = {"Error", "RecoverableError", "UnrecoverableError"}
PROPERTIES = {"model", "rng_state"}
"""Of a program; the facts have methods only. test_poptorch_sources.py sees that PopTorch has these."""

CLASSES: Dict[str, Dict[str, str]] = {**FACTS["classes"], **FACTS["options"]}
Parameters = List[Tuple[str, Any]]


def parameters(signature: str) -> Parameters:
    """Names and defaults of a signature that the facts write down."""
    (function,) = ast.parse(f"def function{signature}: ...").body
    arguments = function.args  # type: ignore[attr-defined]  # of a function, which it is
    defaults = [ast.literal_eval(each) for each in arguments.defaults]
    names = [each.arg for each in arguments.args]
    required = [(name, inspect.Parameter.empty) for name in names[: len(names) - len(defaults)]]
    variable = [(each.arg, inspect.Parameter.empty) for each in (arguments.vararg, arguments.kwarg) if each]
    return [*required, *zip(names[len(required) :], defaults), *variable]


def own(function: Any) -> Parameters:
    return [(each.name, each.default) for each in inspect.signature(function).parameters.values()]


def methods() -> Iterator[Tuple[str, str, Any]]:
    """Class, name and function of all that the stand-in's classes can do."""
    for kind in (*vars(options).values(), poptorch.PoplarExecutor):
        if inspect.isclass(kind) and kind.__name__ in CLASSES:
            for name, function in inspect.getmembers(kind, inspect.isfunction):
                if name in CLASSES[kind.__name__] or not name.startswith("_"):
                    yield kind.__name__, name, function


def test_every_name_is_poptorchs() -> None:
    known = {*FACTS["functions"], *FACTS["classes"], *FACTS["enums"], *ERRORS, "optim"}

    assert set(poptorch.__all__) - known == set()
    assert [name for name in vars(optim) if name[0].isupper() and name in FACTS["optim"]] == ["AdamW"]


def test_every_function_takes_what_poptorchs_takes() -> None:
    functions = [name for name in poptorch.__all__ if name in FACTS["functions"]]

    assert len(functions) == 8
    for name in functions:
        assert own(getattr(poptorch, name)) == parameters(FACTS["functions"][name]), name
    assert own(optim.AdamW.__init__) == parameters(FACTS["optim"]["AdamW"])


def test_every_method_is_poptorchs_and_takes_what_that_takes() -> None:
    checked = []
    for kind, name, function in methods():
        assert name in CLASSES[kind], f"PopTorch's {kind} has no {name}"
        assert own(function) == parameters(CLASSES[kind][name]), f"{kind}.{name}"
        checked.append(f"{kind}.{name}")
    assert len(checked) == 31
    assert "_TrainingOptions.gradientAccumulation" in checked
    found = {name for name, _ in inspect.getmembers(poptorch.PoplarExecutor, lambda each: isinstance(each, property))}
    assert found | {"model"} == PROPERTIES


@pytest.mark.parametrize("enum", ["AutoStage", "OutputMode", "ReductionType"])
def test_every_number_is_poptorchs(enum: str) -> None:
    assert {member.name: member.value for member in getattr(poptorch, enum)} == FACTS["enums"][enum]


def test_what_poptorch_does_not_have_is_refused() -> None:
    with pytest.raises(AttributeError, match=re.escape("deviceIteration")):
        poptorch.Options().deviceIteration(2)  # type: ignore[attr-defined]  # it has not
