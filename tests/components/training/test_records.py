import os
import platform
from pathlib import Path
from typing import Dict

import psutil
import pytest
from podtune.training.records import hardware, software


@pytest.fixture(autouse=True)
def _eight_cores_and_32_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"total": 32 << 30}))


def write(root: Path, files: Dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_cpu_is_named_as_the_system_names_it(tmp_path: Path) -> None:
    root = write(tmp_path, {"proc/cpuinfo": "processor\t: 0\nmodel name\t: Some  CPU @ 2 GHz\n"})

    assert hardware("cpu", (), "float32", root) == {
        "device": "cpu",
        "name": "Some CPU @ 2 GHz",
        "count": 1,
        "precision": "float32",
        "cores": 8,
        "memory_gib": 32.0,
    }


def test_accelerators_are_counted(tmp_path: Path) -> None:
    record = hardware("gpu", ("NVIDIA H200", "NVIDIA H200"), "bfloat16", tmp_path)

    assert (record["device"], record["name"], record["count"]) == ("gpu", "NVIDIA H200", 2)


@pytest.mark.parametrize(
    ("files", "cores", "memory_gib"),
    [
        pytest.param({"cpu.max": "350000 100000\n", "memory.max": "1610612736\n"}, 4, 1.5, id="version 2, limited"),
        pytest.param({"cpu.max": "max 100000\n", "memory.max": "max\n"}, 8, 32.0, id="version 2, unlimited"),
        pytest.param({"cpu.max": "6400000 100000\n", "memory.max": f"{64 << 30}\n"}, 8, 32.0, id="more than there is"),
        pytest.param(
            {
                "cpu/cpu.cfs_quota_us": "200000\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                "memory/memory.limit_in_bytes": "2147483648\n",
            },
            2,
            2.0,
            id="version 1, limited",
        ),
        pytest.param(
            {
                "cpu/cpu.cfs_quota_us": "-1\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                "memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            8,
            32.0,
            id="version 1, unlimited",
        ),
    ],
)
def test_a_container_has_what_its_control_group_allows(
    tmp_path: Path, files: Dict[str, str], cores: int, memory_gib: float
) -> None:
    root = write(tmp_path, {f"sys/fs/cgroup/{name}": text for name, text in files.items()})

    record = hardware("cpu", (), "float32", root)

    assert (record["cores"], record["memory_gib"]) == (cores, memory_gib)


@pytest.mark.parametrize(
    ("groups", "files", "cores", "memory_gib"),
    [
        pytest.param(
            "0::/pods/one/step\n",
            {
                "pods/one/cpu.max": "300000 100000",
                "pods/one/step/cpu.max": "max 100000",
                "pods/memory.max": f"{1 << 30}",
            },
            3,
            1.0,
            id="version 2, limits of groups around it",
        ),
        pytest.param(
            "0::/pods/one\n",
            {"cpu.max": "700000 100000", "pods/cpu.max": "500000 100000", "pods/one/cpu.max": "600000 100000"},
            5,
            32.0,
            id="version 2, the least of several",
        ),
        pytest.param(
            "4:memory:/pods/one\n2:cpu,cpuacct:/pods/one\n0::/\n",
            {
                "cpu,cpuacct/pods/one/cpu.cfs_quota_us": "-1",
                "cpu,cpuacct/pods/one/cpu.cfs_period_us": "100000",
                "cpu,cpuacct/pods/cpu.cfs_quota_us": "150000",
                "cpu,cpuacct/pods/cpu.cfs_period_us": "100000",
                "memory/pods/one/memory.limit_in_bytes": "2147483648",
            },
            2,
            2.0,
            id="version 1, in a tree of two controllers",
        ),
        pytest.param(
            "2:cpuset:/docker/abc\n1:cpu:/docker/abc\n",
            {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"},
            4,
            32.0,
            id="version 1, the group is the root that is seen",
        ),
        pytest.param(
            "1:name=systemd:/pods\n",
            {"pods/cpu.max": "100000 100000"},
            8,
            32.0,
            id="the tree of another controller",
        ),
    ],
)
def test_limits_hold_for_all_groups_below(
    tmp_path: Path, groups: str, files: Dict[str, str], cores: int, memory_gib: float
) -> None:
    write(tmp_path, {"proc/self/cgroup": groups})
    root = write(tmp_path, {f"sys/fs/cgroup/{name}": f"{text}\n" for name, text in files.items()})

    record = hardware("cpu", (), "float32", root)

    assert (record["cores"], record["memory_gib"]) == (cores, memory_gib)


def test_software_is_what_is_installed() -> None:
    versions = software()

    assert versions["python"] == platform.python_version()
    assert set(versions) == {"python", "podtune", "torch", "transformers", "tokenizers", "safetensors", "numpy"}
