"""Text to batches: packed token shards, the published training code's shards, mixtures, exact resume."""

from .hub import HubDataset
from .loader import Batch, Loader
from .mixture import Mixture, MixtureConfig, SetConfig
from .prepare import Prepared, prepare
from .published import PublishedShard
from .shard import Shard
from .shard_set import ShardSet
from .sources import JsonLines, TextFiles, source_of

__all__ = [
    "Batch",
    "HubDataset",
    "JsonLines",
    "Loader",
    "Mixture",
    "MixtureConfig",
    "Prepared",
    "PublishedShard",
    "SetConfig",
    "Shard",
    "ShardSet",
    "TextFiles",
    "prepare",
    "source_of",
]
