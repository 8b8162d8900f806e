"""Run several sides of a comparison in turn, each in a process of its own, and compare their rates."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sized

import numpy as np
import torch

REFERENCES = ("example", "best")
Measured = Dict[str, float]
Side = Callable[[argparse.Namespace], Measured]
Shapes = Mapping[str, Callable[[Path], None]]
"""Name to what writes a model of random weights into a directory."""


def run(description: Optional[str], sides: Mapping[str, Side], shapes: Shapes, **options: Mapping[str, Any]) -> None:
    """Read the command line; run all sides and print what they reached, or the one whose process this is.

    `options` are argparse's for a benchmark's own arguments.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, settings in options.items():
        parser.add_argument(f"--{name}", **settings)
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", type=Path, help="a directory with config.json and model.safetensors")
    model.add_argument("--shape", choices=shapes, help="a model of random weights")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="measured batches a round")
    parser.add_argument("--batch-size", type=int, default=12)
    parser.add_argument("--sides", default=",".join(sides), help="only these, separated by commas")
    parser.add_argument("--side", choices=sides, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(sides[arguments.side](arguments)))
    else:
        _report(_interleave(arguments, shapes, list(options)))


def first_rows(examples: Sized, arguments: argparse.Namespace) -> np.ndarray:
    """One batch to warm up and the measured ones: the same for all sides."""
    return np.random.default_rng(0).permutation(len(examples))[: (arguments.steps + 1) * arguments.batch_size]


def measured(ends: List[float], cpu_ends: List[float], samples: int) -> Measured:
    """Rates from the first time to the last, between which so many samples were worked off; the most bytes of a GPU."""
    return {
        "rate": samples / (ends[-1] - ends[0]),
        "cpu_seconds": (cpu_ends[-1] - cpu_ends[0]) / samples,
        "bytes": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0,
    }


def _interleave(arguments: argparse.Namespace, shapes: Shapes, own: List[str]) -> Dict[str, List[Measured]]:
    results: Dict[str, List[Measured]] = {side: [] for side in arguments.sides.split(",")}
    with tempfile.TemporaryDirectory() as folder:
        if arguments.shape:
            shapes[arguments.shape](Path(folder))
        settings = {"model": arguments.model or folder}
        settings.update((name, getattr(arguments, name)) for name in (*own, "device", "steps"))
        options = [f"--{name}={value}" for name, value in settings.items()]
        options.append(f"--batch-size={arguments.batch_size}")
        for turn in range(arguments.rounds):
            for side, rounds in results.items():
                rounds.append(_run_side([*options, f"--side={side}"]))
                print(f"round {turn + 1}, {side}: {rounds[-1]['rate']:.2f} samples/s", flush=True)
    return results


def _run_side(options: List[str]) -> Measured:
    environment = {"GOMP_SPINCOUNT": "1000", **os.environ}  # on all sides as podtune has it: a shared machine needs it
    done = subprocess.run([sys.executable, sys.argv[0], *options], capture_output=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]  # what a side printed


def _report(results: Dict[str, List[Measured]]) -> None:
    """Print rates, CPU time, and how many times a reference's each is: by the clock, and by CPU time."""
    references = [side for side in REFERENCES if side in results]
    titles = ["samples/s", "least", "most", "CPU-s/sample"]
    titles += [f"{kind}× {reference}" for reference in references for kind in ("", "CPU ")]
    print(f"\n{'':20}" + "".join(f"{title:>14}" for title in titles))
    for side, rounds in results.items():
        rates = [one["rate"] for one in rounds]
        cpu = statistics.median(one["cpu_seconds"] for one in rounds)
        numbers = [statistics.median(rates), min(rates), max(rates), cpu]
        for reference in references:
            pairs = list(zip(rounds, results[reference]))
            numbers.append(statistics.median(one["rate"] / other["rate"] for one, other in pairs))
            numbers.append(statistics.median(other["cpu_seconds"] / one["cpu_seconds"] for one, other in pairs))
        print(f"{side:20}" + "".join(f"{number:14.3f}" for number in numbers))
