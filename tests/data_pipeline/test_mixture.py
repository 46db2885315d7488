"""The stream of sequences: shares, epochs, ranks, resuming, documents' borders."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from sambay.data import Batch, JsonLines, Loader, Mixture, MixtureConfig, SetConfig, ShardSet, prepare
from sambay.data.loader import IGNORED, assemble
from sambay.data.mixture import BLOCK
from sambay.data.shard_set import Stretch

from .conftest import write_jsonl
from .test_shard import write_published

S = 8  # positions of a sequence
TEXTS = {
    "web": [f"web page {number} " * (1 + number % 3) for number in range(30)],
    "code": [f"x{number}=1;" for number in range(40)],
    "math": [f"{number}+1" for number in range(3)],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tokenizer) -> dict[str, str]:
    root = tmp_path_factory.mktemp("sets")
    for name, texts in TEXTS.items():
        source = JsonLines((write_jsonl(root / f"{name}.jsonl", texts),))
        prepare([source], root / name, tokenizer, piece_bytes=150)
    return {name: str(root / name) for name in TEXTS}


@pytest.fixture(scope="module")
def config(folders) -> MixtureConfig:
    weights = {"web": 0.5, "code": 0.3, "math": 0.2}
    sets = tuple(SetConfig(name, path, weights[name]) for name, path in folders.items())
    return MixtureConfig(sets, sequence_length=S, seed=7)


def only(config: MixtureConfig, name: str, **changes) -> Mixture:
    sets = tuple(one for one in config.sets if one.name == name)
    return Mixture(MixtureConfig(sets, **{"sequence_length": S, "seed": 7, **changes}))


def rows(batch: Batch) -> list[tuple[int, ...]]:
    return [tuple(row) for row in batch.input_ids.tolist()]


def test_sequences_overlap_by_the_token_that_is_only_predicted(config) -> None:
    mixture = only(config, "web", shuffles=False)
    stream = mixture.sets[0].read(0, mixture.sets[0].num_tokens).ids_T
    count = mixture.num_sequences[0]
    assert count == (len(stream) - 1) // S
    for index in range(count):
        assert mixture.sequence(index).ids_T.tolist() == stream[index * S : index * S + S + 1].tolist()


def test_each_epoch_has_every_sequence_once_in_an_order_of_its_own(config) -> None:
    mixture = only(config, "web")
    count = mixture.num_sequences[0]
    epochs = [[mixture.draw(epoch * count + i) for i in range(count)] for epoch in range(3)]
    assert [{draw.epoch for draw in epoch} for epoch in epochs] == [{0}, {1}, {2}]
    orders = [[draw.sequence for draw in epoch] for epoch in epochs]
    assert all(sorted(order) == list(range(count)) for order in orders)
    assert len({tuple(order) for order in [*orders, range(count)]}) == 4
    assert orders[0] != [only(config, "web", seed=8).draw(i).sequence for i in range(count)]


def test_a_set_keeps_its_order_whatever_it_is_mixed_with(config) -> None:
    alone = only(config, "code")
    mixed = Mixture(config)
    draws = [draw for draw in map(mixed.draw, range(500)) if config.sets[draw.set_number].name == "code"]
    assert [draw[1:] for draw in draws] == [alone.draw(i)[1:] for i in range(len(draws))]


def test_shares_hold_in_every_stretch(config) -> None:
    mixture = Mixture(config)
    numbers = np.array([mixture.draw(index).set_number for index in range(BLOCK - 300, BLOCK + 300)])
    for start in range(0, 500, 50):
        counts = np.bincount(numbers[start : start + 100], minlength=3)
        assert np.abs(counts - [50, 30, 20]).max() <= 2
    one_block = Counter(mixture._set_of_slot.tolist())
    assert [one_block[i] for i in range(3)] == [round(0.5 * BLOCK), round(0.3 * BLOCK), round(0.2 * BLOCK)]


def test_draws_of_a_set_count_up_across_blocks(config) -> None:
    mixture = Mixture(config)
    draws = [mixture.draw(index) for index in range(BLOCK - 200, BLOCK + 200)]
    math = [draw for draw in draws if draw.set_number == 2]
    assert [draw.epoch for draw in math] == sorted(draw.epoch for draw in math)
    counts = Counter(draw[1:] for draw in math)
    assert set(counts.values()) == {1}


@given(num_sequences=st.integers(0, 1000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
def test_epochs_count_what_was_drawn(config, num_sequences: int) -> None:
    mixture = Mixture(config)
    drawn = Counter(mixture.draw(index).set_number for index in range(num_sequences))
    expected = {one.name: drawn[i] / mixture.num_sequences[i] for i, one in enumerate(config.sets)}
    assert mixture.epochs(num_sequences) == pytest.approx(expected)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=4))
def test_any_ranks_and_batches_read_on_in_the_one_stream(config, phases) -> None:
    """Each phase: another world size and batch size, started from the state that the phase before left."""
    mixture = Mixture(config)
    state, seen = None, []
    for world_size, batch_size, num_steps in phases:
        loaders = [Loader(mixture, batch_size, rank, world_size) for rank in range(world_size)]
        for loader in loaders:
            if state is not None:
                loader.load_state_dict(state)
        for _ in range(num_steps):
            seen += [row for loader in loaders for row in rows(next(loader))]
        states = [loader.state_dict() for loader in loaders]
        assert all(one == states[0] for one in states)
        state = json.loads(json.dumps(states[0]))
        for loader in loaders:
            loader.close()
    assert state["num_sequences"] == len(seen)
    assert state["num_tokens"] == len(seen) * S
    assert seen == [tuple(mixture.sequence(index).ids_T[:-1].tolist()) for index in range(len(seen))]


def test_a_loader_goes_back_to_a_state_of_its_own(config) -> None:
    loader = Loader(Mixture(config), 2)
    next(loader)
    state = loader.state_dict()
    after = [rows(next(loader)) for _ in range(3)]
    loader.load_state_dict(state)
    assert [rows(next(loader)) for _ in range(3)] == after


def test_a_state_of_another_stream_is_refused(config, folders) -> None:
    loader = Loader(Mixture(config), 2)
    next(loader)
    state = loader.state_dict()
    sets = config.sets
    for other, message in {
        MixtureConfig(sets, S, seed=8): "seed is 8 here, found 7",
        MixtureConfig(sets, S + 1, seed=7): "sequence_length is 9 here, found 8",
        MixtureConfig(sets[::-1], S, seed=7): "sets is .*'math', 'code', 'web'.* here, found",
        MixtureConfig(sets[:2], S, seed=7): "sets is",
        MixtureConfig(
            (SetConfig("web", folders["web"], 3), *sets[1:]), S, seed=7
        ): "weight of web is 3 here, found 0.5",
        MixtureConfig((SetConfig("web", folders["code"], 0.5), *sets[1:]), S, seed=7): "tokens of web is",
    }.items():
        with pytest.raises(ValueError, match=f"data state: {message}"):
            Loader(Mixture(other), 2).load_state_dict(state)
    with pytest.raises(ValueError, match=r"keys .* expected, found"):
        loader.load_state_dict({**state, "epoch": 1})
    with pytest.raises(ValueError, match=r"num_tokens 16 expected, found 17"):
        loader.load_state_dict({**state, "num_tokens": 17})


def test_documents_are_told_apart() -> None:
    #        document: 0     0     0     1     2     2     2
    ids = np.array([[5, 6, 3, 3, 8, 9, 7], [1, 1, 1, 1, 1, 3, 1]])
    starts = np.array([[1, 0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1]], dtype=bool)
    batch = assemble([Stretch(*pair) for pair in zip(ids, starts, strict=True)], keeps_documents=True)
    assert batch.input_ids.tolist() == [[5, 6, 3, 3, 8, 9], [1, 1, 1, 1, 1, 3]]
    assert batch.labels.tolist() == [[6, 3, IGNORED, IGNORED, 9, 7], [1, 1, 1, 1, 3, IGNORED]]
    assert batch.seq_idx.tolist() == [[0, 0, 0, 1, 2, 2], [0] * 6]
    assert batch.position_ids.tolist() == [[0, 1, 2, 0, 0, 1], [0, 1, 2, 3, 4, 5]]
    assert [x.dtype for x in (batch.input_ids, batch.labels, batch.seq_idx, batch.position_ids)] == [
        torch.int64, torch.int64, torch.int32, torch.int64,
    ]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(data=st.data())
def test_borders_are_those_of_the_index(config, data) -> None:
    """Read in any stretch, across shards, a set has its documents' starts where the shards' index has them."""
    shards = only(config, "code").sets[0]
    assert len(shards.shards) > 2
    firsts = np.cumsum([0, *(shard.num_tokens for shard in shards.shards[:-1])])
    starts = np.concatenate([first + shard.starts() for first, shard in zip(firsts, shards.shards, strict=True)])
    assert len(starts) == len(TEXTS["code"])
    begin = data.draw(st.integers(0, shards.num_tokens - 1))
    end = data.draw(st.integers(begin + 1, shards.num_tokens))
    found = begin + np.flatnonzero(shards.read(begin, end).is_start_T)
    assert set(found) - {begin} == set(starts[(starts > begin) & (starts < end)])


def test_one_text_where_documents_are_not_kept(config) -> None:
    batch = next(Loader(only(config, "web", keeps_documents=False, shuffles=False), 2))
    assert batch.seq_idx is None
    assert batch.position_ids is None
    assert batch.labels[:, :-1].tolist() == batch.input_ids[:, 1:].tolist()
    assert (batch.labels != IGNORED).all()


def test_published_sets_mix_with_ours(config, tmp_path: Path) -> None:
    ids = [(7 * i) % 50 for i in range(100)]
    write_published(tmp_path / "train_slim_0.bin", ids)
    slim = SetConfig("slim", str(tmp_path / "train*.bin"), 0.5, is_published=True, end_id=2, num_ids=50)
    mixture = Mixture(MixtureConfig((config.sets[0], slim), S, shuffles=False))
    stretches = [mixture.sequence(index) for index in range(10) if mixture.draw(index).set_number == 1]
    assert [token for one in stretches for token in one.ids_T[:-1].tolist()] == ids[: len(stretches) * S]
    assert mixture.num_ids == ShardSet.open(config.sets[0].path).num_ids


def test_a_damaged_file_is_named_when_its_sequence_comes(config, tmp_path: Path, make_set) -> None:
    folder = make_set("web", TEXTS["web"])
    loader = Loader(Mixture(MixtureConfig((SetConfig("web", str(folder)),), S)), 1)
    for path in folder.glob("shard-*.bin"):
        path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(ValueError, match=r"shard-0000\d\.bin: \d+ numbers expected"):
        next(loader)


def test_configs_are_read_strictly(config, folders) -> None:
    plain = {"sequence_length": 8, "sets": [{"name": "web", "path": folders["web"]}]}
    assert MixtureConfig.from_dict(plain) == MixtureConfig((SetConfig("web", folders["web"]),), 8)
    web = plain["sets"][0]
    for broken, message in [
        ({**plain, "sead": 1}, r"mixture: unknown keys \['sead'\]: allowed are \['sets', 'sequence_length', 'seed'"),
        ({**plain, "sets": [{**web, "wieght": 1}]}, r"set: unknown keys \['wieght'\]"),
        ({**plain, "sets": [{"name": "web"}]}, r"set: keys \['path'\] expected"),
        ({"sets": [web]}, r"mixture: keys \['sequence_length'\] expected"),
        ({**plain, "sets": [web, web]}, "of different names, found .*'web', 'web'"),
        ({**plain, "sets": []}, "one or more expected"),
        ({**plain, "sequence_length": 0}, "sequence_length: 1 or more expected, found 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            MixtureConfig.from_dict(broken)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": 0}, "weight of web: positive .* found 0"),
        ({"weight": float("nan")}, "weight of web"),
        ({"weight": 1e-6}, "weight of web: .* at least 1/65536"),
        ({"end_id": 2}, r"set web: \['end_id'\] found without is_published"),
        ({"is_published": True, "end_id": 2}, r"set web: end_id and num_ids expected .*, found \['end_id'\]"),
        ({"is_published": True, "end_id": 2, "num_ids": 9, "path": "nowhere/train*.bin"}, "no file of the published"),
        ({"path": "nowhere"}, r"index\.json: an index expected, found none"),
    ],
)
def test_mixtures_that_cannot_be_are_refused(config, folders, changes: dict, message: str) -> None:
    web = SetConfig(**{"name": "web", "path": folders["web"], **changes})
    with pytest.raises(ValueError, match=message):
        Mixture(MixtureConfig((web, config.sets[1]), S))


def test_other_mixtures_that_cannot_be(config, tmp_path: Path, tokenizer) -> None:
    with pytest.raises(ValueError, match=r"set math: 9000 tokens or more expected for one sequence, found \d+"):
        only(config, "math", sequence_length=8999)
    backend = tokenizer.backend_tokenizer
    backend = type(backend).from_str(backend.to_str())
    backend.add_tokens(["<|extra|>"])
    other = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>")
    prepare([JsonLines((write_jsonl(tmp_path / "x.jsonl", TEXTS["web"]),))], tmp_path / "x", other)
    with pytest.raises(ValueError, match="one tokenizer expected for all sets, found"):
        Mixture(MixtureConfig((config.sets[0], SetConfig("x", str(tmp_path / "x"))), S))
    for rank, world_size, batch_size in ((2, 2, 1), (-1, 2, 1), (0, 1, 0)):
        with pytest.raises(ValueError, match=f"rank={rank}, world_size={world_size}, batch_size={batch_size}"):
            Loader(Mixture(config), batch_size, rank, world_size)


@pytest.mark.gpu
def test_batches_arrive_on_the_device(config) -> None:
    loader = Loader(Mixture(config), 3, device="cuda")
    cpu = Loader(Mixture(config), 3)
    for ours, theirs in islice(zip(loader, cpu, strict=False), 5):
        assert ours.input_ids.is_cuda
        assert torch.equal(ours.input_ids.cpu(), theirs.input_ids)
        assert torch.equal(ours.position_ids.cpu(), theirs.position_ids)
