"""`[api]`: where health and metrics are served."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import Field

from sessionwatch.config.section import Section
from sessionwatch.config.value_types import Listen, split_address


class ApiSettings(Section):
    """The HTTP server of the pipeline."""

    listen: Listen = Field(default="127.0.0.1:8400", description="Where it listens; port 0 takes a free one.")
    allowed_hosts: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="Further names in the Host header: the name behind a proxy or in a cluster."
    )

    @property
    def host(self) -> str:
        """The host part of `listen`."""
        return split_address(self.listen)[0]

    @property
    def port(self) -> int:
        """The port part of `listen`."""
        return split_address(self.listen)[1]

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
