from pathlib import Path
from typing import Iterator

import pytest
import torch
from podtune.training.engines.cpu import (
    divide_as_before,
    has_avx512_bfloat16,
    keep_freed_memory,
    keep_to_quota,
    multiplies_bfloat16,
    multiplies_in_tiles,
)
from podtune.training.engines.states import Rounding


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("limit", "threads"), [("max 100000", 4), ("150000 100000", 2), ("800000 100000", 4)])
@pytest.mark.usefixtures("four_threads")
def test_threads_keep_to_the_containers_limit(tmp_path: Path, limit: str, threads: int) -> None:
    (tmp_path / "sys" / "fs" / "cgroup").mkdir(parents=True)
    (tmp_path / "sys" / "fs" / "cgroup" / "cpu.max").write_text(f"{limit}\n")

    keep_to_quota(tmp_path)

    assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("four_threads")
def test_without_a_limit_threads_stay(tmp_path: Path) -> None:
    keep_to_quota(tmp_path)

    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_a_run_goes_on_with_the_threads_that_it_began_with(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("podtune.training.engines.cpu.usable_cores", lambda: 4)

    divide_as_before(Rounding(threads=3, processes=1), processes=1)

    assert (torch.get_num_threads(), caplog.text) == (3, "")


@pytest.mark.usefixtures("four_threads")
def test_a_state_that_does_not_say_its_threads_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    divide_as_before(Rounding(), processes=1)

    assert (torch.get_num_threads(), caplog.text) == (4, "")


@pytest.mark.parametrize(
    ("threads", "processes", "words"),
    [
        (8, 1, "began with 1 × 8 threads (processes × threads) and goes on with 1 × 4, on 4 cores"),
        (4, 2, "began with 2 × 4 threads (processes × threads) and goes on with 1 × 4, on 4 cores"),
    ],
)
@pytest.mark.usefixtures("four_threads")
def test_what_cannot_be_divided_as_before_is_said_not_to_be_exact(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, threads: int, processes: int, words: str
) -> None:
    monkeypatch.setattr("podtune.training.engines.cpu.usable_cores", lambda: 4)

    divide_as_before(Rounding(threads, processes), processes=1)

    assert torch.get_num_threads() == 4
    assert words in caplog.text
    assert "not bit for bit that of an undisturbed run" in caplog.text


def test_memory_can_be_kept_twice() -> None:
    keep_freed_memory()
    keep_freed_memory()


def test_a_probe_that_torch_has_renamed_means_that_the_cpu_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("torch.cpu._is_amx_tile_supported", raising=False)
    monkeypatch.delattr("torch.cpu._is_avx512_bf16_supported", raising=False)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    assert not multiplies_in_tiles()
    assert not has_avx512_bfloat16()
    assert not multiplies_bfloat16()
