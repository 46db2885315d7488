"""The two file formats: round trips, the bytes as documented, and refusals by name."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sambay.data import PublishedShard, Shard, ShardSet
from sambay.data.durable import whole_file
from sambay.data.shard import HEADER_BYTES, ShardWriter, token_bytes_for

END = 3


def write(path: Path, documents: list[list[int]], token_bytes: int = 2) -> Path:
    with whole_file(path) as file:
        writer = ShardWriter(file, token_bytes, END)
        for ids in documents:
            writer.add(ids)
        writer.finish(b"f" * 16)
    return path


def write_published(path: Path, ids: list[int], code: int = 8, magic: bytes = b"LITPKDS", version: int = 1) -> Path:
    dtype = {4: "<i4", 8: "<u2"}.get(code, "<f4")
    header = magic + struct.pack("<Q", version) + struct.pack("<B", code) + struct.pack("<Q", len(ids))
    path.write_bytes(header + np.array(ids, dtype=dtype).tobytes())
    return path


def a_token(token_bytes: int) -> st.SearchStrategy[int]:
    return st.integers(0, 256**token_bytes - 1).filter(lambda token: token != END)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data(), token_bytes=st.sampled_from([2, 4]))
def test_documents_come_back(data, token_bytes: int, tmp_path: Path) -> None:
    documents = data.draw(st.lists(st.lists(a_token(token_bytes), max_size=9), min_size=1, max_size=9))
    shard = Shard(write(tmp_path / "x.bin", documents, token_bytes))
    shard.verify()
    assert [shard.document(i).tolist() for i in range(shard.num_documents)] == documents
    stream = [token for ids in documents for token in (*ids, END)]
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(stream))] * 2)))
    assert shard.read(start, stop).tolist() == stream[start:stop]
    assert shard.starts().tolist() == [0, *(i + 1 for i, token in enumerate(stream[:-1]) if token == END)]


def test_the_bytes_are_those_of_the_documentation(tmp_path: Path) -> None:
    data = write(tmp_path / "x.bin", [[7, 258], []]).read_bytes()
    assert data[:32] == b"SAMBAYTK" + bytes([1, 0, 0, 0, 2, 0, 0, 0, 4, *[0] * 7, 2, *[0] * 7])
    assert data[80:] == bytes([7, 0, 2, 1, 3, 0, 3, 0]) + struct.pack("<2Q", 0, 3)


def test_a_document_cannot_hold_the_id_that_ends_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="document 1 holds token 3, which only ends documents"):
        write(tmp_path / "x.bin", [[1], [2, END]])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("num_ids", "token_bytes"), [(2, 2), (65536, 2), (65537, 4), (200064, 4)])
def test_ids_are_as_wide_as_the_vocabulary_needs(num_ids: int, token_bytes: int) -> None:
    assert token_bytes_for(num_ids) == token_bytes


@pytest.mark.parametrize("place", [*range(0, HEADER_BYTES, 5), HEADER_BYTES - 1])
def test_a_flipped_bit_in_the_header_is_seen_on_opening(place: int, tmp_path: Path) -> None:
    path = write(tmp_path / "torn.bin", [[1, 2], [4]])
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"torn\.bin: .*(expected, found|its own checksum)"):
        Shard(path)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sambay.data.shard.VERSION", 2)
    path = write(tmp_path / "x.bin", [[1]])
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"x\.bin: version 1 expected, found 2"):
        Shard(path)


def test_a_flipped_bit_after_the_header_is_seen_by_verify(tmp_path: Path) -> None:
    path = write(tmp_path / "x.bin", [[1, 2], [4]])
    whole = path.read_bytes()
    for place in range(HEADER_BYTES, len(whole)):
        data = bytearray(whole)
        data[place] ^= 1
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"x\.bin: checksum [0-9a-f]{32} expected, found [0-9a-f]{32}"):
            Shard(path).verify()


def test_every_truncation_is_seen_on_opening(tmp_path: Path) -> None:
    path = write(tmp_path / "x.bin", [[1, 2], [4]])
    whole = path.read_bytes()
    for size in (*range(len(whole)), len(whole) + 1):
        path.write_bytes((whole + b"\0")[:size])
        with pytest.raises(ValueError, match=rf"x\.bin: .*bytes expected, found {size}( bytes)?$"):
            Shard(path)


def test_a_file_cut_short_after_opening_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "x.bin", [[1, 2], [4]])
    shard = Shard(path)
    path.write_bytes(path.read_bytes()[: HEADER_BYTES + 4])
    with pytest.raises(ValueError, match=rf"x\.bin: 5 numbers expected at byte {HEADER_BYTES}, found 2"):
        shard.read(0, 5)


def test_an_interrupted_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = write(tmp_path / "x.bin", [[1]])
    before = path.read_bytes()

    def interrupted() -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [4, 8])
def test_published_chunks_are_read(code: int, tmp_path: Path) -> None:
    """A chunk of the default size, 2049 x 1024 tokens."""
    ids = np.random.default_rng(0).integers(0, 32000, 2049 * 1024)
    path = write_published(tmp_path / "train_slim_0.bin", ids.tolist(), code)
    assert path.stat().st_size == 24 + len(ids) * (4 if code == 4 else 2)
    shard = PublishedShard(path)
    assert shard.num_tokens == len(ids)
    for start, stop in ((0, 5), (2_000_000, 2_000_100), (len(ids) - 3, len(ids))):
        assert shard.read(start, stop).tolist() == ids[start:stop].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"magic": b"LITPKDX"}, "magic b'LITPKDS' expected, found b'LITPKDX'"),
        ({"version": 2}, "version 1 expected, found 2"),
        ({"code": 6}, r"type 4 \(int32\) or 8 \(uint16\) expected, found 6"),
    ],
)
def test_published_headers_are_checked(change: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train_0\.bin: " + message):
        PublishedShard(write_published(tmp_path / "train_0.bin", [1, 2, 3], **change))


def test_truncated_published_files_are_refused(tmp_path: Path) -> None:
    path = write_published(tmp_path / "train_0.bin", [1, 2, 3])
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"train_0\.bin: .*expected.*, found {size}"):
            PublishedShard(path)


def test_published_files_are_one_stream_with_borders(tmp_path: Path) -> None:
    """A document starts after each end, and with each file; a sequence may run over the files' border."""
    write_published(tmp_path / "train_1.bin", [2, 9, 9, 9])
    write_published(tmp_path / "train_0.bin", [5, 6, 2, 7])
    shards = ShardSet.open_published(tmp_path.glob("train*.bin"), end_id=2, num_ids=10)
    shards.verify()
    assert shards.read(0, 8).ids_T.tolist() == [5, 6, 2, 7, 2, 9, 9, 9]
    assert shards.read(0, 8).is_start_T.tolist() == [True, False, False, True, True, True, False, False]
    assert shards.read(2, 6).is_start_T.tolist() == [False, True, True, True]


def test_ids_outside_the_vocabulary_are_refused(tmp_path: Path) -> None:
    write_published(tmp_path / "train_0.bin", [1, 2, 3])
    write_published(tmp_path / "train_1.bin", [1, -2, 3], code=4)
    for end, message in ((3, r"train_0\.bin: .* 0 to 2 expected, found 3"), (6, r"train_1\.bin: .*found -2")):
        shards = ShardSet.open_published(tmp_path.glob("*.bin"), end_id=2, num_ids=end if end == 3 else 4)
        with pytest.raises(ValueError, match=message):
            shards.read(0, end)
        with pytest.raises(ValueError, match="expected, found"):
            shards.verify()
