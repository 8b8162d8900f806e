"""Rows of region features per second: extract_lxmert against the loop with csv.DictReader that everybody uses.

    python benchmarks/extract_lxmert.py [--rows 2000] [--rounds 3]

A region file of so many rows is generated, 395 kB each, of which no two are equal. Every side reads it in a process of
its own, in turn, `rounds` times, from memory: it is read once before. The loop leaves float32 arrays in memory, as
LXMERT's own `load_obj_tsv` does; podtune checks every value and leaves float16 on the disk. Ratios are taken within a
round. At the end the arrays are compared.
"""

import argparse
import base64
import csv
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

REGIONS, FEATURES = 36, 2048
PODTUNE, LOOP = SIDES = ("podtune", "csv.DictReader")


def main() -> None:
    """Run all sides, or one of them where this is its process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(run_side(arguments.side, arguments.folder)))
    else:
        run_all(arguments)


def run_all(arguments: argparse.Namespace) -> None:
    """Interleave the sides and print what they reached."""
    seconds: Dict[str, List[float]] = {side: [] for side in SIDES}
    processor: Dict[str, List[float]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "regions.tsv", arguments.rows)
        for turn in range(arguments.rounds):
            for side in SIDES:
                command = [sys.executable, __file__, "--side", side, "--folder", name]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                for figures, figure in zip((seconds, processor), json.loads(done.stdout.splitlines()[-1])):
                    figures[side].append(figure)
                print(f"round {turn + 1} {side}: {arguments.rows / seconds[side][-1]:,.0f} rows/s", flush=True)
        compare(folder)
    for side, measured in seconds.items():
        ratio = statistics.median(theirs / ours for theirs, ours in zip(seconds[LOOP], measured))
        speed = f"{arguments.rows / statistics.median(measured):8,.0f} rows/s, {ratio:5.1f} times the loop"
        cost = statistics.median(processor[side]) / arguments.rows * 1e6
        saved = statistics.median(theirs / ours for theirs, ours in zip(processor[LOOP], processor[side]))
        print(f"{side:22} {speed}; {cost:6,.0f} microseconds of a processor a row, {saved:5.1f} times less")


def run_side(side: str, folder: Path) -> Tuple[float, float]:
    """Store the file's rows; return the seconds by the wall and of the processor."""
    with (folder / "regions.tsv").open("rb") as file:
        while file.read(1 << 20):
            pass
    if side == LOOP:
        with Clock() as clock:
            rows = read_with_csv(folder / "regions.tsv")
        np.save(folder / "loop.npy", np.stack([row["features"] for row in rows[:50]]))
        return clock.seconds, clock.processor
    return run_podtune(folder)


def run_podtune(folder: Path) -> Tuple[float, float]:
    """Store every image as the step does."""
    from podtune.formats.raw_data import DataFile
    from podtune.steps.extract_lxmert.region_file import store_region_file
    from podtune.tasks.visual_question_answering.region_store import create_store

    path, split = folder / "regions.tsv", folder / "split"
    with path.open("rb") as lines:
        names = [line.split(b"\t", 1)[0].decode() for line in lines]
    split.mkdir(exist_ok=True)
    create_store(split, names, REGIONS)
    with Clock() as clock:
        stored = store_region_file(DataFile(path), split, REGIONS, refuse)
    assert stored == set(names), "some rows were not stored"
    return clock.seconds, clock.processor


class Clock:
    """Seconds by the wall and of the processor, from entering to leaving."""

    def __enter__(self) -> "Clock":
        self.begun, self.used = time.perf_counter(), sum(os.times()[:4])
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self.begun
        self.processor = sum(os.times()[:4]) - self.used


def refuse(bad: Any) -> bool:
    """No row of this file is bad."""
    raise AssertionError(bad)


def read_with_csv(path: Path) -> List[Dict[str, Any]]:
    """Read rows as dictionaries and decode their arrays one by one, in float32."""
    names = ["img_id", "img_h", "img_w", "objects_id", "objects_conf", "attrs_id", "attrs_conf", "num_boxes"]
    csv.field_size_limit(sys.maxsize)
    rows: List[Dict[str, Any]] = []
    with path.open(encoding="ascii") as file:
        for row in csv.DictReader(file, [*names, "boxes", "features"], delimiter="\t"):
            decoded: Dict[str, Any] = {**row, **{key: int(row[key]) for key in ("img_h", "img_w", "num_boxes")}}
            for key, kind in (("objects_id", np.int64), ("attrs_id", np.int64)):
                decoded[key] = np.frombuffer(base64.b64decode(row[key]), kind)
            for key in ("objects_conf", "attrs_conf", "boxes", "features"):
                decoded[key] = np.frombuffer(base64.b64decode(row[key]), np.float32)
            for key in ("boxes", "features"):
                decoded[key] = decoded[key].reshape(decoded["num_boxes"], -1)
            rows.append(decoded)
    return rows


def write_rows(path: Path, count: int) -> None:
    """Write rows like published ones: features of which half are zero, boxes within the picture."""
    random = np.random.default_rng(0)
    with path.open("w", encoding="ascii", newline="\n") as lines:
        for number in range(count):
            features = np.maximum(random.standard_normal((REGIONS, FEATURES), dtype=np.float32), 0)
            boxes = np.sort(random.random((REGIONS, 2, 2), dtype=np.float32), axis=1) * np.array(
                [640, 480], dtype=np.float32
            )
            objects, confidence = random.integers(0, 1600, REGIONS), random.random(REGIONS, dtype=np.float32)
            arrays = (objects, confidence, objects, confidence, boxes, features)
            first, second, third, fourth, *last = (base64.b64encode(array.tobytes()).decode() for array in arrays)
            fields = [f"COCO_train2014_{number:012}", "480", "640", first, second, third, fourth, str(REGIONS), *last]
            lines.write("\t".join(fields) + "\n")


def compare(folder: Path) -> None:
    """Fail unless the first rows of both sides are the same in float16."""
    loop, stored = np.load(folder / "loop.npy"), np.load(folder / "split" / "features.npy", mmap_mode="r")
    assert np.array_equal(loop.astype(np.float16), stored[: len(loop)]), "the sides differ"
    print(f"the first {len(loop)} rows agree")


if __name__ == "__main__":
    main()
