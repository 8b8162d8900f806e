import numpy as np
import pytest
import torch
from podtune.training.engines.processes import Processes


def test_rows_are_dealt_out_by_length() -> None:
    lengths = np.array([10, 50, 20, 40, 30])

    shares = [Processes(rank, 2, torch.device("cpu")).share(lengths) for rank in range(2)]

    assert [share.tolist() for share in shares] == [[1, 4, 0], [3, 2]]


def test_a_cpu_is_no_accelerator() -> None:
    assert Processes(0, 1, torch.device("cpu")).devices == ()


def test_every_piece_is_dealt_to_one_process() -> None:
    pieces = [np.array([number]) for number in range(3)]

    dealt = [Processes(rank, 4, torch.device("cpu")).deal(pieces) for rank in range(4)]

    assert [[int(piece[0]) for piece in mine] for mine in dealt] == [[0], [1], [2], []]


@pytest.mark.parametrize(("rank", "local", "expected"), [(0, "0", True), (1, "1", False), (2, "0", True)])
def test_one_process_of_each_machine_brings_files(
    rank: int, local: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", local)

    assert Processes(rank, 4, torch.device("cpu")).first_here is expected


@pytest.mark.parametrize("kind", [RuntimeError, torch.distributed.DistBackendError])
def test_a_connection_that_is_lost_ends_a_process_without_a_message(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(tensor: torch.Tensor) -> None:
        raise kind("Connection closed by peer [127.0.0.1]:53018")

    monkeypatch.setattr("torch.distributed.all_reduce", lose)

    with pytest.raises(SystemExit) as ended:
        Processes(0, 2, torch.device("cpu")).in_any(False)

    assert ended.value.code == 1


def test_a_gpus_own_error_is_no_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(tensor: torch.Tensor) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("torch.distributed.all_reduce", fail)

    with pytest.raises(torch.cuda.OutOfMemoryError):
        Processes(0, 2, torch.device("cpu")).in_any(False)
