"""One command for a GPU: its numbers against the CPU's, the GPU tests, and speed beside Hugging Face's Trainer.

    make bench-gpu
    python benchmarks/bench_gpu.py [--device cpu --tiny] [--parts numbers,resume] [--to build/bench-gpu]

Needs no network: models have random weights, data are made up. At most eight minutes: every part runs in processes of
its own and has a limit, and a part that fails or finds no time left is named in the table. Writes bench-gpu.json and
bench-gpu.md; ends with 0 where all is well, 1 where a part failed, 2 where there is no GPU. "Trainer" has bfloat16 and
pads a batch to its longest row, SQuAD's batches are of about equal length; it is not compiled, and evaluates SQuAD
alone. A share of the peak is that of the matrix products that were done. Tiny models on a CPU show that every part
runs; their rates mean nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import gpu_parts
import torch
from feed_squad import feed_rates
from gpu_parts import WORKLOADS
from podtune.tasks.question_answering.windows import write_windows
from podtune.training.engines import keep_threads_from_spinning
from squad_shapes import make_up_questions, make_up_windows

SECONDS = 480
"""For everything."""

PARTS = ("numbers", "resume", "training", "evaluation", "tests", "feed")
LIMITS = {"numbers": 60, "resume": 60, "training": 45, "evaluation": 40, "tests": 90, "feed": 30}
"""Seconds that a process of a part may take at most."""

PEAKS = {"H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12}
"""Operations a second in bfloat16 by NVIDIA's data sheets, dense; by what the GPU's name holds, the first that fits."""

SCRIPTS = {"RoBERTa-base SQuAD": "train_squad", "LXMERT VQA": "train_lxmert", "ViT-GPT2 captions": "train_captions"}
BATCHES = {"RoBERTa-base SQuAD": (256, 20), "LXMERT VQA": (64, 12), "ViT-GPT2 captions": (16, 3)}
"""The batch size, and the steps that are measured: the rows that are made up are enough for so many."""

GOALS = {"rate": 4500, "times": 2.3}
"""For training RoBERTa-base on an H200: windows a second, and how many times the Trainer's."""

Row = Dict[str, Any]


@dataclass
class Bench:
    """A run of the benchmark, and what it has found so far."""

    device: str
    tiny: bool
    folder: Path
    """For models and features."""

    deadline: float
    rows: List[Row] = field(default_factory=list)

    def model(self, workload: str) -> Path:
        """Where a workload's model lies, which is written when it is first asked for."""
        directory = self.folder / workload.split(maxsplit=1)[0]
        if not directory.exists():
            (WORKLOADS[workload].write_tiny if self.tiny else WORKLOADS[workload].write)(directory)
        return directory

    def add(self, part: str, what: str, command: List[str]) -> None:
        """Run a command whose last line is JSON, for as long as the part may, and keep what it found or why not."""
        left = min(LIMITS[part], self.deadline - time.monotonic())
        begun = time.monotonic()
        row = {"part": part, "what": what, **(_found(command, left) if left > 1 else _failed("no time was left"))}
        self.rows.append({**row, "seconds": round(time.monotonic() - begun, 1)})
        print(f"{part}, {what}: {_sentence(self.rows[-1])}", flush=True)


def main(arguments: Optional[List[str]] = None) -> int:
    """Run what is asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="gpu")
    parser.add_argument("--tiny", action="store_true", help="tiny models, few rows and steps")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}, separated by commas")
    parser.add_argument("--to", type=Path, default=Path("build/bench-gpu"), help="where the report is written")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.device == "gpu" and not torch.cuda.is_available():
        print("no NVIDIA GPU is visible; run on a machine with one, or see every part run with --device cpu --tiny")
        return 2
    if options.one:
        part, workload, model, rows = options.one
        print(json.dumps(getattr(gpu_parts, part)(WORKLOADS[workload], Path(model), options.device, int(rows))))
        return 0
    unknown = sorted(set(options.parts.split(",")) - set(PARTS))
    if unknown:
        print(f"--parts must be of {', '.join(PARTS)}; got {', '.join(unknown)}")
        return 2
    keep_threads_from_spinning()  # in the processes of the parts, which inherit it
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.device, options.tiny, Path(folder), time.monotonic() + SECONDS)
        for part in options.parts.split(","):
            _MEASURES[part](bench)
    _write(bench, options.to)
    return 0 if all(row["ok"] for row in bench.rows) else 1


def numbers(bench: Bench) -> None:
    """The first losses and gradient against the CPU's."""
    for workload in WORKLOADS:
        _one(bench, "numbers", "compare", workload, 4)


def resume(bench: Bench) -> None:
    """A resumed run against an undisturbed one."""
    for workload in WORKLOADS:
        _one(bench, "resume", "resume", workload, 4)


def evaluation(bench: Bench) -> None:
    """Samples a second of the models' outputs; for SQuAD beside the Trainer's."""
    for workload, (batch, _) in BATCHES.items():
        _one(bench, "evaluation", "evaluate", workload, 8 if bench.tiny else 4 * batch)
    _side(bench, "evaluation", "RoBERTa-base SQuAD", "predict_squad", "best")


