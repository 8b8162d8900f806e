"""Every benchmark can be imported and says how it is used; what it measures is for a quiet machine."""

import runpy
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.local  # datasets and accelerate take seconds to import

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
PARTS = {"gpu_parts", "podtune_side", "side_by_side", "squad_shapes", "trainer_side"}
"""What several benchmarks share; no programs."""


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_a_benchmark_says_how_it_is_used(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])

    if name in PARTS:
        runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name="__main__")
        return
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name="__main__")

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {name}.py ")


def test_all_are_there() -> None:
    assert len(list(BENCHMARKS.glob("*.py"))) == 24
