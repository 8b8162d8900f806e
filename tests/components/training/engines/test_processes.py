import numpy as np
import torch
from podtune.training.engines.processes import Processes


def test_rows_are_dealt_out_by_length() -> None:
    lengths = np.array([10, 50, 20, 40, 30])

    shares = [Processes(rank, 2, torch.device("cpu")).share(lengths) for rank in range(2)]

    assert [share.tolist() for share in shares] == [[1, 4, 0], [3, 2]]


def test_a_cpu_is_no_accelerator() -> None:
    assert Processes(0, 1, torch.device("cpu")).devices == ()
