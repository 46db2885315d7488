"""The architecture, as transformers expects a model outside its library; importing this registers it there."""

from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from sambay.config import SambaYConfig
from sambay.model.sambay import SambaYForCausalLM, SambaYModel

AutoConfig.register(SambaYConfig.model_type, SambaYConfig, exist_ok=True)
AutoModel.register(SambaYConfig, SambaYModel, exist_ok=True)
AutoModelForCausalLM.register(SambaYConfig, SambaYForCausalLM, exist_ok=True)

__all__ = ["SambaYConfig", "SambaYForCausalLM", "SambaYModel"]
