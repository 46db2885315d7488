"""The processes of a run on Lightning Fabric: one device alone, or FSDP2 over all that the launcher started."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments import SLURMEnvironment
from lightning.fabric.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

from sambay.training.config import Device, Precision, TrainConfig
from sambay.training.loss import NextTokenLoss
from sambay.training.tensor_parallel import check_tensor_parallel, split_layers
from sambay.training.tensor_shards import TensorShards

# Fabric's names. Under autocast every parameter is gathered in float32 and rounded where a product uses it, on one
# device and on many: FSDP2's own policy would round A_log and the λ vectors too, and give other losses than one device.
_PRECISION: dict[Precision, Any] = {Precision.FLOAT32: "32-true", Precision.BFLOAT16: "bf16-mixed"}


class Ranks:
    """What a run needs of its processes. `torchrun` or Slurm starts them; without either there is one."""

    def __init__(self, config: TrainConfig) -> None:
        use_cuda = config.device is Device.CUDA or (config.device is Device.AUTO and torch.cuda.is_available())
        if use_cuda and not torch.cuda.is_available():
            raise ValueError("device='cuda': no CUDA device is here; allowed are 'cpu' and 'auto'")
        num_ranks, num_local = _launched()
        size = config.tensor_parallel_size
        check_tensor_parallel(size, config.model_config(), num_ranks)
        strategy: Any = "auto"
        if num_ranks > 1:
            strategy = ModelParallelStrategy(
                self._shard, data_parallel_size=num_ranks // size, tensor_parallel_size=size
            )  # fmt: skip
        self.fabric = Fabric(
            accelerator="cuda" if use_cuda else "cpu", devices=num_local, num_nodes=num_ranks // num_local,
            strategy=strategy, precision=_PRECISION[config.precision],
        )  # fmt: skip
        self.fabric.launch()
        self.rank, self.count, self.device = self.fabric.global_rank, self.fabric.world_size, self.fabric.device
        # The ranks of a tensor-parallel group are neighbours, on one host if they fit, and compute the same rows.
        self.tensor_parallel_size = size
        self.data_rank, self.num_data_ranks = self.rank // size, self.count // size
        self.shards = TensorShards()
        # Checkpoints are written in a thread: in a group of their own, or their messages mix with the training's.
        self.checkpoint_group = dist.new_group(backend="gloo") if self.count > 1 else None
        # A few numbers a step go over the host, so that asking for them does not wait for the device.
        self.host_group = dist.new_group(backend="gloo") if self.count > 1 else None

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def place(self, module: NextTokenLoss) -> nn.Module:
        """The module on its device, its layers split and its parameters sharded if there are several ranks."""
        return self.fabric.setup_module(module)

    def _shard(self, module: NextTokenLoss, mesh: DeviceMesh) -> NextTokenLoss:
        """Each layer is gathered for itself. The rest, head and embedding as one parameter, is the root's."""
        # Keys and values go from layer to layer as views. The warning is of changing them in place; no layer does.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
        if self.tensor_parallel_size > 1:
            self.shards = TensorShards.over(mesh, split_layers(module.model, mesh["tensor_parallel"].get_group()))
        for block in module.model.model.layers:
            fully_shard(block, mesh=mesh["data_parallel"])
        fully_shard(module, mesh=mesh["data_parallel"])
        return module

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sums over all data-parallel ranks, in float64: a group that computes the same rows counts once."""
        total = torch.tensor(values, dtype=torch.float64)
        if self.count > 1:
            dist.all_reduce(total, group=self.host_group)
        return (total / self.tensor_parallel_size).tolist()

    def broadcast(self, value: Any) -> Any:
        """The first rank's value, on every rank."""
        return self.fabric.broadcast(value)

    def close(self) -> None:
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


def _launched() -> tuple[int, int]:
    """Processes in all and on this host, as torchrun or Slurm says."""
    if "WORLD_SIZE" in os.environ:
        return int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if SLURMEnvironment.detect():
        num_ranks = int(os.environ["SLURM_NTASKS"])
        return num_ranks, num_ranks // int(os.environ.get("SLURM_NNODES", "1"))
    return 1, 1
