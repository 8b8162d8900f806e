"""What PopTorch's compiled half would know, read from its C++ sources beside the Python ones."""

import re
from pathlib import Path
from typing import Dict, Set

KINDS = ("bool", "uint64", "string", "double", "container")
"""The tables of options; the Python type of a value picks one."""


def session_options(sources: Path) -> Dict[str, Set[str]]:
    """Kind to the names of PopART's session options, of a checkout's root."""
    text = (sources / "popart_compiler" / "source" / "SessionOptions.cpp").read_text(encoding="utf-8")
    options: Dict[str, Set[str]] = {kind: set() for kind in KINDS}
    for kind, name in re.findall(r'registerSetter\(\s*(\w+?)_options,\s*"([^"]+)"', text):
        options[kind].add(name)
    for kind, name in re.findall(r"ADD_POPART_(\w+?)_OPTION\(\s*([\w.]+)", text):
        options["uint64" if kind == "ENUM" else kind.lower()].add(name)
    options["string"].update(re.findall(r'string_options\["(\w+)"\]', text))
    return options


def aten_handlers(sources: Path) -> Set[str]:
    """Names of torch's operators that PopTorch lowers to PopART."""
    names: Set[str] = set()
    for path in (sources / "poptorch" / "source").rglob("*"):
        if path.suffix in (".cpp", ".inc", ".hpp"):
            names |= _handlers_in(path.read_text(encoding="utf-8", errors="replace"), path.suffix == ".inc")
    return {name if name.startswith("_") else name.rstrip("_") for name in names}


def _handlers_in(text: str, is_table: bool) -> Set[str]:
    names = set(re.findall(r"registerHandler\(\s*c10::aten::(\w+)", text))
    names.update(re.findall(r"registerHandler\(\s*symbols::aten::(\w+)", text))
    if is_table or "TORCH_LIBRARY_IMPL" in text:
        names.update(name.split(".")[0] for name in re.findall(r'm\.impl\("([\w.]+)"', text))
    return names
