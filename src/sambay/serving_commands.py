"""The command `sambay serve`: a model behind the OpenAI protocol. What it needs is imported when it runs."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sambay.loading import DEFAULT_NAME, DTYPES

if TYPE_CHECKING:
    from transformers import GenerationConfig

KEY_VARIABLE = "SAMBAY_API_KEY"
_INTERRUPTED = 130


def serve(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", show_default=False, help="A folder or a Hub id. Default: the model that ships."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 is every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    name: Annotated[
        str | None, typer.Option(show_default=False, help="What requests call the model. Default: MODEL's last part.")
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(show_default=False, help=f"Keys that open the server, one a line. Or one in {KEY_VARIABLE}."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(show_default=False, help="A web origin whose pages may call (CORS); may be given several times."),
    ] = None,
    max_model_len: Annotated[
        int | None, typer.Option(show_default=False, help="Tokens of a prompt and its reply. Default: the model's.")
    ] = None,
    max_sequences: Annotated[
        int | None, typer.Option(show_default=False, help="Replies at a time. Default: as many as fit.")
    ] = None,
    max_queued: Annotated[int, typer.Option(min=0, help="Replies that may wait; beyond them clients get 429.")] = 256,
    max_seconds: Annotated[float, typer.Option(help="A request that takes longer is ended; 0: never.")] = 600.0,
    drain_seconds: Annotated[float, typer.Option(help="How long requests may go on after SIGTERM.")] = 30.0,
    max_body_mib: Annotated[float, typer.Option(help="The largest request.")] = 8.0,
    memory_fraction: Annotated[float, typer.Option(help="Of the free memory, for state and cache.")] = 0.9,
    num_drafted: Annotated[
        int, typer.Option(help="Tokens guessed ahead a step: faster where few clients get repetitive text.")
    ] = 0,
    cache_dtype: Annotated[
        str, typer.Option(help="Of keys and values of long contexts: auto, fp8 or int4 for more of them.")
    ] = "auto",
    log_prompts: Annotated[bool, typer.Option("--log-prompts", help="Log prompts and replies, too.")] = False,
    dtype: Annotated[
        str | None, typer.Option(show_default=False, help=f"{', '.join(DTYPES)}; default: the checkpoint's.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(show_default=False, help="cpu, cuda, cuda:1; default: a GPU if any.")
    ] = None,
) -> None:
    """Serve MODEL by the OpenAI protocol: /v1/chat/completions and what goes with it."""
    try:
        from sambay.serving import ServerOptions, listen
        from sambay.serving import serve as run
    except ImportError as error:
        raise ValueError(f"serving needs {error.name}: pip install 'sambay[serve]'") from error
    from sambay.engine.async_llm import AsyncLLM, made_in_thread
    from sambay.engine.llm import LLM

    given: dict[str, Any] = {
        "model_name": name or _name_of(model), "created": int(time.time()), "api_keys": _keys(api_key_file),
        "allowed_origins": tuple(allow_origin or ()), "max_body_bytes": int(max_body_mib * 2**20),
        "max_request_s": max_seconds or None, "drain_s": drain_seconds, "is_logging_prompts": log_prompts,
    }  # fmt: skip
    # a mistyped option should not cost the time to read gigabytes
    ServerOptions(**given)
    with listen(host, port) as listener:
        load = partial(
            LLM, model, dtype=dtype, device=device, max_model_len=max_model_len, max_sequences=max_sequences,
            memory_fraction=memory_fraction, num_drafted=num_drafted, cache_dtype=cache_dtype,
        )  # fmt: skip
        try:
            llm = made_in_thread(load)
        except KeyboardInterrupt:  # the thread is in the middle of torch, and an orderly end would wait or abort
            os._exit(_INTERRUPTED)
        options = ServerOptions(**given, defaults=_defaults(llm.engine.runner.forward.model.generation_config))
        run(AsyncLLM(llm.engine, max_queued), options, listener)


def _name_of(model: str | None) -> str:
    if model in (None, DEFAULT_NAME):
        return "sambay"
    path = Path(str(model))
    return path.resolve().name if path.is_dir() else str(model)


def _keys(file: Path | None) -> tuple[str, ...]:
    """From the file, else from the environment."""
    if file is None:
        key = os.environ.get(KEY_VARIABLE, "")
        return (key,) if key else ()
    keys = tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    if not keys:
        raise ValueError(f"{file} holds no key: allowed are one or more, one a line")
    return keys


def _defaults(config: GenerationConfig) -> dict[str, Any]:
    """What the checkpoint asks for; greedy unless it says do_sample, as every command has it."""
    if not config.do_sample:
        return {"temperature": 0.0}
    found = {name: getattr(config, name) for name in ("temperature", "top_k", "top_p")}
    return {name: value for name, value in found.items() if value is not None}
