"""The architecture, as transformers expects a model outside its library; importing this registers it there."""

from transformers import AutoConfig, AutoModel, AutoModelForCausalLM
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

from sambay.model import modeling_sambay
from sambay.model.modeling_sambay import SambaYConfig, SambaYForCausalLM, SambaYModel

AutoConfig.register(SambaYConfig.model_type, SambaYConfig, exist_ok=True)
AutoModel.register(SambaYConfig, SambaYModel, exist_ok=True)
AutoModelForCausalLM.register(SambaYConfig, SambaYForCausalLM, exist_ok=True)
for _shared in (SambaYConfig, SambaYModel, SambaYForCausalLM):
    _shared.__module__ = modeling_sambay.__name__  # the file that a saved folder may carry
# The released files call their tokenizer GPT2Tokenizer, for which AutoTokenizer would split words and digits by GPT-2's
# rule. The folder's own tokenizer.json says how they were split.
TOKENIZER_MAPPING_NAMES[SambaYConfig.model_type] = "TokenizersBackend"

__all__ = ["SambaYConfig", "SambaYForCausalLM", "SambaYModel"]
