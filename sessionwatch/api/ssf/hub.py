"""What the routes of shared signals share, as one value."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from response.ssf.intake import Intake
from response.ssf.keys import KeyRing
from response.ssf.stream import Streams
from response.targets.ssf import SsfTarget


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver, as the routes know it.

    Attributes:
        digest: of the token by which it manages its stream; None = it does not.
        targets: that send to it.
    """

    name: str
    audience: str
    digest: bytes | None
    targets: Sequence[SsfTarget]
    changing: threading.Lock = field(default_factory=threading.Lock, compare=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider, as the push endpoint knows it.

    Attributes:
        digest: of the token that it must send; None = its signature alone counts.
    """

    intake: Intake
    digest: bytes | None


@dataclass(frozen=True, slots=True)
class Hub:
    """Everything that is needed to answer.

    Attributes:
        issuer: None = nothing is transmitted.
        signs: there are tokens to be verified, if only of logouts.
        allowed: the URLs to which receivers may have their events pushed.
        clock: microseconds since the epoch.
        verified_us: when each receiver last asked for a verification event.
    """

    issuer: str | None
    signs: bool
    keys: KeyRing
    streams: Streams
    allowed: Sequence[str]
    receivers: Mapping[str, Receiver]
    providers: Mapping[str, Provider]
    clock: Callable[[], int]
    verified_us: dict[str, int] = field(default_factory=dict)

    def holder(self, token: str) -> Receiver | None:
        """Return the receiver that holds a token; every one is compared, so that the time tells nothing."""
        wanted, found = digest_of(token), None
        for receiver in self.receivers.values():
            if receiver.digest is not None and hmac.compare_digest(receiver.digest, wanted):
                found = receiver
        return found


def digest_of(token: str) -> bytes:
    """Return what of a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
