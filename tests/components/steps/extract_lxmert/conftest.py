"""Small base models, data sets, pictures, and a detector."""

from inputs.detector import picture_file, write_detector  # noqa: F401  # fixtures
from inputs.visual_question_answering import base_model, gqa, region_row, vqa, write_data  # noqa: F401  # fixtures
