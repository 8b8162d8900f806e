"""What saving a state costs the training that goes on beside it, over a store of a given speed.

    python benchmarks/save_states.py --features DIRECTORY [--shape bert-base] [--rounds 5] [--megabytes 100]

In turn, the same optimizer steps are taken from the moment on at which a state is saved until it is in the store, and
with nothing beside them. The difference is what one save costs; printed is its share of the default interval,
`training.checkpoint_minutes`. DIRECTORY is what tokenize_squad wrote. The store is a process of its own on this
machine, so that the processor time of both ends of the connection counts.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Iterator, List

import numpy as np
from podtune.stores.opening import open_store
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.windows import open_windows
from podtune.training.config import TrainingConfig
from podtune.training.engines import keep_threads_from_spinning, open_engine
from podtune.training.protocols import Engine
from podtune.training.resume import Mirror, Progress, States
from podtune.training.saver import Saver
from squad_shapes import SHAPES

RATE = 3e-5


def main() -> None:
    """Measure, and print each round and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, required=True, help="what tokenize_squad wrote")
    parser.add_argument("--shape", choices=SHAPES, default="bert-base", help="a model of random weights")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--batch-size", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=float, default=100.0, help="that the store takes a second")
    arguments = parser.parse_args()
    keep_threads_from_spinning()
    with tempfile.TemporaryDirectory() as folder, _store(arguments.megabytes * 1e6):
        SHAPES[arguments.shape](Path(folder) / "model")
        config = TrainingConfig(epochs=1, batch_size=arguments.batch_size, learning_rate=RATE)
        engine = open_engine(SpanObjective(), Path(folder) / "model", config, arguments.device)
        step = _stepper(engine, arguments)
        states = States(Path(folder) / "states", 2, Mirror(open_store("s3://bucket/states"), "key"))
        costs = [_round(number, engine, step, states) for number in range(1, arguments.rounds + 1)]
        size = max(path.stat().st_size for path in states.directory.rglob("*")) / 1e6
    cost, minutes = statistics.median(costs), TrainingConfig.checkpoint_minutes
    print(
        f"\nsaving a state of {size:.0f} MB costs {cost:.2f} s ({min(costs):.2f} to {max(costs):.2f}), "
        f"{cost / (60 * minutes):.2%} of {minutes:g} minutes"
    )


def _stepper(engine: Engine, arguments: argparse.Namespace) -> Callable[[], float]:
    """Make a function that takes one optimizer step, always on the same rows, and returns its seconds."""
    examples = open_windows(arguments.features, "train")
    rows = np.random.default_rng(0).permutation(len(examples))[: arguments.batch_size]

    def step() -> float:
        begun = time.perf_counter()
        float(engine.steps(examples, [rows], 0, RATE)[0].loss)
        return time.perf_counter() - begun

    for _ in range(3):
        step()
    return step


def _round(number: int, engine: Engine, step: Callable[[], float], states: States) -> float:
    """Take steps beside a save until it is over, and as many alone; return what the save cost in seconds."""
    beside: List[float] = []
    with Saver(states) as saver, ThreadPoolExecutor(1) as waiter:
        begun = time.perf_counter()
        saver.save(engine, Progress(step=number), [])
        copied = time.perf_counter() - begun
        stored = waiter.submit(saver.finish)
        while not stored.done():
            beside.append(step())
    alone = sum(step() for _ in beside)
    print(
        f"round {number}: {len(beside)} steps in {alone:.2f} s, beside a save in {sum(beside):.2f} s, by when it was "
        f"in the store; training stood still for {copied:.2f} s",
        flush=True,
    )
    return copied + sum(beside) - alone


@contextlib.contextmanager
def _store(bytes_per_second: float) -> Iterator[None]:
    """Have s3:// lead to a throttled server on this machine."""
    server = Path(__file__).with_name("throttled_s3.py")
    process = subprocess.Popen([sys.executable, str(server), str(bytes_per_second)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        os.environ["AWS_ENDPOINT_URL_S3"] = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        os.environ.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="any", AWS_REGION="us-east-1")
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
