"""The engine behind the OpenAI protocol: `create_app(llm, options)` for an ASGI server, `serve` for a process."""

from .app import create_app
from .options import ServerOptions
from .server import listen, serve

__all__ = ["ServerOptions", "create_app", "listen", "serve"]
