"""The training loop: micro-batches, one update, a record, now and then a checkpoint."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch._dynamo
from transformers import initialization

from sambay.data import MixtureConfig
from sambay.data.curriculum.rows import CurriculumRows
from sambay.data.curriculum.settings import CurriculumConfig
from sambay.model.sambay import SambaYForCausalLM
from sambay.training.batches import Batches, MicroBatch, MixtureRows, Source, SyntheticRows
from sambay.training.checkpoints import Checkpoints
from sambay.training.config import CURRICULUM, TrainConfig
from sambay.training.flops import flops_per_token, peak_flops
from sambay.training.loss import IGNORED, NextTokenLoss
from sambay.training.optimisers import Optimisers
from sambay.training.parameterisation import initialise, learning_rate, parameter_groups, with_multipliers
from sambay.training.progress import ProgressBar
from sambay.training.ranks import Ranks
from sambay.training.records import Record, Records
from sambay.training.schedules import batch_rows, lr_factor
from sambay.training.starting import start_from
from sambay.training.stopping import StopRequest
from sambay.training.validation import Validation, check_has_rows, validate, validation_config

logger = logging.getLogger(__name__)

MAX_GRAPHS = 64  # of compiled layers


class NonFiniteError(RuntimeError):
    """The run cannot usefully go on: too many steps were not finite."""


@dataclass
class Progress:
    """Where a run is. With the tensors and the data's identity this is all that a checkpoint needs."""

    step: int = 0
    rows: int = 0
    tokens: int = 0
    skipped_steps: int = 0


@dataclass(frozen=True)
class Result:
    """What came of a run: of this process's steps `losses`, else of the whole."""

    progress: Progress
    losses: tuple[float, ...]  # mean per predicted token, NaN where a step was skipped
    is_finished: bool  # False after SIGTERM or `max_minutes`: start the same configuration again to go on
    output: Path
    validation: Validation | None = None  # of a finished run with `validation_rows`


def run(config: TrainConfig, source: Source | None = None) -> Result:
    """See `sambay.training.train`."""
    ranks = Ranks(config)
    try:
        return Run(config, ranks, source).train()
    finally:
        ranks.close()


