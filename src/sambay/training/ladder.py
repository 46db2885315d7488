"""A ladder of depths for several architectures of the family: its configuration, and the runs that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sambay.sizes import FAMILY_DEPTHS, family_config
from sambay.training.config import TrainConfig
from sambay.training.options import check_at_least, check_names, convert_fields, read_options
from sambay.training.parameterisation import training_tokens
from sambay.training.scaling import ladder_flops, transformer_parameters

_OF_THE_LADDER = ("output", "model", "total_tokens", "max_minutes", "is_resumed")
# What may differ from depth to depth: how a step is computed, not what is computed.
_OF_A_DEPTH = (
    *("micro_batch_rows", "loss_chunk_tokens", "is_activation_checkpointed", "num_checkpointed_layers", "is_compiled"),
    "checkpoint_steps",
)


@dataclass(frozen=True)
class Rung:
    """One run of the ladder, and where on the axis it stands."""

    architecture: str
    depth: int
    config: TrainConfig
    narrowing: int = 1

    @property
    def name(self) -> str:
        return f"{self.architecture}_d{self.depth}"

    @property
    def flops(self) -> float:
        """6 N T of Transformer++ at this depth, whatever the architecture."""
        return ladder_flops(self.depth, self.config.total_tokens, self.narrowing)


@dataclass(frozen=True, kw_only=True)
class LadderConfig:
    """A ladder. Raises ValueError for an unknown option, a wrong type or a value that is not allowed, in any run of it.

    A depth's tokens are T = T0 N(d) / N(d0), N being Transformer++'s by its closed form, for every architecture, in
    whole batches: all see the same rows in the same order.
    """

    output: str  # folder with one folder a run, and the results
    architectures: tuple[str, ...]  # of `sambay.sizes`: transformer, samba, sambayoco, sambay, sambayda, …
    depths: tuple[int, ...]  # multiples of 4
    train: dict[str, Any]  # options of `TrainConfig` that all runs share
    by_depth: dict[int, dict[str, Any]] = field(default_factory=dict)  # options of the machine in their place
    narrowing: int = 1  # divides all widths of the family, those of the heads too; their numbers stay
    tokens_per_parameter: float | None = None  # T / N; exactly one of this and the next
    base_tokens: float | None = None  # T0, at `train`'s base_depth
    warmup_fraction: float | None = None  # of each run's tokens; None leaves `train`'s warmup_tokens
    max_minutes: float | None = None  # then the ladder saves and stops; the same command goes on
    are_checkpoints_kept: bool = False  # of finished runs; their trained models are kept

    def __post_init__(self) -> None:
        convert_fields(self)
        check_at_least(self, {"warmup_fraction": 0, "narrowing": 1})
        self._check()
        self.rungs()

    @classmethod
    def from_file(cls, path: str | Path, overrides: Mapping[str, Any] | None = None) -> LadderConfig:
        """Reads a YAML or JSON file of fields. `overrides` replace its values; "train.seed" is an option of `train`."""
        values = read_options(path)
        for name, value in (overrides or {}).items():
            outer, dot, inner = name.partition(".")
            if dot and isinstance(values.get(outer, {}), dict):
                values[outer] = {**values.get(outer, {}), inner: value}
            else:
                values[name] = value
        return cls.from_dict(values, str(path))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "the configuration") -> LadderConfig:
        check_names(cls, values, source)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a file would hold them."""
        return {**asdict(self), "architectures": list(self.architectures), "depths": list(self.depths)}

    def rungs(self) -> list[Rung]:
        """All runs, the small ones first: whatever the time allows can be compared."""
        return [self._rung(name, depth) for depth in self.depths for name in self.architectures]

    def _rung(self, architecture: str, depth: int) -> Rung:
        tokens = self._tokens(depth)
        own: dict[str, Any] = {**self.train, **self.by_depth.get(depth, {})}
        if self.warmup_fraction is not None:
            own["warmup_tokens"] = round(self.warmup_fraction * tokens)
        name = f"{architecture}_d{depth}"
        own |= {"output": str(Path(self.output) / name), "model": name, "total_tokens": tokens}
        if self.narrowing > 1:
            own["model_overrides"] = {**self._widths(architecture, depth), **own.get("model_overrides", {})}
        config = TrainConfig.from_dict(own, f"the run {name}")
        config.model_config()
        return Rung(architecture, depth, config, self.narrowing)

    def _widths(self, architecture: str, depth: int) -> dict[str, int]:
        full = family_config(architecture, depth)
        widths = {name: int(getattr(full, name)) for name in ("hidden_size", "intermediate_size", "head_dim")}
        for name, width in widths.items():
            if width % self.narrowing:
                raise ValueError(f"narrowing={self.narrowing}: allowed are divisors of {architecture}_d{depth}'s "
                                 f"{name}, {width}")  # fmt: skip
        return {name: width // self.narrowing for name, width in widths.items()}

    def _tokens(self, depth: int) -> int:
        """The depth's tokens, to the nearest whole batch."""
        shared = self._shared()
        num_parameters = transformer_parameters(depth, self.narrowing)
        if self.base_tokens is not None:
            base = transformer_parameters(shared.base_depth, self.narrowing)
            tokens = training_tokens(num_parameters, base, self.base_tokens)
        else:
            tokens = round(float(self.tokens_per_parameter or 0) * num_parameters)
        num_batches = round(tokens / shared.batch_tokens)
        if num_batches < 1:
            raise ValueError(
                f"depth {depth} is given {tokens} tokens: allowed is a batch, {shared.batch_tokens}, or more"
            )
        return num_batches * shared.batch_tokens

    def _shared(self) -> TrainConfig:
        """What the runs have in common, with room for any warm-up."""
        return TrainConfig.from_dict({"output": self.output, "total_tokens": 2**62, **self.train}, "train")

    def _check(self) -> None:
        for name in ("architectures", "depths"):
            given = getattr(self, name)
            if not given or len(set(given)) != len(given):
                raise ValueError(f"{name}={list(given)}: allowed are one or more, all different")
        for architecture in self.architectures:
            for depth in self.depths:
                if depth not in FAMILY_DEPTHS or not isinstance(depth, int):
                    raise ValueError(f"depths={list(self.depths)}: allowed are {', '.join(map(str, FAMILY_DEPTHS))}")
                family_config(architecture, depth)
        if (self.tokens_per_parameter is None) == (self.base_tokens is None):
            raise ValueError("tokens: allowed is exactly one of tokens_per_parameter and base_tokens")
        for name in ("tokens_per_parameter", "base_tokens", "max_minutes"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}: allowed is a positive number")
        self._check_options()

    def _check_options(self) -> None:
        fixed = (*_OF_THE_LADDER, *(("warmup_tokens",) if self.warmup_fraction is not None else ()))
        for name in fixed:
            if name in self.train:
                raise ValueError(f"train.{name}: the ladder sets it, so it is not allowed in train")
        if self._shared().validation_data is None:
            raise ValueError(
                "train: validation_data and validation_rows are needed, since their loss is what is fitted"
            )
        for depth, options in self.by_depth.items():
            if depth not in self.depths or not isinstance(options, dict):
                raise ValueError(f"by_depth={self.by_depth}: allowed are mappings of options for {list(self.depths)}")
            for name in options:
                if name not in _OF_A_DEPTH:
                    raise ValueError(f"by_depth: {depth}: {name}: allowed are {', '.join(_OF_A_DEPTH)}")
