"""User agents: browsers and apps whose versions move on in trains, and the tools that robots and thieves use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sample_logs.simulate.chance import share

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{v} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@dataclass(frozen=True, slots=True)
class Client:
    """A browser or app on one operating system.

    Attributes:
        text: the User-Agent header, with ``{v}`` for the version.
        first: the version at the beginning of the month.
        every_days: between two releases.
        phase_days: days from the beginning to the first release.
    """

    name: str
    text: str
    first: int
    every_days: int
    phase_days: int


CLIENTS = {
    client.name: client
    for client in (
        Client(
            "chrome-windows",
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/{{v}}.0.0.0 Safari/537.36",
            142, 28, 9,
        ),
        Client(
            "edge-windows",
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/{{v}}.0.0.0 Safari/537.36 Edg/{{v}}.0.0.0",
            142, 28, 11,
        ),
        Client(
            "firefox-windows",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
            144, 28, 16,
        ),
        Client(
            "firefox-linux",
            "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
            144, 28, 16,
        ),
        Client(
            "chrome-linux",
            f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} Chrome/{{v}}.0.0.0 Safari/537.36",
            142, 28, 9,
        ),
        Client(
            "chrome-mac",
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Chrome/{{v}}.0.0.0 Safari/537.36",
            142, 28, 9,
        ),
        Client(
            "safari-mac",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.{v} Safari/605.1.15",
            6, 42, 20,
        ),
        Client("safari-iphone", f"{_IPHONE} Version/18.{{v}} Mobile/15E148 Safari/604.1", 6, 42, 20),
        Client(
            "chrome-android",
            f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/{{v}}.0.0.0 Mobile Safari/537.36",
            142, 28, 12,
        ),
        Client(
            "safari-ipad",
            "Mozilla/5.0 (iPad; CPU OS 18_{v} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.{v} Mobile/15E148 Safari/604.1",
            6, 42, 20,
        ),
        Client("app-iphone", "ShopApp/7.{v} (iPhone; iOS 18.6; Scale/3.00)", 30, 14, 5),
        Client("app-android", "ShopApp/7.{v} (Linux; Android 15; Mobile) okhttp/4.12.0", 30, 14, 6),
    )
}  # fmt: skip
TOOLS = ("curl/8.5.0", "python-requests/2.32.3", "Go-http-client/2.0", "okhttp/4.12.0")
HEADLESS = f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} HeadlessChrome/142.0.0.0 Safari/537.36"


def agent(name: str, device: int, day: int) -> str:
    """Return the User-Agent of a device on a day: a release reaches one device at once and another days later.

    Args:
        name: of the client.
        device: the device's number.
        day: of the month, from 0.
    """
    client = CLIENTS[name]
    # Most get an update within days, some are a release behind for weeks.
    delay = 14 * share(device, 1) ** 3 + (client.every_days if share(device, 2) < 0.06 else 0)
    releases = (day - client.phase_days - delay) // client.every_days + 1
    return _text(name, client.first + int(releases))


@cache
def _text(name: str, version: int) -> str:
    return CLIENTS[name].text.replace("{v}", str(version))
