"""What a cluster's owners need, one by one, as it arrives at KFP, at Argo and in an IPUJob."""

import json
from typing import Any, Dict, NamedTuple, Union

import pytest
import yaml
from podtune.errors import BadInput
from podtune.ipujobs.manifest import manifest_of
from podtune.ipujobs.work import Work
from podtune_pipelines.argo.workflow import workflow_template
from podtune_pipelines.compiled_graph import Graph, graph_of
from podtune_pipelines.graphs import arguments_of, compile_pipeline, pipeline_of
from podtune_pipelines.placement import Placement
from podtune_pipelines.pods.ipujob_pod import refusals
from podtune_pipelines.pods.placement_file import Pods
from podtune_pipelines.recipe import load_recipe


class Need(NamedTuple):
    """What a file says of finetune, and what has to be in the compiled output, as YAML; or the refusal."""

    said: str
    argo: str
    kfp: str
    worker: str


REFUSED = "refused: "

NEEDS = {
    "requests": Need(
        "resources: {requests: {cpu: 2, memory: 6Gi}}",
        argo="container: {resources: {requests: {cpu: '2', memory: 6Gi}}}",
        kfp="container: {resources: {resourceCpuRequest: '2', resourceMemoryRequest: 6Gi}}",
        worker="containers: [{resources: {requests: {cpu: '2', memory: 6Gi}, limits: {cpu: '32'}}}]",
    ),
    "limits": Need(
        "resources: {limits: {cpu: 4.5, memory: 68.5G}}",
        argo="container: {resources: {requests: {memory: 16G}, limits: {cpu: '4.5', memory: 68.5G}}}",
        kfp="container: {resources: {resourceCpuLimit: '4.5', resourceMemoryLimit: '68500000000'}}",
        worker="refused: steps.finetune.resources: limits.cpu 4.5 is below the 8 that the IPUJob of finetune requests",
    ),
    "disk": Need(
        "resources: {requests: {ephemeral-storage: 50Gi}, limits: {ephemeral-storage: 80Gi}}",
        argo="container: {resources: {requests: {ephemeral-storage: 50Gi}, limits: {ephemeral-storage: 80Gi}}}",
        kfp="refused: steps.finetune.resources: KFP 2.17 knows cpu and memory only; ",
        worker="containers: [{resources: {requests: {ephemeral-storage: 50Gi}, limits: {ephemeral-storage: 80Gi}}}]",
    ),
    "accelerator's resource": Need(
        "accelerator: {resource: nvidia.com/mig-3g.40gb}",
        argo="container: {resources: {limits: {nvidia.com/mig-3g.40gb: '1'}}}",
        kfp="container: {resources: {accelerator: {resourceType: nvidia.com/mig-3g.40gb, resourceCount: '1'}}}",
        worker="refused: steps.finetune.accelerator: an IPUJob has as many IPUs as training.ipu of the recipe says",
    ),
    "accelerator's count": Need(
        "accelerator: {resource: amd.com/gpu, count: 4}",
        argo="container: {resources: {limits: {amd.com/gpu: '4'}}}",
        kfp="container: {resources: {accelerator: {resourceType: amd.com/gpu, resourceCount: '4'}}}",
        worker="refused: steps.finetune.accelerator: an IPUJob has as many IPUs as training.ipu of the recipe says",
    ),
    "node selector": Need(
        "nodeSelector: {nvidia.com/gpu.product: A100}",
        argo="nodeSelector: {nvidia.com/gpu.product: A100}",
        kfp="kubernetes: {nodeSelector: {labels: {nvidia.com/gpu.product: A100}}}",
        worker="nodeSelector: {nvidia.com/gpu.product: A100}",
    ),
    "affinity": Need(
        """
        affinity:
          nodeAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]
            preferredDuringSchedulingIgnoredDuringExecution:
              - {weight: 20, preference: {matchExpressions: [{key: spot, operator: DoesNotExist}]}}
        """,
        argo="""
        affinity:
          nodeAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]
            preferredDuringSchedulingIgnoredDuringExecution:
              - {weight: 20, preference: {matchExpressions: [{key: spot, operator: DoesNotExist}]}}
        """,
        kfp="""
        kubernetes:
          nodeAffinity:
            - {matchExpressions: [{key: zone, operator: In, values: [a, b]}]}
            - {matchExpressions: [{key: spot, operator: DoesNotExist}], weight: 20}
        """,
        worker="""
        affinity:
          nodeAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]
        """,
    ),
    "affinity to pods": Need(
        """
        affinity:
          podAntiAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}
        """,
        argo="""
        affinity:
          podAntiAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}
        """,
        kfp="refused: steps.finetune.affinity: KFP 2.17 has nodeAffinity only; ",
        worker="""
        affinity:
          podAntiAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}
        """,
    ),
    "tolerations": Need(
        "tolerations: [{key: gpu, operator: Exists, effect: NoExecute, tolerationSeconds: 60}, {key: a, value: b}]",
        argo="""
        tolerations:
          - {key: gpu, operator: Exists, effect: NoExecute, tolerationSeconds: 60}
          - {key: a, operator: Equal, value: b}
        """,
        kfp="""
        kubernetes:
          tolerations:
            - {key: gpu, operator: Exists, effect: NoExecute, tolerationSeconds: '60'}
            - {key: a, operator: Equal, value: b}
        """,
        worker="tolerations: [{key: gpu, operator: Exists, effect: NoExecute, tolerationSeconds: 60}]",
    ),
    "labels": Need(
        "labels: {kueue.x-k8s.io/queue-name: nightly, cost-centre: nlp}",
        argo="metadata: {labels: {kueue.x-k8s.io/queue-name: nightly, app.kubernetes.io/component: finetune}}",
        kfp="""
        kubernetes:
          podMetadata:
            labels: {kueue.x-k8s.io/queue-name: nightly, cost-centre: nlp, app.kubernetes.io/component: finetune}
        """,
        worker="metadata: {labels: {kueue.x-k8s.io/queue-name: nightly, app.kubernetes.io/component: finetune}}",
    ),
    "annotations": Need(
        "annotations: {sidecar.istio.io/inject: 'false'}",
        argo="metadata: {annotations: {sidecar.istio.io/inject: 'false'}}",
        kfp="kubernetes: {podMetadata: {annotations: {sidecar.istio.io/inject: 'false'}}}",
        worker="metadata: {annotations: {sidecar.istio.io/inject: 'false'}}",
    ),
    "priority class": Need(
        "priorityClassName: training",
        argo="priorityClassName: training",
        kfp="refused: steps.finetune.priorityClassName: KFP 2.17 has no priority; ",
        worker="priorityClassName: training",
    ),
    "pull policy": Need(
        "imagePullPolicy: Always",
        argo="container: {imagePullPolicy: Always}",
        kfp="kubernetes: {imagePullPolicy: Always}",
        worker="containers: [{imagePullPolicy: Always}]",
    ),
    "pull secrets": Need(
        "imagePullSecrets: [{name: registry}]",
        argo="""podSpecPatch: '{"imagePullSecrets": [{"name": "registry"}]}'""",
        kfp="kubernetes: {imagePullSecret: [{secretName: registry}]}",
        worker="imagePullSecrets: [{name: registry}]",
    ),
    "service account": Need(
        "serviceAccountName: trainer",
        argo="serviceAccountName: trainer",
        kfp="refused: steps.finetune.serviceAccountName: KFP 2.17 has one account a run; say it under all",
        worker="serviceAccountName: trainer",
    ),
    "groups": Need(
        "securityContext: {fsGroup: 8737, fsGroupChangePolicy: OnRootMismatch}",
        argo="""podSpecPatch: '{"securityContext": {"fsGroup": 8737, "fsGroupChangePolicy": "OnRootMismatch"}}'""",
        kfp="refused: steps.finetune.securityContext: KFP 2.17 sets no groups of a pod; ",
        worker="securityContext: {fsGroup: 8737, seccompProfile: {type: RuntimeDefault}}",
    ),
    "variables": Need(
        "env: [{name: HTTPS_PROXY, value: 'http://proxy:3128'}, {name: AWS_REGION, value: eu}]",
        argo="container: {env: [{name: HTTPS_PROXY, value: 'http://proxy:3128'}, {name: AWS_REGION, value: eu}]}",
        kfp="container: {env: [{name: HTTPS_PROXY, value: 'http://proxy:3128'}, {name: AWS_REGION, value: eu}]}",
        worker="containers: [{env: [{name: HTTPS_PROXY, value: 'http://proxy:3128'}]}]",
    ),
    "variables from secrets": Need(
        "env: [{name: AWS_SESSION_TOKEN, valueFrom: {secretKeyRef: {name: sts, key: token, optional: true}}}]",
        argo="""
        container:
          env: [{name: AWS_SESSION_TOKEN, valueFrom: {secretKeyRef: {name: sts, key: token, optional: true}}}]
        """,
        kfp="""
        kubernetes:
          secretAsEnv:
            - {secretName: sts, optional: true, keyToEnv: [{secretKey: token, envVar: AWS_SESSION_TOKEN}]}
        """,
        worker="""
        containers:
          - env: [{name: AWS_SESSION_TOKEN, valueFrom: {secretKeyRef: {name: sts, key: token, optional: true}}}]
        """,
    ),
    "variables from config maps": Need(
        "env: [{name: AWS_ENDPOINT_URL_S3, valueFrom: {configMapKeyRef: {name: site, key: s3}}}]",
        argo="container: {env: [{name: AWS_ENDPOINT_URL_S3, valueFrom: {configMapKeyRef: {name: site, key: s3}}}]}",
        kfp="""
        kubernetes:
          configMapAsEnv: [{configMapName: site, keyToEnv: [{configMapKey: s3, envVar: AWS_ENDPOINT_URL_S3}]}]
        """,
        worker="containers: [{env: [{valueFrom: {configMapKeyRef: {name: site, key: s3}}}]}]",
    ),
    "variables from the pod": Need(
        "env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]",
        argo="container: {env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]}",
        kfp="kubernetes: {fieldPathAsEnv: [{name: POD_IP, fieldPath: status.podIP}]}",
        worker="containers: [{env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]}]",
    ),
    "certificate authorities": Need(
        "caBundle: {configMapKeyRef: {name: company-ca, key: ca.pem}}",
        argo="""
        container:
          env:
            - {name: AWS_CA_BUNDLE, value: /podtune/ca/ca.pem}
            - {name: SSL_CERT_FILE, value: /podtune/ca/ca.pem}
            - {name: REQUESTS_CA_BUNDLE, value: /podtune/ca/ca.pem}
          volumeMounts: [{name: ca-bundle, mountPath: /podtune/ca}]
        volumes: [{name: ca-bundle, configMap: {name: company-ca}}]
        """,
        kfp="""
        container: {env: [{name: AWS_CA_BUNDLE, value: /podtune/ca/ca.pem}]}
        kubernetes: {configMapAsVolume: [{configMapName: company-ca, mountPath: /podtune/ca}]}
        """,
        worker="""
        containers:
          - env: [{name: AWS_CA_BUNDLE, value: /podtune/ca/ca.pem}]
            volumeMounts: [{name: ca-bundle, mountPath: /podtune/ca}]
        volumes: [{name: ca-bundle, configMap: {name: company-ca}}]
        """,
    ),
    "a claim": Need(
        "volumes: [{name: data, mountPath: /data, subPath: squad, persistentVolumeClaim: {claimName: datasets}}]",
        argo="""
        container: {volumeMounts: [{name: data, mountPath: /data, subPath: squad}, {mountPath: /tmp}]}
        volumes: [{name: data, persistentVolumeClaim: {claimName: datasets}}]
        """,
        kfp="kubernetes: {pvcMount: [{constant: datasets, mountPath: /data, subPath: squad}]}",
        worker="""
        containers: [{volumeMounts: [{name: data, mountPath: /data, subPath: squad}, {mountPath: /executables}]}]
        volumes: [{name: data, persistentVolumeClaim: {claimName: datasets}}]
        """,
    ),
    "a scratch volume": Need(
        """
        volumes:
          - name: scratch
            mountPath: /tmp
            ephemeral:
              volumeClaimTemplate:
                spec:
                  accessModes: [ReadWriteOnce]
                  storageClassName: fast
                  resources: {requests: {storage: 200Gi}}
        """,
        argo="""
        container: {volumeMounts: [{name: scratch, mountPath: /tmp}]}
        volumes:
          - name: scratch
            ephemeral:
              volumeClaimTemplate:
                spec:
                  accessModes: [ReadWriteOnce]
                  storageClassName: fast
                  resources: {requests: {storage: 200Gi}}
        """,
        kfp="""
        kubernetes:
          genericEphemeralVolume:
            - volumeName: scratch
              mountPath: /tmp
              accessModes: [ReadWriteOnce]
              size: 200Gi
              storageClassName: fast
        """,
        worker="""
        containers: [{volumeMounts: [{name: scratch, mountPath: /tmp}]}]
        volumes: [{name: scratch, ephemeral: {volumeClaimTemplate: {spec: {storageClassName: fast}}}}]
        """,
    ),
    "a file of a secret": Need(
        "volumes: [{name: aws, mountPath: /aws, secret: {secretName: aws-profile}}]",
        argo="""
        container: {volumeMounts: [{name: aws, mountPath: /aws}]}
        volumes: [{name: aws, secret: {secretName: aws-profile}}]
        """,
        kfp="kubernetes: {secretAsVolume: [{secretName: aws-profile, mountPath: /aws}]}",
        worker="volumes: [{name: aws, secret: {secretName: aws-profile}}]",
    ),
    "shared memory": Need(
        "volumes: [{name: memory, mountPath: /dev/shm, emptyDir: {medium: Memory, sizeLimit: 32Gi}}]",
        argo="""
        container: {volumeMounts: [{name: memory, mountPath: /dev/shm}]}
        volumes: [{name: memory, emptyDir: {medium: Memory, sizeLimit: 32Gi}}]
        """,
        kfp="""
        kubernetes:
          emptyDirMounts: [{volumeName: memory, mountPath: /dev/shm, medium: Memory, sizeLimit: 32Gi}]
        """,
        worker="""
        containers: [{volumeMounts: [{name: memory, mountPath: /dev/shm}]}]
        volumes: [{name: memory, emptyDir: {medium: Memory, sizeLimit: 32Gi}}]
        """,
    ),
    "time limit": Need(
        "activeDeadlineSeconds: 172800",
        argo="activeDeadlineSeconds: 172800",
        kfp="kubernetes: {activeDeadlineSeconds: '172800'}",
        worker="activeDeadlineSeconds: 172800",
    ),
    "grace period": Need(
        "terminationGracePeriodSeconds: 600",
        argo="""podSpecPatch: '{"terminationGracePeriodSeconds": 600}'""",
        kfp="refused: steps.finetune.terminationGracePeriodSeconds: KFP 2.17 kills a step within a second of SIGTERM; ",
        worker="terminationGracePeriodSeconds: 600",
    ),
    "retries": Need(
        "retries: 5",
        argo="retryStrategy: {limit: '5', retryPolicy: Always}",
        kfp="retryPolicy: {maxRetryCount: 5, backoffMaxDuration: 604800s}",
        worker="refused: steps.finetune.retries: what is tried again is the step that waits for the IPUJob; say it of "
        "steps.finetune_on_ipu",
    ),
}

