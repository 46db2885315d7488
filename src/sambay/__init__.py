"""SambaY, the architecture of Phi-4-mini-flash, as real software. Importing this registers it with transformers."""

from sambay.config import SambaYConfig
from sambay.model import SambaYForCausalLM, SambaYModel
from sambay.sizes import named_config

__version__ = "0.1.0"

__all__ = ["SambaYConfig", "SambaYForCausalLM", "SambaYModel", "__version__", "named_config"]
