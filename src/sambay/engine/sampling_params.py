"""What a request asks of its sampling, checked once: the names that users of vLLM know."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

# What OpenAI and vLLM allow; it bounds the search for the likeliest tokens of a row.
MAX_LOGPROBS = 20
NUM_SEEDS = 2**63


@dataclass(frozen=True, kw_only=True)
class Guided:
    """What the reply's text must be, exactly one of: an instance of a JSON schema (a dict, or its JSON text), a whole
    match of a regular expression (no look-around, no back-references; \\d, \\w and \\s are those of ASCII), one of
    several strings, or any JSON object.

    The grammar itself is compiled when a request is accepted (`engine/guidance.py`). Raises ValueError for none or
    several of the four, and for one of the wrong type.
    """

    json_schema: Mapping[str, Any] | str | None = None
    regex: str | None = None
    choice: Sequence[str] | None = None
    json_object: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.json_object, bool):
            raise ValueError(f"json_object={self.json_object!r}: allowed is True or False")
        names = [name for name in ("json_schema", "regex", "choice") if getattr(self, name) is not None]
        names += ["json_object"] if self.json_object else []
        if len(names) != 1:
            given = " and ".join(names) or "none of them"
            raise ValueError(f"guided: give exactly one of json_schema, regex, choice, json_object; got {given}")
        if self.json_schema is not None:
            _set(self, json_schema=_checked_schema(self.json_schema))
        if self.regex is not None and not (isinstance(self.regex, str) and self.regex):
            raise ValueError(f"regex={self.regex!r}: allowed is a str that is not empty")
        if self.choice is not None:
            _set(self, choice=_checked_choice(self.choice))


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """How the replies to one prompt are drawn and when they end.

    n: how many replies. max_tokens: the most tokens of each; None: as many as the context holds. min_tokens: so many
    come before any end: until then ids that would end the reply cannot be drawn, and stop strings are not looked for.

    A row of logits becomes a token in this order: logit_bias (id -> what is added, -100 to 100; about -100 bans) and
    min_tokens; repetition_penalty (over tokens of the prompt and the reply: positive logits divided by it, others
    multiplied), frequency_penalty (times how often the reply has the token) and presence_penalty (once if it has it);
    guided; temperature; top_k likeliest (0 or -1: all); then the fewest likeliest that hold top_p of the probability
    that is left; then those with at least min_p times the probability of the likeliest. temperature 0 is the limit: the
    likeliest token, which no filter removes, whatever the seed. Tokens as likely as each other count in order of id.

    seed: the same seed, prompt and params give the same reply from the same logits, whatever else is in the batch;
    None: a new one for each request. Sample i of n is what seed + i gives alone.

    stop: strings that end the reply, cut off unless include_stop_str_in_output. stop_token_ids: ids that do, beside the
    tokenizer's own (which ignore_eos switches off); the text of the id that ended a reply is cut off likewise.
    skip_special_tokens: whether text leaves out special tokens. logprobs: also return the log-probability of the chosen
    token and of so many likeliest (0: the chosen one's alone), of the model's own distribution: raw logits, before all
    of the above.

    There is no prompt_logprobs: in reading a prompt the second half of the model runs for its last token alone, so the
    logits that it would need are never computed.

    Raises ValueError for a value that is not allowed, naming the field and what is, and for fields that exclude each
    other; TypeError for an unknown field.
    """

    n: int = 1
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int | None = None
    max_tokens: int | None = None
    min_tokens: int = 0
    stop: str | Sequence[str] = ()
    stop_token_ids: Sequence[int] = ()
    include_stop_str_in_output: bool = False
    ignore_eos: bool = False
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] | None = None
    logprobs: int | None = None
    skip_special_tokens: bool = True
    guided: Guided | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            is_allowed, wanted = _ALLOWED[field.name]
            value = getattr(self, field.name)
            if not is_allowed(value):
                raise ValueError(f"{field.name}={value!r}: allowed is {wanted}")
        _set(
            self,
            top_k=max(self.top_k, 0),
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            stop_token_ids=tuple(self.stop_token_ids or ()),
            logit_bias=None if self.logit_bias is None else dict(self.logit_bias),
        )
        self._check_together()

    def _check_together(self) -> None:
        if self.n > 1 and self.is_greedy:
            raise ValueError(f"n={self.n}: allowed at temperature 0 is 1, for all replies would be the same")
        if self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens={self.min_tokens}: allowed is at most max_tokens={self.max_tokens}")
        for name in ("min_tokens", "ignore_eos"):
            if self.guided is not None and getattr(self, name):
                raise ValueError(
                    f"{name}={getattr(self, name)}: not allowed with guided, whose grammar says when to end"
                )

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0

    @property
    def has_penalties(self) -> bool:
        """Whether drawing a token takes counts of the tokens before it."""
        return (self.presence_penalty, self.frequency_penalty, self.repetition_penalty) != (0, 0, 1)

    @property
    def can_speculate(self) -> bool:
        """Whether several tokens can be judged at once: not where the last one decides what is allowed or penalised."""
        return not self.has_penalties and self.guided is None

    def seed_of_sample(self, index: int) -> int:
        """The seed of sample `index` of n, drawn anew (and so to be kept with the request) if none was given."""
        return secrets.randbelow(NUM_SEEDS) if self.seed is None else (self.seed + index) % NUM_SEEDS

    def check_vocabulary(self, vocab_size: int) -> None:
        """Raises ValueError for an id of stop_token_ids or logit_bias that a vocabulary of that size does not have."""
        for name in ("stop_token_ids", "logit_bias"):
            for token_id in getattr(self, name) or ():
                if token_id >= vocab_size:
                    raise ValueError(f"{name} has the id {token_id}: allowed are 0 to {vocab_size - 1}")


def _is_whole(value: Any, least: int, most: float = math.inf) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: Any, least: float, most: float = math.inf) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and least <= value <= most


def _is_list_of(value: Any, is_allowed: Callable[[Any], bool]) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes) and all(map(is_allowed, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_bias(value: Any) -> bool:
    is_mapping = isinstance(value, Mapping)
    return is_mapping and all(_is_whole(key, 0) and _is_number(bias, -100, 100) for key, bias in value.items())


_Rule = tuple[Callable[[Any], bool], str]
_SWITCH: _Rule = (lambda value: isinstance(value, bool), "True or False")
_PENALTY: _Rule = (lambda value: _is_number(value, -2, 2), "-2 to 2")
_ALLOWED: dict[str, _Rule] = {
    "n": (lambda value: _is_whole(value, 1), "a whole number from 1"),
    # below 1e-5 the quotient of two logits that differ leaves float32
    "temperature": (
        lambda value: _is_number(value, 0) and (value == 0 or value >= 1e-5),
        "0 (greedy), or a number from 1e-5",
    ),
    "top_k": (lambda value: _is_whole(value, -1, 2**31 - 1), "a whole number: 0 or -1 (off), or from 1 to 2**31 - 1"),
    "top_p": (lambda value: _is_number(value, 0, 1) and value > 0, "above 0 and at most 1 (off)"),
    "min_p": (lambda value: _is_number(value, 0, 1), "0 (off) to 1"),
    "seed": (lambda value: value is None or _is_whole(value, 0, NUM_SEEDS - 1), "None, or 0 to 2**63 - 1"),
    "max_tokens": (lambda value: value is None or _is_whole(value, 1), "None (the context), or a whole number from 1"),
    "min_tokens": (lambda value: _is_whole(value, 0), "a whole number from 0"),
    "stop": (
        lambda value: value is None or _is_text(value) or _is_list_of(value, _is_text),
        "None, a str, or a list of them; none of them empty",
    ),
    "stop_token_ids": (
        lambda value: value is None or _is_list_of(value, lambda token_id: _is_whole(token_id, 0)),
        "None, or a list of whole numbers from 0",
    ),
    "include_stop_str_in_output": _SWITCH,
    "ignore_eos": _SWITCH,
    "presence_penalty": _PENALTY,
    "frequency_penalty": _PENALTY,
    "repetition_penalty": (lambda value: _is_number(value, 0.01, 100), "0.01 to 100; 1 is off"),
    "logit_bias": (
        lambda value: value is None or _is_bias(value),
        "None, or a dict from token ids (whole numbers from 0) to numbers from -100 to 100",
    ),
    "logprobs": (
        lambda value: value is None or _is_whole(value, 0, MAX_LOGPROBS),
        f"None, or 0 to {MAX_LOGPROBS}",
    ),
    "skip_special_tokens": _SWITCH,
    "guided": (lambda value: value is None or isinstance(value, Guided), "None, or a Guided"),
}


def _checked_schema(schema: Any) -> dict[str, Any]:
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except json.JSONDecodeError as error:
            raise ValueError(f"json_schema is no JSON: {error}") from error
    if not isinstance(schema, Mapping):
        raise ValueError(
            f"json_schema is a {type(schema).__name__}: allowed is a JSON object, as a dict or as its text"
        )
    try:
        return dict(json.loads(json.dumps(dict(schema), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise ValueError(f"json_schema holds what JSON cannot write: {error}") from error


def _checked_choice(choice: Any) -> tuple[str, ...]:
    if not _is_list_of(choice, _is_text) or not choice:
        raise ValueError(f"choice={choice!r}: allowed is a list of one or more str, none of them empty")
    return tuple(dict.fromkeys(choice))


def _set(frozen: Any, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(frozen, name, value)
