import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
import yaml
from podtune.errors import BadInput
from podtune_pipelines.argo.pod import template_of as step_template_of
from podtune_pipelines.argo.workflow import cron_workflow, text_of, workflow_template
from podtune_pipelines.compiled_graph import Graph, graph_of, read_graph, scheduled_graph_of
from podtune_pipelines.graphs import arguments_of, compile_to, compiled_text, scheduled_pipeline_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.recipe import load_recipe

Template = Dict[str, Any]


@pytest.mark.parametrize(("recipe", "device"), [("bert-base-uncased-squad", "gpu"), ("roberta-base-squad", "ipu")])
def test_the_workflow_is_the_one_that_was_reviewed(
    recipe: str,
    device: str,
    template_of: Callable[..., Template],
    golden: Callable[[str, str], None],
) -> None:
    golden(f"argo/{recipe}-{device}.yaml", text_of([template_of(recipe, device)]))


def test_the_schedule_is_the_one_that_was_reviewed(
    scheduled_template_of: Callable[..., Template], golden: Callable[[str, str], None]
) -> None:
    template = scheduled_template_of("bert-tiny-squad")

    golden("argo/bert-tiny-squad-scheduled-cpu.yaml", text_of([template, cron_workflow(template, "0 3 * * 1")]))


@pytest.mark.parametrize(
    ("recipe", "device"), [("bert-tiny-squad", "cpu"), ("lxmert-gqa-uncased", "gpu"), ("vit-gpt2-tiny", "cpu")]
)
def test_every_task_of_kfps_graph_is_there_with_its_image_resources_and_order(
    recipe: str, device: str, template_of: Callable[..., Template], tmp_path: Path
) -> None:
    loaded = load_recipe(recipe)
    (tmp_path / "kfp.yaml").write_text(compiled_text(loaded, Placement(device), arguments_of(loaded)), encoding="utf-8")
    specification, _ = yaml.safe_load_all((tmp_path / "kfp.yaml").read_text(encoding="utf-8"))

    templates = {one["name"]: one for one in template_of(recipe, device)["spec"]["templates"]}

    tasks = {task["name"]: task for task in templates.pop("pipeline")["dag"]["tasks"]}
    assert list(tasks) == list(templates)
    assert tasks.keys() == specification["root"]["dag"]["tasks"].keys()
    for name, task in specification["root"]["dag"]["tasks"].items():
        container = specification["deploymentSpec"]["executors"][f"exec-{name}"]["container"]
        ours, resources = templates[name]["container"], container["resources"]
        assert tasks[name].get("dependencies", []) == sorted(task.get("dependentTasks", []))
        assert ours["image"] == container["image"]
        assert ours["command"] == ["python3", "-m", "podtune", container["args"][-1]]
        assert ours["resources"]["requests"]["cpu"] == resources["resourceCpuRequest"]
        assert ours["resources"]["requests"]["memory"] == resources["resourceMemoryRequest"]
        accelerator = resources.get("accelerator")
        assert ours["resources"].get("limits") == (
            {accelerator["resourceType"]: accelerator["resourceCount"]} if accelerator else None
        )


def test_a_scheduled_workflow_has_every_task_of_its_graph_and_asks_before_training(
    scheduled_template_of: Callable[..., Template], tmp_path: Path
) -> None:
    loaded = load_recipe("bert-tiny-squad")
    arguments = arguments_of(loaded)
    compile_to(scheduled_pipeline_of(loaded, Placement("cpu")), arguments, tmp_path / "kfp.yaml")
    specification, _ = yaml.safe_load_all((tmp_path / "kfp.yaml").read_text(encoding="utf-8"))

    tasks = {
        task["name"]: task for task in scheduled_template_of("bert-tiny-squad")["spec"]["templates"][0]["dag"]["tasks"]
    }

    asking = {name for name, task in tasks.items() if "when" in task}
    group = specification["components"]["comp-condition-1"]["dag"]["tasks"]
    assert asking == group.keys()
    assert tasks.keys() - asking == specification["root"]["dag"]["tasks"].keys() - {"condition-1"}
    assert tasks["finetune"]["when"] == "{{tasks.check-unchanged.outputs.result}} == train"
    assert tasks["finetune"]["dependencies"] == ["check-unchanged", "fetch-data", "fetch-model", "tokenize-squad"]
    assert tasks["compare"]["arguments"]["artifacts"] == [
        {"name": "scores", "from": "{{tasks.evaluate.outputs.artifacts.scores}}"}
    ]


