"""Images per second: prepare_captions' decoding against the usual ways to make a ViT's inputs of image files.

    python benchmarks/prepare_captions.py [--images 600] [--rounds 3]

The files are generated JPEGs of 640 x 480. The loop opens each with Pillow and gives it to ViTImageProcessor; the map
does so in `datasets.map`, a hundred at a time. Every side runs in a process of its own, in turn, `rounds` times. The
clock of each starts with the files on disk and stops with the features there. Ratios are taken within a round. At the
end the pixels are compared. This benchmark needs the package `datasets`.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
from PIL import Image

SIZE = 224
COMPARED = 20
"""Images of which all pixels are compared."""


def main() -> None:
    """Run all sides, or one of them where this is its process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=600)
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
    results: Dict[str, List[Dict[str, float]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder, "images"), arguments.images)
        for turn in range(arguments.rounds):
            for side in SIDES:
                command = [sys.executable, __file__, "--side", side, "--folder", folder]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                results[side].append(json.loads(done.stdout.splitlines()[-1]))
                print(f"round {turn + 1} {side}: {results[side][-1]}", flush=True)
        report(results, arguments.images)
        compare(Path(folder))


def write_photos(folder: Path, images: int) -> None:
    """Write smooth waves with some noise: about as many bytes as a photograph."""
    folder.mkdir()
    y, x = np.mgrid[0:480, 0:640].astype(np.float32)
    noise = np.random.default_rng(1).integers(0, 24, (480, 640, 3))
    for number in range(images):
        waves = np.stack([np.sin(x / (9 + number % 50) + y / 70), np.cos(x / 50), np.sin(y / 40 + number)], axis=-1)
        Image.fromarray((115 + 90 * waves + noise).astype(np.uint8)).save(folder / f"{number:05}.jpg", quality=90)


def report(results: Dict[str, List[Dict[str, float]]], images: int) -> None:
    """Print every side's rates, and how many times as fast podtune was in the same round."""
    ours = [run["seconds"] for run in results["podtune"]]
    for side, runs in results.items():
        rates = [images / run["seconds"] for run in runs]
        ratio = statistics.median(run["seconds"] / seconds for run, seconds in zip(runs, ours))
        cpu, disk = (statistics.median(run[name] for run in runs) for name in ("cpu", "megabytes"))
        figures = f"{statistics.median(rates):6,.0f} images/s in the median, {max(rates):6,.0f} at best"
        print(f"{side:13} {figures}, {cpu:5.1f} CPU seconds, {disk:6,.0f} MB; podtune is {ratio:5.2f} times as fast")


def compare(folder: Path) -> None:
    """Print how far the normalised pixels lie apart."""
    ours, *others = (np.load(folder / f"{side}.npy") for side in SIDES)
    for side, theirs in zip(list(SIDES)[1:], others):
        print(f"podtune's and {side}'s pixels differ by at most {np.abs(ours - theirs).max():.1e} of 2")


def run_side(side: str, folder: Path) -> Dict[str, float]:
    """Make the features once."""
    files = sorted(path for path in (folder / "images").iterdir())
    run = SIDES[side]()
    with tempfile.TemporaryDirectory(dir=folder) as output:
        begun, cpu = time.perf_counter(), cpu_seconds()
        pixels = run(files, Path(output))
        seconds, used = time.perf_counter() - begun, cpu_seconds() - cpu
        written = sum(path.stat().st_size for path in Path(output).rglob("*") if path.is_file())
        np.save(folder / f"{side}.npy", pixels())
    return {"seconds": round(seconds, 3), "cpu": round(used, 1), "megabytes": written / 1e6}


def cpu_seconds() -> float:
    """CPU time of the process and of those that it waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


Run = Callable[[List[Path], Path], Callable[[], Any]]
"""Image files and an empty folder to the features; what it returns gives the first images' normalised pixels."""


def podtune() -> Run:
    """Decode with several threads and store uint8, as the step does."""
    from podtune.formats.image_files import open_image_files
    from podtune.formats.raw_data import DataFile
    from podtune.tasks.image_captioning.pixels import store_pixels

    def run(files: List[Path], output: Path) -> Callable[[], Any]:
        with open_image_files(DataFile(files[0].parent)) as images:
            store_pixels(output / "images.npy", images, [path.name for path in files], SIZE)
        stored = np.load(output / "images.npy", mmap_mode="r")
        return lambda: stored[:COMPARED].transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1

    return run


def loop() -> Run:
    """Process one image after the other and store float32."""
    processor = vit_processor()

    def run(files: List[Path], output: Path) -> Callable[[], Any]:
        shape = (len(files), 3, SIZE, SIZE)
        stored = np.lib.format.open_memmap(output / "images.npy", mode="w+", dtype=np.float32, shape=shape)
        for number, path in enumerate(files):
            with Image.open(path) as image:
                stored[number] = processor(image.convert("RGB"), return_tensors="np")["pixel_values"][0]
        return lambda: stored[:COMPARED]

    return run


def mapped() -> Run:
    """Process a hundred images at a time in datasets.map, which stores float32."""
    import datasets

    datasets.disable_progress_bars()
    processor = vit_processor()

    def process(rows: Dict[str, List[Any]]) -> Dict[str, Any]:
        images = [image.convert("RGB") for image in rows["image"]]
        return {"pixel_values": processor(images, return_tensors="np")["pixel_values"]}

    def run(files: List[Path], output: Path) -> Callable[[], Any]:
        described = datasets.Dataset.from_dict({"image": [str(path) for path in files]})
        done = described.cast_column("image", datasets.Image()).map(
            process,
            batched=True,
            batch_size=100,
            remove_columns=["image"],
            features=datasets.Features({"pixel_values": datasets.Array3D((3, SIZE, SIZE), "float32")}),
            cache_file_name=str(output / "images.arrow"),
        )
        return lambda: np.stack(done.with_format("numpy")[:COMPARED]["pixel_values"])

    return run


def vit_processor() -> Any:
    """The image processor of google/vit-base-patch16-224-in21k."""
    from transformers import ViTImageProcessor

    return ViTImageProcessor(
        size={"height": SIZE, "width": SIZE}, resample=2, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )


SIDES: Dict[str, Callable[[], Run]] = {"podtune": podtune, "loop": loop, "datasets.map": mapped}

if __name__ == "__main__":
    main()
