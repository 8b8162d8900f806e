"""A real cluster, as the end-to-end tests in tests/cluster use it: by podtune's commands and by kubectl."""

import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Optional

SMALL_REQUESTS = Path(__file__).parent / "cluster" / "small_requests.py"

RECIPE = "bert-tiny-squad"

LONG = ("--set", "training.epochs=60", "--set", "training.checkpoint_every=10")
"""Changes that make a training of minutes, to be interrupted."""


@dataclass
class Cluster:
    """A KFP or an Argo namespace, and the S3 prefix that one test has for itself."""

    namespace: str
    """Where the pods of runs are."""

    store: str
    """s3:// URI, with nothing below it."""

    environment: Dict[str, str] = field(default_factory=dict)

    @property
    def releases(self) -> str:
        """Where this test's releases are kept."""
        return f"{self.store}/models"

    def podtune(self, *arguments: str, code: Optional[int] = 0) -> "subprocess.CompletedProcess[str]":
        """Run a command of podtune; fail unless it exits with `code`, which None leaves open."""
        command = [sys.executable, str(SMALL_REQUESTS), *arguments]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
        assert code is None or done.returncode == code, (
            f"{arguments} ended {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl in the namespace and return what it prints."""
        command = ["kubectl", "--namespace", self.namespace, *arguments]
        done = subprocess.run(command, check=False, input=stdin, capture_output=True, text=True)
        assert done.returncode == 0, f"{command} ended {done.returncode}: {done.stderr}"
        return done.stdout

    def training_pod(self, selector: str, *, other_than: str = "") -> str:
        """The name of the run's pod that trains, once it has saved a checkpoint."""

        def saved() -> str:
            labels = f"{selector},app.kubernetes.io/component=finetune"
            names = self.kubectl("get", "pods", "--selector", labels, "--output", "name").split()
            running = [name for name in names if name != other_than and "step 10" in self._log(name)]
            return running[0] if running else ""

        return str(until(saved, 400, f"a pod of {selector} that trains"))

    def _log(self, pod: str) -> str:
        command = ["kubectl", "--namespace", self.namespace, "logs", pod, "--container", "main"]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout

    def evict(self, pod: str) -> None:
        """End a pod by the eviction API, as `kubectl drain` does."""
        name = pod.partition("/")[2]
        eviction = f'{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"{name}"}}}}'
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}/eviction"
        self.kubectl("create", "--raw", path, "--filename", "-", stdin=eviction)

    def card(self, folder: Path) -> str:
        """The newest release's card, downloaded and verified."""
        self.podtune("download", RECIPE, "--to", str(folder), "--store", self.releases)
        return (folder / "README.md").read_text(encoding="utf-8")


def until(look: Callable[[], Any], seconds: float, wanted: str) -> Any:
    """Return the first true value that `look` returns, asked every two seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = look()
        if value:
            return value
        time.sleep(2)
    raise AssertionError(f"{wanted}: not within {seconds:g} s")


def fresh() -> str:
    """A change of the recipe that no earlier run had, so that nothing of its training is cached."""
    return f"training.seed={uuid.uuid4().int % 1_000_000}"