RECIPE = load_recipe("bert-tiny-squad")
ARGUMENTS = arguments_of(RECIPE, store="s3://m/r", workspace="s3://m/w")


def said(need: Need) -> Pods:
    return Pods("site.yaml", steps={"finetune": yaml.safe_load(need.said)})


def lacks(whole: Any, part: Any, where: str = "") -> str:
    """Where `part` is not in `whole`; of a list each item has to be in some item."""
    if isinstance(part, dict) and isinstance(whole, dict):
        found = (lacks(whole.get(key), value, f"{where}.{key}") for key, value in part.items())
        return next(filter(None, found), "")
    if isinstance(part, list) and isinstance(whole, list):
        items = (f"{where}: {item}" for item in part if all(lacks(one, item) for one in whole))
        return next(items, "")
    return "" if whole == part else f"{where} is {whole!r}"


def kfp_of(pods: Pods) -> Dict[str, Any]:
    """What KFP is told of finetune."""
    compiled = compile_pipeline(pipeline_of(RECIPE, Placement("gpu", pods=pods)), ARGUMENTS)
    pipeline, platform = yaml.safe_load_all(compiled)
    return {
        "container": pipeline["deploymentSpec"]["executors"]["exec-finetune"]["container"],
        "retryPolicy": pipeline["root"]["dag"]["tasks"]["finetune"]["retryPolicy"],
        "kubernetes": platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-finetune"],
    }


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graph_of(RECIPE, Placement("gpu"), ARGUMENTS)


