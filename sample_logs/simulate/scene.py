"""The scene of an attack: whom it is about, what they did that day, and from where a stranger can come."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal, TypeVar

from sample_logs.simulate.agents import agent
from sample_logs.simulate.apps import BANK, SHOP, SSO, App
from sample_logs.simulate.chance import chance_of, mix
from sample_logs.simulate.internet import CARRIERS, CITIES, HOMES, HOSTING, VPNS, Address, City, Range
from sample_logs.simulate.people import Person, draw_client
from sample_logs.simulate.sessions import Client, Desk, Session
from sample_logs.simulate.whereabouts import Line, home_line
from schemas.instant import HOUR, MINUTE, SECOND

T = TypeVar("T")
Strength = Literal["loud", "plain", "subtle"]
STRENGTHS: tuple[Strength, ...] = ("loud", "plain", "subtle")


class Scene:
    """What an attack has to work with. The same in the simulated month and in a fire drill.

    Args:
        kind: of the attack, for the labels.
        strength: how plainly it shows.
        victim: whom it is about; a campaign takes further ones from `people`.
        day: of the month.
        wakes_us, sleeps_us: when the victim is awake that day.
        sessions: the victim's of that day.
        desk: where the attack's events are told.
        chance: of this attack on this day.
        number: of the attack, the same on all of its days: what a thief owns follows from it.
        drilled: the user of a fire drill, in whose name also those events are told that would name nobody.
    """

    def __init__(
        self,
        kind: str,
        strength: Strength,
        people: Sequence[Person],
        victim: Person,
        day: int,
        awake_us: tuple[int, int],
        sessions: Sequence[Session],
        desk: Desk,
        chance: random.Random,
        number: int,
        drilled: str | None = None,
    ) -> None:
        self.kind = kind
        self.strength = strength
        self.people = people
        self.victim = victim
        self.day = day
        self.wakes_us, self.sleeps_us = awake_us
        self.sessions = sessions
        self.desk = desk
        self.chance = chance
        self.number = number
        self.drilled = drilled
        self.subjects: list[tuple[str, str]] = []
        """``user:ID`` and ``ip:ADDR`` that were attacked without a session, with the kind."""
        self._own = chance_of("thief", number)

    def choose(self, loud: T, plain: T, subtle: T) -> T:
        """Return what fits the strength."""
        return {"loud": loud, "plain": plain, "subtle": subtle}[self.strength]

    def session(self, app: App, *, alive: bool = False) -> Session:
        """Return a session of the victim at an app on this day, and mark it as attacked.

        One of some length; who has none that day comes in from home for a while.

        Args:
            app: which.
            alive: only one that goes on.
        """
        long = [
            one
            for one in self.sessions
            if one.app is app
            and (one.last_us - one.began_us > 4 * MINUTE or app is SSO)
            and not (alive and one.ended_us)
        ]
        session = next((one for one in long if not one.attack), None) or self._come_in(app)
        session.attack = self.kind
        return session

    def steal(self, app: App) -> tuple[Session, int]:
        """Return a session of the victim, and when a thief begins to use it: while it lives."""
        session = self.session(app)
        latest = session.last_us + (MINUTE if session.ended_us is None else -MINUTE)
        begins = max(session.began_us, session.last_us - 20 * MINUTE) + 20 * SECOND
        return session, self.chance.randrange(begins, latest)

    def any_moment(self) -> int:
        """Return a moment of the victim's waking hours."""
        return self.wakes_us + int(self.chance.uniform(0.5, 13) * HOUR)

    def other_client(self, app: App, *, named: bool | None = None) -> Client:
        """Return a stranger's browser: as often named by the app's cookie as other people's."""
        own = self._own
        mine = {device.client for device in (self.victim.laptop, self.victim.phone) if device is not None}
        name = draw_client(own, mine)
        has_name = own.random() < 0.8 if named is None else named
        device_id = f"d-{own.getrandbits(64):016x}" if has_name else None
        bound = "none" if app is BANK else None
        return Client(agent(name, self.number, self.day), device_id, bound)

    def same_agent(self, client: Client, *, same_device: bool) -> Client:
        """Return a stranger's browser that says the same agent; its cookie is copied too, or it has one of its own."""
        device_id = client.device_id if same_device else self.other_client(SHOP).device_id
        return Client(client.agent, device_id, client.bound if client.bound is None else "none")

    def abroad(self) -> Address:
        """Return an address of a home line in another country."""
        own = self._own
        city = own.choice([city for city in CITIES if city.country != self.victim.city.country])
        return self._address(own.choice(HOMES[city.country]), city)

    def in_same_city(self, like: Address, *, same_provider: bool) -> Address:
        """Return an address of a home line in the victim's city: what a residential proxy rents out.

        Args:
            like: of the same family as this one, where the provider has it.
            same_provider: the victim's own.
        """
        own, home = self._own, self.victim.home
        others = [one for one in HOMES[home.city.country] if one is not home.provider]
        provider = home.provider if same_provider else own.choice(others)
        return self._address(provider, home.city, v6=":" in like.ip)

    def in_country(self) -> Address:
        """Return an address of a home line or a phone in the victim's country."""
        own, country = self._own, self.victim.city.country
        provider = own.choice((*HOMES[country], *CARRIERS[country]))
        return self._address(provider, own.choice(provider.cities))

    def home_in(self, city: City) -> Address:
        """Return an address of a home line in a city."""
        return self._address(self._own.choice(HOMES[city.country]), city)

    def rented(self) -> Address:
        """Return the address of a rented server."""
        block = self._own.choice(self._own.choice(HOSTING))
        return self._address(block, block.cities[0])

    def _address(self, block: Range, city: City, *, v6: bool | None = None) -> Address:
        """Return some address of a block; IPv6 as often as other people use it, unless it is said."""
        own = self._own
        wanted = own.random() < 0.5 if v6 is None else v6
        if block.has_v6 and wanted:
            return block.v6(city, own.getrandbits(30), own.getrandbits(60))
        return block.v4(city, own.getrandbits(8), own.getrandbits(8))

    def by_vpn(self, number: int = 0) -> Address:
        """Return the address of a public VPN's exit."""
        provider = VPNS[(self.number + number) % len(VPNS)]
        block = provider[(self.number // 3 + number) % len(provider)]
        return block.v4(block.cities[0], self.number % 6, 40 + number)

    def far_away(self) -> City:
        """Return a city more than 2,000 km or so away: another continent's, mostly."""
        own = self._own
        here = self.victim.city
        return own.choice([city for city in CITIES if abs(city.lon - here.lon) > 40])

    def other_city(self) -> City:
        """Return another city of the victim's country, or the nearest country's."""
        here = self.victim.city
        near = [city for city in CITIES if city.country == here.country and city != here]
        return self._own.choice(near or [city for city in CITIES if city != here])

    def abroad_number(self, number: int) -> Address:
        """Return one of a botnet's addresses: home lines all over the world."""
        city = CITIES[(self.number + 7 * number) % len(CITIES)]
        place = mix(self.number, number)
        return HOMES[city.country][place % 3].v4(city, place >> 8 & 255, place >> 16 & 255)

    def beside(self, session: Session) -> Address:
        """Return an address in the same network as a session's: a guest on the same Wi-Fi."""
        network, colon, _ = session.source.ip.rpartition(":")
        if colon:
            return session.source._replace(ip=f"{network}:{0x8000 | self.number & 0x7FFF:x}")
        # Behind one IPv4 address a guest cannot be told from the owner.
        return session.source

    def home(self) -> Line:
        """Return how the victim's laptop or phone is seen from home."""
        device = self.victim.laptop or self.victim.phone
        return home_line(self.victim, device, self.day)

    def usual_client(self, app: App) -> Client:
        """Return the victim's own browser."""
        device = self.victim.laptop or self.victim.phone
        name = device.client
        if app is SHOP and self.victim.phone.app is not None:
            device, name = self.victim.phone, self.victim.phone.app
        bound = ("dbsc" if device.binds else "none") if app is BANK else None
        return Client(agent(name, device.number, self.day), device.id_for(app.name), bound)

    def roam(
        self,
        session: Session,
        client: Client,
        source: Address,
        at_us: int,
        *,
        minutes: float,
        pace_s: float = 20.0,
        evenness: float = 0.0,
        ends: bool = True,
    ) -> int:
        """Use a session as somebody does who has it, told as the emitter tells it; return when that was over.

        Args:
            session: which.
            client: by what.
            source: from where.
            at_us: the first use.
            minutes: how long, about.
            pace_s: seconds between two uses.
            evenness: 0 = as people do, 1 = like a clock.
            ends: where the session is ended meanwhile, it is refused from then on.
        """
        # Nobody acts on the full second, or for a number of minutes that is the same each time.
        time_us = at_us + self.chance.randrange(20_000, 2 * SECOND)
        until_us = time_us + int(minutes * min(4.0, self.chance.lognormvariate(0, 0.6)) * MINUTE)
        self.desk.use(session, client, source, time_us)
        while time_us < until_us:
            step = MINUTE + int(self.chance.expovariate(1 / 12) * SECOND)
            time_us += step
            if ends and session.ended_us is not None and time_us > session.ended_us:
                self.desk.refuse(
                    session.app, "unknown_session", client, source, time_us,
                    user_id=session.user_id, session_id=session.session_id,
                )  # fmt: skip
                return time_us
            count = max(1, round(step / SECOND / pace_s * self.chance.uniform(0.6 + evenness / 3, 1.5 - evenness / 3)))
            self.desk.use(session, client, source, time_us, count=count, gap_ms=step / 1000 / count, evenness=evenness)
        return time_us

    def leave(self, session: Session, client: Client, source: Address, last_us: int) -> None:
        """Stop using a session of one's own as other people do: by signing out, or it is swept away when idle."""
        if self.drilled is not None:
            # What a drill should see taken away must not end by itself.
            return
        turn, session.source = self.chance.random(), source
        if turn < 0.5:
            self.desk.end(session, last_us + int(self.chance.uniform(1, 30) * SECOND), "logout", client)
        elif turn < 0.75 and session.app.kind != "token":
            idle_us = session.app.idle_us + int(self.chance.uniform(0, 5) * MINUTE)
            self.desk.end(session, last_us + idle_us, "idle_timeout")

    def visit(self, session: Session, client: Client, source: Address, at_us: int, *, minutes: float) -> None:
        """Use a session of one's own for a while, and leave it."""
        self.leave(session, client, source, self.roam(session, client, source, at_us, minutes=minutes))

    def take_over(self, app: App, client: Client, source: Address, at_us: int, user: Person | None = None) -> Session:
        """Sign in as somebody else, and return the session, marked."""
        person = self.victim if user is None else user
        session = self.desk.begin(app, person.user_id, client, source, at_us, mfa=False if app is BANK else None)
        session.attack = self.kind
        return session

    def mark(self, subject: str) -> None:
        """Label ``user:ID`` or ``ip:ADDR``."""
        self.subjects.append((subject, self.kind))

    def _come_in(self, app: App) -> Session:
        """Let the victim sign in from home and stay a while, as on any day."""
        line, client = self.home(), self.usual_client(app)
        source, at_us = line.first(self.chance), self.any_moment()
        parent = None
        if app.kind == "sso" and app.name != "sso":
            above = self.desk.begin(SSO, self.victim.user_id, self.usual_client(SSO), source, at_us - 900_017, mfa=True)
            parent = above.session_id
        session = self.desk.begin(
            app, self.victim.user_id, client, source, at_us, reason="sso" if parent else "login", parent=parent,
            mfa=True if app is BANK else None,
        )  # fmt: skip
        if app is SSO:
            # It only opens the apps below it.
            return session
        minutes = self.chance.uniform(6, 15)
        session.last_us = self.roam(session, client, source, at_us, minutes=minutes, pace_s=22)
        if app.kind != "token" and self.drilled is None and self.chance.random() < self.victim.logs_out:
            self.desk.end(session, session.last_us + int(self.chance.uniform(1, 30) * SECOND), "logout", client)
        return session
