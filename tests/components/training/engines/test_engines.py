import os

import pytest
from podtune.training.engines import keep_threads_from_spinning


@pytest.mark.parametrize(("policy", "spins"), [(None, "1000"), ("active", None)])
def test_threads_stop_spinning_unless_the_user_has_a_policy(
    monkeypatch: pytest.MonkeyPatch, policy: "str | None", spins: "str | None"
) -> None:
    monkeypatch.setattr(os, "environ", {} if policy is None else {"OMP_WAIT_POLICY": policy})

    keep_threads_from_spinning()

    assert os.environ.get("GOMP_SPINCOUNT") == spins
