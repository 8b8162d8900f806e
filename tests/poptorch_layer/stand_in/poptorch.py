"""What `import poptorch` brings where no checkout of PopTorch is named: the names that podtune uses, and no others."""

from poptorch_layer.backend import Error, RecoverableError, UnrecoverableError
from poptorch_layer.stand_in import optim
from poptorch_layer.stand_in.blocks import BeginBlock, identity_loss, isRunningOnIpu, recomputationCheckpoint
from poptorch_layer.stand_in.executor import (
    PoplarExecutor,
    inferenceModel,
    ipuHardwareIsAvailable,
    ipuHardwareVersion,
    trainingModel,
)
from poptorch_layer.stand_in.options import (
    AutoStage,
    Options,
    OutputMode,
    PipelinedExecution,
    ReductionType,
    ShardedExecution,
    TensorLocationSettings,
)

__all__ = [
    "AutoStage",
    "BeginBlock",
    "Error",
    "Options",
    "OutputMode",
    "PipelinedExecution",
    "PoplarExecutor",
    "RecoverableError",
    "ReductionType",
    "ShardedExecution",
    "TensorLocationSettings",
    "UnrecoverableError",
    "identity_loss",
    "inferenceModel",
    "ipuHardwareIsAvailable",
    "ipuHardwareVersion",
    "isRunningOnIpu",
    "optim",
    "recomputationCheckpoint",
    "trainingModel",
]