def argo_of(graph: Graph, pods: Pods) -> Dict[str, Any]:
    """The template of finetune."""
    templates = workflow_template(graph, ARGUMENTS, pods)["spec"]["templates"]
    return next(one for one in templates if one["name"] == "finetune")


def worker_of(pods: Pods) -> Dict[str, Any]:
    """The pod of finetune's IPUJob, as the step makes it that was told by its environment."""
    (told,) = (one.value for one in pods.of("finetune_on_ipu").env if one.name == "PODTUNE_IPU_POD")
    work = Work("finetune", {}, "checkpoint", {}, "s3://m/w/ipujobs/one")
    template = manifest_of("one", work, 16, "podtune/python-ipu:1", json.loads(told or ""))["spec"]["workers"][
        "template"
    ]
    return {"metadata": template["metadata"], **template["spec"]}


@pytest.mark.parametrize("need", NEEDS.values(), ids=list(NEEDS))
def test_argo_has_it(need: Need, graph: Graph) -> None:
    template = argo_of(graph, said(need))

    assert lacks(template, yaml.safe_load(need.argo)) == ""
    assert template["container"]["command"] == ["python3", "-m", "podtune", "finetune"]


@pytest.mark.parametrize("need", NEEDS.values(), ids=list(NEEDS))
def test_kfp_has_it_or_it_is_refused_by_name(need: Need) -> None:
    outcome: Union[str, Dict[str, Any]]
    try:
        outcome = kfp_of(said(need))
    except BadInput as error:
        outcome = str(error)

    if need.kfp.startswith(REFUSED):
        assert str(outcome).startswith(f"site.yaml: {need.kfp[len(REFUSED) :]}")
    else:
        assert lacks(outcome, yaml.safe_load(need.kfp)) == ""


