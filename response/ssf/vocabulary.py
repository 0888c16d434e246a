"""The words of SSF 1.0, CAEP 1.0 and RISC 1.0 that this room speaks."""

from __future__ import annotations

from typing import Literal

_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
_RISC = "https://schemas.openid.net/secevent/risc/event-type/"
_SSF = "https://schemas.openid.net/secevent/ssf/event-type/"

SESSION_REVOKED = f"{_CAEP}session-revoked"
CREDENTIAL_CHANGE = f"{_CAEP}credential-change"
RISK_LEVEL_CHANGE = f"{_CAEP}risk-level-change"
ACCOUNT_DISABLED = f"{_RISC}account-disabled"
VERIFICATION = f"{_SSF}verification"
STREAM_UPDATED = f"{_SSF}stream-updated"

IDP_RULES: dict[str, str] = {
    SESSION_REVOKED: "idp-session-revoked",
    CREDENTIAL_CHANGE: "idp-credential-change",
    RISK_LEVEL_CHANGE: "idp-risk-level-change",
    ACCOUNT_DISABLED: "idp-account-disabled",
}
"""The rule that an alert names, by the type of the event that a provider has sent; other events are written down and
lead to nothing."""

SENT = (SESSION_REVOKED,)
"""What a receiver may ask of the transmitter; verification and stream-updated come unasked."""

PUSH = "urn:ietf:rfc:8935"
POLL = "urn:ietf:rfc:8936"

SET_TYPE = "secevent+jwt"
"""RFC 8417 section 2.3: the header `typ`, without the `application/` before it."""

BACKCHANNEL_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TYPE = "logout+jwt"

ErrorCode = Literal[
    "invalid_request",
    "invalid_key",
    "invalid_issuer",
    "invalid_audience",
    "authentication_failed",
    "access_denied",
]
"""What a receiver may answer by 400: RFC 8935 section 2.4."""
