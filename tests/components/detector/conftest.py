"""Layers of a few numbers."""

from typing import Iterator

import pytest
import torch
from inputs.detector import (  # noqa: F401  # fixtures
    picture,
    picture_file,
    small_network,
    weights_of,
    write_detector,
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Layers this small are slower on several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
