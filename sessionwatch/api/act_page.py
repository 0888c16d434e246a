"""The page behind the links of chat messages: three files that hold nothing of anybody and change nothing."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sessionwatch.api.permission import service_of
from sessionwatch.api.problem import not_found

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "content-security-policy": POLICY,
    # The address may still hold the token when the page asks for its files.
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow",
}
_WITHOUT_SIGN_IN = b"{{without_sign_in}}"


def act_page_routes() -> list[Route]:
    """Return the page's routes; they answer 404 where messages have no links."""
    return [
        _file("/act", "act.html", "text/html"),
        _file("/act.js", "act.js", "text/javascript"),
        _file("/act.css", "act.css", "text/css"),
    ]


def _file(path: str, name: str, media_type: str) -> Route:
    content = files(__package__).joinpath("page", name).read_bytes()

    async def show(request: Request) -> Response:
        service = service_of(request)
        if service.links is None:
            raise not_found("page")
        acts = " ".join(service.installation.settings.links.without_sign_in)
        return Response(content.replace(_WITHOUT_SIGN_IN, acts.encode()), headers=HEADERS, media_type=media_type)

    return Route(path, show, methods=["GET"])