def test_a_task_comes_after_those_that_it_needs(template_of: Callable[..., Template]) -> None:
    tasks = template_of("bert-tiny-squad")["spec"]["templates"][0]["dag"]["tasks"]

    done: List[str] = []
    for task in tasks:
        assert set(task.get("dependencies", [])) <= set(done)
        done.append(task["name"])
    assert done[-1] == "publish"


def test_a_refusal_is_not_tried_again(template_of: Callable[..., Template], steps_of: Callable[..., Any]) -> None:
    strategies = [step["retryStrategy"] for step in steps_of(template_of("bert-tiny-squad"))]

    assert [strategy["limit"] for strategy in strategies] == ["3"] * 9
    assert strategies[0]["expression"] == (
        "lastRetry.status == 'Error' || lastRetry.exitCode in ['-1', '75', '143'] || lastRetry.message matches "
        "'low on resource|ephemeral local storage|node shutdown|Preempted'"
    )


def test_a_try_has_no_deadline_but_time_to_save_its_state(
    template_of: Callable[..., Template], steps_of: Callable[..., Any]
) -> None:
    """Argo counts maxDuration from the first try's start, and ends a later one then."""
    template = template_of("bert-tiny-squad")

    assert json.loads(template["spec"]["podSpecPatch"]) == {"terminationGracePeriodSeconds": 300}
    assert [step["retryStrategy"]["backoff"] for step in steps_of(template)] == [{"duration": "10s", "factor": "4"}] * 9


def test_no_step_has_rights_in_the_cluster_but_those_that_create_ipujobs(
    template_of: Callable[..., Template], steps_of: Callable[..., Any]
) -> None:
    template = template_of("roberta-base-squad", "ipu")

    assert template["spec"]["automountServiceAccountToken"] is False
    with_token = {step["name"]: step for step in steps_of(template) if "automountServiceAccountToken" in step}
    assert list(with_token) == ["finetune-on-ipu", "evaluate-on-ipu"]
    assert {step["serviceAccountName"] for step in with_token.values()} == {"podtune-ipu-submitter"}


def test_only_the_publisher_may_write_releases(
    template_of: Callable[..., Template], steps_of: Callable[..., Any]
) -> None:
    template = template_of("bert-tiny-squad")

    assert template["spec"]["serviceAccountName"] == "podtune-steps"
    accounts = {step["name"]: step["serviceAccountName"] for step in steps_of(template) if "serviceAccountName" in step}
    assert accounts == {"check-store": "podtune-publisher", "publish": "podtune-publisher"}


def test_the_store_is_opened_before_anything_is_fetched(template_of: Callable[..., Template]) -> None:
    tasks = {task["name"]: task for task in template_of("bert-tiny-squad")["spec"]["templates"][0]["dag"]["tasks"]}

    assert tasks["fetch-data"]["dependencies"] == tasks["fetch-model"]["dependencies"] == ["check-store"]


def test_a_run_ends_when_it_may_not_go_on(tmp_path: Path) -> None:
    loaded = load_recipe("bert-tiny-squad")
    arguments = arguments_of(loaded)

    limited, endless = (
        workflow_template(graph_of(loaded, Placement("cpu", hours=hours), arguments), arguments) for hours in (1.5, 0)
    )

    assert limited["spec"]["activeDeadlineSeconds"] == 5400
    assert "activeDeadlineSeconds" not in endless["spec"]


def test_whoever_loses_a_race_is_told_what_compares_again(
    template_of: Callable[..., Template], steps_of: Callable[..., Any]
) -> None:
    steps = {step["name"]: step["container"] for step in steps_of(template_of("bert-tiny-squad"))}

    told = {name: [one for one in step["env"] if one["name"] == "PODTUNE_AGAIN"] for name, step in steps.items()}
    assert {name for name, found in told.items() if found} == {"publish"}
    assert told["publish"][0]["value"] == (
        "argo -n {{workflow.namespace}} retry {{workflow.name}} --restart-successful --node-field-selector "
        "templateName=compare"
    )


