"""One step without KFP, on paths: python -m podtune STEP --help."""

import argparse
import ast
import json
import re
import sys
from collections import abc
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple, get_origin, get_type_hints

from podtune.errors import ending_cleanly
from podtune.sections import read_settings_file
from podtune.steps.table import STEPS


def main() -> None:
    """Run the step that the command line names, and print what it returns."""
    with ending_cleanly():
        parser = argparse.ArgumentParser(
            prog="python -m podtune",
            usage="%(prog)s STEP ...",
            description="Run one step without KFP, on paths.",
            epilog="steps:\n" + "\n".join(f"  {step:<17} {documentation_of(step)[0]}" for step in STEPS),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        options = "one of those below; STEP --help lists its options"
        parser.add_argument("step", choices=STEPS, metavar="STEP", help=options)
        step = parser.parse_args(sys.argv[1:2]).step
        returned = run_of(step)(**vars(parser_of(step).parse_args(sys.argv[2:])))
        if returned is not None:
            print(returned if isinstance(returned, str) else json.dumps(returned))


def run_of(step: str) -> Callable[..., Any]:
    """Import a step, and none of the others."""
    run: Callable[..., Any] = import_module(f"podtune.steps.{step}.step").run
    return run


def parser_of(step: str) -> argparse.ArgumentParser:
    """A step's command line: an option for each parameter of its `run`."""
    summary, descriptions = documentation_of(step)
    run = run_of(step)
    hints = get_type_hints(run)
    parser = argparse.ArgumentParser(
        prog=f"python -m podtune {step}",
        description=summary,
        epilog="A SECTION is a YAML or JSON file with that section of a recipe.",
    )
    for name, parameter in signature(run).parameters.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            required=parameter.default is Parameter.empty,
            default=parameter.default,
            help=descriptions[name].replace("%", "%%"),
            **_value_of(hints[name]),
        )
    return parser


def documentation_of(step: str) -> Tuple[str, Dict[str, str]]:
    """A step's summary and its parameters' descriptions, from its component's docstring.

    The component is parsed, not imported: the IPU image has no kfp.
    """
    source = Path(__file__).with_name("steps") / step / "component.py"
    functions = [part for part in ast.parse(source.read_text("utf-8")).body if isinstance(part, ast.FunctionDef)]
    summary, _, arguments = str(ast.get_docstring(functions[0])).partition("\n\nArgs:\n")
    return summary, dict(re.findall(r"^    (\w+): (.+)$", arguments, re.MULTILINE))


def _value_of(hint: Any) -> Dict[str, Any]:
    """How argparse reads a value of this type, and what its help calls it."""
    if get_origin(hint) is abc.Mapping:
        return {"type": lambda text: read_settings_file(Path(text)), "metavar": "SECTION"}
    if hint in (Path, Optional[Path]):
        return {"type": Path, "metavar": "PATH"}
    return {"type": hint, "metavar": "TEXT"}


if __name__ == "__main__":
    main()
