"""KFP's language, its compiler and its local runner, without its client and Kubernetes'.

These two take longer to import than a pipeline takes to compile. `import kfp` leaves its client out in the steps, which
it knows by a variable; kfp.kubernetes needs Kubernetes' client for node affinities alone (kfp 2.17), which podtune does
not set.
"""

import os
import sys
from types import ModuleType
from unittest import mock

with mock.patch.dict(os.environ, {"_KFP_RUNTIME": "true"}):
    import kfp  # noqa: F401

from kfp import compiler, dsl, local

_own = sys.modules.get("kubernetes")
sys.modules["kubernetes"] = ModuleType("kubernetes")
sys.modules["kubernetes"].client = None  # type: ignore[attr-defined]
try:
    from kfp import kubernetes
finally:
    del sys.modules["kubernetes"]
    if _own:
        sys.modules["kubernetes"] = _own

__all__ = ["compiler", "dsl", "kubernetes", "local"]
