"""User agents reduced to what a browser upgrade does not change."""

from __future__ import annotations

from functools import lru_cache

from ua_parser import parse

from schemas.event import NO_AGENT, Agent

_TOOLS = (
    "curl", "wget", "python", "go-http-client", "okhttp", "java", "headless", "phantomjs", "libwww", "httpie",
    "axios", "node", "ruby", "apache-httpclient", "postman", "aiohttp", "scrapy", "puppeteer", "playwright",
)  # fmt: skip
_DESKTOPS = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"})
_LONGEST_NAME = 64


@lru_cache(maxsize=10_000)
def agent_of(text: str | None) -> Agent:
    """Return what a User-Agent header says; the same object for the same text.

    An agent that no list knows is named by its first product, so that an app's own client stays one family.
    """
    if not text:
        return NO_AGENT
    # The parser's expressions run over what a client sent: its length is bounded by the contract.
    result = parse(text)
    family = result.user_agent.family if result.user_agent else text.split("/", 1)[0].strip()
    system = result.os.family if result.os else None
    device = result.device.family if result.device else None
    return Agent(family[:_LONGEST_NAME] or None, system, _device_class(text, family, system, device))


def _device_class(text: str, family: str, system: str | None, device: str | None) -> str | None:
    if device == "Spider":
        return "robot"
    if family.lower().startswith(_TOOLS):
        return "tool"
    if device == "iPad" or (system == "Android" and "Mobile" not in text):
        return "tablet"
    if "Mobile" in text or system in ("iOS", "Android"):
        return "mobile"
    return "desktop" if system in _DESKTOPS else None