@pytest.mark.parametrize("need", NEEDS.values(), ids=list(NEEDS))
def test_an_ipujob_has_it_or_it_is_refused_by_name(need: Need) -> None:
    refused = list(refusals(said(need)))

    if need.worker.startswith(REFUSED):
        assert refused[0].startswith(need.worker[len(REFUSED) :])
    else:
        assert refused == []
        assert lacks(worker_of(said(need)), yaml.safe_load(need.worker)) == ""


def test_a_volume_takes_the_place_of_podtunes_own_at_its_path(graph: Graph) -> None:
    pods = said(NEEDS["shared memory"])

    mounts = [mount["name"] for mount in argo_of(graph, pods)["container"]["volumeMounts"]]
    assert mounts == ["outputs", "temporary", "memory"]
    assert [volume["name"] for volume in argo_of(graph, pods)["volumes"]] == ["memory"]
    assert [mount["volumeName"] for mount in kfp_of(pods)["kubernetes"]["emptyDirMounts"]] == ["memory"]


def test_a_variable_takes_the_place_of_podtunes_own(graph: Graph) -> None:
    pods = said(NEEDS["variables"])

    assert [one["name"] for one in argo_of(graph, pods)["container"]["env"]].count("AWS_REGION") == 1
    (config_map,) = kfp_of(pods)["kubernetes"]["configMapAsEnv"]
    assert [pair["envVar"] for pair in config_map["keyToEnv"]] == ["AWS_ENDPOINT_URL_S3"]


