"""For every test: golden files, compared with and written only when asked; and hypothesis without chance."""

from pathlib import Path
from typing import Callable

import pytest
from hypothesis import settings

GOLDEN = Path(__file__).parent / "golden"

# The same examples in every run, however slow the machine
settings.register_profile("podtune", derandomize=True, deadline=None)
settings.load_profile("podtune")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files; read their diff in review")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """A function (name, text) that fails unless tests/golden/<name> holds exactly the text."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
        assert path.is_file(), f"tests/golden/{name} is missing; write it with --update-golden and read it"
        assert text == path.read_bytes().decode("utf-8"), f"tests/golden/{name} differs; see --update-golden"

    return compare


@pytest.fixture
def golden_text() -> Callable[[str], str]:
    """A function (name) that reads tests/golden/<name>."""
    return lambda name: (GOLDEN / name).read_bytes().decode("utf-8")
