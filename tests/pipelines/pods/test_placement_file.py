import re
from dataclasses import fields
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from podtune.errors import BadInput
from podtune_pipelines.pods.placement_file import EXAMPLE, Pods, load_pods
from podtune_pipelines.pods.pod import Pod, Resources, Toleration, Variable
from podtune_pipelines.pods.whole_run import Run

Written = Callable[[str], Pods]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Write a placement file and read it; it is called site.yaml."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Pods:
        Path("site.yaml").write_text(text, encoding="utf-8")
        return load_pods("site.yaml")

    return write


def test_the_example_is_read_and_has_every_field(written: Written) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")

    written(text)
    uncommented = written(re.sub("# (priorityClass|termination|securityContext|timeZone|pipelineRoot)", r"\1", text))

    said = {key for part in (uncommented.all, *uncommented.steps.values()) for key in part}
    assert said == {field.name for field in fields(Pod)}
    assert uncommented.of("finetune").priorityClassName == "training"
    assert uncommented.run == Run(
        1_209_600, cache=False, pipelineRoot="s3://bucket/artifacts", timeZone="Europe/Berlin"
    )


def test_the_documentation_has_every_field() -> None:
    page = Path(__file__).parents[3] / "docs" / "placement.md"

    rows = re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert rows == [field.name for field in (*fields(Pod), *fields(Run))]


def test_the_documented_file_is_read(written: Written) -> None:
    page = Path(__file__).parents[3] / "docs" / "placement.md"
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

    pods = written(text)

    assert pods.of("publish").tolerations == []
    assert pods.of("finetune").tolerations == [Toleration("nvidia.com/gpu", "Exists", effect="NoSchedule")]


def test_a_step_is_merged_over_all_field_by_field(written: Written) -> None:
    pods = written(
        """
        all:
          labels: {team: nlp, tier: low}
          resources: {requests: {cpu: 2, memory: 4Gi}, limits: {memory: 64Gi}}
          tolerations: [{key: a, operator: Exists}]
          env: [{name: ONE, value: all}, {name: TWO, value: all}]
          priorityClassName: low
          retries: 1
        steps:
          finetune:
            labels: {tier: high}
            resources: {requests: {memory: 32Gi}}
            tolerations: [{key: b, operator: Exists}]
            env: [{name: TWO, value: finetune}, {name: THREE, value: finetune}]
            priorityClassName: null
        """
    )

    assert pods.of("finetune") == Pod(
        resources=Resources({"cpu": 2, "memory": "32Gi"}, {"memory": "64Gi"}),
        labels={"team": "nlp", "tier": "high"},
        tolerations=[Toleration("b", "Exists")],
        env=[Variable("ONE", "all"), Variable("TWO", "finetune"), Variable("THREE", "finetune")],
        retries=1,
    )
    assert pods.of("publish").priorityClassName == "low"


def test_null_takes_back_a_key_that_all_has(written: Written) -> None:
    pods = written("{all: {nodeSelector: {pool: cpu, arch: amd64}}, steps: {finetune: {nodeSelector: {pool: null}}}}")

    assert pods.of("finetune").nodeSelector == {"arch": "amd64"}
    assert pods.of("publish").nodeSelector == {"pool": "cpu", "arch": "amd64"}


def test_a_volume_of_a_step_replaces_that_of_the_same_name(written: Written) -> None:
    pods = written(
        """
        all: {volumes: [{name: data, mountPath: /data, emptyDir: {}}, {name: more, mountPath: /more, emptyDir: {}}]}
        steps: {finetune: {volumes: [{name: data, mountPath: /data, persistentVolumeClaim: {claimName: sets}}]}}
        """
    )

    data, more = pods.of("finetune").volumes
    assert (data.emptyDir, data.source()) == (None, {"name": "data", "persistentVolumeClaim": {"claimName": "sets"}})
    assert more.source() == {"name": "more", "emptyDir": {}}


@pytest.mark.parametrize("text", ["", "{}", "all:", "steps:", "steps: {finetune:}", "{all: {labels: {}}}"])
def test_nothing_said_changes_nothing(text: str, written: Written) -> None:
    if not text:
        with pytest.raises(BadInput, match="must hold a mapping of settings"):
            written(text)
        return
    assert written(text).of("finetune") == Pod()


def test_without_a_name_there_is_no_file() -> None:
    assert load_pods("") == Pods()


