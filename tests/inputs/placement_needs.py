"""What a cluster's owners need, one by one, and what has to come of it."""

from typing import NamedTuple


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
