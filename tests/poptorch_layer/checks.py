"""What the C++ side refuses (popart_compiler's Compiler.cpp, CompilerImpl.cpp and SessionOptions.cpp), in its words."""

from typing import Any, Dict, Iterator, Set

from poptorch_layer.tracing import Trace

_ELSEWHERE = (
    "patterns_level",
    "anchored_tensors",
    "compilation_progress_bar_fn",
    "available_memory_proportion",
    "patterns",
)
_PIPELINED = 0
_NEVER = 2


def check_options(options: Dict[str, Any], known: Dict[str, Set[str]]) -> Iterator[str]:
    """The type of an option's value picks a table, and its name must be in it."""
    for name, value in options.items():
        if name in _ELSEWHERE or name.startswith("location_") or (isinstance(value, (dict, list, set)) and not value):
            continue
        kind = _kind(value)
        if name not in known[kind]:
            tables = [table for table, names in known.items() if name in names]
            yield f"Unknown {kind} option {name}" + (f" (it is a {tables[0]} option)" if tables else "")


def check_graph(options: Dict[str, Any], training: bool, trace: Trace) -> Iterator[str]:
    yield from _check_ipus(options, trace)
    if options["execution_mode"] == _PIPELINED:
        yield from _check_depth(options, training, trace)
    if training and not trace.losses:
        yield "Couldn't find a loss in graph!"
    if training and "identity_loss" not in trace.losses and len(trace.losses) > 1:
        yield f"Multiple independent losses found in graph: {trace.losses}"


def _kind(value: Any) -> str:
    for kind, types in (("bool", bool), ("double", float), ("uint64", int), ("string", str)):
        if isinstance(value, types):
            return kind
    return "container"


def _check_ipus(options: Dict[str, Any], trace: Trace) -> Iterator[str]:
    total = (max(trace.used_ipus) + 1) * options["replication_factor"]
    reserved = 1
    while reserved < total:
        reserved *= 2
    if reserved > 64:
        yield f"Too many IPUs requested ({reserved})."
    if trace.outside_block and trace.blocks:
        yield f"No active Block, all the ops must belong to a Block ({trace.outside_block} do not)"
    rounded = options["auto_round_num_ipus"] or options["connection_type"] == _NEVER
    if reserved != total and not rounded:
        yield f"The model uses {total} IPUs but PopTorch must reserve a power of 2 ({reserved})."


def _check_depth(options: Dict[str, Any], training: bool, trace: Trace) -> Iterator[str]:
    ids = [stage for stage, _ in trace.blocks]
    if ids != sorted(ids):
        yield f"pipeline stages must ascend; they are {ids}"
    stages = trace.forward_stages * 2 - 1 if training else trace.forward_stages
    name = "gradient_accumulation" if training else "device_iterations"
    if options[name] < stages:
        yield f"{name} must be >= the number of pipeline stages ({stages}); it is {options[name]}"
