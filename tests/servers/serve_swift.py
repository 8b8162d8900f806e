"""OpenStack Swift with its S3 API in one process, for tests: run by the Python of an environment that holds swift.

    python serve_swift.py DIRECTORY

Prints the port it serves S3 at, and ends when its standard input does. The key is KEY, the secret SECRET.
"""

import array
import sys
from pathlib import Path
from typing import Dict

import eventlet

eventlet.monkey_patch(thread=False)

# After the patch: whatever these import has to be patched already
from eventlet import wsgi  # noqa: E402
from swift.common import storage_policy  # noqa: E402
from swift.common.ring.ring import RingData  # noqa: E402
from swift.common.utils import set_swift_dir  # noqa: E402
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # noqa: E402

KEY, SECRET = "test:podtune", "secret-of-podtune"
LOOPBACK = "127.0.0.1"

SWIFT = """
[swift-hash]
swift_hash_path_suffix = podtune
[storage-policy:0]
name = one
default = yes
"""

STORAGE = """
[DEFAULT]
swift_dir = {directory}
devices = {directory}/devices
mount_check = false
disable_fallocate = true
log_address = {directory}/absent
[app:main]
use = egg:swift#{kind}
"""

PROXY = """
[DEFAULT]
swift_dir = {directory}
log_address = {directory}/absent
[pipeline:main]
pipeline = s3api tempauth slo proxy-server
[filter:s3api]
use = egg:swift#s3api
min_segment_size = 5242880
[filter:tempauth]
use = egg:swift#tempauth
user_test_podtune = secret-of-podtune .admin
[filter:slo]
use = egg:swift#slo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""

RINGS = ("account", "container", "object")
AS_SWIFT_DOES = {"protocol": SwiftHttpProtocol, "capitalize_response_headers": False}


def main(directory: Path) -> None:
    """Serve until nobody holds our standard input any more."""
    sockets = {kind: eventlet.listen((LOOPBACK, 0)) for kind in (*RINGS, "proxy")}
    (directory / "devices" / "disk").mkdir(parents=True)
    (directory / "swift.conf").write_text(SWIFT)
    set_swift_dir(str(directory))
    storage_policy.reload_storage_policies()
    write_rings(directory, {kind: sockets[kind].getsockname()[1] for kind in RINGS})
    for kind, socket in sockets.items():
        application = load(directory, kind)
        eventlet.spawn(wsgi.server, socket, application, None, log_output=False, **AS_SWIFT_DOES)
    sys.stdout.write(f"{sockets['proxy'].getsockname()[1]}\n")
    sys.stdout.flush()
    eventlet.tpool.execute(sys.stdin.read)


def write_rings(directory: Path, ports: Dict[str, int]) -> None:
    """One partition, once, on one disk."""
    for kind, port in ports.items():
        address = {"ip": LOOPBACK, "port": port, "replication_ip": LOOPBACK, "replication_port": port}
        disk = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "disk", "meta": "", **address}
        RingData([array.array("H", [0])], [disk], 32).save(str(directory / f"{kind}.ring.gz"))


def load(directory: Path, kind: str) -> object:
    """One of the four servers."""
    path = directory / f"{kind}-server.conf"
    path.write_text((PROXY if kind == "proxy" else STORAGE).format(directory=directory, kind=kind))
    return loadapp(str(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