def test_without_a_file_nothing_changes(graph: Graph) -> None:
    assert workflow_template(graph, ARGUMENTS, Pods()) == workflow_template(graph, ARGUMENTS)
    assert Pods().of("finetune_on_ipu").env == []


def test_the_accelerator_is_of_runs_on_gpus_only() -> None:
    pods = said(NEEDS["accelerator's count"])

    pipeline, _ = yaml.safe_load_all(compile_pipeline(pipeline_of(RECIPE, Placement("cpu", pods=pods)), ARGUMENTS))

    assert "accelerator" not in pipeline["deploymentSpec"]["executors"]["exec-finetune"]["container"]["resources"]


def test_argo_would_replace_what_stands_in_double_braces(graph: Graph) -> None:
    pods = Pods("site.yaml", steps={"finetune": {"annotations": {"note": "{{workflow.name}}"}}})

    with pytest.raises(BadInput, match=r"^site.yaml: what is said of finetune must not contain \{\{, which Argo would"):
        argo_of(graph, pods)


def test_kfp_refuses_all_at_once_and_each_once() -> None:
    pods = Pods("site.yaml", all={"priorityClassName": "high", "resources": {"limits": {"ephemeral-storage": "1Gi"}}})

    with pytest.raises(BadInput) as raised:
        pipeline_of(RECIPE, Placement("cpu", pods=pods))

    assert [line.split(": ")[1] for line in str(raised.value).splitlines()] == [
        "all.resources",
        "all.priorityClassName",
    ]


