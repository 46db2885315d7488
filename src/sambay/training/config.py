"""Every option of a pre-training run as one typed field, read from YAML or JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from sambay.config import SambaYConfig
from sambay.data.curriculum.settings import CurriculumConfig
from sambay.sizes import named_config
from sambay.training.optimisers import OptimiserName
from sambay.training.options import check_at_least, check_names, convert_fields, read_options
from sambay.training.parameterisation import BASE_BATCH_TOKENS, BASE_DEPTH, BASE_LEARNING_RATE, Parameterisation
from sambay.training.schedules import Schedule
from sambay.training.tensor_parallel import check_tensor_parallel

CURRICULUM = "curriculum"  # in place of a folder of data: drawn as it is trained on


class Precision(str, Enum):
    """What the products are computed in. Parameters, their gradients and the optimiser's state are float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Device(str, Enum):
    """Where to run. AUTO is CUDA if there is a device, else the CPU."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One pre-training run. Raises ValueError for an unknown field, a wrong type or a value that is not allowed."""

    output: str  # folder of checkpoints, logs, curves and the trained model

    # the model
    model: str = "tiny"  # a name of `sambay.sizes`
    model_overrides: dict[str, Any] = field(default_factory=dict)  # fields of SambaYConfig in place of the size's own
    initial_model: str | None = None  # a folder of trained weights of this architecture to start from: fine-tuning

    # data: exactly one of the first two
    data: str | None = None  # a folder that `sambay.data.prepare` wrote, "curriculum" or "synthetic"
    data_sets: tuple[dict[str, Any], ...] = ()  # a weighted mixture: the fields of `sambay.data.SetConfig` of each set
    curriculum: dict[str, Any] = field(default_factory=dict)  # of data "curriculum": the fields of CurriculumConfig
    are_documents_separate: bool = True  # False reads packed documents on as one text
    sequence_tokens: int = 4096
    seed: int = 3407
    validation_data: str | None = None  # as `data`, not trained on: its loss is measured at the end of the run
    validation_rows: int = 0  # rows of `sequence_tokens` of it; needed with it

    # batch
    total_tokens: int = 1_000_000
    batch_tokens: int = BASE_BATCH_TOKENS  # of one optimiser step, over all ranks
    micro_batch_rows: int = 1  # rows of `sequence_tokens` that a rank computes at once
    ramp_tokens: int = 0  # the batch grows to `batch_tokens` over these tokens; 0 for no ramp
    ramp_start_batch_tokens: int = 0
    ramp_increment_tokens: int = 0  # the batch grows by multiples of this; 0 is one row

    # parameterisation
    parameterisation: Parameterisation = Parameterisation.MUPP
    base_depth: int = BASE_DEPTH
    base_batch_tokens: int = BASE_BATCH_TOKENS
    is_output_init_scaled: bool | None = None  # None as the published code does: see `parameterisation.initialise`

    # optimiser
    optimiser: OptimiserName = OptimiserName.ADAMW
    base_learning_rate: float = BASE_LEARNING_RATE  # at `base_batch_tokens` and `base_depth`
    is_learning_rate_scaled: bool = True  # False takes `base_learning_rate` as the peak, whatever batch and depth are
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-8
    muon_momentum: float = 0.95
    clip_norm: float | None = 1.0
    max_skipped_steps: int = 20  # steps with a non-finite loss or gradient, over the whole run, before it stops

    # schedule
    schedule: Schedule = Schedule.LINEAR
    warmup_tokens: int = 0
    decay_fraction: float = 2 / 7
    final_lr_fraction: float = 0.0

    # machine
    device: Device = Device.AUTO
    precision: Precision = Precision.BFLOAT16
    attention: str | None = None  # transformers' name of the backend; None is flex_attention on CUDA, else sdpa
    is_compiled: bool = False  # torch.compile of each layer
    is_activation_checkpointed: bool = False
    num_checkpointed_layers: int | None = None  # then only so many, the first ones; None is all of them
    loss_chunk_tokens: int = 1024
    tensor_parallel_size: int = 1  # ranks that share each layer; the others share the rows
    peak_flops: float | None = None  # of one device, FLOP/s; None looks it up by the device's name

    max_minutes: float | None = None  # then the run saves and stops, as by SIGTERM; the same command goes on

    # checkpoints
    checkpoint_steps: int = 1000  # 0 for one at the end alone
    keep_checkpoints: int = 2
    is_resumed: bool = True  # go on from the newest whole checkpoint in `output`, if there is one

    # logs
    log_steps: int = 1
    is_progress_shown: bool = True
    trackers: tuple[str, ...] = ()  # of "tensorboard", "trackio": each needs its package

    def __post_init__(self) -> None:
        convert_fields(self)
        _check_ranges(self)
        _check_batches(self)
        _check_tensor_parallel(self)

    @classmethod
    def from_file(cls, path: str | Path, overrides: Mapping[str, Any] | None = None) -> TrainConfig:
        """Reads a YAML or JSON file of fields; `overrides` (such as flags, which may be text) replace its values."""
        return cls.from_dict({**read_options(path), **(overrides or {})}, str(path))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "the configuration") -> TrainConfig:
        check_names(cls, values, source)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a file would hold them."""
        values = dataclasses.asdict(self)
        plain = {key: value.value if isinstance(value, Enum) else value for key, value in values.items()}
        return {**plain, "trackers": list(self.trackers), "data_sets": list(self.data_sets)}

    def model_config(self) -> SambaYConfig:
        """The architecture, before the parameterisation's multipliers. Raises ValueError for an unknown size."""
        return named_config(self.model, **self.model_overrides)

    @property
    def batch_rows(self) -> int:
        return self.batch_tokens // self.sequence_tokens


