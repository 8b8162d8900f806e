"""A step has one declaration: its run, its component, the recipe and the command line use the same names."""

import dataclasses
import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, get_type_hints

import podtune
import pytest
from podtune.__main__ import documentation_of, parser_of, run_of
from podtune.steps.table import STEPS
from podtune_pipelines.recipe import Recipe

SECTIONS = {field.name for field in dataclasses.fields(Recipe)} - {"name", "task"}


def component_of(step: str) -> Any:
    return getattr(import_module(f"podtune.steps.{step}.component"), step)


def kinds_of(step: str) -> Dict[str, str]:
    """Kind of each of a component's parameters; what its run returns as metrics is none."""
    specification = component_of(step).component_spec
    kinds = {"String": "text", "PipelineTaskFinalStatus": "text", "typing.Dict[str, typing.Any]": "section"}
    inputs = {name: kinds.get(one.type, "input") for name, one in specification.inputs.items()}
    outputs = {name: "output" for name, one in (specification.outputs or {}).items() if "Metrics" not in one.type}
    every = {**inputs, **outputs}
    return {name: every[name] for name in signature(component_of(step).python_func).parameters if name in every}


def test_the_table_names_every_steps_folder() -> None:
    folders = {path.parent.name for path in Path(podtune.__file__).parent.glob("steps/*/component.py")}

    assert set(STEPS) == folders
    assert len(STEPS) == 16


@pytest.mark.parametrize("step", STEPS)
def test_run_takes_what_the_component_takes_in_its_order(step: str) -> None:
    inputs = str if STEPS[step].by_job else Path
    types = {"input": inputs, "output": Path, "section": Mapping[str, Any], "text": str}

    hints = get_type_hints(run_of(step))

    kinds = kinds_of(step)
    facts = [name for name, kind in kinds.items() if kind == "output" and name.endswith("_facts")]
    expected = [(name, types[kind]) for name, kind in kinds.items() if name not in facts]
    expected += [(name, Optional[Path]) for name in facts]
    assert [(name, hints[name]) for name in signature(run_of(step)).parameters] == expected


@pytest.mark.parametrize("step", STEPS)
def test_sections_have_the_recipes_names_and_artifacts_have_others(step: str) -> None:
    sections = {name for name, kind in kinds_of(step).items() if kind == "section"}

    assert sections <= SECTIONS
    assert not SECTIONS & (kinds_of(step).keys() - sections)


@pytest.mark.parametrize("step", STEPS)
def test_the_command_line_has_the_components_parameters_with_their_descriptions(step: str) -> None:
    summary, descriptions = documentation_of(step)
    forms = {"input": "PATH", "output": "PATH", "section": "SECTION", "text": "TEXT"}
    if STEPS[step].by_job:
        forms["input"] = "TEXT"

    options = {action.dest: action.metavar for action in parser_of(step)._actions if action.dest != "help"}

    assert options == {name: forms[kind] for name, kind in kinds_of(step).items()}
    assert len(summary) <= 60
    assert descriptions.keys() == signature(component_of(step).python_func).parameters.keys()


def test_every_section_of_a_recipe_has_its_step() -> None:
    used = {name for step in STEPS for name, kind in kinds_of(step).items() if kind == "section"}

    assert used == SECTIONS


@pytest.mark.local
def test_the_help_lists_every_step_on_one_line() -> None:
    command = [sys.executable, "-m", "podtune", "--help"]

    lines = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"COLUMNS": "80"}
    ).stdout.splitlines()

    listed = [line.split()[0] for line in lines[lines.index("steps:") + 1 :]]
    assert listed == list(STEPS)
    assert max(map(len, lines)) <= 80


@pytest.mark.local
def test_only_the_step_that_is_requested_is_imported() -> None:
    program = (
        "import sys; from podtune.__main__ import main; sys.argv = ['podtune', 'compare', '--help']\n"
        "try: main()\n"
        "finally: print('imported', *(name for name in sys.modules if name.endswith('.step')), 'torch' in sys.modules)"
    )

    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert ended.stdout.splitlines()[-1] == "imported podtune.steps.compare.step False"


@pytest.mark.local
@pytest.mark.parametrize("step", ["train", "publish.step", ""])
def test_what_is_no_step_is_refused_with_the_names_of_all(step: str) -> None:
    ended = subprocess.run([sys.executable, "-m", "podtune", step], check=False, capture_output=True, text=True)

    assert ended.returncode == 2
    assert "write_card" in ended.stderr.splitlines()[-1]
