"""Attacks that try passwords, second factors or session ids."""

from __future__ import annotations

from collections.abc import Iterator

from sample_logs.simulate.apps import BANK, SHOP, App
from sample_logs.simulate.attacks.attack import Attack
from sample_logs.simulate.internet import Address
from sample_logs.simulate.people import Person, neighbours
from sample_logs.simulate.scene import Scene
from sample_logs.simulate.sessions import Client
from schemas.instant import MINUTE, SECOND


def _targets(scene: Scene, count: int) -> list[Person]:
    return neighbours(list(scene.people), scene.number % max(1, len(scene.people)), count)


def _moments(scene: Scene, count: int, minutes: float) -> Iterator[int]:
    """Yield so many moments, in order, spread over so many minutes."""
    begins_us = scene.any_moment()
    for within in sorted(scene.chance.uniform(0, minutes) for _ in range(count)):
        yield begins_us + int(within * MINUTE)


def _refused(scene: Scene, app: App, client: Client, source: Address, at_us: int, user: Person | None) -> None:
    user_id = None if user is None else user.user_id
    typed = None if user is not None else f"{scene.number}:{scene.chance.getrandbits(40)}"
    scene.desk.refuse(app, "bad_credentials", client, source, at_us, user_id=user_id, typed=typed)


def _break_in(scene: Scene, app: App, client: Client, source: Address, at_us: int, user: Person) -> None:
    session = scene.take_over(app, client, source, at_us, user)
    scene.visit(session, client, source, at_us, minutes=scene.choose(8, 5, 3))


def _password_spray(scene: Scene) -> None:
    """Try one password on many users from one network."""
    source, client = scene.choose(scene.rented(), scene.by_vpn(), scene.in_country()), scene.other_client(BANK)
    targets = _targets(scene, scene.choose(90, 40, 30))
    minutes = scene.choose(6, 8, 55)
    last_us = 0
    for at_us, user in zip(_moments(scene, len(targets), minutes), targets, strict=True):
        _refused(scene, BANK, client, source, at_us, user)
        last_us = at_us
    scene.mark(f"ip:{source.ip}")
    _break_in(scene, BANK, client, source, last_us + int(scene.chance.uniform(10, 40) * SECOND), scene.victim)


def _distributed_spray(scene: Scene) -> None:
    """Try passwords on many users from many networks, a few from each."""
    targets = _targets(scene, scene.choose(60, 30, 14))
    sources = [scene.abroad_number(number) for number in range(scene.choose(40, 15, 7))]
    tries = scene.choose(180, 75, 32)
    client = scene.other_client(BANK)
    last_us = 0
    for turn, at_us in enumerate(_moments(scene, tries, scene.choose(8, 11, 13))):
        source = sources[turn % len(sources)] if turn < len(sources) else scene.chance.choice(sources)
        _refused(scene, BANK, client, source, at_us, targets[turn % len(targets)])
        last_us = at_us
    for source in sources:
        scene.mark(f"ip:{source.ip}")
    if scene.strength != "loud":
        _break_in(scene, BANK, client, sources[0], last_us + int(scene.chance.uniform(15, 60) * SECOND), scene.victim)


def _credential_stuffing(scene: Scene) -> None:
    """Try pairs that leaked elsewhere: most names are nobody's here, and a few fit."""
    source, client = scene.choose(scene.rented(), scene.rented(), scene.in_country()), scene.other_client(SHOP)
    tries = scene.choose(400, 120, 45)
    known = _targets(scene, max(4, tries // 6))
    # A drill names reserved users alone.
    nobody = [None] if scene.drilled is None else _targets(scene, len(scene.people))
    tries = tries if scene.drilled is None else min(tries, len(nobody))
    last_us = 0
    for turn, at_us in enumerate(_moments(scene, tries, scene.choose(9, 12, 14))):
        user = known[turn // 6 % len(known)] if turn % 6 == 0 else nobody[turn % len(nobody)]
        _refused(scene, SHOP, client, source, at_us, user)
        last_us = at_us
    scene.mark(f"ip:{source.ip}")
    for turn, user in enumerate([scene.victim, *known[1 : scene.choose(3, 2, 1)]]):
        _break_in(scene, SHOP, client, source, last_us + int((turn + scene.chance.random()) * 25 * SECOND), user)


def _brute_force(scene: Scene) -> None:
    """Try many passwords on one user."""
    source, client = scene.choose(scene.rented(), scene.abroad(), scene.in_country()), scene.other_client(BANK)
    last_us = 0
    for at_us in _moments(scene, scene.choose(200, 40, 13), scene.choose(9, 9, 9)):
        _refused(scene, BANK, client, source, at_us, scene.victim)
        last_us = at_us
    scene.mark(f"user:{scene.victim.user_id}")
    if scene.strength != "loud":
        _break_in(scene, BANK, client, source, last_us + int(scene.chance.uniform(10, 40) * SECOND), scene.victim)


def _mfa_fatigue(scene: Scene) -> None:
    """Ask for the second factor until it is granted: the password is known already."""
    desk, chance = scene.desk, scene.chance
    source, client = scene.choose(scene.abroad(), scene.by_vpn(), scene.in_country()), scene.other_client(BANK)
    last_us = 0
    for at_us in _moments(scene, scene.choose(16, 9, 6), scene.choose(8, 8, 9)):
        at_us = max(at_us, last_us + int(chance.uniform(4, 9) * SECOND))
        reason = "mfa_denied" if chance.random() < 0.5 else "mfa_timeout"
        desk.refuse(BANK, reason, client, source, at_us, user_id=scene.victim.user_id)
        last_us = at_us
    scene.mark(f"user:{scene.victim.user_id}")
    if scene.strength != "plain":
        session = desk.begin(
            BANK, scene.victim.user_id, client, source, last_us + int(scene.chance.uniform(7, 30) * SECOND), mfa=True
        )
        session.attack = scene.kind
        scene.visit(session, client, source, session.began_us, minutes=5)


def _session_enumeration(scene: Scene) -> None:
    """Try session ids until one exists."""
    desk = scene.desk
    source, client = scene.choose(scene.rented(), scene.by_vpn(), scene.in_country()), scene.other_client(BANK)
    for at_us in _moments(scene, scene.choose(500, 120, 36), scene.choose(4, 4.5, 4.5)):
        desk.refuse(BANK, "unknown_session", client, source, at_us, user_id=scene.drilled, session_id=desk.new_id())
    scene.mark(f"ip:{source.ip}")


GUESSES = (
    Attack(
        "password-spray", "One password is tried on many users from one network.",
        _password_spray, ("bank",), ("password-spray",), rate=1.0, campaign=True,
    ),
    Attack(
        "distributed-spray", "Passwords are tried on many users from many networks.",
        _distributed_spray, ("bank",), ("distributed-spray",), rate=1.0, campaign=True,
    ),
    Attack(
        "credential-stuffing", "Pairs that leaked elsewhere are tried, and a few fit.",
        _credential_stuffing, ("shop",), ("credential-stuffing", "password-spray"), rate=1.0, campaign=True,
    ),
    Attack(
        "brute-force", "Many passwords are tried on one user.",
        _brute_force, ("bank",), ("brute-force-user",), rate=2.0,
    ),
    Attack(
        "mfa-fatigue", "Somebody is asked for the second factor until they give in.",
        _mfa_fatigue, ("bank",), ("mfa-fatigue",), rate=3.0,
    ),
    Attack(
        "session-enumeration", "Session ids are tried until one exists.",
        _session_enumeration, ("bank",), ("session-enumeration",), rate=1.0,
    ),
)  # fmt: skip
