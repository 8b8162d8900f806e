"""The import graph of the whole house, imports inside functions included."""

import subprocess
import sys
from typing import Dict, Set

import grimp


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("podtune", "podtune_pipelines")
    imported: Dict[str, Set[str]] = {
        module: graph.find_modules_directly_imported_by(module) for module in graph.modules
    }

    while True:
        free = {module for module, others in imported.items() if not others & imported.keys()}
        if not free:
            break
        imported = {module: others for module, others in imported.items() if module not in free}

    assert graph.count_imports() > 500
    assert imported == {}, f"these are in a circle or import one that is: {sorted(imported)}"


HEAVY = ("boto3", "huggingface_hub", "kfp", "kubernetes", "matplotlib", "numpy", "torch", "transformers")


def test_the_command_line_imports_what_a_command_needs_when_it_is_called() -> None:
    script = f"import sys, podtune_pipelines.cli.main; print(*sorted(set(sys.modules) & set({HEAVY!r})))"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert loaded == "\n"
