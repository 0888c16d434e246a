"""The API's tests ask one running pipeline; each changes rows that no other looks at."""

from __future__ import annotations

from tests.api.installation import ask, installation
from tests.api.sharing import sharing

__all__ = ["ask", "installation", "sharing"]
