"""SambaY, the architecture of Phi-4-mini-flash, as real software. Importing this registers it with transformers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sambay.config import SambaYConfig
from sambay.model import SambaYForCausalLM, SambaYModel
from sambay.sizes import named_config

if TYPE_CHECKING:
    from sambay.engine.llm import LLM
    from sambay.engine.sampling_params import SamplingParams

__version__ = "0.1.0"

__all__ = [
    "LLM", "SambaYConfig", "SambaYForCausalLM", "SambaYModel", "SamplingParams", "__version__", "named_config",
]  # fmt: skip

# Imported when first asked for: whoever only wants the model needs no engine.
_LATER = {"LLM": "sambay.engine.llm", "SamplingParams": "sambay.engine.sampling_params"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
