"""Ordinary life: one person's day, in whatever apps they use, with all that looks like an attack and is none."""

from __future__ import annotations

import math
import random

from sample_logs.simulate.agents import agent
from sample_logs.simulate.apps import BANK, CRM, REFRESH_US, SHOP, SSO, WIKI, App
from sample_logs.simulate.chance import Weighted, mix, poisson, share
from sample_logs.simulate.internet import Address
from sample_logs.simulate.people import Device, Person
from sample_logs.simulate.sessions import INTERVAL_US, Client, Desk, Session, uses_in
from sample_logs.simulate.whereabouts import Line, Stay, Whereabouts, public_line
from schemas.instant import DAY, HOUR, MINUTE, SECOND

RESTART_DAY, RESTART_H = 10, 10.5
"""When the CRM was restarted and had lost its sessions: day of the month and hour of the day, UTC."""
ROTATION_DAY = 14
"""When everybody at work had to choose a new password."""
_PRIVATE = Weighted([(BANK, 0.58), (SHOP, 0.42)])
_ACT = Weighted([("payout", 0.86), ("email", 0.05), ("password", 0.06), ("mfa", 0.03)])
_KIOSK_CLIENT = "chrome-windows"


class Life:
    """Lives one person's day and tells it at a desk.

    Args:
        desk: where the apps tell it.
        chance: of this person and day.
        begins_us: of the month, in microseconds since the epoch.
    """

    def __init__(self, desk: Desk, chance: random.Random, begins_us: int) -> None:
        self._desk = desk
        self._chance = chance
        self._begins_us = begins_us
        self._signed_out_us = 0

    def day(self, person: Person, day: int) -> Whereabouts:
        """Live a day; the sessions of it are those of the desk."""
        chance = self._chance
        trip = person.travels(day)
        offset_h = (trip.city if trip is not None else person.city).offset_h
        where = Whereabouts(person, day, self._begins_us + day * DAY - offset_h * HOUR, chance)
        if person.dormant:
            # Comes back once, on a day of its own, or never in this month.
            if mix(person.index, 5) % 60 == day:
                self._visit(person, where, where.wakes_us + int(chance.uniform(2, 12) * HOUR), BANK)
            return where
        if person.works and not where.weekend and trip is None and chance.random() < 0.93:
            self._work(person, where)
        for at_us in sorted(self._waking_moment(where) for _ in range(poisson(chance, person.visits))):
            self._visit(person, where, at_us, _PRIVATE.draw(chance))
        return where

    def _waking_moment(self, where: Whereabouts) -> int:
        chance = self._chance
        length = where.sleeps_us - where.wakes_us
        # People look at their money in the morning, at noon and most of all in the evening.
        peak = chance.choices((0.08, 0.35, 0.8, None), cum_weights=(0.2, 0.35, 0.7, 1.0))[0]
        share_of_day = chance.random() if peak is None else min(1.0, max(0.0, chance.gauss(peak, 0.07)))
        return where.wakes_us + int(length * share_of_day)

    def _visit(self, person: Person, where: Whereabouts, at_us: int, app: App) -> None:
        chance = self._chance
        at_us = max(at_us, self._signed_out_us + MINUTE)
        stay = where.stay(at_us)
        if app is BANK and where.trip is None and chance.random() < 0.004:
            self._kiosk(person, where, at_us)
            return
        device = self._device(person, stay)
        if app is SHOP and device.app is not None:
            self._shop_app(person, where, at_us, device)
            return
        line = where.line(device, stay)
        client = self._client(device, app, where.day, private=chance.random() < 0.05)
        if self._still_in(app, client, at_us):
            return
        session = self._sign_in(person, app, client, line, at_us)
        self._browse(session, client, where, device, line, self._length_us(person), 22.0)
        if app is BANK and chance.random() < 0.06:
            self._sensitive_act(session, client)
        self._leave(person, session, client)

    def _still_in(self, app: App, client: Client, at_us: int) -> bool:
        """Say whether this browser's last session at an app goes on: nobody signs in twice in one window."""
        return any(
            one.app is app and one.client == client and at_us < (one.ended_us or one.last_us + min(app.idle_us, HOUR))
            for one in self._desk.sessions
        )

    def _device(self, person: Person, stay: Stay) -> Device:
        chance = self._chance
        if stay.kind in ("mobile", "public", "office") or person.laptop is None:
            if stay.kind == "public" and person.laptop is not None and chance.random() < 0.35:
                return person.laptop
            return person.phone
        if person.tablet is not None and chance.random() < 0.2:
            return person.tablet
        return person.laptop if chance.random() < 0.45 else person.phone

    def _client(self, device: Device, app: App, day: int, *, private: bool = False) -> Client:
        """Return what the app sees: a private window has no cookie that names the device."""
        chance = self._chance
        device_id = device.id_for(app.name)
        if private:
            device_id = f"d-{chance.getrandbits(64):016x}" if chance.random() < 0.5 else None
        bound = ("dbsc" if device.binds and not private else "none") if app is BANK else None
        return Client(agent(device.client, device.number, day), device_id, bound)

    def _sign_in(self, person: Person, app: App, client: Client, line: Line, at_us: int) -> Session:
        chance, source = self._chance, line.first(self._chance)
        at_us = self._stale_cookie(person, app, client, source, at_us)
        at_us = self._wrong_passwords(person, app, client, source, at_us, person.forgets)
        second = app is BANK and share(person.index, 12) < 0.8
        if second and chance.random() < 0.01:
            self._desk.refuse(app, "mfa_timeout", client, source, at_us, user_id=person.user_id)
            at_us += int(chance.uniform(20, 70) * SECOND)
        method = "webauthn" if share(person.index, 13) < 0.2 else "password"
        return self._desk.begin(
            app, person.user_id, client, source, at_us, auth_method=method, mfa=second if app is BANK else None
        )

    def _stale_cookie(self, person: Person, app: App, client: Client, source: Address, at_us: int) -> int:
        """Show the cookie of a session that has expired meanwhile, as a browser does; return when to sign in."""
        chance = self._chance
        stale = person.stale.pop(_jar(app, client), None)
        if stale is not None and chance.random() < 0.45:
            session_id, last_us = stale
            if at_us - last_us > app.idle_us:
                reason = "expired_absolute" if at_us - last_us > app.absolute_us else "expired_idle"
                if chance.random() < 0.08:
                    reason = "unknown_session"
                self._desk.refuse(app, reason, client, source, at_us, user_id=person.user_id, session_id=session_id)
                at_us += int(chance.uniform(4, 40) * SECOND)
        return at_us

    def _wrong_passwords(
        self, person: Person, app: App, client: Client, source: Address, at_us: int, likely: float
    ) -> int:
        chance = self._chance
        if chance.random() >= likely:
            return at_us
        for _ in range(1 + poisson(chance, 0.6)):
            if chance.random() < 0.15:
                self._desk.refuse(app, "bad_credentials", client, source, at_us, typed=f"{person.user_id}?")
            else:
                self._desk.refuse(app, "bad_credentials", client, source, at_us, user_id=person.user_id)
            at_us += int(chance.uniform(5, 45) * SECOND)
        return at_us

    def _length_us(self, person: Person) -> int:
        return int(min(self._chance.lognormvariate(math.log(person.minutes), 0.8), 50) * MINUTE)

    def _browse(
        self,
        session: Session,
        client: Client,
        where: Whereabouts,
        device: Device,
        line: Line,
        length_us: int,
        pace_s: float,
    ) -> None:
        """Use a session for a while, told in sampled intervals; a phone takes it along from place to place."""
        chance, desk = self._chance, self._desk
        time_us = session.last_us + int(chance.uniform(0.2, 3) * SECOND)
        until_us, stay = time_us + length_us, where.stay(time_us)
        source = session.source
        desk.use(session, client, source, time_us)
        while time_us < until_us:
            step = INTERVAL_US + int(chance.expovariate(1 / 12) * SECOND)
            if chance.random() < 0.06:
                step += int(chance.uniform(1, 7) * MINUTE)
            time_us += step
            here = where.stay(time_us)
            if here is not stay:
                if device.form != "phone":
                    time_us -= step
                    break
                stay, line = here, where.line(device, here)
            elif _hops(where.person, device, stay) and chance.random() < 0.05:
                # Out of the door for a moment: the carrier takes over inside the session.
                stay = Stay(stay.until_us, "mobile", stay.city, chance.getrandbits(40))
                line = where.line(device, stay)
            last, source = source, line.next(chance, source)
            count = uses_in(min(step, 2 * INTERVAL_US), pace_s, chance)
            if source != last:
                # What was counted for the old address is told first, and the new one at once.
                if count > 1:
                    gap = step / 1000 / count
                    desk.use(session, client, last, time_us - int(gap * 900), count=count - 1, gap_ms=gap)
                desk.use(session, client, source, time_us, gap_ms=step / 1000 / count)
            else:
                desk.use(session, client, source, time_us, count=count, gap_ms=step / 1000 / count)
        session.last_us, session.source = time_us, source

    def _sensitive_act(self, session: Session, client: Client) -> None:
        chance = self._chance
        time_us = session.last_us + int(chance.uniform(3, 25) * SECOND)
        self._desk.use(
            session, client, session.source, time_us, gap_ms=(time_us - session.last_us) / 1000,
            reason="step_up", action=_ACT.draw(chance), mfa=True,
        )  # fmt: skip
        session.last_us = time_us

    def _leave(self, person: Person, session: Session, client: Client) -> None:
        """Sign out, or just go: then the session expires, and the app may or may not say so."""
        chance, desk = self._chance, self._desk
        if chance.random() < person.logs_out:
            time_us = session.last_us + int(chance.uniform(1, 30) * SECOND)
            desk.end(session, time_us, self._way_out(session, time_us), client)
            if chance.random() < 0.04:
                # A request that was under way when the session ended.
                late_us = time_us + int(chance.uniform(0.02, 2.5) * SECOND)
                desk.use(session, client, session.source, late_us, gap_ms=(late_us - session.last_us) / 1000)
            return
        person.stale[_jar(session.app, client)] = (session.session_id, session.last_us)
        if session.app is not SHOP and chance.random() < 0.5:
            # A sweep every few minutes ends what is idle.
            desk.end(
                session, session.last_us + session.app.idle_us + int(chance.uniform(0, 5) * MINUTE), "idle_timeout"
            )

    def _way_out(self, session: Session, time_us: int) -> str:
        """Sign out here, or everywhere: then nothing of the user's goes on at that app."""
        others = [one for one in self._desk.sessions if one.app is session.app and one is not session]
        elsewhere = any((one.ended_us or one.last_us + one.app.idle_us) > time_us for one in others)
        if session.app is not BANK or elsewhere or self._chance.random() > 0.04:
            return "logout"
        self._signed_out_us = time_us
        return "logout_all"

    def _shop_app(self, person: Person, where: Whereabouts, at_us: int, device: Device) -> None:
        """Use the shop's app: one session for months, whose refresh token is rotated each hour of use."""
        chance, desk = self._chance, self._desk
        if at_us <= person.shop_used_us:
            return
        stay = where.stay(at_us)
        line = where.line(device, stay)
        assert device.app is not None
        client = Client(agent(device.app, device.number, where.day), device.id_for(SHOP.name))
        session = self._shop_session(person, client, line, at_us)
        if session.began_us != at_us and at_us - person.shop_refreshed_us > REFRESH_US:
            person.shop_refreshed_us = at_us
            session.generation = (session.generation or 0) + 1
            desk.use(session, client, session.source, at_us, reason="refresh", generation=session.generation)
            if chance.random() < 0.03:
                # Two tabs, or the app and its widget, notice the same moment that the token is old.
                again_us = at_us + int(chance.uniform(0.01, 2) * SECOND)
                desk.use(session, client, session.source, again_us, reason="refresh", generation=session.generation)
        self._browse(session, client, where, device, line, self._length_us(person) // 2, 14.0)
        person.shop_generation, person.shop_used_us = session.generation or 0, session.last_us
        if chance.random() < 0.02:
            desk.end(session, session.last_us + 2 * SECOND, "logout", client)
            person.shop_session = None

    def _shop_session(self, person: Person, client: Client, line: Line, at_us: int) -> Session:
        desk, source = self._desk, line.first(self._chance)
        known = person.shop_session
        if known is None and not person.shop_used_us and share(person.index, 14) < 0.7:
            # Signed in before the month began: its beginning was never seen.
            known = person.shop_session = desk.new_id()
            person.shop_generation = mix(person.index, 15) % 60
        if known is None:
            at_us = self._wrong_passwords(person, SHOP, client, source, at_us, person.forgets)
            session = desk.begin(SHOP, person.user_id, client, source, at_us)
            person.shop_session, person.shop_refreshed_us = session.session_id, at_us
            return session
        session = Session(SHOP, known, person.user_id, client, source, 0, at_us, generation=person.shop_generation)
        desk.sessions.append(session)
        return session

    def _kiosk(self, person: Person, where: Whereabouts, at_us: int) -> None:
        """Use a library's computer, which many use: it has a name, and strangers' sessions are its daily bread."""
        number = mix(*person.city.name.encode()) >> 8
        chance = self._chance
        line = public_line(person.city, 200 + chance.randrange(2))
        device_id = f"d-{mix(number, 3):016x}"
        client = Client(agent(_KIOSK_CLIENT, number, where.day), device_id, "none")
        device = Device(number, _KIOSK_CLIENT, None, named=True, v6=False, binds=False)
        session = self._sign_in(person, BANK, client, line, at_us)
        self._browse(session, client, where, device, line, 3 * MINUTE, 20.0)
        self._desk.end(session, session.last_us + int(chance.uniform(1, 20) * SECOND), "logout", client)

    def _work(self, person: Person, where: Whereabouts) -> None:
        """Work a day: one sign-on, and several apps under it."""
        chance, desk = self._chance, self._desk
        assert person.work is not None
        device = person.work
        start = where.wakes_us + int(chance.uniform(1.2, 2.6) * HOUR)
        line = where.line(device, where.stay(start))
        client = self._client(device, SSO, where.day)
        likely = 0.35 if where.day == ROTATION_DAY else person.forgets
        start = self._wrong_passwords(person, SSO, client, line.first(chance), start, likely)
        above = desk.begin(SSO, person.user_id, client, line.first(chance), start, mfa=True)
        apps = [CRM, WIKI] if chance.random() < 0.45 else [CRM]
        crm: Session | None = None
        for app in apps:
            session = self._below(above, app, person, where, start + int(chance.uniform(2, 90) * SECOND))
            crm = session if app is CRM else crm
        assert crm is not None
        for hours in sorted(chance.uniform(1, 8.5) for _ in range(1 + poisson(chance, 0.8))):
            crm = self._again(above, crm, person, where, start + int(hours * HOUR))
        leaves = max(crm.last_us, above.last_us) + int(chance.uniform(1, 20) * MINUTE)
        if chance.random() < 0.35 and leaves < above.began_us + SSO.absolute_us:
            desk.end(above, leaves, "logout", client)
            desk.end(crm, leaves + int(chance.uniform(0.1, 2) * SECOND), "logout")
        else:
            desk.end(crm, crm.last_us + CRM.idle_us + int(chance.uniform(0, 5) * MINUTE), "idle_timeout")

    def _below(self, above: Session, app: App, person: Person, where: Whereabouts, at_us: int) -> Session:
        """Begin an app's session by single sign-on, and work in it for a few minutes."""
        chance = self._chance
        assert person.work is not None
        stay = where.stay(at_us)
        line = where.line(person.work, stay)
        client = self._client(person.work, app, where.day)
        session = self._desk.begin(
            app, person.user_id, client, line.next(chance, above.source), at_us, reason="sso", parent=above.session_id
        )
        above.last_us = at_us
        length = int(min(chance.lognormvariate(0.9, 0.6), 12) * MINUTE)
        self._browse(session, client, where, person.work, line, length, 9.0)
        return session

    def _again(self, above: Session, crm: Session, person: Person, where: Whereabouts, at_us: int) -> Session:
        """Come back to the CRM: in the same session if it still lives, else by the sign-on above."""
        chance, desk = self._chance, self._desk
        assert person.work is not None
        at_us = max(at_us, crm.last_us + MINUTE)
        line = where.line(person.work, where.stay(at_us))
        client = self._client(person.work, CRM, where.day)
        if at_us - crm.last_us < CRM.idle_us and not self._lost(crm, at_us):
            source = line.next(chance, crm.source)
            idle_ms = (at_us - crm.last_us) / 1000
            crm.last_us, crm.source = at_us, source
            desk.use(crm, client, source, at_us, gap_ms=idle_ms)
            self._browse(crm, client, where, person.work, line, 3 * MINUTE, 9.0)
            return crm
        reason = "unknown_session" if self._lost(crm, at_us) else "expired_idle"
        desk.refuse(CRM, reason, client, line.first(chance), at_us, user_id=person.user_id, session_id=crm.session_id)
        return self._below(above, CRM, person, where, at_us + int(chance.uniform(0.5, 5) * SECOND))

    def _lost(self, session: Session, at_us: int) -> bool:
        """Say whether the app was restarted between the last use and now."""
        restarted_us = self._begins_us + RESTART_DAY * DAY + int(RESTART_H * HOUR)
        return session.last_us < restarted_us <= at_us


def _jar(app: App, client: Client) -> str:
    """Name the place where a browser keeps an app's cookie."""
    return f"{app.name}:{client.device_id or client.agent}"


def _hops(person: Person, device: Device, stay: Stay) -> bool:
    """Say whether a device here changes to the carrier now and then."""
    return person.hops and device.form == "phone" and stay.kind in ("home", "public") and device is person.phone
