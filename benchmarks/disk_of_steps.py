"""Bytes that each step of VQA brings, reads and writes, and the disk that its pod needs at most.

    python benchmarks/disk_of_steps.py [--share 0.01] [--folder DIRECTORY]

A data set of that share of VQA's size is generated. Each step runs alone, as in a pod: its inputs are copied to an
empty folder first, as an orchestrator brings them, and its output and temporary files go there too. The data comes from
an S3 server on this machine; the cache of downloads lies on a file system of its own, as /tmp does in a pod, and counts
as the pod's disk. What a process reads of files that it maps is not counted, what it reads of Python's own files is.
"""

import argparse
import contextlib
import json
import logging
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from inspect import signature
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import boto3
from moto.server import ThreadedMotoServer
from podtune.__main__ import run_of
from podtune.samples.models import write_lxmert
from podtune.samples.visual import QUESTIONS_AN_IMAGE, write_visual_questions

IMAGES = {"train": 82783, "validation": 40504}
STEPS = "fetch_data fetch_model extract_lxmert check_unchanged finetune evaluate compare write_card publish".split()  # noqa: SIM905  # one a line would fill a page
MEMORY = Path("/dev/shm")  # another file system than the folder's
SAMPLING = 0.01
"""Seconds between two looks at the disk."""


class Measured(NamedTuple):
    """What a step did, in bytes."""

    brought: int
    """Of its inputs, before it starts."""

    read: int
    written: int
    output: int
    peak: int
    """Of its folder, its inputs and all that it writes."""


def main() -> None:
    """Generate the data, run every step, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.01, help="of VQA's images")
    parser.add_argument("--folder", type=Path, help="where the pods' folders lie; default: the temporary directory")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder, _bucket():
        sections = _generate(Path(folder) / "data", arguments.share)
        made: Dict[str, Path] = {}
        print(f"{'MB':17} {'brought':>9} {'read':>9} {'written':>9} {'output':>9} {'peak':>9}")
        for step in STEPS:
            measured = _run_in_pod(step, Path(folder) / step, made, sections)
            print(f"{step:17} " + " ".join(f"{value / 1e6:9,.2f}" for value in measured), flush=True)


def _generate(folder: Path, share: float) -> Dict[str, Any]:
    """Put the data into the bucket and a model beside it; return the recipe's sections and the texts beside them."""
    questions = {split: math.ceil(images * share) * QUESTIONS_AN_IMAGE for split, images in IMAGES.items()}
    files = write_visual_questions(folder / "raw", seed=1, kind="vqa", **questions)
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"])
    for name in files.values():
        client.upload_file(str(folder / "raw" / name), "bucket", f"vqa/{name}")
    shutil.rmtree(folder / "raw")
    write_lxmert(folder / "lxmert", seed=1, hidden=64, heads=4)
    origin = {"licence": "cc0-1.0"}
    return {
        "source": {"data": "s3://bucket/vqa", "splits": files, "dataset": "podtune/sample-vqa", **origin},
        "model": {"source": str(folder / "lxmert"), "model": "podtune/lxmert", **origin},
        "features": {"labels": "soft"},
        "training": {"epochs": 1, "batch_size": 32, "learning_rate": 1e-3, "max_steps": 8},
        "evaluation": {"seed": 0},
        "gate": {"metric": "accuracy"},
        "card": {"licence": "cc0-1.0", "description": "A model."},
        "release": {"name": "vqa"},
        "store": str(folder / "store"),
        "workspace": str(folder / "workspace"),
        "device": "cpu",
    }


def _run_in_pod(step: str, pod: Path, made: Dict[str, Path], sections: Dict[str, Any]) -> Measured:
    """Run a step in a folder of its own; add its outputs to what was made."""
    options: List[str] = []
    outputs: Dict[str, Path] = {}
    cache = MEMORY / f"{pod.parent.name}-cache"
    for name in signature(run_of(step)).parameters:
        value: Any = sections.get(name) or pod / "outputs" / name
        if name in made:
            value = pod / "inputs" / name
            value.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(made[name], value)
        elif isinstance(value, Path):
            outputs[name] = value
        elif isinstance(value, dict):
            section = pod.parent / f"{name}.json"
            section.write_text(json.dumps(value), encoding="utf-8")
            value = section
        options += [f"--{name.replace('_', '-')}", str(value)]
    brought = _size(pod)
    (pod / "tmp").mkdir(parents=True)
    before = _done()
    with _watching(pod, cache) as peak:
        environment = {**os.environ, "TMPDIR": str(pod / "tmp"), "XDG_CACHE_HOME": str(cache)}
        subprocess.run([sys.executable, "-m", "podtune", step, *options], check=True, env=environment)
    read, written = (after - earlier for after, earlier in zip(_done(), before))
    shutil.rmtree(cache, ignore_errors=True)
    made.update(outputs)
    return Measured(brought, read, written, sum(map(_size, outputs.values())), max(peak))


def _done() -> "tuple[int, int]":
    """Bytes that all processes that this one has waited for have read and written."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return int(lines["rchar"]), int(lines["wchar"])


def _size(*folders: Path) -> int:
    """Bytes on the disk of all files below; a file that two folders link to counts once."""
    blocks: Dict[int, int] = {}
    for folder in folders:
        for directory, _, names in os.walk(folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    found = (Path(directory) / name).lstat()
                    blocks[found.st_ino] = found.st_blocks * 512
    return sum(blocks.values())


@contextlib.contextmanager
def _watching(*folders: Path) -> Iterator[List[int]]:
    """Look at the folders' size all the time; yield the list that the sizes go to."""
    sizes, over = [_size(*folders)], threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLING):
            sizes.append(_size(*folders))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield sizes
    finally:
        over.set()
        watcher.join()
        sizes.append(_size(*folders))


@contextlib.contextmanager
def _bucket() -> Iterator[None]:
    """Have s3://bucket lead to a server on this machine."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which tells every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    os.environ["AWS_ENDPOINT_URL_S3"] = f"http://{host}:{port}"
    os.environ.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="any", AWS_REGION="us-east-1")
    boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"], region_name="us-east-1").create_bucket(
        Bucket="bucket"
    )
    try:
        yield
    finally:
        server.stop()


if __name__ == "__main__":
    main()
