"""For the tests of pipelines: a KFP cluster in this process."""

import threading
from typing import Iterator

import pytest
from kfp_server import FakeKfp, Server


@pytest.fixture
def fake_kfp(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKfp]:
    """A cluster of its own for each test, without anything that this machine says of another one."""
    for name in ("ENDPOINT", "UI_ENDPOINT", "TOKEN", "SA_TOKEN_PATH", "COOKIES", "CA_FILE", "NAMESPACE"):
        monkeypatch.delenv(f"KF_PIPELINES_{name}", raising=False)
    monkeypatch.delenv("PODTUNE_PIPELINE_ROOT", raising=False)
    fake = FakeKfp()
    with Server(fake) as server:
        fake.host = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield fake
        server.shutdown()
        thread.join()
