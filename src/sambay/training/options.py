"""A dataclass as the options of a command: filled from YAML, JSON and flags, its types checked, nothing ignored."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with transformers


def read_options(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML or JSON file. Raises ValueError if it holds anything else."""
    try:
        loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: YAML or JSON expected, found {error}") from None
    if not isinstance(loaded, dict):
        raise ValueError(f"{path}: allowed is a mapping of option names to values")
    return loaded


def check_names(kind: type, values: Mapping[str, Any], source: str) -> None:
    """Raises ValueError for a name that is no field of the dataclass `kind`, and for a field that must be given."""
    fields = dataclasses.fields(kind)
    known = {option.name for option in fields}
    for key in values:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(sorted(known))}"
            raise ValueError(f"{source}: unknown option {key!r}; {hint}")
    for option in fields:
        is_needed = option.default is dataclasses.MISSING and option.default_factory is dataclasses.MISSING
        if is_needed and option.name not in values:
            raise ValueError(f"{source}: the option {option.name!r} is missing")


def convert_fields(options: Any) -> None:
    """Puts each field of a frozen dataclass into its type. Raises ValueError for a value that has no such form."""
    wanted = typing.get_type_hints(type(options))
    for option in dataclasses.fields(options):
        value = _converted(option.name, getattr(options, option.name), wanted[option.name])
        object.__setattr__(options, option.name, value)


def check_at_least(options: Any, least: Mapping[str, float]) -> None:
    """Raises ValueError if a field, unless it is None, is below its least value, or not a number."""
    for name, allowed in least.items():
        value = getattr(options, name)
        if value is not None and not value >= allowed:
            raise ValueError(f"{name}={value}: allowed is {allowed} or more")


def _converted(name: str, value: Any, wanted: Any) -> Any:
    """`value` in the field's type. Text is parsed, so that flags and YAML's `1e-3`, which it reads as text, work."""
    choices = typing.get_args(wanted) if isinstance(wanted, types.UnionType) else (wanted,)
    if isinstance(value, str) and str not in choices:
        value = yaml.safe_load(value) if not _is_number(value) else float(value)
    if value == "null":  # of a flag; a file's is None already
        value = None
    if value is None and type(None) in choices:
        return None
    kind = next(choice for choice in choices if choice is not type(None))
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(member.value for member in kind)
            raise ValueError(f"{name}={value!r}: allowed are {allowed}") from None
    if typing.get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(value)
    if kind in (int, float) and isinstance(value, int | float) and not isinstance(value, bool) and value == kind(value):
        return kind(value)
    plain = typing.get_origin(kind) or kind
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        raise ValueError(f"{name}={value!r}: allowed is {getattr(wanted, '__name__', wanted)}")
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
