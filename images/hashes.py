"""Write into locks the SHA-256 of every file that the index has of each pin: pip then installs no other (make hashes).

    hashes.py PYTHON LOCK…

PYTHON is the full version that the locks are for.
"""

import subprocess
import sys
from pathlib import Path

COMPILE = "uv pip compile --quiet --no-deps --generate-hashes --no-header --no-annotate --python-platform linux"


def main(python: str, *locks: str) -> None:
    """Hash each lock in place; lines that are no pins stay on top."""
    for lock in map(Path, locks):
        lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if not line.startswith(" ")]
        pins = [line.rstrip(" \\") for line in lines if "==" in line and not line.startswith("#")]
        others = [line for line in lines if line.startswith(("#", "-"))]
        hashed = _hashed(python, pins)
        lock.write_text("".join(f"{line}\n" for line in [*others, hashed.rstrip()]), encoding="utf-8")


def _hashed(python: str, pins: "list[str]") -> str:
    command = [sys.executable, "-m", *COMPILE.split(), "--python-version", python, "-"]
    found = subprocess.run(command, input="\n".join(pins), text=True, capture_output=True, check=True)
    return found.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
