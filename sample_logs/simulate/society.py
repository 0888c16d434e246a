"""How people are on average: sets of parameters for the whole population."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Society:
    """Shares are of all people, from 0 to 1.

    Attributes:
        works: use the apps of a workplace.
        laptop, tablet: own one; everybody has a phone.
        named: devices that apps may name by a cookie.
        v6: devices that use IPv6 where there is any.
        vpn: use a public VPN.
        relay: hide behind their browser maker's relay, of those whose phone offers it.
        hops: leave the Wi-Fi often.
        travels: make a trip in the month.
        night: live by other hours.
        dormant: have not come for months.
        forgets: mistype or forget the password often.
        visits: private visits a day, the median.
        minutes: of a visit, the median.
        office: how many share one office.
    """

    works: float = 0.3
    laptop: float = 0.75
    tablet: float = 0.15
    named: float = 0.8
    v6: float = 0.85
    vpn: float = 0.07
    relay: float = 0.16
    hops: float = 0.3
    travels: float = 0.1
    night: float = 0.05
    dormant: float = 0.02
    forgets: float = 0.2
    visits: float = 0.58
    minutes: float = 4.6
    office: int = 400


SOCIETIES = {
    "usual": Society(),
    # Younger: nearly all on phones, which roam, behind VPNs and relays, with cookies cleared.
    "roaming": Society(
        works=0.2, laptop=0.45, tablet=0.1, named=0.55, v6=0.6, vpn=0.2, relay=0.5, hops=0.7, travels=0.3, night=0.15,
        forgets=0.35, visits=0.9, minutes=3.0, office=150,
    ),
}  # fmt: skip
"""By name; the second one shows whether a threshold holds only where it was chosen."""
