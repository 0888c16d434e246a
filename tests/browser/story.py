"""What has happened when an analyst opens the console: four hours of three apps, with a theft among them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from schemas.instant import to_rfc3339

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Mobile/15E148 Safari/604.1"
)
REQUESTS = "python-requests/2.32.5"
HOSTILE = (
    "<img src=x onerror=\"fetch('http://192.0.2.1/')\"><script>alert(1)</script> "
    "![](http://192.0.2.1/md.png) \u202etxt.exe"
)
"""HTML, a Markdown image and a mark that turns the reading direction, as a thief may send them."""

NETWORKS = {
    "192.0.2.0/24": ("home", 64500, "DE"),
    "198.18.5.0/24": ("mobile", 64501, "DE"),
    "198.18.7.0/24": ("home", 64502, "DE"),
    "198.51.100.0/24": ("hosting", 64511, "RO"),
    "198.18.9.0/24": ("hosting", 64512, "SG"),
    "203.0.113.0/24": ("home", 64520, "FR"),
}
BERLIN, BERLIN_MOBILE, FRIENDS, BUCHAREST, SINGAPORE, LYON = (
    "192.0.2.10", "198.18.5.70", "198.18.7.3", "198.51.100.9", "198.18.9.77", "203.0.113.5",
)  # fmt: skip
VICTIM, VICTIM_APP = "m.okafor", "bank"
STOLEN = "s_k1_7f3ac21b90deR4m8Qw2ZtYxLkPvB5nHsJdGfUoEiAc"


@dataclass
class Story:
    """Events in the wire's format, in the order of their time.

    Attributes:
        now: the last of it.
    """

    now: datetime
    events: list[dict[str, object]] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random(7))

    def happens(
        self,
        before_s: float,
        kind: str,
        app: str,
        session: str | None,
        user: str | None,
        ip: str,
        agent: str,
        reason: str | None = None,
    ) -> None:
        """Add one event, so many seconds before now."""
        when = self.now - timedelta(seconds=before_s)
        self.events.append(
            {
                "schema_version": 1,
                "event_id": str(UUID(int=self._random.getrandbits(128), version=4)),
                "event_time": to_rfc3339(int(when.timestamp() * 1_000_000)),
                "type": kind,
                "app": app,
                "session_id": session,
                "user_id": user,
                "ip": ip,
                "user_agent": agent,
                "reason": reason,
            }
        )

    def uses(
        self, start_s: float, end_s: float, every_s: float, app: str, session: str, user: str, ip: str, agent: str
    ) -> None:
        """Use a session from one time to another, now and then with a pause."""
        at = start_s
        while at > end_s:
            self.happens(at, "validate", app, session, user, ip, agent, "request")
            at -= every_s * self._random.uniform(0.3, 1.7) + (600 if self._random.random() < 0.05 else 0)

    def theft(self) -> None:
        """Take a cookie from Berlin to Bucharest, while its owner goes on."""
        session, user = STOLEN, VICTIM
        # Known from the weeks before.
        for day in (1, 2, 3):
            before, earlier = day * 86_400, f"s_k1_earlier{day}Rb6XsNq2Vd"
            self.happens(before + 9_000, "create", VICTIM_APP, earlier, user, BERLIN, CHROME, "login")
            self.uses(before + 8_990, before, 900, VICTIM_APP, earlier, user, BERLIN, CHROME)
            self.happens(before - 60, "destroy", VICTIM_APP, earlier, user, BERLIN, CHROME, "logout")
        self.happens(12_600, "create", VICTIM_APP, session, user, BERLIN, CHROME, "login")
        self.uses(12_590, 1_900, 130, VICTIM_APP, session, user, BERLIN, CHROME)
        self.uses(2_880, 90, 32, VICTIM_APP, session, user, BUCHAREST, REQUESTS)
        for before in (2_890, 2_886, 2_884, 2_883):
            self.happens(before, "fail", VICTIM_APP, session, user, BUCHAREST, REQUESTS, "csrf")

    def crowd(self) -> None:
        """Let others do what they do, some of them oddly."""
        people = ("e.novak", "t.nguyen", "j.lind", "l.moreau", "k.bauer", "n.ibrahim", "r.silva", "d.costa")
        for place, user in enumerate(people):
            app, session, home = (
                ("crm", "shop", "bank")[place % 3],
                f"s_k1_crowd{place}xQ9vTz4LmB7nWcJd",
                9_000 - place * 700,
            )
            self.happens(home, "create", app, session, user, LYON, FIREFOX, "login")
            self.uses(home - 5, 600, 240, app, session, user, LYON, FIREFOX)
        # Carried along: from home to the carrier, graded low.
        for place, user in enumerate(("a.weber", "s.rossi", "p.dubois")):
            session = f"s_k1_commute{place}Kt5RbQxZ8nMvLw"
            self.happens(5_400 + place * 60, "create", "shop", session, user, BERLIN, SAFARI, "login")
            self.uses(5_390, 4_900, 90, "shop", session, user, BERLIN, SAFARI)
            self.uses(4_880 - place * 40, 3_000, 200, "shop", session, user, BERLIN_MOBILE, SAFARI)
        # At a friend's: another provider in the same country, graded medium.
        for place, user in enumerate(("n.ibrahim", "r.silva")):
            session = f"s_k1_friend{place}Gh7CxQm4TzRw"
            self.happens(4_600 + place * 90, "create", "bank", session, user, BERLIN, FIREFOX, "login")
            self.uses(4_590, 3_400, 110, "bank", session, user, BERLIN, FIREFOX)
            self.uses(3_380 - place * 700, 1_000, 180, "bank", session, user, FRIENDS, FIREFOX)
        # Somebody else's network, the same device: high.
        for place, user in enumerate(("j.lind", "h.kaya", "o.peeters")):
            session = f"s_k1_abroad{place}Wm3ZcYtPq6HxVb"
            self.happens(4_000, "create", "crm", session, user, LYON, FIREFOX, "login")
            self.uses(3_990, 2_300 - place * 300, 120, "crm", session, user, LYON, FIREFOX)
            self.uses(2_200 - place * 300, 1_900 - place * 300, 60, "crm", session, user, SINGAPORE, FIREFOX)
        # Accepted after its logout.
        for place, user in enumerate(("t.nguyen", "d.costa")):
            session = f"s_k1_after{place}Ld2NfGyRk8SjTe"
            self.happens(3_600, "create", "shop", session, user, LYON, FIREFOX, "login")
            self.uses(3_590, 1_600, 150, "shop", session, user, LYON, FIREFOX)
            self.happens(1_500 - place * 500, "destroy", "shop", session, user, LYON, FIREFOX, "logout")
            self.uses(1_287 - place * 500, 1_150 - place * 500, 40, "shop", session, user, LYON, FIREFOX)
        # A second theft, by somebody with words of their own.
        session = "s_k1_hostileVx7QmZr2TbKcWn"
        self.happens(1_800, "create", "crm", session, "k.bauer", LYON, FIREFOX, "login")
        self.uses(1_790, 500, 100, "crm", session, "k.bauer", LYON, FIREFOX)
        self.uses(420, 200, 45, "crm", session, "k.bauer", SINGAPORE, HOSTILE)


def story(now: datetime | None = None) -> Story:
    """Return all of it, in order."""
    told = Story(now or datetime.now(UTC))
    told.theft()
    told.crowd()
    told.events.sort(key=lambda event: str(event["event_time"]))
    return told