MISTAKES = {
    "run: {ttl: 7}": "run.ttl is not a setting; known are ttlSecondsAfterFinished, cache, pipelineRoot, timeZone",
    "run: {ttlSecondsAfterFinished: 0}": "run.ttlSecondsAfterFinished must be a whole number from 1; got 0",
    "run: {pipelineRoot: 's3://me:canary@bucket'}": "run.pipelineRoot must begin with minio://, s3:// or gs:// and a "
    "bucket, without user and query",
    "run: {timeZone: Berlin}": "run.timeZone must be a zone's name, such as Europe/Berlin; got 'Berlin'",
    "all: {nodeSelecter: null}": "all.nodeSelecter is not a setting; did you mean nodeSelector?",
    "steps: {finetune: {resources: {limit: null}}}": "steps.finetune.resources.limit is not a setting; did you mean "
    "limits?",
    "steps: {finetun: null}": "steps.finetun is not a setting; did you mean finetune?",
    "all: {securityContext: {fsGroup: -1}}": "all.securityContext.fsGroup must be a group's number, from 0; got -1",
    "all: {nodeSelecter: {}}": "all.nodeSelecter is not a setting; did you mean nodeSelector?",
    "all: {node_selector: {}}": "all.node_selector is not a setting; did you mean nodeSelector?",
    "steps: {fine_tune: {}}": "steps.fine_tune is not a setting; did you mean finetune?",
    "step: {}": "step is not a setting; did you mean steps?",
    "all: 7": "all must be a mapping; got 7",
    "steps: [finetune]": "steps must be a mapping; got ['finetune']",
    "steps: {finetune: 7}": "steps.finetune must be a mapping; got 7",
    "all: {labels: {team: 7}}": "all.labels.team must be a text; got 7; in quotes, '7', it is one",
    "all: {annotations: {a/b: false}}": "all.annotations.a/b must be a text; got False; in quotes, 'false', it is one",
    "all: {labels: {team: a b}}": "all.labels.team must be at most 63 letters, digits, -, _ and ., a letter or "
    "digit at "
    "both ends; got 'a b'",
    "all: {labels: {-team: a}}": "all.labels.-team is no key: it must be a label's key, such as team or "
    "example.com/team; got '-team'",
    "all: {labels: {app.kubernetes.io/component: x}}": "all.labels.app.kubernetes.io/component is podtune's "
    "own: network "
    "policies find the steps by it",
    "all: {resources: {requests: {memory: 16GB}}}": "all.resources.requests.memory must be a quantity above 0, such as "
    "500m, 4 or 16Gi; got '16GB'",
    "all: {resources: {requests: {cpu: true}}}": "all.resources.requests.cpu must be a quantity above 0, such "
    "as 500m, 4 "
    "or 16Gi; got True",
    "all: {resources: {limits: {nvidia.com/gpu: 1}}}": "all.resources.limits.nvidia.com/gpu is not one of cpu, memory, "
    "ephemeral-storage; a device is named by accelerator",
    "all: {resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}}": "all.resources.requests.cpu must not be above "
    "limits.cpu, 1500m; got 2",
    "all: {accelerator: {resource: gpu}}": "all.accelerator.resource must be a device plugin's resource, such as "
    "nvidia.com/gpu; got 'gpu'",
    "all: {accelerator: {count: 0}}": "all.accelerator.count must be at least 1; got 0",
    "steps: {publish: {accelerator: {count: 1}}}": "steps.publish.accelerator is not a setting: publish needs none; "
    "finetune and evaluate do",
    "all: {tolerations: [{key: a, operator: exists}]}": "all.tolerations[0].operator must be one of Equal, Exists; got "
    "'exists'",
    "all: {tolerations: [{effect: NoSchedule}]}": "all.tolerations[0].key is missing; only operator Exists has none",
    "all: {tolerations: [{operator: Exists, tolerationSeconds: 5}]}": "all.tolerations[0].tolerationSeconds "
    "needs effect "
    "NoExecute",
    "all: {imagePullPolicy: always}": "all.imagePullPolicy must be one of Always, IfNotPresent, Never; got 'always'",
    "all: {imagePullSecrets: [registry]}": "all.imagePullSecrets[0] must be a mapping; got 'registry'",
    "all: {priorityClassName: High Class}": "all.priorityClassName must be a Kubernetes name: lower-case letters, "
    "digits, - and .; got 'High Class'",
    "all: {env: [{name: A}]}": "all.env[0].value or valueFrom must be given, and one of them only",
    "all: {env: [{name: A, value: b}, {name: A, value: c}]}": "all.env[1].name is that of env[0] too: 'A'",
    "all: {env: [{name: HF_TOKEN, value: canary}]}": "all.env[0].value is a secret, which every reader of a pipeline "
    "would see; say valueFrom.secretKeyRef",
    "all: {env: [{name: HTTPS_PROXY, value: 'http://me:canary@proxy:1'}]}": "all.env[0].value is a secret, which every "
    "reader of a pipeline would see; say valueFrom.secretKeyRef",
    "all: {env: [{name: PODTUNE_RUN, value: b}]}": "all.env[0].name must be another: podtune sets PODTUNE_RUN itself",
    "all: {env: [{name: A, valueFrom: {}}]}": "all.env[0].valueFrom.secretKeyRef or configMapKeyRef or fieldRef "
    "must be "
    "given, and one of them only",
    "all: {caBundle: {}}": "all.caBundle.configMapKeyRef or secretKeyRef must be given, and one of them only",
    "all: {volumes: [{name: a, mountPath: /a}]}": "all.volumes[0].name needs one of persistentVolumeClaim, emptyDir, "
    "ephemeral, configMap, secret; got none",
    "all: {volumes: [{name: a, mountPath: a, emptyDir: {}}]}": "all.volumes[0].mountPath must be an absolute path "
    "without .. and :; got 'a'",
    "all: {volumes: [{name: a, mountPath: /a, emptyDir: {sizeLimit: much}}]}": "all.volumes[0].emptyDir.sizeLimit must "
    "be a quantity above 0, such as 500m, 4 or 16Gi; got 'much'",
    "all: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}}": "all."
    "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms must have at least "
    "one term",
    "all: {volumes: [{name: shm, mountPath: /a, emptyDir: {}}]}": "all.volumes[0].name must be another: shm is "
    "podtune's own volume at /dev/shm",
    "all: {activeDeadlineSeconds: 0}": "all.activeDeadlineSeconds must be a whole number from 1; got 0",
    "all: {activeDeadlineSeconds: 2h}": "all.activeDeadlineSeconds must be a whole number; got '2h'",
    "all: {retries: -1}": "all.retries must be a whole number from 0; got -1",
    "all: {resources: {limits: {memory: 8Gi}}}": "all.resources: limits.memory 8Gi is below the 16G that "
    "extract_lxmert "
    "requests; say resources.requests of steps.extract_lxmert too",
    "{all: {volumes: [{name: a, mountPath: /a, emptyDir: {}}]}, steps: {finetune: {volumes: "
    "[{name: b, mountPath: /a, emptyDir: {}}]}}}": "steps.finetune.volumes[1].mountPath is that of volumes[0] "
    "too: '/a'",
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.items(), ids=list(MISTAKES))
def test_a_mistake_is_told_with_its_place(text: str, message: str, written: Written) -> None:
    with pytest.raises(BadInput) as raised:
        written(text)

    assert str(raised.value).splitlines()[0] == f"site.yaml: {message}"
    assert "canary" not in str(raised.value)


