"""Bytes that `podtune plan` and `podtune run` hash and read, against the bytes of their data.

    python benchmarks/hashed_bytes.py [--data vqa] [--share 100]

Data of a hundredth of VQA's size (or SQuAD's, or VizWiz's) is generated on this machine, in files. Then `plan` and
`run` are each called twice in a new home, and every process reports what went through hashlib's SHA-256 and read().
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple

from podtune.samples.captions import write_captioned_images
from podtune.samples.squad import write_squad
from podtune.samples.visual import write_visual_questions

_SPY = """
import atexit, hashlib, json, os, sys, time

_real, _counted, _begun = hashlib.sha256, [0], time.monotonic()

class _Counting:
    def __init__(self, data=b"", **options):
        self._sum = _real(data, **options)
        _counted[0] += len(data)

    def update(self, data):
        _counted[0] += memoryview(data).nbytes
        self._sum.update(data)

    def __getattr__(self, name):
        return getattr(self._sum, name)

@atexit.register
def _tell():
    import re
    words = " ".join(sys.argv)
    step = re.search(r"--function_to_execute (\\\\w+)", words)
    read = next(int(line.split()[1]) for line in open("/proc/self/io") if line.startswith("rchar"))
    told = {"who": step[1] if step else "command", "hashed": _counted[0], "read": read}
    told["seconds"] = time.monotonic() - _begun
    with open(os.environ["HASHED_BYTES"], "a") as file:
        file.write(json.dumps(told) + "\\\\n")

hashlib.sha256 = _Counting
""".replace("\\\\", "\\")
"""What every Python that is started runs first."""


class _Data(NamedTuple):
    """Generated data, and the recipe that takes it."""

    recipe: str
    write: Callable[..., Dict[str, str]]
    """Directory, seed, and the examples of both splits, to RawData's names of the files."""

    train: int
    """Examples of the published data."""

    validation: int


DATA = {
    "vqa": _Data("lxmert-vqa-tiny", partial(write_visual_questions, kind="vqa"), 443_757, 214_354),
    "squad": _Data("bert-tiny-squad", write_squad, 87_599, 10_570),
    "captions": _Data("vit-gpt2-tiny", write_captioned_images, 23_431, 7_750),
}


def main() -> None:
    """Make the data, run the commands, print what each process did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=DATA, default="vqa")
    parser.add_argument(
        "--share", type=int, default=100, help="which part of the data set's size, such as 100 for 1 %%"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(DATA[arguments.data], arguments.share, Path(folder))


def measure(data: _Data, share: int, folder: Path) -> None:
    """Call each command twice and print what it hashed and read."""
    splits = data.write(folder / "data", 1, data.train // share, data.validation // share)
    (folder / "spy").mkdir()
    (folder / "spy" / "sitecustomize.py").write_text(_SPY)
    changes = [f"source.data={folder / 'data'}", *(f"source.splits.{split}={file}" for split, file in splits.items())]
    changes += ["training.epochs=1", "gate.floors={}"]
    print(f"{_bytes_below(folder / 'data') / 1e6:,.1f} MB of data", flush=True)
    for command in ("plan", "plan", "run", "run"):
        called = [command, data.recipe, "--home", str(folder / "home"), *(f"--set={change}" for change in changes)]
        begun = time.monotonic()
        told = _call(called, folder)
        seconds = time.monotonic() - begun
        artifacts = _bytes_below(folder / "home" / "runs") / 1e6
        print(f"\npodtune {command}: {seconds:.1f} s, artifacts of {artifacts:,.1f} MB in the home")
        for one in told:
            figures = (
                f"hashed {one['hashed'] / 1e6:9,.1f} MB, read {one['read'] / 1e6:9,.1f} MB, {one['seconds']:6.1f} s"
            )
            print(f"  {one['who']:18}{figures}", flush=True)


def _call(command: List[str], folder: Path) -> List[Dict[str, Any]]:
    log = folder / "hashed.jsonl"
    log.write_text("")
    environment = {**os.environ, "PYTHONPATH": str(folder / "spy"), "HASHED_BYTES": str(log)}
    done = subprocess.run(
        [sys.executable, "-m", "podtune_pipelines.cli", *command], env=environment, capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return [json.loads(line) for line in log.read_text().splitlines()]


def _bytes_below(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
