"""What ships with the package: the default model, in the folder default_model beside this file, once there is one."""

from __future__ import annotations

from pathlib import Path

DEFAULT_MODEL = Path(__file__).parent / "default_model"


def has_default_model() -> bool:
    """Whether a model ships with this version."""
    return (DEFAULT_MODEL / "config.json").is_file()


def default_model() -> Path:
    """The folder of the model that ships with this version. Raises ValueError if none does."""
    if not has_default_model():
        raise ValueError(
            "this version ships no model of its own: name one, a folder or a Hub id such as "
            "microsoft/Phi-4-mini-flash-reasoning"
        )
    return DEFAULT_MODEL