_AT_LEAST = {
    "sequence_tokens": 2, "total_tokens": 1, "batch_tokens": 1, "micro_batch_rows": 1, "ramp_tokens": 0,
    "ramp_start_batch_tokens": 0, "ramp_increment_tokens": 0, "base_depth": 1, "base_batch_tokens": 1, "seed": 0,
    "base_learning_rate": 0, "weight_decay": 0, "eps": 0, "max_skipped_steps": 0, "warmup_tokens": 0,
    "loss_chunk_tokens": 1, "tensor_parallel_size": 1, "checkpoint_steps": 0, "keep_checkpoints": 1, "log_steps": 1,
    "validation_rows": 0,
}  # fmt: skip


def _check_ranges(config: TrainConfig) -> None:
    if (config.data is None) == (not config.data_sets):
        raise ValueError("data: allowed is exactly one of data (a folder, 'curriculum' or 'synthetic') and data_sets")
    is_curriculum = CURRICULUM in (config.data, config.validation_data)
    if bool(config.curriculum) != is_curriculum:
        raise ValueError(f"curriculum={config.curriculum}: allowed are its options, with data: curriculum alone")
    if is_curriculum:
        CurriculumConfig.from_dict(config.curriculum)
    check_at_least(config, _AT_LEAST)
    for name in ("beta1", "beta2", "muon_momentum"):
        if not 0 <= getattr(config, name) < 1:
            raise ValueError(f"{name}={getattr(config, name)}: allowed is from 0 up to, not including, 1")
    for name in ("decay_fraction", "final_lr_fraction"):
        if not 0 <= getattr(config, name) <= 1:
            raise ValueError(f"{name}={getattr(config, name)}: allowed is from 0 to 1")
    for name in ("clip_norm", "peak_flops", "max_minutes", "num_checkpointed_layers"):
        if getattr(config, name) is not None and not getattr(config, name) > 0:
            raise ValueError(f"{name}={getattr(config, name)}: allowed is a positive number or null")
    if (config.validation_data is None) != (config.validation_rows == 0):
        raise ValueError(f"validation_data={config.validation_data!r}, validation_rows={config.validation_rows}: "
                         "allowed are both, or neither")  # fmt: skip
    for tracker in config.trackers:
        if tracker not in ("tensorboard", "trackio"):
            raise ValueError(f"trackers={tracker!r}: allowed are tensorboard and trackio")


def _check_batches(config: TrainConfig) -> None:
    for name in ("batch_tokens", "ramp_start_batch_tokens", "ramp_increment_tokens"):
        if getattr(config, name) % config.sequence_tokens:
            raise ValueError(f"{name}={getattr(config, name)}: allowed are multiples of sequence_tokens, "
                             f"{config.sequence_tokens}")  # fmt: skip
    if config.ramp_tokens and not 0 < config.ramp_start_batch_tokens <= config.batch_tokens:
        raise ValueError(f"ramp_start_batch_tokens={config.ramp_start_batch_tokens}: with ramp_tokens it is allowed "
                         f"from sequence_tokens to batch_tokens, {config.batch_tokens}")  # fmt: skip
    if config.num_checkpointed_layers is not None and not config.is_activation_checkpointed:
        raise ValueError(f"num_checkpointed_layers={config.num_checkpointed_layers}: allowed is null unless "
                         "is_activation_checkpointed is true")  # fmt: skip
    if config.warmup_tokens > config.total_tokens:
        raise ValueError(f"warmup_tokens={config.warmup_tokens}: allowed is up to total_tokens, {config.total_tokens}")


def _check_tensor_parallel(config: TrainConfig) -> None:
    if config.tensor_parallel_size == 1:
        return
    check_tensor_parallel(config.tensor_parallel_size, config.model_config())
    if config.optimiser is OptimiserName.MUON:
        size = config.tensor_parallel_size
        raise ValueError(f"tensor_parallel_size={size}: allowed is 1 with optimiser='muon', which needs whole matrices")
