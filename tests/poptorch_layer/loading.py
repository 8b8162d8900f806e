"""The `poptorch` of the tests, over a backend that needs no hardware: the stand-in, or PopTorch's own Python package.

The latter comes from a checkout of its sources; options, optimizers, blocks and PoplarExecutor are the real ones. It is
exact with the torch that the SDK pins; with a newer one three things are bridged, which are said where it is done.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import types
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import torch

from poptorch_layer.backend import Backend
from poptorch_layer.tracing import Factories

SDK, SDK_TORCH = "3.4.0", "2.0.1"
VARIABLE = "POPTORCH_SRC"
SKIP = f"needs PopTorch's sources: check out graphcore/poptorch at sdk/poptorch/{SDK} and name it in {VARIABLE}"
_ARGUMENTS: Dict[str, str] = {
    "SGD": "self params lr momentum dampening weight_decay nesterov maximize foreach differentiable",
    "Adam": "self params lr betas eps weight_decay amsgrad foreach maximize capturable differentiable fused",
    "AdamW": "self params lr betas eps weight_decay amsgrad maximize foreach capturable differentiable fused",
    "RMSprop": "self params lr alpha eps weight_decay momentum centered foreach maximize differentiable",
}
"""Of torch 2.0.1's optimizers; PopTorch compares them with its own at import."""


def install() -> Backend:
    """Make `import poptorch` work, by a checkout that POPTORCH_SRC names or the stand-in; return its backend."""
    if not _installed:
        sources = os.environ.get(VARIABLE)
        _installed.append(_sources(Path(sources)) if sources else _stand_in())
    module, backend = _installed[0]
    sys.modules["poptorch"] = module
    return backend


_installed: List[Tuple[types.ModuleType, Backend]] = []
"""At most one: torch lets a process register PopTorch's operators once."""


def _stand_in() -> Tuple[types.ModuleType, Backend]:
    from poptorch_layer.stand_in import executor, poptorch

    executor.backend.register_operators()
    return poptorch, executor.backend


def _sources(sources: Path) -> Tuple[types.ModuleType, Backend]:
    python = sources / "python"
    backend = Backend(_on_ipu)
    backend.register_operators()
    finder = _Finder(python)
    sys.meta_path.insert(0, finder)
    sys.modules["poptorch.poptorch_core"] = backend
    with _resources(python):
        _import_poptorch()
    sys.meta_path.remove(finder)
    _trace_on_meta(backend)
    return sys.modules["poptorch"], backend


@contextlib.contextmanager
def _on_ipu(executor: Any) -> Iterator[None]:
    """Have a model find itself on an IPU, and PopTorch not fetch the weights that are looked at meanwhile."""
    context = sys.modules["poptorch._impl"]
    was_dirty, executor._dirty_host_weights = executor._dirty_host_weights, False
    context.setIpuContext(True)
    try:
        yield
    finally:
        context.setIpuContext(False)
        executor._dirty_host_weights = was_dirty


def _is_exact() -> bool:
    return torch.__version__.startswith(SDK_TORCH)


class _Source(importlib.machinery.SourceFileLoader):
    """Fills in what CMake fills in, and leaves no bytecode in the checkout."""

    def get_data(self, path: Any) -> bytes:
        text = super().get_data(path)
        if not str(path).endswith("__init__.py"):
            return text
        version = SDK_TORCH if _is_exact() else torch.__version__  # newer torch: the version is not checked
        filled = text.decode().replace("@TORCH_VERSION@", version).replace("@VERSION@", SDK)
        return filled.replace("@SNAPSHOT@", "layer").encode()

    def path_stats(self, path: Any) -> Any:
        raise OSError("no bytecode")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, python: Path) -> None:
        self._python = python

    def find_spec(self, fullname: str, parents: Any, target: Any = None) -> Any:
        if fullname == "poptorch":
            path, search = self._python / "__init__.py", [str(self._python)]
        elif fullname.startswith("poptorch.") and fullname.count(".") == 1:
            path, search = self._python / f"{fullname.partition('.')[2]}.py", None
        else:
            return None
        if not path.exists():
            return None
        loader = _Source(fullname, str(path))
        return importlib.util.spec_from_file_location(
            fullname, str(path), loader=loader, submodule_search_locations=search
        )


@contextlib.contextmanager
def _resources(python: Path) -> Iterator[None]:
    """PopTorch's import asks pkg_resources, which setuptools no longer has, for the path of a file."""
    if importlib.util.find_spec("pkg_resources") is not None:
        yield
        return
    stand_in = types.ModuleType("pkg_resources")
    vars(stand_in)["resource_filename"] = lambda package, path: str(python / path)
    sys.modules["pkg_resources"] = stand_in
    try:
        yield
    finally:
        del sys.modules["pkg_resources"]


def _import_poptorch() -> None:
    real = inspect.signature

    def signature(function: Any, *args: Any, **kwargs: Any) -> inspect.Signature:
        """newer torch: its optimizers have more arguments, at which PopTorch's import would stop."""
        owner, _, name = getattr(function, "__qualname__", "").partition(".")
        if name == "__init__" and owner in _ARGUMENTS and function.__module__.startswith("torch.optim"):
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            return inspect.Signature([inspect.Parameter(each, kind) for each in _ARGUMENTS[owner].split()])
        return real(function, *args, **kwargs)

    if not _is_exact():
        inspect.signature = signature  # type: ignore[assignment]  # called with a function alone
    try:
        import poptorch  # noqa: F401
    finally:
        inspect.signature = real


class _Torch(types.ModuleType):
    """torch as PoplarExecutor sees it: an IPU is the meta device."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    def device(self, *args: Any, **kwargs: Any) -> torch.device:
        if args and str(args[0]).startswith("ipu"):
            return torch.device("meta")
        return torch.device(*args, **kwargs)


def _trace_on_meta(backend: Backend) -> None:
    executor: Any = sys.modules["poptorch._poplar_executor"]
    executor.torch = _Torch("torch")
    for name in ("_poplar_executor", "_impl", "_utils"):
        vars(sys.modules[f"poptorch.{name}"])["isOnIpu"] = lambda tensor: tensor.device.type in ("ipu", "meta")
    executor._OverwriteContextManager._subsitution_manager_types = [lambda: Factories(backend)]
    _remember_executor(executor.PoplarExecutor, backend)
    attributes: Any = sys.modules["poptorch._optimizer_attributes"]
    real = attributes._toPoptorchOptimizer

    def kind_of(optimizer: Any) -> Any:
        """newer torch: AdamW is an Adam, and would be taken for one."""
        return attributes._OptimizerType.ADAMW if isinstance(optimizer, torch.optim.AdamW) else real(optimizer)

    attributes._toPoptorchOptimizer = kind_of


def _remember_executor(kind: Any, backend: Backend) -> None:
    real = kind._compileWithDispatch

    def compile_with_dispatch(self: Any, *args: Any, **kwargs: Any) -> Any:
        backend.executor = self
        return real(self, *args, **kwargs)

    kind._compileWithDispatch = compile_with_dispatch
