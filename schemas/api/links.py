"""Links by which people act from chat."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.api.shapes import Answer, Reason, Request, example
from schemas.link import LinkAct


class LinkRequest(Request):
    """The token of a link, which stands behind the `#` of its address, and why a session is to be ended."""

    model_config = example(
        {
            "token": "swl1awmztgmztgmutgmjtgmztgmztgmvpob55y7ziveetyqxwligrtpviaaaaaagsjei",
            "reason": "confirmed by phone",
        }
    )

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    reason: Reason | None = Field(default=None, description="Wanted where a session is to be ended.")


class LinkDone(Answer):
    """What a link has done.

    Attributes:
        by: who did it; None = somebody who did not sign in.
        done: in words.
        revocation_id: of the session, where it is being ended.
    """

    act: LinkAct
    alert_id: str
    by: str | None
    done: str
    revocation_id: str | None = None
