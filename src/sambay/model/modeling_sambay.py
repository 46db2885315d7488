"""The file that `save_pretrained` copies beside the weights after `register_for_auto_class`: it asks for this package.

A folder that carries it loads with `trust_remote_code=True` in a process that has not imported sambay, but has it
installed. The classes name this module as theirs, so that transformers copies these lines and not the package's files.
"""

from sambay.config import SambaYConfig
from sambay.model.sambay import SambaYForCausalLM, SambaYModel

__all__ = ["SambaYConfig", "SambaYForCausalLM", "SambaYModel"]
