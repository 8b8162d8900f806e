"""The pods that podtune starts keep the standards that their namespaces enforce."""

from typing import Any, Dict, List

Document = Dict[str, Any]


def test_a_step_keeps_the_restricted_standard(step_pods: List[Document]) -> None:
    assert len(step_pods) == 18
    for pod in step_pods:
        spec, container = pod["spec"], pod["spec"]["containers"][0]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert {tuple(volume.keys() - {"name"}) for volume in spec["volumes"]} == {("emptyDir",)}
        assert not {"hostIPC", "hostPID", "hostNetwork"} & spec.keys()


def test_a_worker_has_the_rights_that_ipus_take_and_no_others(worker_pod: Document) -> None:
    spec, container = worker_pod["spec"], worker_pod["spec"]["containers"][0]

    assert {key for key in ("hostIPC", "hostPID", "hostNetwork") if spec.get(key)} == {"hostIPC"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["IPC_LOCK"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert "privileged" not in container["securityContext"]
    assert not [volume for volume in spec["volumes"] if "hostPath" in volume]
