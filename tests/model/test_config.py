"""The architecture as data: the released file is read as it is, and nothing is accepted and ignored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoConfig, DynamicCache

from sambay import SambaYConfig, named_config
from sambay.config import CROSS, FULL, MAMBA, MEMORY, WINDOW, sambay_mixers
from sambay.sizes import family_config, size_names


def test_the_released_file_is_the_named_size(reference_dir: Path) -> None:
    released = AutoConfig.from_pretrained(reference_dir / "phi4_mini_flash")
    assert isinstance(released, SambaYConfig)
    ours = named_config("phi-4-mini-flash").to_dict()
    theirs = released.to_dict()
    differing = {key for key in ours | theirs if ours.get(key) != theirs.get(key)}
    assert differing <= {"architectures", "dtype", "_name_or_path"}


def test_the_layers_of_the_released_size() -> None:
    layers = named_config("phi-4-mini-flash").layers
    assert [i for i, mixer in enumerate(layers) if mixer is MAMBA] == list(range(0, 17, 2))
    assert [i for i, mixer in enumerate(layers) if mixer is WINDOW] == list(range(1, 16, 2))
    assert [i for i, mixer in enumerate(layers) if mixer is FULL] == [17]
    assert [i for i, mixer in enumerate(layers) if mixer is MEMORY] == list(range(18, 31, 2))
    assert [i for i, mixer in enumerate(layers) if mixer is CROSS] == list(range(19, 32, 2))


@pytest.mark.parametrize("depth", [4, 8, 12, 16, 24, 32])
def test_mixers_follow_the_rule_of_the_released_code(depth: int) -> None:
    half = depth // 2
    for index, mixer in enumerate(sambay_mixers(depth)):
        if index >= half + 2:
            assert mixer is (MEMORY if index % 2 == 0 else CROSS)
        elif index == half + 1:
            assert mixer is FULL
        else:
            assert mixer is (MAMBA if index % 2 == 0 else WINDOW)


def test_sharing_is_declared_to_transformers_caches() -> None:
    config = named_config("phi-4-mini-flash")
    assert config.kv_sharing_modes == [None] * 16 + ["store", "store"] + ["reuse"] * 14
    assert (config.source_layer(18), config.source_layer(19), config.source_layer(17)) == (16, 17, None)
    kinds = [type(layer).__name__ for layer in DynamicCache(config=config).layers]
    assert kinds[:2] == ["LinearAttentionLayer", "DynamicSlidingWindowLayer"]
    assert kinds[16:] == ["LinearAttentionLayer", "DynamicLayer"] + ["DummyLayer"] * 14


def test_the_released_classs_list_of_windows_is_one_window() -> None:
    windows = [512 if i % 2 and i < 16 else None for i in range(32)]
    assert SambaYConfig(sliding_window=windows).sliding_window == 512


def test_saved_and_read_again(tmp_path: Path) -> None:
    for name in size_names():
        config = named_config(name)
        config.save_pretrained(tmp_path)
        again = AutoConfig.from_pretrained(tmp_path)
        assert again.to_diff_dict() == config.to_diff_dict()
        assert again.layers == config.layers


# Non-embedding and total parameters in millions with the real layer layout, 32,000 tokens, tied (facts B.1).
FAMILY = {
    ("sambay", 8): (126.9, 158.6), ("sambay", 12): (424.6, 472.2), ("sambay", 16): (1002.3, 1065.8),
    ("sambay", 20): (1952.9, 2032.3), ("sambay", 24): (3369.2, 3464.4),
    ("sambayoco", 8): (128.8, 161.1), ("sambayoco", 16): (1009.7, 1074.2), ("sambayoco", 24): (3384.6, 3481.3),
    ("transformer", 8): (121.7, 154.4), ("transformer", 16): (973.1, 1038.7), ("transformer", 24): (3284.3, 3382.6),
}  # fmt: skip


@pytest.mark.parametrize(("architecture", "depth"), FAMILY)
def test_sizes_of_the_scaling_family(architecture: str, depth: int) -> None:
    import torch

    from sambay import SambaYForCausalLM

    with torch.device("meta"):
        model = SambaYForCausalLM(family_config(architecture, depth))
    total = sum(parameter.numel() for parameter in model.parameters())
    embedding = model.get_input_embeddings().weight.numel()
    assert (round((total - embedding) / 1e6, 1), round(total / 1e6, 1)) == FAMILY[architecture, depth]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"slidng_window": 3}, "unknown key 'slidng_window'.*did you mean 'sliding_window'"),
        ({"hidden_act": "gelu"}, "hidden_act='gelu'.*'silu'"),
        ({"attention_type": "linear"}, "attention_type='linear'.*'differential' or 'softmax'"),
        ({"norm_type": "batchnorm"}, "norm_type='batchnorm'.*'layernorm' or 'rmsnorm'"),
        ({"mb_per_layer": 3}, "mb_per_layer=3.*allowed is 2"),
        ({"num_hidden_layers": 6}, "num_hidden_layers=6.*multiple of 4"),
        ({"mixers": ["mamba", "attention"], "num_hidden_layers": 2}, r"mixers\[1\]='attention'.*mamba, window, full"),
        ({"mixers": ["mamba", "full"]}, "mixers has 2 entries, but num_hidden_layers=32"),
        ({"mixers": ["full", "memory"], "num_hidden_layers": 2}, r"mixers\[1\]='memory' needs an earlier 'mamba'"),
        ({"mixers": ["mamba", "cross"], "num_hidden_layers": 2}, r"mixers\[1\]='cross' needs an earlier 'full'"),
        ({"mixers": ["full", "cross", "mamba"], "num_hidden_layers": 3}, "must come after all"),
        ({"mixers": ["mamba"], "num_hidden_layers": 1}, "at least one window or full layer"),
        ({"num_key_value_heads": 3}, "num_key_value_heads=3 must divide num_attention_heads=40"),
        ({"num_key_value_heads": 5}, "num_key_value_heads=5.*must be even"),
        ({"sliding_window": None}, "sliding_window=None.*window layers"),
        ({"sliding_window": 0}, "sliding_window=0.*positive"),
        ({"sliding_window": [512] * 32}, "one int on all window layers, null elsewhere"),
        ({"sliding_window": [512] * 3}, "3 entries for 32 layers"),
        ({"attention_dropout": 1.0}, "attention_dropout=1.0"),
        ({"mamba_d_conv": 1}, "mamba_d_conv=1.*2 or more"),
        ({"hidden_size": 0}, "hidden_size=0.*positive"),
        ({"rope_theta": -1.0}, "rope_theta=-1.0.*positive"),
        ({"layer_types": ["full_attention"] * 32}, "layer_types=.*contradicts mixers"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SambaYConfig(**wrong)


def test_a_changed_released_file_is_refused_by_name(reference_dir: Path, tmp_path: Path) -> None:
    released = json.loads((reference_dir / "phi4_mini_flash" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(released | {"yoco_cross": True}))
    with pytest.raises(ValueError, match="yoco_cross"):
        AutoConfig.from_pretrained(tmp_path)


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown size 'sambay_d9'.*phi-4-mini-flash.*sambay_d16"):
        named_config("sambay_d9")
    with pytest.raises(ValueError, match=r"unknown architecture 'mambay'.*sambayda"):
        family_config("mambay", 8)
    with pytest.raises(ValueError, match=r"depth=10.*multiples of 4"):
        family_config("sambay", 10)


def test_auto_map_belongs_to_the_instance() -> None:
    first, second = SambaYConfig(), SambaYConfig()
    first.auto_map["AutoConfig"] = "somewhere"
    assert second.auto_map == {}