def training(bench: Bench) -> None:
    """Samples a second of training, podtune's and the Trainer's."""
    for workload, script in SCRIPTS.items():
        for side in ("podtune", "best"):
            _side(bench, "training", workload, script, side)


def tests(bench: Bench) -> None:
    """Those that need a GPU; on a machine without one they are collected and skipped."""
    root = Path(__file__).parents[1]
    command = [sys.executable, __file__, "--device", bench.device, "--one", "gpu_tests", "LXMERT VQA", str(root), "0"]
    bench.add("tests", "pytest -m gpu", command)


def feed(bench: Bench) -> None:
    """Batches alone, by one process and by two."""
    begun = time.monotonic()
    rates = feed_rates(512 if bench.tiny else 20_000, 256, [1, 2])
    for count, rate in rates.items():
        row = {"part": "feed", "what": f"{count} processes", "ok": True, "rate": rate}
        bench.rows.append({**row, "seconds": round(time.monotonic() - begun, 1)})


_MEASURES: Dict[str, Callable[[Bench], None]] = {
    "numbers": numbers,
    "resume": resume,
    "training": training,
    "evaluation": evaluation,
    "tests": tests,
    "feed": feed,
}


def _one(bench: Bench, part: str, function: str, workload: str, rows: int) -> None:
    own = ["--device", bench.device, "--one", function, workload, str(bench.model(workload)), str(rows)]
    bench.add(part, workload, [sys.executable, __file__, *own])


def _side(bench: Bench, part: str, workload: str, script: str, side: str) -> None:
    batch, steps = (4, 2) if bench.tiny else BATCHES[workload]
    own = {"model": bench.model(workload), "device": bench.device, "steps": steps, "batch-size": batch, "side": side}
    if script.endswith("squad"):
        own["features"] = _features(bench.folder / "features")
    command = [sys.executable, str(Path(__file__).with_name(f"{script}.py"))]
    name = f"{workload}, {'Trainer' if side == 'best' else side}"
    bench.add(part, name, command + [f"--{key}={value}" for key, value in own.items()])


def _features(directory: Path) -> Path:
    for split in ("train", "validation"):
        if not (directory / split).exists():
            windows = make_up_windows(8192, directory / split)
            write_windows(windows, make_up_questions(len(windows)), ["-"])
    return directory


def _found(command: List[str], seconds: float) -> Row:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        return _failed(f"not ready after {seconds:.0f} s")
    if done.returncode:
        return _failed((done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1])
    return {"ok": True, **json.loads(done.stdout.splitlines()[-1])}


def _failed(why: str) -> Row:
    return {"ok": False, "why": why}


def _write(bench: Bench, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    name = torch.cuda.get_device_name() if bench.device == "gpu" else "CPU"
    facts = {"device": name, "torch": torch.__version__, "tiny": bench.tiny, "goals": GOALS, "rows": bench.rows}
    (directory / "bench-gpu.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    lines = [f"# {name}, torch {torch.__version__}{', tiny models' if bench.tiny else ''}", ""]
    lines += ["| part | of | ok | found | s |", "|---|---|---|---|---:|"]
    for row in bench.rows:
        found = _sentence(row, _share(row, name), _times(row, bench.rows)).replace("|", "/")
        ok = "yes" if row["ok"] else "**no**"
        lines.append(f"| {row['part']} | {row['what']} | {ok} | {found} | {row['seconds']} |")
    text = "\n".join(lines) + "\n"
    (directory / "bench-gpu.md").write_text(text, encoding="utf-8")
    print(f"\n{text}\nwritten to {directory}")


def _sentence(row: Row, *more: str) -> str:
    """What a row found, in words."""
    if "why" in row:
        return str(row["why"])
    said = []
    if "cosine" in row:
        said.append(f"losses within {row['loss_off']:.3%} of the CPU's, cosine of the gradients {row['cosine']:.6f}")
    if "resumed" in row:
        same = "the same" if row["ok"] else "NOT the same"
        again = "is" if row["undisturbed_again"] == row["undisturbed"] else "is not"
        said.append(f"{same} as undisturbed, which {again} the same when taken twice")
    if "rate" in row:
        said.append(f"{row['rate']:,.0f} samples/s")
    if row.get("bytes"):
        said.append(f"{row['bytes'] / (1 << 30):.1f} GiB")
    if "tests" in row:
        said.append(row["tests"])
    return ", ".join([*said, *filter(None, more)])


def _share(row: Row, name: str) -> str:
    peak = next((peak for part, peak in PEAKS.items() if part in name), None)
    return f"{row['rate'] * row['flops'] / peak:.0%} of its peak" if peak and "flops" in row else ""


def _times(row: Row, rows: List[Row]) -> str:
    """How many times the Trainer's rate a rate is, where both were measured."""
    others = [other for other in rows if (other["part"], other["what"]) == (row["part"], _trainers(row["what"]))]
    if "rate" not in row or not others or "rate" not in others[0]:
        return ""
    return f"{row['rate'] / others[0]['rate']:.2f}× the Trainer's"


def _trainers(what: str) -> str:
    """The row of the Trainer's that one of podtune's is compared with."""
    return f"{what.partition(',')[0]}, Trainer" if not what.endswith(", Trainer") else ""


if __name__ == "__main__":
    sys.exit(main())