def test_a_pod_says_which_step_it_is(template_of: Callable[..., Template], steps_of: Callable[..., Any]) -> None:
    steps = steps_of(template_of("bert-tiny-squad"))

    labels = [step["metadata"]["labels"]["app.kubernetes.io/component"] for step in steps]
    assert labels[:3] == ["check_store", "fetch_data", "fetch_model"]


def test_ipujobs_are_given_uris_where_the_artifacts_were_left(
    template_of: Callable[..., Template], steps_of: Callable[..., Any]
) -> None:
    steps = {step["name"]: step for step in steps_of(template_of("roberta-base-squad", "ipu"))}

    prepared = steps["tokenize-squad"]["outputs"]["artifacts"][0]
    arguments = steps["finetune-on-ipu"]["container"]["args"]
    given = arguments[arguments.index("--prepared-data") + 1]
    assert prepared["s3"]["key"] == "artifacts/{{workflow.name}}/tokenize-squad/prepared_data"
    assert prepared["archive"] == {"none": {}}
    assert given == f"s3://{{{{workflow.parameters.bucket}}}}/{prepared['s3']['key']}"


def test_a_restarted_step_finds_its_ipujob_by_argos_label(
    template_of: Callable[..., Template], steps_of: Callable[..., Any]
) -> None:
    steps = {step["name"]: step for step in steps_of(template_of("roberta-base-squad", "ipu"))}

    environment = {one["name"]: one for one in steps["finetune-on-ipu"]["container"]["env"]}
    label = "metadata.labels['workflows.argoproj.io/workflow']"
    assert environment["PODTUNE_RUN"]["valueFrom"] == {"fieldRef": {"fieldPath": label}}


def test_credentials_come_from_a_secret_only(
    template_of: Callable[..., Template], steps_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary-key")

    template = template_of("bert-tiny-squad")

    assert "canary" not in json.dumps(template)
    for step in steps_of(template):
        environment = {one["name"]: one for one in step["container"]["env"]}
        reference = {"name": "podtune-s3", "key": "AWS_SECRET_ACCESS_KEY", "optional": True}
        assert environment["AWS_SECRET_ACCESS_KEY"]["valueFrom"] == {"secretKeyRef": reference}


def test_settings_reach_the_step_as_they_were(
    template_of: Callable[..., Template], steps_of: Callable[..., Any], filled_in: Callable[..., Any]
) -> None:
    template = template_of(
        "bert-tiny-squad", "cpu", 'card.limits="{{workflow.name}}: a \\"bird\\" 🐦\tand é"', store="s3://m/r"
    )
    parameters = {f"workflow.parameters.{one['name']}": one.get("value", "") for one in _parameters(template)}

    steps = {step["name"]: filled_in(step, parameters) for step in steps_of(template)}

    written = {one["name"]: one["raw"]["data"] for one in steps["write-card"]["inputs"]["artifacts"] if "raw" in one}
    assert "{{" not in parameters["workflow.parameters.card"]
    assert json.loads(written["card"])["limits"] == '{{workflow.name}}: a "bird" 🐦\tand é'
    assert json.loads(written["release"]) == {
        "name": "bert-tiny-squad",
        "approval": "automatic",
        "notify": False,
        "remind_after_days": 0,
    }
    assert (
        json.loads(steps["fetch-model"]["inputs"]["artifacts"][-1]["raw"]["data"])["source"] == "sample://bert?seed=1"
    )


def test_a_text_that_argo_would_fill_in_is_refused(template_of: Callable[..., Template]) -> None:
    with pytest.raises(
        BadInput, match=r"^store must not contain \{\{, which Argo would replace; got 's3://m/\{\{x\}\}'$"
    ):
        template_of("bert-tiny-squad", store="s3://m/{{x}}")


def test_a_place_that_is_not_given_is_asked_for(template_of: Callable[..., Template]) -> None:
    template = template_of("bert-tiny-squad", "cpu", workspace="s3://models/training")

    parameters = {one["name"]: one for one in _parameters(template)}
    assert parameters["store"] == {"name": "store"}
    assert parameters["workspace"] == {"name": "workspace", "value": "s3://models/training"}


def test_what_argo_cannot_be_told_is_refused(tmp_path: Path) -> None:
    loaded = load_recipe("bert-tiny-squad")
    (tmp_path / "kfp.yaml").write_text(compiled_text(loaded, Placement("cpu"), arguments_of(loaded)), encoding="utf-8")
    specification, platform = yaml.safe_load_all((tmp_path / "kfp.yaml").read_text(encoding="utf-8"))
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors["exec-fetch-data"]["imagePullSecret"] = [{"secretName": "registry"}]

    graph = read_graph(specification, platform)

    with pytest.raises(BadInput, match=r"^fetch-data has imagePullSecret, which cannot be written for Argo$"):
        step_template_of(graph.steps[1])


def test_a_schedule_has_one_run_at_a_time_and_catches_up_once(template_of: Callable[..., Template]) -> None:
    schedule = cron_workflow(template_of("bert-tiny-squad"), "0 3 * * 1")

    assert schedule["spec"] == {
        "schedules": ["0 3 * * 1"],
        "timezone": "UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "workflowSpec": {"workflowTemplateRef": {"name": "podtune-bert-tiny-squad"}},
    }


def test_a_schedule_of_kfps_six_fields_loses_its_second(template_of: Callable[..., Template]) -> None:
    schedule = cron_workflow(template_of("bert-tiny-squad"), "0 30 3 * * MON-FRI")

    assert schedule["spec"]["schedules"] == ["30 3 * * MON-FRI"]


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("61 3 * * *", r"^the minutes of --cron must be"),
        (
            "5 30 3 * * *",
            r"^Argo's schedules begin with the minute; got '5 30 3 \* \* \*', which begins with a second",
        ),
    ],
)
def test_a_schedule_that_argo_cannot_keep_is_refused(
    cron: str, message: str, template_of: Callable[..., Template]
) -> None:
    template = template_of("bert-tiny-squad")

    with pytest.raises(BadInput, match=message):
        cron_workflow(template, cron)


