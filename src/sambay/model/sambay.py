"""The whole model: self-decoder over all tokens, cross-decoder where a next token is wanted, and the language head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, GenerationConfig, GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.modeling_utils import slice_logits_to_keep
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs, can_return_tuple
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from sambay.config import FULL, SambaYConfig
from sambay.kernels.reference import document_starts
from sambay.model import packed
from sambay.model.attention import Attention, DifferentialMaps, SubNorm, rotation_of
from sambay.model.block import Block, make_norm, residual_dtype
from sambay.model.mamba import Mamba
from sambay.model.visibility import Visibility, documents, only_last, see

# Letters: B sequences, S positions, D model width, V vocabulary.


class SambaYPreTrainedModel(PreTrainedModel):
    """What transformers must know of the family."""

    config: SambaYConfig
    config_class = SambaYConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["Block"]
    _skip_keys_device_placement = ["past_key_values"]
    _keep_in_fp32_modules_strict = ["A_log", "lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"]
    _supports_flash_attn = True
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True
    _is_stateful = True  # a recurrent state cannot be cut back: assisted decoding is refused
    _can_record_outputs = {"hidden_states": Block, "attentions": Attention}

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *model_args: Any, **kwargs: Any) -> Any:
        """As transformers does it; a folder of 8-bit weights (`model.packed`) is read into plain ones."""
        source, config = pretrained_model_name_or_path, kwargs.get("config")
        if source is not None and not isinstance(config, SambaYConfig):
            config = SambaYConfig.from_pretrained(source) if (Path(source) / "config.json").is_file() else None
        if source is None or config is None or not packed.is_packed(config):
            return super().from_pretrained(source, *model_args, **kwargs)
        kwargs["config"], weights = packed.unpack(source, config)
        loaded = super().from_pretrained(None, *model_args, state_dict=weights, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        if (Path(source) / "generation_config.json").is_file() and model.can_generate():
            model.generation_config = GenerationConfig.from_pretrained(source)
        return loaded

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, Mamba):
            module.init_parameters()
        elif isinstance(module, SubNorm):
            init.ones_(module.weight)
        elif isinstance(module, DifferentialMaps):
            for vector in (module.lambda_q1, module.lambda_k1, module.lambda_q2, module.lambda_k2):
                init.normal_(vector, mean=0.0, std=0.1)


class SambaYModel(SambaYPreTrainedModel):
    """Token ids to hidden states. The first `config.num_self_decoder_layers` layers are the self-decoder."""

    def __init__(self, config: SambaYConfig) -> None:
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.dropout = nn.Dropout(config.embd_pdrop)
        self.layers = nn.ModuleList([Block(config, index) for index in range(config.num_hidden_layers)])
        self.final_layernorm = make_norm(config)
        self.gradient_checkpointing = False
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | dict[str, Tensor | None] | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        seq_idx: Tensor | None = None,
        cu_seq_lens_q: Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> BaseModelOutputWithPast:
        """Hidden states after the final norm, of all positions or of the last ones.

        With an int `logits_to_keep` above 0 the cross-decoder runs for that many last positions only, and only these
        are returned, unless hidden states or attention weights of every position are asked for. Packed documents
        (`seq_idx` (B, S), `cu_seq_lens_q` of one flattened row, or `position_ids` that start again) are kept apart in
        every layer and return no cache.

        Raises ValueError for inputs that cannot be computed exactly: see `model.visibility`.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("pass exactly one of input_ids and inputs_embeds")
        embeddings_BSD = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        shape = (embeddings_BSD.shape[0], embeddings_BSD.shape[1])
        segment_ids_BS = documents(
            position_ids, attention_mask if isinstance(attention_mask, Tensor) else None, seq_idx, cu_seq_lens_q,
            past_key_values, shape, embeddings_BSD.device,
        )  # fmt: skip
        if use_cache and past_key_values is None and segment_ids_BS is None:
            past_key_values = DynamicCache(config=self.config)
        keep = self._positions_to_keep(logits_to_keep, shape[1], segment_ids_BS, kwargs)
        is_deferred = keep is not None and self._is_full_only_for_last(attention_mask)
        seen = see(
            self.config, embeddings_BSD, attention_mask, position_ids, past_key_values, segment_ids_BS,
            is_full_deferred=is_deferred,
        )  # fmt: skip
        last = None
        if keep is not None:
            last = only_last(seen, keep, self.config, embeddings_BSD, attention_mask, past_key_values)
        hidden_BSD = self._run(embeddings_BSD, seen, last, past_key_values, keep if last else None, kwargs)
        hidden_BSD = self.final_layernorm(hidden_BSD)
        if self.config.logits_multiplier != 1:  # here and not at the head, so that every user of the head has it
            hidden_BSD = hidden_BSD * self.config.logits_multiplier
        return BaseModelOutputWithPast(last_hidden_state=hidden_BSD, past_key_values=past_key_values)

    def _run(
        self, embeddings_BSD: Tensor, seen: Visibility, last: Visibility | None, cache: Cache | None, keep: int | None,
        kwargs: dict,
    ) -> Tensor:  # fmt: skip
        """The two halves. From the query side of the last self-decoder layer on, only the kept positions remain."""
        hidden_BSD = self.dropout(embeddings_BSD.to(residual_dtype(embeddings_BSD.dtype)))
        memory_BSE = keys = values = None
        split = self.config.num_self_decoder_layers
        rotation = rotation_of(self.config, seen.position_ids_BS)
        for index, block in enumerate(self.layers):
            is_last_self = last is not None and index == split - 1
            here = last if last is not None and index >= split - 1 else seen
            hidden_BSD, memory_BSE, keys, values = block(
                hidden_BSD, memory_BSE, keys, values,
                attention_mask=here.mask(self.config.layers[index]),
                padding_BS=seen.padding_BS, segment_ids_BS=seen.segment_ids_BS,
                position_embeddings=rotation, position_ids=here.position_ids_BS,
                past_key_values=cache, keep=keep if is_last_self else None, **kwargs,
            )  # fmt: skip
            if is_last_self and memory_BSE is not None:
                memory_BSE = memory_BSE[:, -hidden_BSD.shape[1] :]
        return hidden_BSD

    def _is_full_only_for_last(self, attention_mask: Tensor | dict | None) -> bool:
        """Whether the only layers that look at everything are those that run for the last positions."""
        is_plain = attention_mask is None or (isinstance(attention_mask, Tensor) and attention_mask.ndim == 2)
        layers, split = self.config.layers, self.config.num_self_decoder_layers
        return is_plain and FULL not in layers[: split - 1] and layers[split - 1] is FULL

    def _positions_to_keep(self, logits_to_keep: int | Tensor, length: int, segments, kwargs: dict) -> int | None:
        """How many last positions suffice, or None where all must be computed."""
        asks_for_all = kwargs.get("output_hidden_states", self.config.output_hidden_states) or kwargs.get(
            "output_attentions", self.config.output_attentions
        )
        if isinstance(logits_to_keep, Tensor) or asks_for_all or segments is not None:
            return None
        return logits_to_keep if 0 < logits_to_keep < length else None