def test_kfp_is_not_asked_for_what_an_ipujob_has_of_its_own() -> None:
    pods = Pods("site.yaml", steps={"finetune": {"priorityClassName": "high", "terminationGracePeriodSeconds": 900}})

    pipeline_of(load_recipe("roberta-base-squad"), Placement("ipu", pods=pods))

    assert worker_of(pods)["terminationGracePeriodSeconds"] == 900


@pytest.mark.parametrize("key", ["serviceAccountName", "resources", "retries", "accelerator"])
def test_what_belongs_to_the_steps_alone_does_not_reach_a_worker(key: str) -> None:
    values = {
        "serviceAccountName": "runner",
        "resources": {"limits": {"memory": "32Gi"}},
        "retries": 5,
        "accelerator": {"count": 2},
    }
    pods = Pods("site.yaml", all={key: values[key]})

    assert list(refusals(pods)) == []
    assert pods.of("finetune_on_ipu").env == []
    assert pods.of_worker("finetune") == Pods().of_worker("finetune")


def test_what_is_said_of_all_reaches_the_worker_through_the_compiled_pipeline() -> None:
    pods = Pods("site.yaml", all={"nodeSelector": {"rack": "7"}, "tolerations": [{"operator": "Exists"}]})
    recipe = load_recipe("roberta-base-squad")

    compiled = compile_pipeline(pipeline_of(recipe, Placement("ipu", pods=pods)), arguments_of(recipe))

    pipeline, _ = yaml.safe_load_all(compiled)
    (variable,) = pipeline["deploymentSpec"]["executors"]["exec-finetune-on-ipu"]["container"]["env"]
    assert variable["name"] == "PODTUNE_IPU_POD"
    assert json.loads(variable["value"]) == {
        "spec": {"nodeSelector": {"rack": "7"}, "tolerations": [{"operator": "Exists"}]}
    }
