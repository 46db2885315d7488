"""The page at `/`: static files of the package, read once, under a policy that lets them load nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

FOLDER = Path(__file__).with_name("page")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# Text that a model wrote is shown, so scripts and styles come from files of ours alone, and no string becomes markup.
_POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "font-src 'self'", "img-src 'self'"),
        *("connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
        *("require-trusted-types-for 'script'", "trusted-types 'none'"),
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# Asked for again at each visit, and answered with 304: an upgraded server must not meet yesterday's script.
_CACHE_OURS = "no-cache"
_CACHE_VENDORED = "public, max-age=86400"


@dataclass(frozen=True)
class _File:
    content: bytes
    headers: dict[str, str]


def page_router() -> APIRouter:
    """`/` and `/page/…`. No API key is asked for: the page asks its user for it and sends it with its calls."""
    files = {path.relative_to(FOLDER).as_posix(): _read(path) for path in _served_paths()}
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def index(request: Request) -> Response:
        return _answer(request, files["index.html"])

    @router.api_route("/page/{name:path}", methods=["GET", "HEAD"])
    async def file(request: Request, name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "no such file of the page")
        return _answer(request, files[name])

    return router


def _served_paths() -> list[Path]:
    return [path for path in sorted(FOLDER.rglob("*")) if path.suffix in _TYPES]


def _read(path: Path) -> _File:
    content = path.read_bytes()
    tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    is_vendored = path.is_relative_to(FOLDER / "katex")
    cache = _CACHE_VENDORED if is_vendored else _CACHE_OURS
    return _File(content, {**_HEADERS, "Content-Type": _TYPES[path.suffix], "Cache-Control": cache, "ETag": tag})


def _answer(request: Request, file: _File) -> Response:
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if file.headers["ETag"] in known:
        return Response(status_code=304, headers=file.headers)
    return Response(file.content, headers=file.headers)  # of HEAD the server sends the headers alone
