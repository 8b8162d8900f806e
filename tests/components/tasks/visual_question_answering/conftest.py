"""Rows of regions."""

from inputs.visual_question_answering import region_row  # noqa: F401  # fixtures