def test_a_schedule_that_would_have_to_ask_is_refused(template_of: Callable[..., Template]) -> None:
    template = template_of("bert-tiny-squad", "cpu", workspace="s3://models/training")

    with pytest.raises(BadInput, match=r"^--cron needs --store too: a scheduled run starts without anyone to pass it$"):
        cron_workflow(template, "0 3 * * 1")


def test_a_name_that_argo_cannot_append_a_time_to_is_refused(template_of: Callable[..., Template]) -> None:
    template = template_of("bert-tiny-squad")
    template["metadata"]["name"] = "podtune-" + "a" * 45

    with pytest.raises(BadInput, match=r"^a CronWorkflow's name may have 52 characters; got 'podtune-a+'; shorten"):
        cron_workflow(template, "0 3 * * 1")


def _parameters(template: Template) -> List[Dict[str, str]]:
    parameters: List[Dict[str, str]] = template["spec"]["arguments"]["parameters"]
    return parameters


@pytest.mark.parametrize("device", ["cpu", "ipu"])
@pytest.mark.parametrize("graph", [graph_of, scheduled_graph_of])
def test_a_workflow_that_tells_is_the_other_with_an_exit_handler(device: str, graph: Callable[..., Graph]) -> None:
    silent, telling = load_recipe("bert-tiny-squad"), load_recipe("bert-tiny-squad", ["release.notify=true"])
    arguments = arguments_of(silent, store="s3://m/r", workspace="s3://m/w")

    without, graph_with = (graph(recipe, Placement(device), arguments) for recipe in (silent, telling))
    with_it = workflow_template(graph_with, arguments)["spec"]

    spec = workflow_template(without, arguments)["spec"]
    assert "onExit" not in spec
    assert with_it.pop("onExit") == "notify"
    last = with_it["templates"].pop()
    assert with_it == spec
    assert last["name"] == "notify"
    assert last["container"]["command"] == ["python3", "-m", "podtune", "notify"]
    assert last["container"]["args"] == [
        "--release", "/podtune/sections/release.json",
        "--status", "{{workflow.status}} {{workflow.failures}}",
        "--store", "{{workflow.parameters.store}}",
    ]  # fmt: skip
    environment = {one["name"]: one["valueFrom"] for one in last["container"]["env"]}
    secret = {"name": "podtune-notify", "key": "PODTUNE_NOTIFY_URL", "optional": True}
    assert environment["PODTUNE_NOTIFY_URL"] == {"secretKeyRef": secret}
    run = {"fieldPath": "metadata.labels['workflows.argoproj.io/workflow']"}
    assert environment["PODTUNE_RUN"] == {"fieldRef": run}
