"""What a tensor-parallel group must do together after each rank computed its part: gradients, norms, whole tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor, zeros

from sambay.training.tensor_parallel import Split


@dataclass(frozen=True)
class TensorShards:
    """The split parameters of a model and the group that they are split over; by default none are.

    Each tensor is this rank's part, which FSDP2 in turn shards over the data-parallel mesh: to a DTensor the part is
    all there is.
    """

    splits: Mapping[str, Split] = field(default_factory=dict)
    group: dist.ProcessGroup | None = None
    every_rank: DeviceMesh | None = None

    @classmethod
    def over(cls, mesh: DeviceMesh, splits: Mapping[str, Split]) -> TensorShards:
        """`mesh`: of the data-parallel by the tensor-parallel ranks."""
        return cls(splits, mesh["tensor_parallel"].get_group(), init_device_mesh(mesh.device_type, (mesh.size(),)))

    def complete_gradients(self, parameters: Mapping[str, nn.Parameter]) -> None:
        """Makes the gradients of parameters that are whole on every rank those of the whole model, and identical.

        Differential attention's are sums over the heads, of which each rank has its own. All others are computed from
        the same numbers; their mean keeps kernels that round differently from driving the copies apart.
        """
        if not self.splits:
            return
        vectors = []
        for name, parameter in parameters.items():
            if name in self.splits or parameter.grad is None:
                continue
            gradient = _local(parameter.grad)
            if ".inner_cross_attn." not in name:
                gradient.div_(dist.get_world_size(self.group))
            if gradient.ndim == 1:
                vectors.append(gradient)
            else:
                dist.all_reduce(gradient, group=self.group)
        joined = torch.cat(vectors)  # many and small: one message
        dist.all_reduce(joined, group=self.group)
        for gradient, total in zip(vectors, joined.split([vector.numel() for vector in vectors]), strict=True):
            gradient.copy_(total)

    def gradient_norm(self, parameters: Mapping[str, nn.Parameter]) -> Tensor:
        """The norm of all gradients, of parts and of copies each number counted once."""
        gradients = {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}
        norm = _norm([gradient for name, gradient in gradients.items() if name not in self.splits])
        if not self.splits:
            return norm
        squared = _norm([gradient for name, gradient in gradients.items() if name in self.splits]).square()
        dist.all_reduce(squared, group=self.group)
        return (norm.square() + squared).sqrt()

    def whole(self, name: str, tensor: Tensor) -> Tensor:
        """All of a parameter, or of a state tensor of its shape, in the model's order of rows."""
        part = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if name not in self.splits:
            return part
        parts = [torch.empty_like(part) for _ in range(dist.get_world_size(self.group))]
        dist.all_gather(parts, part, group=self.group)
        return self.splits[name].join(parts)

    def to_model_order(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same with split tensors as the whole model has them, sharded over all ranks: what a checkpoint holds.

        One tensor at a time is whole.
        """
        return {
            key: self._sharded(self.whole(name, value)) if (name := self._split_name(key, value)) else value
            for key, value in tensors.items()
        }

    def room_for(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """As `to_model_order`, with zeros in place of the split tensors."""
        return {
            key: self._zeros(name, value) if (name := self._split_name(key, value)) else value
            for key, value in tensors.items()
        }

    def from_model_order(self, ordered: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
        """Copies this rank's parts out of what `room_for` made and a checkpoint filled."""
        for key, value in tensors.items():
            if name := self._split_name(key, value):
                whole = ordered[key]
                assert isinstance(whole, DTensor)
                assert isinstance(value, DTensor)
                rank, size = dist.get_rank(self.group), dist.get_world_size(self.group)
                part = self.splits[name].part(whole.full_tensor(), rank, size)
                value.copy_(distribute_tensor(part, value.device_mesh, value.placements, src_data_rank=None))

    def _split_name(self, key: str, value: Tensor) -> str | None:
        """The split parameter that `value`, such as "optimiser.exp_avg.model.layers.0.mlp.fc1.weight", belongs to."""
        name = key[key.find("model.layers.") :]
        return name if name in self.splits and value.ndim else None

    def _sharded(self, whole: Tensor) -> Tensor:
        return distribute_tensor(whole, self.every_rank, [Shard(0)], src_data_rank=None)

    def _zeros(self, name: str, part: Tensor) -> Tensor:
        split, shape = self.splits[name], list(part.shape)
        shape[split.dim] = sum(split.pieces)
        return zeros(shape, dtype=part.dtype, device_mesh=self.every_rank, placements=[Shard(0)])


def _local(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _norm(tensors: list[Tensor]) -> Tensor:
    norm = nn.utils.get_total_norm(tensors)
    return norm.full_tensor() if isinstance(norm, DTensor) else norm  # each rank has its shards' part
