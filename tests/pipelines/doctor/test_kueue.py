from typing import Any, Dict, List

import pytest
from podtune.jobs.cluster import open_api
from podtune_pipelines.doctor.findings import not_checked, ok, warning
from podtune_pipelines.doctor.kueue import check_kueue

pytestmark = pytest.mark.local

GROUP = "GET /apis/kueue.x-k8s.io"
KUEUE = "GET /apis/apps/v1/namespaces/kueue-system/deployments/kueue-controller-manager"
TRAINER = "GET /apis/apps/v1/namespaces/kubeflow-system/deployments/kubeflow-trainer-controller-manager"
DIGEST = f"@sha256:{'a' * 64}"
OTHER_TRAINER = TRAINER.replace("kubeflow-system", "kubeflow")


def deployment(*images: str) -> Dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "manager", "image": image} for image in images]}}}}


def found(kubernetes: Any, kueue: str, trainer: str, at: str = TRAINER) -> List[Any]:
    kubernetes.told[GROUP] = (200, {})
    kubernetes.told[KUEUE] = (200, deployment(f"example.org/kueue/kueue:{kueue}"))
    kubernetes.told[at] = (
        200,
        deployment("example.org/proxy", f"example.org:5000/trainer-controller-manager:{trainer}"),
    )
    return list(check_kueue(open_api()))


@pytest.mark.parametrize(
    ("kueue", "trainer"),
    [("v0.17.0", "v2.2.0"), ("v0.19.1", f"v2.2.1{DIGEST}"), ("v0.20.0", "2.3.0")],
)
@pytest.mark.parametrize("at", [TRAINER, OTHER_TRAINER])
def test_versions_that_go_together(kubernetes: Any, kueue: str, trainer: str, at: str) -> None:
    (finding,) = found(kubernetes, kueue, trainer, at)

    assert finding == ok("Kueue", f"{kueue[1:5]} knows the TrainJobs of Trainer {trainer.lstrip('v')[:3]}")


@pytest.mark.parametrize(
    ("kueue", "trainer", "wanted"),
    [
        ("v0.19.0", "v2.3.0", "newer than 0.19"),
        ("v0.17.2", "v2.3.1", "newer than 0.19"),
        ("v0.16.0", "v2.2.0", "0.17 to 0.19"),
        ("v0.20.0", "v2.2.1", "0.17 to 0.19"),
    ],
)
def test_versions_that_do_not(kubernetes: Any, kueue: str, trainer: str, wanted: str) -> None:
    versions = f"{kueue[1:5]} does not know Trainer {trainer[1:4]}"

    assert found(kubernetes, kueue, trainer) == [
        warning(
            "Kueue",
            f"{versions}: its TrainJobs never start in a queue",
            f"install Kueue {wanted}, or use no queue (PODTUNE_QUEUE)",
        )
    ]


@pytest.mark.parametrize("tag", ["latest", "main", ""])
def test_what_is_no_version_is_not_judged(kubernetes: Any, tag: str) -> None:
    assert found(kubernetes, "v0.17.0", tag) == [
        not_checked(
            "Kueue",
            "its version or Trainer's cannot be read; Kueue 0.17 to 0.19 goes with Trainer 2.2, a newer one with 2.3",
            "ask its administrator",
        )
    ]


def test_without_kueue_nothing_is_said(kubernetes: Any) -> None:
    kubernetes.told[GROUP] = (404, {})

    assert list(check_kueue(open_api())) == []
