"""Fine-tune a pretrained model on features: Features and BaseModel to Checkpoint."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from podtune.environment import IMAGE
from podtune.errors import BadInput
from podtune.formats.base_model import BASE_MODEL, CONFIG, INHERITED_FILES, TOKENIZER, BaseModel, vocabulary_size
from podtune.formats.checkpoint import CHECKPOINT, LOG, MODEL, TENSORBOARD, CheckpointFacts, architecture_of, write_log
from podtune.formats.facts import write_facts
from podtune.formats.features import FEATURES, Features, require_tokenizer
from podtune.formats.json_files import read_object
from podtune.sections import read_section, to_mapping
from podtune.stores.live import now
from podtune.tasks.task import Task, task_named
from podtune.training import torchrun
from podtune.training.config import TrainingConfig
from podtune.training.engines import keep_threads_from_spinning, open_engine
from podtune.training.log import write_events
from podtune.training.loop import Run, Trained, train
from podtune.training.protocols import Engine
from podtune.training.records import hardware, software
from podtune.training.resume import open_states, run_key
from podtune.training.step_process import launcher_of, noticing_signals, run_step

VALIDATION = "validation"
"""The split that intermediate evaluations score."""


def run(
    prepared_data: Path,
    base_model: Path,
    checkpoint: Path,
    *,
    training: Mapping[str, Any],
    device: str = "cpu",
    workspace: str,
    checkpoint_facts: Optional[Path] = None,
) -> None:
    """Fine-tune a model; a call that was stopped continues from its newest checkpoint in the workspace.

    Uses every GPU of the machine, each in a process of its own, together with other nodes where torchrun's variables
    (PET_…) name some; or the processes of the torchrun that started this one. Only the first node has the Checkpoint.
    For IPUs it runs in the Python that has PopTorch.
    """
    keep_threads_from_spinning()
    config = read_section(TrainingConfig, training, "training")
    launcher = launcher_of(device)
    with noticing_signals() as stopping:
        if launcher:
            artifacts = {"prepared_data": prepared_data, "base_model": base_model, "checkpoint": checkpoint}
            settings = {"training": training, "device": device, "workspace": workspace}
            run_step(launcher, "finetune", {**artifacts, **settings}, stopping)
        else:
            with torchrun.leaving_a_message(), torchrun.first_process_before_others(device) as is_first:
                inputs = open_inputs(prepared_data, base_model, verifying=is_first)
            with torchrun.leaving_a_message():
                _finetune(inputs, checkpoint, config, device=device, workspace=workspace, stopping=stopping)
    if torchrun.is_first():
        write_facts(CHECKPOINT, checkpoint, checkpoint_facts, [LOG])


def open_inputs(features_path: Path, base_model_path: Path, *, verifying: bool = True) -> Tuple[Features, BaseModel]:
    """Open both; BadInput unless the features were made with this model's tokenizer, which fits the model.

    Of several processes only one has to verify the files.
    """
    features = FEATURES.open(features_path) if verifying else FEATURES.read(features_path)
    base_model = BASE_MODEL.open(base_model_path) if verifying else BASE_MODEL.read(base_model_path)
    model = f"this model, {base_model.facts.model} in {base_model.path},"
    require_tokenizer(features, base_model.files.get(TOKENIZER), model, "prepare the features again with it")
    config, vocabulary = base_model.path / CONFIG, features.facts.vocabulary_size
    rows = vocabulary_size(read_object(config))
    if rows is None:
        raise BadInput(f"{config} must be the model's configuration, with its vocab_size; fetch the model again")
    if rows < vocabulary:
        raise BadInput(f"{config}: vocab_size is {rows}; the features have token ids up to {vocabulary - 1}")
    return features, base_model


def _finetune(
    inputs: Tuple[Features, BaseModel],
    checkpoint: Path,
    config: TrainingConfig,
    *,
    device: str,
    workspace: str,
    stopping: Callable[[], bool],
) -> None:
    """Train and write the Checkpoint; the states stay until a later step has it."""
    features, base_model = inputs
    task = task_named(features.facts.task)
    examples = task.open_examples(features, "train")
    if config.evaluate_every:
        task.open_examples(features, VALIDATION)  # one that is missing shows now, not in an hour
    key = run_key(features.digest, base_model.digest, config)
    near = checkpoint.with_name(f".{checkpoint.name}.training")
    states = open_states(workspace, key, config.keep_checkpoints, near)
    engine = open_engine(task.objective(features, task.evaluation()), base_model.path, config, device)
    evaluate = partial(_evaluate, task, features, engine)
    if not engine.first:
        train(Run(engine, examples, config, states, stopping, evaluate))
        engine.save_model(checkpoint)  # waits for the first process, which writes
        if engine.first_here:
            states.forget_here()
        return
    with states.held(stopping) as stopping_or_lost:
        trained = train(Run(engine, examples, config, states, stopping_or_lost, evaluate))
        machine = {**hardware(device, engine.devices, engine.precision), "threads": engine.threads}
        facts = _facts(inputs, config, trained, machine)
        _write(checkpoint, base_model, engine, trained=trained, facts=facts)
    states.forget_here()


def _evaluate(task: Task, features: Features, engine: Engine) -> Dict[str, float]:
    """Score the engine's weights of the moment as the evaluate step does with its default settings."""
    outputs = engine.outputs(task.open_examples(features, VALIDATION))
    scored = task.score(features, VALIDATION, outputs, task.evaluation())
    return {**scored.values, "loss": scored.loss}


def _facts(
    inputs: Tuple[Features, BaseModel], config: TrainingConfig, trained: Trained, machine: Dict[str, Any]
) -> CheckpointFacts:
    (features, base_model), progress = inputs, trained.progress
    return CheckpointFacts(
        task=features.facts.task,
        features=features.digest,
        base_model=base_model.digest,
        training=to_mapping(config),
        steps=progress.step,
        steps_per_epoch=trained.steps_per_epoch,
        examples_seen=trained.examples_seen,
        kept_step=trained.kept_step,
        train_loss=progress.loss_sum / progress.step,
        seconds=progress.seconds,
        resumed=progress.resumed,
        hardware=machine,
        software=software(),
        finished=now(),
        image=IMAGE.value(),
        kilowatt_hours=None if progress.joules is None else progress.joules / 3.6e6,
    )


def _write(
    checkpoint: Path, base_model: BaseModel, engine: Engine, *, trained: Trained, facts: CheckpointFacts
) -> None:
    """Write the model with what it has from the base model as it is, and the record of its training."""
    with CHECKPOINT.sealing(checkpoint) as draft:
        engine.save_model(draft.path / MODEL)
        for name in INHERITED_FILES:
            if name in base_model.files:  # others may lie there, which nobody has verified
                shutil.copyfile(str(base_model.path / name), str(draft.path / MODEL / name))
        write_log(draft.path, trained.lines)
        write_events(draft.path / TENSORBOARD, trained.lines)
        draft.facts.update(to_mapping(replace(facts, architecture=architecture_of(draft.path / MODEL))))
