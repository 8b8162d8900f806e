"""One process for each GPU, started by torchrun; they end together, and with one message."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Mapping

from podtune.errors import MESSAGE_FILE_VARIABLE, PodtuneError, read_failure

_POLL_SECONDS = 0.2


def visible_gpus() -> int:
    """Count the GPUs that this process may use."""
    import torch

    return int(torch.cuda.device_count())


def is_running() -> bool:
    """Whether torchrun has started this process."""
    return "WORLD_SIZE" in os.environ


def run_in_processes(
    count: int, arguments: Mapping[str, object], training: Mapping[str, Any], stopping: Callable[[], bool]
) -> None:
    """Run this step in so many processes on this machine; raise again what made them fail.

    `arguments` are those of `python -m podtune.finetune` by name, without the settings, which are `training`.
    """
    with tempfile.TemporaryDirectory() as directory:
        message_file, settings = Path(directory) / "message.json", Path(directory) / "training.json"
        settings.write_text(json.dumps(training), encoding="utf-8")
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
        module = ["-m", "podtune.finetune", "--settings", str(settings)]
        module += [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
        environment = {**os.environ, MESSAGE_FILE_VARIABLE: str(message_file)}
        process = subprocess.Popen([sys.executable, *launcher, *module], env=environment)  # noqa: S603  # our own module
        if _wait(process, stopping):
            raise read_failure(message_file) or PodtuneError(
                f"torchrun ended with exit code {process.returncode}; the lines above say why"
            )


def _wait(process: "subprocess.Popen[bytes]", stopping: Callable[[], bool]) -> int:
    """Wait for the end and return the exit code; pass a wish to stop on, once."""
    while process.poll() is None and not stopping():
        time.sleep(_POLL_SECONDS)
    if process.poll() is None:
        process.terminate()
    return process.wait()
