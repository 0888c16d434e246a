"""What `docs/ssf.md` shows is valid, and what it says of the routes is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from sessionwatch.api.ssf.routes import ssf_routes
from sessionwatch.config import load

PAGE = (Path(__file__).parents[2] / "docs" / "ssf.md").read_text(encoding="utf-8")


def test_the_examples_are_one_valid_configuration(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for secret in re.findall(r'"(secrets/[^"]+)"', PAGE):
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / secret).write_text("0123456789abcdef0123456789")
    file = tmp_path / "sessionwatch.toml"
    file.write_text("".join(blocks))
    settings = load(file, {})
    assert [target.kind for target in settings.response.targets] == ["ssf", "backchannel_logout", "plugin"]
    assert len(settings.ssf.receivers) == 2
    assert settings.ssf.transmitters[0].mode == "enforce"


def test_every_route_stands_in_the_page() -> None:
    for route in ssf_routes():
        assert route.path.replace("{transmitter}", "keycloak") in PAGE
