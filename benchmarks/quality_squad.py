"""Scores and times after the same training: podtune against Hugging Face's Trainer.

    python benchmarks/quality_squad.py --features DIRECTORY --base-model DIRECTORY [--steps 250] [--batch-size 32]

Both directories are what the steps wrote (tokenize_squad and fetch_model). Both sides begin with the same weights and
take the same rows in the same order with the same hyperparameters; each draws its own dropout. The Trainer runs in
bfloat16 and pads each batch to its longest row. The same code scores both models on every validation question.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, Dict

import numpy as np
import torch
import trainer_side
from podtune.formats.checkpoint import CHECKPOINT, MODEL
from podtune.sections import to_mapping
from podtune.steps.evaluate import step as evaluate
from podtune.steps.finetune import step as finetune
from podtune.tasks.question_answering.objective import SpanObjective
from podtune.tasks.question_answering.windows import open_windows
from podtune.training.config import TrainingConfig
from podtune.training.schedule import Order


def main() -> None:
    """Train and score both; print scores and seconds side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, required=True, help="what tokenize_squad wrote")
    parser.add_argument("--base-model", type=Path, required=True, help="what fetch_model wrote")
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    arguments = parser.parse_args()
    config = TrainingConfig(
        epochs=1,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        warmup_ratio=0.1,
        weight_decay=0.01,
        max_steps=arguments.steps,
    )
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "podtune", Path(folder) / "trainer"
        begun = time.perf_counter()
        training = {"training": to_mapping(config), "device": arguments.device, "workspace": folder}
        finetune.run(arguments.features, arguments.base_model, ours, **training)
        middle = time.perf_counter()
        _train_theirs(arguments, config, ours, theirs)
        end = time.perf_counter()
        print(f"{arguments.steps} steps of {arguments.batch_size} windows, learning rate {arguments.learning_rate}")
        _report("podtune", middle - begun, _scores(arguments, ours))
        _report("Trainer", end - middle, _scores(arguments, theirs))


def _train_theirs(arguments: argparse.Namespace, config: TrainingConfig, ours: Path, checkpoint: Path) -> None:
    """Write a Checkpoint beside ours whose weights the Trainer made."""
    windows = open_windows(arguments.features, "train")
    order = Order(len(windows), config)
    records = trainer_side.plain_records(windows, np.concatenate([order.rows(step) for step in range(order.steps)]))
    torch.manual_seed(config.seed)
    model = SpanObjective().load(arguments.base_model)
    trainer_side.train(
        model,
        records,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        bf16=True,
        use_cpu=arguments.device == "cpu",
        warmup_steps=round(order.steps * config.warmup_ratio),
        weight_decay=config.weight_decay,
    )
    facts = CHECKPOINT.open(ours).facts
    with CHECKPOINT.sealing(checkpoint) as draft:
        model.save_pretrained(draft.path / MODEL)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (draft.path / MODEL / name).write_bytes((ours / MODEL / name).read_bytes())
        draft.facts.update(to_mapping(facts))


def _scores(arguments: argparse.Namespace, checkpoint: Path) -> Dict[str, float]:
    output = checkpoint.with_name(f"{checkpoint.name}-evaluation")
    return evaluate.run(arguments.features, checkpoint, output, evaluation={}, device=arguments.device)


def _report(side: str, seconds: float, scores: Dict[str, Any]) -> None:
    numbers = ", ".join(f"{name} {value:.2f}" for name, value in scores.items())
    print(f"{side:8} trained in {seconds:6.0f} s: {numbers}", flush=True)


if __name__ == "__main__":
    main()
