"""`sessionwatch dashboard`: the console, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sessionwatch.commands.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from sessionwatch.config import Settings

API_ADDRESS = "SESSIONWATCH_API_URL"
"""By this environment variable the console learns where the pipeline's API is. It holds no token."""


def dashboard(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Serve the console until SIGTERM or Ctrl-C. Each person signs in there with a token of their own."""
    from sessionwatch.commands.startup import start
    from sessionwatch.commands.terminal import print_json, say
    from sessionwatch.config.api import reachable
    from sessionwatch.errors import CommandError

    settings = start(config)
    script = console_script()
    if script is None:
        raise CommandError("the console is not installed here")
    port = _free_port(settings)
    api = f"http://{reachable(settings.api.host, settings.api.port)}"
    address = f"http://{reachable(settings.dashboard.host, port)}"
    if as_json:
        print_json({"dashboard": address, "api": api})
    say(f"console at {address}, of the pipeline at {api}; Ctrl-C ends it")
    status = _serve(script, streamlit_command(settings, script, port), api)
    if status not in (0, -2, -15):
        raise CommandError(f"the console ended with status {status}; what it said stands above")


def streamlit_command(settings: Settings, script: Path, port: int) -> list[str]:
    """Return what is started.

    Args:
        settings: the configuration.
        script: the console's entry.
        port: where it listens.
    """
    import sys

    command = [
        sys.executable, "-m", "streamlit", "run", str(script), "--server.address", settings.dashboard.host,
        "--server.port", str(port), "--server.headless", "true", "--browser.gatherUsageStats", "false",
    ]  # fmt: skip
    for name in _names(settings):
        command += ["--server.allowedHosts", name]
    return command


def _names(settings: Settings) -> list[str]:
    """Return the names in the Host header that the console answers to, as the API does."""
    import socket
    from urllib.parse import urlsplit

    host = settings.dashboard.host
    names = {"localhost", "127.0.0.1", "::1", host}
    if host in ("0.0.0.0", "::"):
        names |= {socket.gethostname(), socket.getfqdn()}
        names |= {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)}
    if settings.dashboard.public_url is not None:
        names.add(urlsplit(settings.dashboard.public_url).hostname or "")
    return sorted(f"[{name}]" if ":" in name else name for name in names if name)


def _serve(script: Path, command: list[str], api: str) -> int:
    """Run the console until it ends or is told to; return its exit status."""
    import os
    import signal
    import subprocess
    import sys

    # The console's own folder: Streamlit looks there for its theme.
    console = subprocess.Popen(command, env={**os.environ, API_ADDRESS: api}, cwd=script.parent, stdout=sys.stderr)
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: console.terminate()) for number in signals}
    try:
        return console.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port(settings: Settings) -> int:
    """Return the port to listen on, once it is known that it can be had: Streamlit would take the next one."""
    import socket

    from sessionwatch.errors import ListenError

    host, port = settings.dashboard.host, settings.dashboard.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except OSError as error:
        why = (error.strerror or "refused").lower()
        raise ListenError(f"cannot listen on {host}:{port}: {why}: change [dashboard] listen") from None


def console_script() -> Path | None:
    """Return the console's entry, without importing it."""
    import importlib.util

    found = importlib.util.find_spec("dashboard")
    places = [Path(place) for place in (found.submodule_search_locations or [])] if found else []
    return next((place / "app.py" for place in places if (place / "app.py").exists()), None)
