"""Where documents come from: text files, JSONL files, cut into pieces that each become one shard.

How a source is cut depends on nothing but its files and the size asked for, so that neither the number of processes nor
an interruption changes a shard.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Piece(Protocol):
    """The documents of one shard. Pieces travel between processes, so they hold names, not texts."""

    def documents(self) -> Iterator[str]: ...


class Source(Protocol):
    """Anything that can be cut into pieces of about `piece_bytes` of text, in a fixed order, none of them empty."""

    def pieces(self, piece_bytes: int) -> list[Piece]: ...


@dataclass(frozen=True)
class TextFiles:
    """UTF-8 files, each one document, or several with `separator` between them (and perhaps after the last).

    The separator is cut out, and nothing else: for stories divided by a line of their own, write the line ends too, as
    in "\\n<|endoftext|>\\n". A file is read whole.
    """

    paths: tuple[str, ...]
    separator: str | None = None

    def __post_init__(self) -> None:
        if self.separator == "":
            raise ValueError("separator is empty: allowed are a text of one or more characters, and None")

    def pieces(self, piece_bytes: int) -> list[Piece]:
        spans = [Span(path, 0, _file_bytes(path)) for path in self.paths]
        return [_TextPiece(group, self.separator) for group in _grouped(spans, piece_bytes)]


@dataclass(frozen=True)
class JsonLines:
    """Files with one JSON object a line, whose text field `field` is a document. Other fields are of no interest."""

    paths: tuple[str, ...]
    field: str = "text"

    def pieces(self, piece_bytes: int) -> list[Piece]:
        spans = (span for path in self.paths for span in _line_spans(path, piece_bytes))
        return [_JsonPiece(group, self.field) for group in _grouped(spans, piece_bytes)]


def source_of(paths: Iterable[str], field: str = "text") -> list[Source]:
    """The sources for files by their suffix: .txt and .md are documents, .jsonl has them in `field`.

    Raises ValueError for another suffix.
    """
    kinds: dict[str, type[TextFiles] | type[JsonLines]] = {".txt": TextFiles, ".md": TextFiles, ".jsonl": JsonLines}
    sources: list[Source] = []
    for path in paths:
        kind = kinds.get(Path(path).suffix)
        if kind is None:
            raise ValueError(f"{path}: a suffix of {', '.join(kinds)} expected, found {Path(path).suffix!r}")
        sources.append(JsonLines((path,), field) if kind is JsonLines else TextFiles((path,)))
    return sources


@dataclass(frozen=True)
class Span:
    """The bytes [start, stop) of a file."""

    path: str
    start: int
    stop: int


@dataclass(frozen=True)
class _TextPiece:
    spans: tuple[Span, ...]
    separator: str | None

    def documents(self) -> Iterator[str]:
        for span in self.spans:
            data = Path(span.path).read_bytes()
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{span.path}: UTF-8 expected, found byte {data[error.start]:#04x} at byte {error.start}"
                ) from None
            texts = [text] if self.separator is None else text.split(self.separator)
            yield from texts[:-1] if len(texts) > 1 and not texts[-1] else texts


@dataclass(frozen=True)
class _JsonPiece:
    spans: tuple[Span, ...]
    field: str

    def documents(self) -> Iterator[str]:
        for span in self.spans:
            with Path(span.path).open("rb") as file:
                position = file.seek(span.start)
                while position < span.stop:
                    line = file.readline()
                    yield self._text_of(line, span.path, position)
                    position += len(line)

    def _text_of(self, line: bytes, path: str, position: int) -> str:
        try:
            text = json.loads(line)[self.field]
            text.encode()  # JSON can spell halves of a surrogate pair, which are no text
        except UnicodeEncodeError:
            found = "half of a surrogate pair"
        except (ValueError, TypeError):  # ValueError is bad JSON and bad UTF-8
            found = "no JSON object"
        except KeyError:
            found = "none"
        except AttributeError:
            found = f"one of type {type(text).__name__}"
        else:
            return text
        raise ValueError(
            f"{path}, line {_line_number(path, position)}: text field {self.field!r} expected, found {found}"
        )


def _line_number(path: str, position: int) -> int:
    with Path(path).open("rb") as file:
        return 1 + file.read(position).count(b"\n")


def _line_spans(path: str, step_bytes: int) -> Iterator[Span]:
    """Cut a file after the first line end at or past each step."""
    size, start = _file_bytes(path), 0
    with Path(path).open("rb") as file:
        while start < size:
            file.seek(min(start + step_bytes, size) - 1)
            file.readline()
            yield Span(path, start, file.tell())
            start = file.tell()


def _grouped(spans: Iterable[Span], piece_bytes: int) -> Iterator[tuple[Span, ...]]:
    """Collect spans until they reach piece_bytes."""
    group: list[Span] = []
    total = 0
    for span in spans:
        group.append(span)
        total += span.stop - span.start
        if total >= piece_bytes:
            yield tuple(group)
            group, total = [], 0
    if group:
        yield tuple(group)


def _file_bytes(path: str) -> int:
    if not Path(path).is_file():
        raise ValueError(f"{path}: a file expected, found none")
    return Path(path).stat().st_size
