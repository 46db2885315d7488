"""Documents from a dataset of the Hugging Face Hub, or from a local folder in one of its formats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .sources import Piece

_ROWS_READ = 256


@dataclass(frozen=True)
class HubDataset:
    """One split of a dataset, whose column `field` holds the documents. Downloaded and cached by `datasets`.

    path, config, split, revision: as `datasets.load_dataset` takes them. Give a revision to make a run repeatable.
    """

    path: str
    field: str = "text"
    config: str | None = None
    split: str = "train"
    revision: str | None = None

    def pieces(self, piece_bytes: int) -> list[Piece]:
        """Rows are cut by the average size of a row. Raises ValueError if `field` is no column of text."""
        rows = _loaded(self)
        feature = rows.features.get(self.field)
        if getattr(feature, "dtype", None) not in ("string", "large_string"):
            raise ValueError(f"{self.path}: text column {self.field!r} expected, found {dict(rows.features)}")
        num_rows = len(rows)
        step = max(1, num_rows * piece_bytes // max(1, rows.data.nbytes))
        return [_HubPiece(self, start, min(start + step, num_rows)) for start in range(0, num_rows, step)]


@dataclass(frozen=True)
class _HubPiece:
    source: HubDataset
    start: int
    stop: int

    def documents(self) -> Iterator[str]:
        rows = _loaded(self.source)
        for start in range(self.start, self.stop, _ROWS_READ):
            texts = rows[start : min(start + _ROWS_READ, self.stop)][self.source.field]
            for row, text in enumerate(texts, start):
                if text is None:
                    raise ValueError(f"{self.source.path}, row {row}: a text expected, found none")
                yield text


@lru_cache(maxsize=4)
def _loaded(source: HubDataset) -> Any:
    try:
        from datasets import load_dataset  # type: ignore[import-untyped]
    except ImportError:
        raise ValueError(f"{source.path}: reading it needs datasets; run: pip install datasets") from None
    return load_dataset(source.path, source.config, split=source.split, revision=source.revision)
