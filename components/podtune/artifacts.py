"""The types of what flows between steps, as KFP sees them.

KFP accepts only its own schema titles, so those are what a compiled pipeline is checked by.
"""

from kfp import dsl


class RawData(dsl.Dataset):
    """The files of a data set as they were published (formats/raw_data.py)."""


class BaseModel(dsl.Model):
    """A pretrained model (formats/base_model.py)."""


class Features(dsl.Dataset):
    """Model inputs (formats/features.py)."""


class Checkpoint(dsl.Model):
    """A fine-tuned model and the record of its training (formats/checkpoint.py)."""


class Evaluation(dsl.Artifact):
    """What a model scores (formats/evaluation.py)."""


class Verdict(dsl.Artifact):
    """Whether a model may be released (formats/verdict.py)."""


class ModelCard(dsl.Artifact):
    """A model card with its pictures and report (formats/model_card.py)."""


class Facts(dsl.Artifact):
    """What most steps need to know of a large artifact, instead of it (formats/facts.py)."""


class Release(dsl.Artifact):
    """Where a released model lies (formats/release.py)."""
