"""Windows per second: tokenize_squad against `datasets.map` as transformers' question-answering example calls it.

    python benchmarks/tokenize_squad.py --data train-v1.1.json --model DIRECTORY [--questions 20000] [--rounds 3]

DIRECTORY holds tokenizer.json, tokenizer_config.json and config.json. Every side runs in a process of its own, in
turn, `rounds` times. The clock of each starts with the questions in memory and stops with the features on disk; for
podtune it is also shown with reading the file. Ratios are taken within a round. At the end the features are
compared window by window. This benchmark alone needs the package `datasets`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

MAX_LENGTH, OVERLAP = 384, 128
PODTUNE, ONE, TWO = SIDES = ("podtune", "datasets.map", "datasets.map, num_proc=2")


def main() -> None:
    """Run all sides, or one of them where this is its process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a SQuAD file, JSON or Parquet")
    parser.add_argument("--model", type=Path, required=True, help="the directory with the tokenizer")
    parser.add_argument("--questions", type=int, default=None, help="only so many of the first questions")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(run_side(arguments)))
    else:
        run_all(arguments)


def run_all(arguments: argparse.Namespace) -> None:
    """Interleave the sides and print what they reached."""
    results: Dict[str, List[Dict[str, float]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(arguments.rounds):
            for number, side in enumerate(SIDES):
                command = [sys.executable, __file__, *sys.argv[1:], "--side", side, "--output", f"{folder}/{number}"]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                results[side].append(json.loads(done.stdout.splitlines()[-1]))
                print(f"round {turn + 1} {side}: {results[side][-1]}", flush=True)
        report(results)
        for number in (1, 2):
            compare(Path(folder, "0.npz"), Path(folder, f"{number}.npz"))


def report(results: Dict[str, List[Dict[str, float]]]) -> None:
    """Print every side's rates, and how many times as fast podtune was in the same round."""
    rates = {side: [run["windows"] / run["seconds"] for run in runs] for side, runs in results.items()}
    with_reading = [run["windows"] / (run["seconds"] + run["reading"]) for run in results[PODTUNE]]
    rates[f"{PODTUNE}, reading included"] = with_reading
    for side, measured in rates.items():
        median, best = statistics.median(measured), max(measured)
        ratio = statistics.median(ours / theirs for ours, theirs in zip(rates[PODTUNE], measured))
        cpu = statistics.median(run["cpu"] for run in results.get(side, results[PODTUNE]))
        figures = f"{median:8,.0f} windows/s in the median, {best:8,.0f} at best, {cpu:6.1f} CPU seconds"
        print(f"{side:27} {figures}; podtune is {ratio:5.2f} times as fast")


def compare(ours: Path, theirs: Path) -> None:
    """Print how many windows differ; the example marks a padding token where the answer begins in the last one."""
    first, second = np.load(ours), np.load(theirs)
    assert first["offsets"].tolist() == second["offsets"].tolist(), "the windows differ in number or length"
    assert (first["tokens"] == second["tokens"]).all(), "the windows differ in their tokens"
    assert (first["ends"] == second["ends"]).all(), "the answers differ in their last token"
    differing = first["starts"] != second["starts"]
    assert (second["starts"][differing] == MAX_LENGTH - 1).all(), "the answers differ in their first token"
    figures = f"{len(first['starts']):,} windows agree in their tokens and answers"
    print(f"{figures}, but for {differing.sum()} answers that begin in the window's last context token")


def run_side(arguments: argparse.Namespace) -> Dict[str, float]:
    """Make the features once."""
    if arguments.side == PODTUNE:
        return run_podtune(arguments)
    return run_example(arguments, processes=1 if arguments.side == ONE else 2)


def run_podtune(arguments: argparse.Namespace) -> Dict[str, float]:
    """Encode, cut and write as the step does."""
    from podtune.tasks.question_answering.encoding import encode_split
    from podtune.tasks.question_answering.pair_tokenizer import open_pair_tokenizer
    from podtune.tasks.question_answering.settings import WindowSettings
    from podtune.tasks.question_answering.window_cutting import cut_windows
    from podtune.tasks.question_answering.windows import write_windows

    begun = time.perf_counter()
    split = read_part(arguments)
    reading = time.perf_counter() - begun
    pair = open_pair_tokenizer(arguments.model, MAX_LENGTH)
    with tempfile.TemporaryDirectory() as folder, Clock() as clock:
        encoded = encode_split(pair.tokenizer, split)
        settings = WindowSettings(max_length=MAX_LENGTH, overlap=OVERLAP)
        windows = cut_windows(Path(folder, "train"), split, encoded, pair=pair, settings=settings)
        write_windows(windows, split.questions, split.contexts)
    keep(arguments.output, windows.tokens.values, windows.tokens.offsets, (windows.answer_start, windows.answer_end))
    return {"windows": len(windows), "seconds": clock.seconds, "cpu": clock.cpu, "reading": round(reading, 3)}


def run_example(arguments: argparse.Namespace, processes: int) -> Dict[str, float]:
    """Map a data set that lies on disk, as load_dataset leaves it."""
    import datasets
    from transformers import AutoTokenizer

    datasets.disable_progress_bars()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        datasets.Dataset.from_dict(columns(read_part(arguments))).save_to_disk(folder)
        dataset = datasets.load_from_disk(folder)
        with Clock() as clock:
            mapped = dataset.map(
                example_features,
                batched=True,
                num_proc=processes if processes > 1 else None,
                remove_columns=dataset.column_names,
                load_from_cache_file=False,
                fn_kwargs={"tokenizer": tokenizer},
            )
        arrays = mapped.with_format("numpy")[:]
    mask = arrays["attention_mask"].astype(bool)
    offsets = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
    labels = (arrays["start_positions"], arrays["end_positions"])
    keep(arguments.output, arrays["input_ids"][mask], offsets, labels)
    return {"windows": len(mask), "seconds": clock.seconds, "cpu": clock.cpu}


def example_features(rows: Dict[str, List[Any]], tokenizer: Any) -> Dict[str, Any]:
    """Turn a thousand questions into padded windows, by the example's rules."""
    encoded = tokenizer(
        [question.lstrip() for question in rows["question"]],
        rows["context"],
        truncation="only_second",
        max_length=MAX_LENGTH,
        stride=OVERLAP,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding="max_length",
    )
    samples, spans = encoded.pop("overflow_to_sample_mapping"), encoded.pop("offset_mapping")
    labels = [
        example_label(window, encoded.sequence_ids(number), rows["answers"][sample])
        for number, (window, sample) in enumerate(zip(spans, samples))
    ]
    encoded["start_positions"], encoded["end_positions"] = map(list, zip(*labels))
    return dict(encoded)


def example_label(spans: List[Any], sides: List[Any], answers: Dict[str, List[Any]]) -> Tuple[int, int]:
    """Walk to the answer from both ends of the window's context; 0, the classifier, where a part is missing."""
    if not answers["text"]:
        return 0, 0
    begin = answers["answer_start"][0]
    end = begin + len(answers["text"][0])
    first, last = sides.index(1), len(sides) - 1 - sides[::-1].index(1)
    if spans[first][0] > begin or spans[last][1] < end:
        return 0, 0
    while first < len(spans) and spans[first][0] <= begin:
        first += 1
    while spans[last][1] >= end:
        last -= 1
    return first - 1, last + 1


class Clock:
    """Seconds by the wall and of the processors, children included, from entering to leaving."""

    def __enter__(self) -> "Clock":
        self.begun, self.used = time.perf_counter(), sum(os.times()[:4])
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = round(time.perf_counter() - self.begun, 3)
        self.cpu = round(sum(os.times()[:4]) - self.used, 2)


def read_part(arguments: argparse.Namespace) -> Any:
    """The first questions of the file, with their contexts."""
    from podtune.formats.raw_data import DataFile
    from podtune.tasks.question_answering.squad import SquadSplit, read_squad

    split, _ = read_squad(DataFile(arguments.data))
    questions = split.questions[: arguments.questions]
    return SquadSplit(questions, split.contexts[: max(question.context for question in questions) + 1], split.file)


def columns(split: Any) -> Dict[str, List[Any]]:
    """The questions as the Hub's data set has them."""
    return {
        "id": [question.id for question in split.questions],
        "question": [question.question for question in split.questions],
        "context": [split.contexts[question.context] for question in split.questions],
        "answers": [
            {
                "text": [each.text for each in question.answers],
                "answer_start": [each.answer_start for each in question.answers],
            }
            for question in split.questions
        ],
    }


def keep(output: Path, tokens: Any, offsets: Any, labels: Tuple[Any, Any]) -> None:
    """Save the features for the comparison."""
    np.savez(output, tokens=tokens, offsets=offsets, starts=labels[0], ends=labels[1])


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    main()