def test_every_mistake_is_told_at_once(written: Written) -> None:
    with pytest.raises(BadInput) as raised:
        written("{all: {retries: x, tolerations: 7}, steps: {finetune: {labels: {a: 'b c'}}, publish: {envs: []}}}")

    places = [line.split()[1] for line in str(raised.value).splitlines()]
    assert places == [
        "all.tolerations",
        "all.retries",
        "steps.finetune.labels.a",
        "steps.publish.envs",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"all: {a: 1, a: 2}", "cannot read settings from site.yaml"),
        (b"\xff", "cannot read settings from site.yaml"),
        (b"- all", "site.yaml must hold a mapping of settings; got list"),
    ],
)
def test_what_is_no_yaml_mapping_is_bad_input(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.yaml").write_bytes(content)

    with pytest.raises(BadInput) as raised:
        load_pods("site.yaml")

    assert str(raised.value).startswith(message)


def test_a_missing_file_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"^cannot read settings from nowhere.yaml: No such file"):
        load_pods("nowhere.yaml")


def test_ca_variables_that_are_given_stay(written: Written) -> None:
    pods = written(
        yaml.safe_dump(
            {
                "all": {
                    "caBundle": {"secretKeyRef": {"name": "ca", "key": "ca.pem"}},
                    "env": [{"name": "SSL_CERT_FILE", "value": "/etc/own.pem"}],
                }
            }
        )
    )

    found: Any = {one.name: one.value for one in pods.of("publish").env}
    assert found == {
        "SSL_CERT_FILE": "/etc/own.pem",
        "AWS_CA_BUNDLE": "/podtune/ca/ca.pem",
        "REQUESTS_CA_BUNDLE": "/podtune/ca/ca.pem",
    }
