import json
from pathlib import Path
from typing import Any

import pytest
from podtune.errors import BadInput
from podtune.stores.s3_client import open_client
from podtune_pipelines import preflight
from podtune_pipelines.placement import Placement
from podtune_pipelines.pods.placement_file import Pods
from podtune_pipelines.preflight import check_device, check_for_cluster, check_here, missing_paths, wrong_models
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


QUESTION_ANSWERING = "albert, bert, camembert, distilbert, electra, modernbert, roberta, xlm-roberta"


def make_model(directory: Path, model_type: str) -> str:
    directory.mkdir(exist_ok=True)
    (directory / "config.json").write_text(json.dumps({"model_type": model_type}))
    return str(directory)


def test_a_model_of_an_unknown_type_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model", "t5")
    recipe = load_recipe("bert-tiny-squad", [f"model.source={model}"])
    expected = f"config.json of {model}: model_type must be one of {QUESTION_ANSWERING}; got 't5'"

    with pytest.raises(BadInput) as here:
        check_here(recipe, "cpu", str(tmp_path / "store"))
    with pytest.raises(BadInput) as there:
        check_for_cluster(recipe, Placement("cpu"), store="", workspace="", later=True)

    assert str(here.value) == str(there.value) == expected


@pytest.mark.parametrize("model_type", ["albert", "distilbert", "modernbert"])
def test_a_type_that_cannot_be_compiled_is_refused_for_ipus_only(tmp_path: Path, model_type: str) -> None:
    model = make_model(tmp_path / "model", model_type)
    recipe = load_recipe("bert-tiny-squad", [f"model.source={model}"])

    assert wrong_models(recipe, "gpu", remote=False) == []
    assert wrong_models(recipe, "ipu", remote=False) == [
        f"config.json of {model}: model_type must be one of bert, camembert, electra, roberta, xlm-roberta; "
        f"got '{model_type}'; --device cpu and gpu take it"
    ]


def test_encoder_and_decoder_have_types_of_their_own(tmp_path: Path) -> None:
    encoder, decoder = (make_model(tmp_path / name, name) for name in ("vit", "gpt2"))
    joined = [f"model.source={encoder}", f"model.decoder.source={decoder}"]
    swapped = [f"model.source={decoder}", f"model.decoder.source={encoder}"]

    assert wrong_models(load_recipe("vit-gpt2-vizwiz", joined), "cpu", remote=False) == []
    assert wrong_models(load_recipe("vit-gpt2-vizwiz", swapped), "cpu", remote=False) == [
        f"config.json of {decoder}: model_type must be vit; got 'gpt2'",
        f"config.json of {encoder}: model_type must be gpt2; got 'vit'",
    ]


def test_a_model_in_a_bucket_is_asked_for_its_type(moto_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moto_server.use(monkeypatch)
    open_client().put_object(Bucket="models", Key="t5/config.json", Body=b'{"model_type": "t5"}')
    recipe = load_recipe("bert-tiny-squad", ["model.source=s3://models/t5"])

    assert wrong_models(recipe, "cpu", remote=False) == []
    assert wrong_models(recipe, "cpu", remote=True) == [
        f"config.json of s3://models/t5: model_type must be one of {QUESTION_ANSWERING}; got 't5'"
    ]
    assert wrong_models(load_recipe("bert-tiny-squad", ["model.source=s3://models/none"]), "cpu", remote=True) == []


def test_what_may_keep_pods_from_running_is_said() -> None:
    assert check_for_cluster(
        load_recipe("lxmert-vqa-uncased"), Placement("cpu"), store="", workspace="", later=True
    ) == [
        "data/lxmert-vqa is a local path; it has to exist in the pods, not on this machine",
        "models/lxmert-base-uncased is a local path; it has to exist in the pods, not on this machine",
    ]


@pytest.mark.parametrize("store", ["store", "s3://models/podtune"])
def test_a_key_that_cannot_sign_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODTUNE_SIGNING_KEY", "missing.pem")

    with pytest.raises(BadInput, match=r"^PODTUNE_SIGNING_KEY must be a private key on the curve P-256"):
        check_here(load_recipe("bert-tiny-squad"), "cpu", store)


@pytest.mark.parametrize(
    ("store", "workspace", "message"),
    [
        (
            "s3://m/s?endpoint=x",
            "s3://m/w",
            "--store (or PODTUNE_STORE) must be s3://bucket/prefix, without a q",
        ),
        (
            "s3://m/s",
            "s3://m/w#x",
            "--workspace (or PODTUNE_WORKSPACE) must be s3://bucket/prefix, without a q",
        ),
        (
            "s3://m/s",
            "s3://m/w?",
            "--workspace (or PODTUNE_WORKSPACE) must be s3://bucket/prefix, without a q",
        ),
        (
            "s3:///s",
            "",
            "--store (or PODTUNE_STORE) must be s3://bucket/prefix, without a q",
        ),
    ],
)
def test_a_cluster_is_told_no_uri_with_a_query(store: str, workspace: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        check_for_cluster(
            load_recipe("bert-tiny-squad"), Placement("cpu"), store=store, workspace=workspace, later=True
        )

    assert str(raised.value).startswith(message)


def test_a_cluster_may_use_an_access_point() -> None:
    uri = "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/podtune/models"

    check_for_cluster(load_recipe("bert-tiny-squad"), Placement("cpu"), store=uri, workspace=uri, later=True)


@pytest.mark.parametrize("device", ["cpu", "ipu"])
def test_only_gpus_are_trained_on_in_several_nodes(device: str) -> None:
    uri = "s3://models/training"
    where = Placement(device, nodes=2)

    with pytest.raises(BadInput, match=f"^--nodes needs --device gpu, .*; got --device {device}$"):
        check_for_cluster(load_recipe("bert-tiny-squad"), where, store=uri, workspace=uri, later=True)


def test_what_a_placement_says_of_a_trainjobs_pods_is_refused_with_where_it_belongs() -> None:
    uri = "s3://models/training"
    pods = Pods("site.yaml", steps={"finetune": {"priorityClassName": "training"}})

    with pytest.raises(BadInput, match=r"^site\.yaml: steps\.finetune: the TrainingRuntime podtune-torch says"):
        check_for_cluster(
            load_recipe("bert-tiny-squad"), Placement("gpu", nodes=1, pods=pods), store=uri, workspace=uri, later=True
        )
