from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune_pipelines import preflight
from podtune_pipelines.preflight import check_device, check_here, missing_paths
from podtune_pipelines.recipe import load_recipe

pytestmark = pytest.mark.local


def test_a_run_that_this_machine_can_do(tmp_path: Path) -> None:
    check_here(load_recipe("bert-tiny-squad"), "cpu", str(tmp_path / "store"))

    assert list(tmp_path.iterdir()) == []


def test_everything_that_is_wrong_is_named_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_has_gpu", lambda: False)
    changes = [f"source.data={tmp_path}/data", f"model.source={tmp_path}/model"]

    with pytest.raises(BadInput) as refused:
        check_here(load_recipe("bert-tiny-squad", changes), "gpu", str(tmp_path / "store"))

    assert str(refused.value).splitlines() == [
        f"{tmp_path}/data is not there; a source must be a directory or a URI",
        f"{tmp_path}/model is not there; a source must be a directory or a URI",
        "no NVIDIA GPU is visible; run on a machine with one and its driver, or use --device cpu",
    ]


@pytest.mark.parametrize("check", [check_device, lambda device: check_here(load_recipe("minilm-squad"), device, "x")])
def test_a_device_that_no_engine_is_for(check: Any) -> None:
    with pytest.raises(BadInput, match=r"^--device must be one of cpu, gpu, ipu; got 'tpu'$"):
        check("tpu")


def test_ipus_need_their_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PODTUNE_IPU_PYTHON", raising=False)

    with pytest.raises(BadInput, match="set PODTUNE_IPU_PYTHON to that one's path"):
        check_here(load_recipe("minilm-squad"), "ipu", str(tmp_path))


def test_a_store_that_cannot_take_a_release(tmp_path: Path, moto_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moto_server.use(monkeypatch)
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInput, match="there is no such bucket"):
        check_here(load_recipe("bert-tiny-squad"), "cpu", "s3://no-such-bucket/models")
    with pytest.raises(BadInput, match="a store must be a directory"):
        check_here(load_recipe("bert-tiny-squad"), "cpu", str(tmp_path / "file"))


def test_sources_elsewhere_are_not_looked_for() -> None:
    assert missing_paths(load_recipe("minilm-squad")) == []
    assert missing_paths(load_recipe("lxmert-vqa-uncased")) == [
        "data/lxmert-vqa is not there; a source must be a directory or a URI",
        "models/lxmert-base-uncased is not there; a source must be a directory or a URI",
    ]
