"""PopTorch's options, as far as podtune sets them: with its names and values, and frozen once a program has them."""

import copy
from enum import IntEnum
from typing import Any, Dict, List, Mapping, Set, Tuple, TypeVar, Union

import torch

_Self = TypeVar("_Self", bound="_Values")


class OutputMode(IntEnum):
    Final = 0
    EveryN = 1
    All = 2
    Sum = 3
    Default = 4


class ReductionType(IntEnum):
    Sum = 0
    Mean = 1
    NoReduction = 2


class AutoStage(IntEnum):
    SameAsIpu = 0
    AutoIncrement = 1


class _Execution:
    """Numbers the stages of a pipeline."""

    mode = -1

    def __init__(self, *args: AutoStage) -> None:
        (self._auto,) = args or (AutoStage.SameAsIpu,)
        self._stages: Dict[int, int] = {}

    def _stage_of(self, block: int, ipu: int) -> int:
        """The stage of a block that begins on an IPU."""
        numbered = ipu if self._auto == AutoStage.SameAsIpu else len(self._stages) + 1
        return self._stages.setdefault(block, numbered)


class PipelinedExecution(_Execution):
    mode = 0


class ShardedExecution(_Execution):
    mode = 1


class _Values:
    """Values by the names that the compiled half knows them by."""

    def __init__(self, **default_values: Any) -> None:
        self.values, self.frozen = default_values, False

    def _set(self: _Self, expected: Any, **values: Any) -> _Self:
        if self.frozen:
            raise AttributeError("Can't modify frozen Options")
        for name, value in values.items():
            if not isinstance(value, expected):
                raise TypeError(f"{name} must be {expected}; got {value!r}")
            self.values[name] = value
        return self


class TensorLocationSettings(_Values):
    def useOnChipStorage(self, use: bool = True) -> "TensorLocationSettings":
        return self._set(bool, onChip=use)

    def useReplicatedTensorSharding(self, use: bool = True) -> "TensorLocationSettings":
        return self._set(bool, useReplicatedTensorSharding=use)


class _TrainingOptions(_Values):
    def gradientAccumulation(self, gradient_accumulation: int) -> "_TrainingOptions":
        return self._set(int, gradient_accumulation=gradient_accumulation)

    def accumulationAndReplicationReductionType(self, reduction_type: ReductionType) -> "_TrainingOptions":
        return self._set(ReductionType, accumulation_and_replication_reduction_type=reduction_type)


class _PopartOptions(_Values):
    def set(self, key: str, value: Union[int, float, str, List[str], Set[str]]) -> "_PopartOptions":
        return self._set(object, **{key: value})

    def setPatterns(self, patterns: Dict[str, bool], level: int = 2) -> "_PopartOptions":
        return self._set(object, patterns=dict(patterns), patterns_level=level)


class _PrecisionOptions:
    """What these set is PopART's."""

    def __init__(self, popart: _PopartOptions) -> None:
        self._popart = popart

    def setPartialsType(self, dtype: torch.dtype) -> "_PrecisionOptions":
        name = {torch.half: "half", torch.float: "float"}[dtype]
        self._popart.set("partialsTypeMatMuls", name)
        self._popart._set(dict, convolutionOptions={"partialsType": name})
        return self

    def enableStochasticRounding(self, enabled: bool) -> "_PrecisionOptions":
        self._popart._set(bool, enableStochasticRounding=enabled)
        return self


class _TensorLocationOptions(_Values):
    def setOptimizerLocation(self, location: TensorLocationSettings) -> "_TensorLocationOptions":
        return self._set(dict, location_optimizer={name: int(value) for name, value in location.values.items()})


class Options(_Values):
    def __init__(self) -> None:
        super().__init__(
            device_iterations=1, replication_factor=1, output_mode=int(OutputMode.Default), connection_type=0
        )
        self._set(object, auto_round_num_ipus=False)
        self.execution: _Execution = PipelinedExecution()
        self.Training = _TrainingOptions(
            gradient_accumulation=1, accumulation_and_replication_reduction_type=ReductionType.Mean
        )
        self._Popart = _PopartOptions()
        self.Precision = _PrecisionOptions(self._Popart)
        self.TensorLocations = _TensorLocationOptions()

    def deviceIterations(self, device_iterations: int) -> "Options":
        return self._set(int, device_iterations=device_iterations)

    def replicationFactor(self, replication_factor: int) -> "Options":
        return self._set(int, replication_factor=replication_factor)

    def randomSeed(self, random_seed: int) -> "Options":
        return self._set(int, random_seed=random_seed)

    def outputMode(self, output_mode: OutputMode, output_return_period: Any = None) -> "Options":
        assert output_return_period is None, "the stand-in does not know EveryN"
        return self._set(int, output_mode=int(OutputMode(output_mode)))

    def setExecutionStrategy(self, strategy: _Execution) -> "Options":
        assert isinstance(strategy, _Execution)
        self._set(object)
        self.execution = strategy
        return self

    def setAvailableMemoryProportion(self, available_memory_proportion: Mapping[str, float]) -> "Options":
        assert all(name.startswith("IPU") for name in available_memory_proportion)
        shares = {int(name[3:]): share for name, share in available_memory_proportion.items()}
        return self._set(dict, available_memory_proportion=shares)

    def showCompilationProgressBar(self, show: bool = True) -> "Options":
        assert show is False, "the stand-in has no progress bar"
        return self._set(object)

    def toDict(self) -> Dict[str, Any]:
        values = {name: value for part in self._parts() for name, value in part.values.items()}
        return {"execution_mode": self.execution.mode, **values}

    def clone(self) -> "Options":
        """A copy that takes changes again."""
        copied = copy.deepcopy(self)
        copied._freeze(False)
        return copied

    def _freeze(self, frozen: bool = True) -> None:
        for part in self._parts():
            part.frozen = frozen

    def _parts(self) -> Tuple[_Values, ...]:
        return self, self.Training, self._Popart, self.TensorLocations