class Run:
    """The parts of one run, restored from its newest checkpoint if it has one."""

    def __init__(self, config: TrainConfig, ranks: Ranks, source: Source | None) -> None:
        self.stop = StopRequest(config.max_minutes)
        self.config, self.ranks, self.output = config, ranks, Path(config.output)
        self.output.mkdir(parents=True, exist_ok=True)
        self.model = build_model(config, ranks.device)
        num_parameters = sum(parameter.numel() for parameter in self.model.parameters())
        self.flops = flops_per_token(self.model.config, num_parameters, config.sequence_tokens)
        self.peak_flops = config.peak_flops or peak_flops(ranks.device)
        self.module = ranks.place(NextTokenLoss(self.model, config.loss_chunk_tokens))
        self.parameters = dict(self.model.named_parameters())
        self.optimisers = build_optimisers(config, self.model)
        self.source = source or open_source(config, self.model.config.vocab_size)
        self.validation_source: Source | None = None
        if config.validation_data is not None:
            self.validation_source = open_source(validation_config(config), self.model.config.vocab_size)
            check_has_rows(self.validation_source, config.validation_rows)
        self.batches = Batches(self.source, ranks.data_rank, ranks.num_data_ranks, config.micro_batch_rows)
        self.checkpoints = Checkpoints(self.output, ranks, config.keep_checkpoints)
        self.progress = Progress()
        self.losses: list[float] = []
        self.restore()

    def train(self) -> Result:
        """Steps until the tokens are used up or a signal asks to stop; saves in either case."""
        is_first = self.ranks.is_first
        records = Records(self.output, self.config, self.progress.step) if is_first else None
        bar = ProgressBar(
            self.config.total_tokens, self.progress.tokens, is_first and self.config.is_progress_shown
        )  # fmt: skip
        with self.stop as stop:
            try:
                while not self.is_finished:
                    record, is_stopped = self.step(stop)
                    if records and (self.progress.step % self.config.log_steps == 0 or self.is_finished):
                        records.write(record)
                        bar.show(record)
                    if is_stopped:
                        break
                    if self.config.checkpoint_steps and self.progress.step % self.config.checkpoint_steps == 0:
                        self.save()
                self.save()
                self.checkpoints.wait()
            finally:
                bar.close()
                self.batches.close()
                self.checkpoints.close()
                if records:
                    records.close()
        validation = self.validate() if self.is_finished else None
        if self.is_finished:
            self.save_model()
        elif is_first:
            logger.warning("stopped after step %d; saved in %s", self.progress.step, self.output)
        return Result(self.progress, tuple(self.losses), self.is_finished, self.output, validation)

    @property
    def is_finished(self) -> bool:
        return self.progress.tokens >= self.config.total_tokens

    def validate(self) -> Validation | None:
        """Measured and written to the output folder, if the configuration names rows to validate on."""
        if self.validation_source is None:
            return None
        config = self.config
        found = validate(
            self.module, self.validation_source, config.validation_rows, config.micro_batch_rows, self.ranks
        )  # fmt: skip
        if self.ranks.is_first:
            found.write(self.output, self.progress.step)
        return found

    # ----------------------------------------------------------------------------------------------- one step

    def step(self, stop: StopRequest) -> tuple[Record, bool]:
        """One update, or none if the loss or the gradient is not finite. Returns its record and whether to stop.

        Raises NonFiniteError if more steps were skipped than `max_skipped_steps`.
        """
        began, progress = time.perf_counter(), self.progress
        num_rows = self.rows_after(progress.tokens)
        micro_batches = self.batches.step(progress.rows, num_rows)
        tokens = num_rows * self.config.sequence_tokens
        self.batches.read_ahead(progress.rows + num_rows, self.rows_after(progress.tokens + tokens))
        loss, is_stopped = self.gradients(micro_batches, stop)
        norm = self.optimisers.clip_gradients(self.config.clip_norm, self.ranks.shards).item()
        rate = self.rate(tokens)
        progress.step, progress.rows, progress.tokens = (
            progress.step + 1, progress.rows + num_rows, progress.tokens + tokens,
        )  # fmt: skip
        is_finite = math.isfinite(loss) and math.isfinite(norm)
        if is_finite:
            self.optimisers.set_learning_rate(rate)
            self.optimisers.step()
        self.optimisers.zero_grad()
        self.losses.append(loss if is_finite else math.nan)
        if not is_finite:
            self.count_skipped(loss, norm)
        seconds = time.perf_counter() - began
        return self.record(loss, norm, rate, tokens, seconds), is_stopped

    def gradients(self, micro_batches: list[MicroBatch], stop: StopRequest) -> tuple[float, bool]:
        """Fills the gradients of the mean loss over all targets of all ranks; returns that loss and whether to stop."""
        own_targets = sum(int((batch.targets != IGNORED).sum()) for batch in micro_batches)
        num_targets, num_stops = self.ranks.sum([own_targets, stop.is_asked])
        total = torch.zeros((), device=self.ranks.device)
        # All at once, while the device has nothing to do: a copy between two micro-batches would wait for the first.
        micro_batches = [batch.to(self.ranks.device) for batch in micro_batches]
        for batch in micro_batches:
            # Dropout follows the data's position: the same on resumption and for any number of ranks.
            torch.manual_seed(self.config.seed * 2**32 + batch.first_row)
            loss = self.module(batch.input_ids, batch.targets, **batch.packing)
            # FSDP2 averages the ranks' gradients, and what is wanted is their sum
            self.ranks.fabric.backward(loss * (self.ranks.num_data_ranks / max(num_targets, 1)))
            total += loss.detach()
        self.ranks.shards.complete_gradients(self.parameters)
        return self.ranks.sum([total.item()])[0] / max(num_targets, 1), num_stops > 0

    def rows_after(self, tokens: int) -> int:
        """Rows of the batch that follows `tokens` tokens."""
        config, row = self.config, self.config.sequence_tokens
        return batch_rows(
            tokens, config.batch_rows, config.ramp_start_batch_tokens // row, config.ramp_tokens,
            max(1, config.ramp_increment_tokens // row),
        )  # fmt: skip

    def rate(self, batch_tokens: int) -> float:
        """The learning rate of a step of so many tokens from here. A smaller batch of a ramp has a smaller rate."""
        config = self.config
        peak = config.base_learning_rate
        if config.is_learning_rate_scaled:
            depth = self.model.config.num_hidden_layers
            peak = learning_rate(
                config.parameterisation, depth, batch_tokens, peak, config.base_depth, config.base_batch_tokens
            )  # fmt: skip
        return peak * lr_factor(
            config.schedule, self.progress.tokens, batch_tokens, config.total_tokens, config.warmup_tokens,
            config.decay_fraction, config.final_lr_fraction,
        )  # fmt: skip

    def count_skipped(self, loss: float, norm: float) -> None:
        self.progress.skipped_steps += 1
        limit, skipped = self.config.max_skipped_steps, self.progress.skipped_steps
        place = f"step {self.progress.step}: loss {loss}, gradient norm {norm}"
        if self.ranks.is_first:
            logger.warning("%s; the update is skipped (%d of at most %d)", place, skipped, limit)
        if skipped > limit:
            raise NonFiniteError(
                f"{place}: {skipped} steps were not finite, max_skipped_steps={limit}. The checkpoints in "
                f"{self.output} are from before; a lower base_learning_rate or float32 precision may help."
            )

    def record(self, loss: float, norm: float, rate: float, tokens: int, seconds: float) -> Record:
        speed = tokens / seconds
        mfu = self.flops * speed / (self.peak_flops * self.ranks.count) if self.peak_flops else None
        finite = {"loss": loss, "grad_norm": norm}
        return {
            "step": self.progress.step, "tokens": self.progress.tokens,
            **{key: value if math.isfinite(value) else None for key, value in finite.items()},
            "learning_rate": rate, "batch_tokens": tokens, "tokens_per_second": speed, "mfu": mfu,
            "skipped_steps": self.progress.skipped_steps, "seconds": seconds,
        }  # fmt: skip

    # ------------------------------------------------------------------------------------- saving and restoring

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything that a checkpoint holds, by name: the state itself, this rank's part of it."""
        weights = {f"model.{name}": parameter.detach() for name, parameter in self.parameters.items()}
        return weights | {f"optimiser.{name}": value for name, value in self.optimisers.state().items()}

    def save(self) -> None:
        saved = {"run": asdict(self.progress), "data": self.source.describe(), "config": self.config.to_dict()}
        self.checkpoints.save(self.progress.step, self.ranks.shards.to_model_order(self.tensors()), saved)

    def restore(self) -> None:
        """Goes on from the newest whole checkpoint. Raises ValueError if it is another run's."""
        path = self.checkpoints.newest()
        if path is None:
            return
        if not self.config.is_resumed:
            raise ValueError(f"is_resumed=false, but {self.output} holds {path.name}: choose an empty output folder")
        saved = json.loads((path / "complete.json").read_text(encoding="utf-8"))["progress"]
        self.check_same_run(saved["config"])
        here = json.loads(json.dumps(self.source.describe()))  # as a checkpoint would give it back
        if saved["data"] != here:
            raise ValueError(f"the checkpoint in {self.output} was trained on {saved['data']}, these data are {here}")
        tensors = self.tensors()
        whole = self.ranks.shards.room_for(tensors)
        self.checkpoints.load(path, whole)
        self.ranks.shards.from_model_order(whole, tensors)
        self.progress = Progress(**saved["run"])
        if self.ranks.is_first:
            logger.info("resumed from %s", path)

    def check_same_run(self, saved: dict) -> None:
        """Refuses options that would make it another run; those of machine, logs and length may change."""
        fixed = ("model", "model_overrides", "parameterisation", "base_depth", "optimiser", "sequence_tokens", "seed")
        for name in (*fixed, "initial_model"):
            if saved.get(name) != self.config.to_dict()[name]:
                raise ValueError(
                    f"{name}={self.config.to_dict()[name]!r}, but the checkpoint in {self.output} was made with "
                    f"{saved.get(name)!r}; allowed are the same, or another output folder"
                )

    def save_model(self) -> None:
        """The trained model as transformers loads it, in `output/model`, its multipliers in its configuration."""
        full = {name: self.ranks.shards.whole(name, value.detach()).cpu() for name, value in self.parameters.items()}
        if self.ranks.is_first:
            with initialization.no_init_weights():
                model = SambaYForCausalLM(self.model.config)
            model.tie_weights()
            model.load_state_dict(full, strict=False)  # a tied head has no tensor of its own
            model.save_pretrained(self.output / "model")
        self.ranks.fabric.barrier()


def build_model(config: TrainConfig, device: torch.device | None = None) -> SambaYForCausalLM:
    """The model in float32 with its multipliers and its parameterisation's initial values, on the CPU, for `device`."""
    architecture = with_multipliers(config.model_config(), config.parameterisation, config.base_depth)
    with initialization.no_init_weights():
        model = SambaYForCausalLM(architecture)
    model.tie_weights()  # part of the initialisation that was skipped
    initialise(model, architecture, config.parameterisation, config.seed, config.is_output_init_scaled)
    if config.initial_model is not None:
        start_from(model, config.initial_model)
    on_cuda = device is not None and device.type == "cuda"
    model.set_attn_implementation(config.attention or ("flex_attention" if on_cuda else "sdpa"))
    model.train()
    if config.is_activation_checkpointed:
        model.activation_checkpointing_enable({"use_reentrant": False})
        for block in list(model.model.layers)[config.num_checkpointed_layers or len(model.model.layers) :]:
            block.gradient_checkpointing = False
    if config.is_compiled:
        compile_layers(model)
    return model


def compile_layers(model: SambaYForCausalLM) -> None:
    """torch.compile of each layer by itself; layers of one kind share a graph."""
    # The kinds of layers, each for whole and for smaller micro-batches, with and without gradients, are more graphs
    # than dynamo's 8, beyond which it would go on uncompiled without a word.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, MAX_GRAPHS)
    for block in model.model.layers:
        block.compile()


def build_optimisers(config: TrainConfig, model: SambaYForCausalLM) -> Optimisers:
    """Over the model's parameters as they are now: after they were placed or sharded."""
    parameters = dict(model.named_parameters())
    depth = model.config.num_hidden_layers
    groups = parameter_groups(parameters, config.parameterisation, depth, config.weight_decay, config.base_depth)
    betas = (config.beta1, config.beta2)
    return Optimisers(parameters, groups, config.optimiser, betas, config.eps, config.muon_momentum)


def open_source(config: TrainConfig, vocab_size: int) -> Source:
    """The rows that `config` names. Raises ValueError if they are not readable or not for this vocabulary."""
    if config.data == "synthetic":
        return SyntheticRows(vocab_size, config.sequence_tokens, config.seed)
    rows = curriculum_rows(config) if config.data == CURRICULUM else mixture_rows(config)
    if rows.num_ids > vocab_size:
        raise ValueError(f"the data have ids up to {rows.num_ids - 1}; the model's vocabulary allows {vocab_size} ids")
    return rows


def curriculum_rows(config: TrainConfig) -> CurriculumRows:
    options = CurriculumConfig.from_dict(config.curriculum)
    return CurriculumRows(
        options, config.sequence_tokens, config.seed, keeps_documents=config.are_documents_separate
    )  # fmt: skip


def mixture_rows(config: TrainConfig) -> MixtureRows:
    sets = config.data_sets or [{"name": "data", "path": config.data}]
    return MixtureRows(
        MixtureConfig.from_dict({
            "sets": sets, "sequence_length": config.sequence_tokens, "seed": config.seed,
            "keeps_documents": config.are_documents_separate,
        })
    )  # fmt: skip
