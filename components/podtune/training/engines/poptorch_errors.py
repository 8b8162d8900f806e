"""What PopTorch says when a program cannot be compiled or IPUs fail, as errors of ours."""

import contextlib
from typing import Iterator

import poptorch

from podtune.errors import PodtuneError, TryAgainLater

_OUT_OF_MEMORY = "Out of memory"


@contextlib.contextmanager
def told_in_one_line() -> Iterator[None]:
    """Raise what PopTorch raises in this block as an expected error, its own words included.

    TryAgainLater where IPUs have to be reset first, PodtuneError where the same call fails again.
    """
    try:
        yield
    except poptorch.RecoverableError as error:
        raise TryAgainLater(f"the IPUs failed and need a {error.recovery_action}: {_words(error)}") from error
    except poptorch.UnrecoverableError as error:
        raise TryAgainLater(f"the IPUs failed; somebody has to look at the machine: {_words(error)}") from error
    except poptorch.Error as error:
        raise PodtuneError(f"PopTorch cannot run the model: {_words(error)}{_advice(error)}") from error


def _words(error: Exception) -> str:
    return " ".join(str(error).split())


def _advice(error: Exception) -> str:
    if _OUT_OF_MEMORY not in str(error):
        return ""
    return "; lower training.ipu.micro_batch_size or matmul_proportion, or move layers by layers_per_ipu"
