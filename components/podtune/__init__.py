"""podtune: the steps that fine-tune transformer models and release them."""

__version__ = "0.1.0"
