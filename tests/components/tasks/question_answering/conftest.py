"""Small base models and data sets."""

from inputs.question_answering import squad_file, tokenizers, write_model  # noqa: F401  # fixtures
