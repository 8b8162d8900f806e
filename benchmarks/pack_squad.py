"""How many rows of one length SQuAD's optimizer batches take, padded and packed, and how long packing them takes.

    python benchmarks/pack_squad.py FEATURES [--recipe bert-base-uncased-squad]

FEATURES is what tokenize_squad made of the training windows.
"""

import argparse
import statistics
import time
from pathlib import Path

from podtune.tasks.question_answering.windows import open_windows
from podtune.training.fixed_shapes import packs_of
from podtune.training.schedule import Order
from podtune_pipelines.recipe import load_recipe


def main() -> None:
    """Pack every batch of the recipe's run, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("features", type=Path)
    parser.add_argument("--recipe", default="bert-base-uncased-squad")
    arguments = parser.parse_args()
    training = load_recipe(arguments.recipe).training
    ipu = training.ipu
    if ipu is None:
        parser.error(f"{arguments.recipe} has no section training.ipu")
    lengths = open_windows(arguments.features, "train").lengths
    order = Order(len(lengths), training)
    began = time.perf_counter()
    rows = [len(packs_of(lengths[order.rows(step)], ipu)) for step in range(order.steps)]
    seconds = time.perf_counter() - began
    batch, mean = training.batch_size, statistics.mean(rows)
    print(
        f"{len(lengths):,} windows, {lengths.mean():.1f} tokens of {ipu.row_tokens}; {order.steps:,} steps of {batch}"
    )
    print(
        f"rows: {mean:.1f} on average, {batch / mean:.2f}x fewer; {max(rows)} at most, {batch / max(rows):.2f}x fewer"
    )
    print(f"the recipe has {ipu.rows_per_step} rows a step, {batch / ipu.rows_per_step:.2f}x fewer than windows")
    print(f"packing every batch of the run: {seconds:.2f} s")


if __name__ == "__main__":
    main()
