"""Small base models, data sets and images."""

from inputs.image_captioning import caption_file, image_file, like_gpt2, plain_image, write_data, write_model, zip_file  # noqa: F401  # fixtures