class SambaYForCausalLM(SambaYPreTrainedModel, GenerationMixin):
    """The language model: hidden states through the (tied) head, and the next-token loss."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config: SambaYConfig) -> None:
        super().__init__(config)
        self.model = SambaYModel(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=config.lm_head_bias)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | dict[str, Tensor | None] | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Unpack[TransformersKwargs],
    ) -> CausalLMOutputWithPast:
        """Next-token logits (B, S, V) of the positions `logits_to_keep` asks for, and the loss if `labels` are given.

        Raises ValueError for labels together with `logits_to_keep`, and whatever `SambaYModel.forward` raises.
        """
        if labels is not None and not (isinstance(logits_to_keep, int) and logits_to_keep == 0):
            raise ValueError("labels need the logits of every position: leave logits_to_keep at 0")
        outputs = self.model(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
            past_key_values=past_key_values, inputs_embeds=inputs_embeds, use_cache=use_cache,
            logits_to_keep=logits_to_keep, **kwargs,
        )  # fmt: skip
        # Where the model has kept the last positions alone, this keeps them all.
        logits_BSV = self.lm_head(slice_logits_to_keep(outputs.last_hidden_state, logits_to_keep))
        loss = None
        if labels is not None:
            labels = self._within_documents(labels, position_ids, attention_mask, past_key_values, kwargs)
            loss = self.loss_function(logits=logits_BSV, labels=labels, vocab_size=self.config.vocab_size, **kwargs)
        return CausalLMOutputWithPast(
            loss=loss, logits=logits_BSV, past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states, attentions=outputs.attentions,
        )  # fmt: skip

    def _within_documents(self, labels: Tensor, position_ids, attention_mask, cache: Cache | None, kwargs) -> Tensor:
        """Labels without the first token of each packed document, which no token of that document predicts."""
        segment_ids_BS = documents(
            position_ids, attention_mask, kwargs.get("seq_idx"), kwargs.get("cu_seq_lens_q"), cache,
            (labels.shape[0], labels.shape[1]), labels.device,
        )  # fmt: skip
        return labels if segment_ids_BS is None else labels.masked_fill(document_starts(segment_ids_BS), -100)

    def prepare_inputs_for_generation(  # type: ignore[override]
        self,
        input_ids: Tensor,
        inputs_embeds: Tensor | None = None,  # `generate` looks for this name before it accepts embeddings
        attention_mask: Tensor | None = None,
        is_first_iteration: bool | None = False,
        **kwargs,
    ) -> dict:
        """As transformers does it. Raises ValueError where a prompt ends in padding, from which it cannot go on."""
        is_mask = is_first_iteration and attention_mask is not None and attention_mask.ndim == 2
        if is_mask and not attention_mask[:, -1].all():  # type: ignore[index]
            raise ValueError("attention_mask has padding after a prompt: allowed is padding on the left")
        return super().prepare_inputs_for_generation(  # type: ignore[misc]
            input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask,  # type: ignore[arg-type]
            is_first_iteration=is_first_iteration, **kwargs,
        )  # fmt: skip
