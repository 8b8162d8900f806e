from pathlib import Path

import pytest
from inputs.finished_run import Run


@pytest.fixture
def finished_run(tmp_path: Path) -> Run:
    return Run(tmp_path / "run")
