"""The routes of shared signals. They keep to their standards, and stand in no OpenAPI document of this API."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Awaitable, Callable

import anyio
from anyio.to_thread import run_sync
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from response.ssf.verify import SetRefused
from response.ssf.vocabulary import SET_TYPE
from sessionwatch.api.permission import bearer, note_guess
from sessionwatch.api.problem import Refusal, not_found
from sessionwatch.api.service import Service
from sessionwatch.api.ssf import poll, streams
from sessionwatch.api.ssf.hub import Hub, Receiver, digest_of
from sessionwatch.api.ssf.stream_body import (
    PollBody,
    StatusBody,
    StreamBody,
    SubjectBody,
    VerificationBody,
    of_stream,
    read,
)

OPEN_PATHS = ("/.well-known/ssf-configuration", "/ssf/jwks.json")
"""What anybody may read: where things are, and public keys."""

LONG_POLL_S = 10.0
LOOK_S = 0.25

Answer = Callable[[Service, Hub, Receiver, Request, bytes], Response]


def ssf_routes() -> list[Route]:
    """Return the routes; they answer 404 where shared signals are not configured."""
    return [
        Route(OPEN_PATHS[0], _metadata),
        Route(OPEN_PATHS[1], _keys),
        Route("/ssf/streams", _managed(_streams), methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
        Route("/ssf/status", _managed(_status), methods=["GET", "POST"]),
        Route("/ssf/subjects/add", _managed(_add_subject), methods=["POST"]),
        Route("/ssf/subjects/remove", _managed(_remove_subject), methods=["POST"]),
        Route("/ssf/verify", _managed(_verify), methods=["POST"]),
        Route("/ssf/poll/{stream_id}", _poll, methods=["POST"]),
        Route("/ssf/events/{transmitter}", _push, methods=["POST"]),
    ]


def _hub(request: Request) -> tuple[Service, Hub]:
    service: Service = request.app.state.service
    if service.ssf is None:
        raise not_found("shared signal")
    return service, service.ssf


def _transmitting(request: Request) -> tuple[Service, Hub]:
    service, hub = _hub(request)
    if hub.issuer is None:
        raise not_found("transmitter")
    return service, hub


async def _metadata(request: Request) -> Response:
    return JSONResponse(streams.metadata(_transmitting(request)[1]))


async def _keys(request: Request) -> Response:
    _, hub = _hub(request)
    if not hub.signs:
        raise not_found("key")
    # A key may have to be made.
    published = await run_sync(hub.keys.published)
    return JSONResponse(published, headers={"cache-control": "max-age=300"}, media_type="application/jwk-set+json")


def _receiver(request: Request, service: Service, hub: Hub) -> Receiver:
    receiver = hub.holder(bearer(request))
    if receiver is None:
        note_guess(request, service)
        raise Refusal(401, "expected the bearer token of a receiver", {"www-authenticate": "Bearer"})
    wait_s = service.rates.wait_s(f"ssf receiver {receiver.name}")
    if wait_s:
        raise Refusal(429, f"too many requests: try again in {wait_s} s", {"retry-after": str(wait_s)})
    return receiver


def _managed(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint for receivers: who asks is looked at first, the rest is done in a thread."""

    async def endpoint(request: Request) -> Response:
        service, hub = _transmitting(request)
        receiver = _receiver(request, service, hub)
        content = await request.body()
        return await run_sync(answer, service, hub, receiver, request, content)

    return endpoint


def _named(request: Request) -> str | None:
    return request.query_params.get("stream_id")


def _streams(service: Service, hub: Hub, receiver: Receiver, request: Request, content: bytes) -> Response:
    stream_id = _named(request)
    match request.method:
        case "POST":
            return JSONResponse(streams.create(hub, receiver, service.acts, read(StreamBody, content)), 201)
        case "PATCH":
            return JSONResponse(streams.update(hub, receiver, service.acts, of_stream(StreamBody, content, stream_id)))
        case "PUT":
            return JSONResponse(streams.replace(hub, receiver, service.acts, of_stream(StreamBody, content, stream_id)))
        case "DELETE":
            streams.delete(hub, receiver, service.acts, stream_id)
            return Response(status_code=204)
    return JSONResponse(streams.show(hub, receiver, stream_id))


def _status(service: Service, hub: Hub, receiver: Receiver, request: Request, content: bytes) -> Response:
    if request.method == "POST":
        return JSONResponse(
            streams.set_status(hub, receiver, service.acts, of_stream(StatusBody, content, _named(request)))
        )
    stream = streams.stream_of(hub, receiver, _named(request))
    return JSONResponse(streams.status(stream))


def _add_subject(service: Service, hub: Hub, receiver: Receiver, request: Request, content: bytes) -> Response:
    streams.add_subject(hub, receiver, service.acts, of_stream(SubjectBody, content, _named(request)))
    return Response(status_code=200)


def _remove_subject(service: Service, hub: Hub, receiver: Receiver, request: Request, content: bytes) -> Response:
    streams.remove_subject(hub, receiver, service.acts, of_stream(SubjectBody, content, _named(request)))
    return Response(status_code=204)


def _verify(service: Service, hub: Hub, receiver: Receiver, request: Request, content: bytes) -> Response:
    streams.ask_verification(hub, receiver, service.acts, of_stream(VerificationBody, content, _named(request)))
    return Response(status_code=204)


async def _poll(request: Request) -> Response:
    service, hub = _transmitting(request)
    receiver = _receiver(request, service, hub)
    stream_id = str(request.path_params["stream_id"])
    body = read(PollBody, await request.body())
    streams.stream_of(hub, receiver, stream_id)
    limit = poll.MOST_EVENTS if body.max_events is None else body.max_events

    def settle() -> None:
        poll.settle(receiver, service.read(), service.acts, body, hub.clock())

    def look() -> tuple[dict[str, str], bool]:
        # Anew each time: it may have been paused or deleted meanwhile.
        stream = streams.stream_of(hub, receiver, stream_id)
        if stream.method != "poll":
            raise Refusal(409, "the events of this stream are pushed")
        return poll.waiting(receiver, service.read(), stream, limit)

    await run_sync(settle)
    sets, more = await run_sync(look)
    deadline = time.monotonic() + LONG_POLL_S
    while not (sets or more or body.return_immediately or limit == 0) and time.monotonic() < deadline:
        await anyio.sleep(LOOK_S)
        if await request.is_disconnected():
            break
        sets, more = await run_sync(look)
    # Left out where it is false, which is its default: there are receivers that cannot read it.
    return JSONResponse({"sets": sets, "moreAvailable": True} if more else {"sets": sets})


async def _push(request: Request) -> Response:
    service, hub = _hub(request)
    provider = hub.providers.get(str(request.path_params["transmitter"]))
    if provider is None:
        raise not_found("transmitter")
    try:
        if provider.digest is not None and not hmac.compare_digest(provider.digest, digest_of(_token(request))):
            note_guess(request, service)
            raise SetRefused("authentication_failed", "expected the bearer token of the transmitter")
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != f"application/{SET_TYPE}":
            raise SetRefused("invalid_request", f"expected the content type application/{SET_TYPE}")
        token = await request.body()
        await run_sync(provider.intake.take, token)
    except SetRefused as refused:
        body = json.dumps({"err": refused.err, "description": refused.description})
        return Response(body, 400, {"content-language": "en"}, "application/json")
    return Response(status_code=202)


def _token(request: Request) -> str:
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    return token if scheme.lower() == "bearer" else ""
