"""Podman with a store of its own, a bare Debian as the base, and the CPU image on it: all below build/containers."""

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from skips import CONTAINERS, LACKS, TOOLS

ROOT = Path(__file__).parents[2]
REGISTRY = "localhost/podtune"
BASE = "localhost/podtune-debian:bookworm"

# runc, because crun may not raise limits here. Soft limits equal hard ones, because podman 4.3 exchanges the two for
# those who come through Docker's API, and refuses what it made of them.
ENGINE = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@dataclass(frozen=True)
class Engine:
    """Podman as configured in a directory, where all that it stores lies too."""

    directory: Path

    @property
    def address(self) -> str:
        return f"unix://{self.directory / 'podman.sock'}"

    @property
    def environment(self) -> Dict[str, str]:
        configured = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
        return {**os.environ, **{name: str(self.directory / file) for name, file in configured.items()}}

    def configure(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        places = {"graphroot": self.directory / "images", "runroot": self.directory / "running"}
        lines = ["[storage]", 'driver = "overlay"', *(f'{key} = "{path}"' for key, path in places.items())]
        # Without a mount of its own there, the directory can be deleted
        lines += ["[storage.options.overlay]", 'skip_mount_home = "true"']
        (self.directory / "containers.conf").write_text(ENGINE, encoding="utf-8")
        (self.directory / "storage.conf").write_text("\n".join(lines), encoding="utf-8")

    def podman(self, *arguments: str) -> str:
        """Run podman and return what it printed."""
        return _run(["podman", *arguments], self.environment)

    def has(self, image: str) -> bool:
        command = ["podman", "image", "exists", image]
        return subprocess.run(command, env=self.environment, check=False).returncode == 0


def _run(command: List[str], environment: Dict[str, str]) -> str:
    ran = subprocess.run(command, env=environment, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, f"{' '.join(command)} failed:\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    return ran.stdout


@pytest.fixture(scope="session")
def engine() -> Engine:
    if not CONTAINERS:
        pytest.skip(f"{', '.join(LACKS)}; make test-images would run this as root, with {', '.join(TOOLS)} and disk")
    made = Engine(ROOT / "build" / "containers")
    made.configure()
    return made


@pytest.fixture(scope="session")
def base_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Debian 12 with Python and pip, and nothing that podtune brought."""
    if not engine.has(BASE):
        root, archive = tmp_path_factory.mktemp("debian"), tmp_path_factory.mktemp("archive") / "debian.tar"
        packages = "python3,python3-pip,python3-venv,ca-certificates"
        _run(["debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(root)], dict(os.environ))
        _run(["tar", "-C", str(root), "--exclude=./dev/*", "-cf", str(archive), "."], dict(os.environ))
        engine.podman("import", str(archive), BASE)
        shutil.rmtree(root)
        archive.unlink()
    return BASE


@pytest.fixture(scope="session")
def cpu_image(engine: Engine, base_image: str) -> str:
    """The name of the CPU image, built by make as a user would, with this machine's configuration of pip."""
    options = ["--isolation=chroot", "--ulimit=nofile=4096:4096", *_pip_of_this_machine(engine.directory / "pip.conf")]
    arguments = {
        "BUILDER": "podman",
        "BASE": base_image,
        "PODTUNE_REGISTRY": REGISTRY,
        "BUILD_OPTIONS": " ".join(options),
    }
    given = [f"{name}={value}" for name, value in arguments.items()]
    # --old-file: the environment that this runs in is the one that builds
    _run(["make", "--old-file=.venv/installed", "image-cpu", *given], engine.environment)
    from podtune import __version__

    return f"{REGISTRY}/python-cpu:{__version__}"


def _pip_of_this_machine(target: Path) -> List[str]:
    """Write down how pip is configured here; return the builder's options that bring it and the places it names."""
    listed = _run([sys.executable, "-m", "pip", "config", "list"], dict(os.environ)).splitlines()
    pairs = [line.split("=", 1) for line in listed]
    settings = {name.rpartition(".")[2]: " ".join(ast.literal_eval(value).split()) for name, value in pairs}
    target.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items())]))
    words = {Path(word.removeprefix("file://")) for value in settings.values() for word in value.split()}
    places = {word.parent if word.name == "simple" else word for word in words}  # an index's files lie beside it
    named = sorted(str(place) for place in places if place.is_absolute() and place.exists())
    return [f"--volume={target}:/etc/pip.conf:ro", *(f"--volume={place}:{place}:ro" for place in named)]


@pytest.fixture(scope="session")
def docker_host(engine: Engine) -> Iterator[str]:
    """The address of podman's service, which speaks Docker's API."""
    socket = engine.directory / "podman.sock"
    socket.unlink(missing_ok=True)
    with (engine.directory / "service.log").open("w") as log:
        command = ["podman", "system", "service", "--time=0", engine.address]
        service = subprocess.Popen(command, env=engine.environment, stderr=log)
    try:
        _wait_for(socket, service)
        yield engine.address
    finally:
        service.terminate()
        service.wait(timeout=30)


def _wait_for(socket: Path, service: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        if socket.exists() or service.poll() is not None:
            break
        time.sleep(0.1)
    assert socket.exists(), f"podman's service did not start; see {socket.parent / 'service.log'}"


@pytest.fixture(scope="session")
def configuration(engine: Engine, cpu_image: str) -> Dict[str, Any]:
    """What the CPU image is configured to run as."""
    return dict(json.loads(engine.podman("image", "inspect", cpu_image))[0]["Config"])
