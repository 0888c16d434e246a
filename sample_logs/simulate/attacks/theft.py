"""Attacks that use somebody's session: its cookie or token was stolen."""

from __future__ import annotations

from sample_logs.simulate.agents import HEADLESS, TOOLS
from sample_logs.simulate.apps import BANK, CRM, SHOP, SSO, WIKI
from sample_logs.simulate.attacks.attack import Attack
from sample_logs.simulate.people import Person
from sample_logs.simulate.scene import Scene
from sample_logs.simulate.sessions import Client
from schemas.instant import MINUTE, SECOND


def _works(person: Person) -> bool:
    return person.works


def _binds(person: Person) -> bool:
    return (person.laptop or person.phone).binds


def _stolen_cookie(scene: Scene) -> None:
    session, at_us = scene.steal(BANK)
    client = scene.choose(
        scene.other_client(BANK),
        scene.same_agent(session.client, same_device=False),
        scene.same_agent(session.client, same_device=True),
    )
    source = scene.choose(scene.abroad(), scene.rented(), scene.by_vpn())
    scene.roam(session, client, source, at_us, minutes=scene.choose(12, 8, 3))


def _residential_proxy(scene: Scene) -> None:
    session, at_us = scene.steal(BANK)
    client = scene.choose(scene.other_client(BANK), session.client, session.client)
    source = scene.choose(
        scene.in_country(),
        scene.in_same_city(session.source, same_provider=False),
        scene.in_same_city(session.source, same_provider=True),
    )
    scene.roam(session, client, source, at_us, minutes=scene.choose(10, 6, 3), pace_s=scene.choose(8, 15, 22))


def _replay_after_logout(scene: Scene) -> None:
    session = scene.session(BANK)
    if session.ended_us is None:
        left_us = session.last_us + int(scene.chance.uniform(1, 30) * SECOND)
        scene.desk.end(session, left_us, "logout", session.client)
    assert session.ended_us is not None
    at_us = session.ended_us + int(scene.chance.uniform(*scene.choose((90, 200), (120, 900), (600, 7200))) * SECOND)
    source = scene.choose(scene.abroad(), scene.in_country(), scene.beside(session))
    client = scene.choose(scene.other_client(BANK), session.client, session.client)
    scene.roam(session, client, source, at_us, minutes=scene.choose(9, 5, 1), ends=False)


def _replay_by_tool(scene: Scene) -> None:
    session, at_us = scene.steal(BANK)
    tool = scene.choose(TOOLS[0], scene.chance.choice(TOOLS[1:]), HEADLESS)
    device_id = scene.choose(None, session.client.device_id, session.client.device_id)
    source = scene.choose(scene.rented(), scene.in_country(), scene.in_same_city(session.source, same_provider=False))
    client = Client(tool, device_id, "none")
    minutes, pace = scene.choose((10, 0.6), (6, 2.0), (3, 9.0))
    scene.roam(session, client, source, at_us, minutes=minutes, pace_s=pace, evenness=scene.choose(0.9, 0.6, 0.2))


def _refresh_replay(scene: Scene) -> None:
    session = scene.session(SHOP, alive=True)
    generation = (session.generation or 0) + 1
    owner, desk = session.client, scene.desk
    # The owner rotates it once more; the thief comes with the generation before.
    gap_s = scene.chance.uniform(40, 300)
    rotated_us = session.last_us + int(gap_s * SECOND)
    desk.use(session, owner, session.source, rotated_us, gap_ms=gap_s * 1000, reason="refresh", generation=generation)
    at_us = rotated_us + int(scene.chance.uniform(*scene.choose((40, 120), (120, 900), (600, 7200))) * SECOND)
    client = scene.choose(Client(TOOLS[2], None), owner, owner)
    source = scene.choose(scene.rented(), scene.abroad(), scene.in_same_city(session.source, same_provider=True))
    for _ in range(scene.choose(3, 2, 1)):
        desk.use(session, client, source, at_us, reason="refresh", generation=generation)
        at_us += int(scene.chance.uniform(5, 90) * SECOND)
    scene.roam(session, client, source, at_us, minutes=scene.choose(8, 4, 1))
    session.generation = generation
    if session.session_id == scene.victim.shop_session:
        scene.victim.shop_generation = generation


def _session_fixation(scene: Scene) -> None:
    """Give a victim a session id, wait for their sign-in, and use it; subtle: two users in one session."""
    desk, chance = scene.desk, scene.chance
    source, client = scene.choose(scene.abroad(), scene.rented(), scene.in_country()), scene.other_client(BANK)
    line, own = scene.home(), scene.usual_client(BANK)
    at_us, fixed = scene.any_moment(), desk.new_id()
    if scene.strength == "subtle":
        session = scene.take_over(BANK, client, source, at_us, scene.people[scene.number % len(scene.people)])
    else:
        for turn in range(scene.choose(3, 1, 0)):
            tried_us = at_us + int((turn + scene.chance.random()) * 12 * SECOND)
            desk.refuse(BANK, "csrf", client, source, tried_us, user_id=scene.drilled, session_id=fixed)
    signs_in_us = at_us + int(chance.uniform(3, 20) * MINUTE)
    owned = desk.begin(
        BANK, scene.victim.user_id, own, line.first(chance), signs_in_us, mfa=True,
        session_id=session.session_id if scene.strength == "subtle" else fixed,
    )  # fmt: skip
    owned.attack = scene.kind
    last_us = scene.roam(owned, own, owned.source, signs_in_us, minutes=5)
    if scene.strength != "subtle":
        last_us = scene.roam(owned, client, source, last_us + 20 * SECOND, minutes=4)
    scene.leave(owned, own, owned.source, last_us)


def _scraping(scene: Scene) -> None:
    session, at_us = scene.steal(BANK)
    source = scene.choose(scene.rented(), scene.in_country(), scene.in_same_city(session.source, same_provider=True))
    client = scene.choose(scene.other_client(BANK), session.client, session.client)
    minutes, pace = scene.choose((15, 0.08), (12, 0.17), (30, 1.3))
    scene.roam(session, client, source, at_us, minutes=minutes, pace_s=pace, evenness=scene.choose(0.97, 0.9, 0.3))


def _sso_apart(scene: Scene) -> None:
    """Use the sign-on session of somebody at work to enter their apps from elsewhere."""
    above = scene.session(SSO)
    at_us = above.last_us + int(scene.chance.uniform(2, 12) * MINUTE)
    client = scene.choose(scene.other_client(WIKI), above.client, above.client)
    source = scene.choose(scene.abroad(), scene.in_country(), scene.in_same_city(above.source, same_provider=False))
    for app in (WIKI, CRM)[: scene.choose(2, 2, 1)]:
        session = scene.desk.begin(
            app, scene.victim.user_id, client, source, at_us, reason="sso", parent=above.session_id
        )
        session.attack = scene.kind
        at_us = scene.roam(session, client, source, at_us, minutes=scene.choose(12, 6, 3), pace_s=9)
        at_us += int(scene.chance.uniform(1, 40) * SECOND)


def _binding_lost(scene: Scene) -> None:
    session, at_us = scene.steal(BANK)
    client = Client(session.client.agent, session.client.device_id, "none")
    source = scene.choose(scene.abroad(), scene.in_country(), scene.in_same_city(session.source, same_provider=True))
    scene.roam(session, client, source, at_us, minutes=scene.choose(8, 5, 2))


THEFTS = (
    Attack(
        "stolen-cookie", "A cookie is used from abroad, a rented server or a VPN, with other browsers or a copy.",
        _stolen_cookie, ("bank", "shop", "crm"), ("session-hijack", "session-multi-network"),
    ),
    Attack(
        "residential-proxy", "A cookie is used through a home line of the victim's country or city, with their agent.",
        _residential_proxy, ("bank", "crm"), ("session-hijack", "session-multi-network", "user-multi-ip"),
    ),
    Attack(
        "replay-after-logout", "A session is used after its owner has signed out.",
        _replay_after_logout, ("bank", "crm"), ("use-after-destroy",),
    ),
    Attack(
        "replay-by-tool", "A browser's session goes on in a script or a headless browser.",
        _replay_by_tool, ("bank", "crm"), ("session-replay-tool", "session-hijack"),
    ),
    Attack(
        "refresh-replay", "A refresh token that was rotated away is shown again.",
        _refresh_replay, ("shop",), ("refresh-replay",),
    ),
    Attack(
        "session-fixation", "A victim signs in to a session that somebody else had first, or another user's.",
        _session_fixation, ("bank",), ("session-fixation",),
    ),
    Attack(
        "scraping", "A stolen session reads pages faster than people do, or steadily for long.",
        _scraping, ("bank", "crm"), ("bot-rate", "session-hijack", "session-multi-network"),
    ),
    Attack(
        "sso-apart", "A sign-on session opens apps from where its owner is not.",
        _sso_apart, ("wiki",), ("session-hijack", "session-multi-network"), suits=_works, drill=False,
    ),
    Attack(
        "binding-lost", "A session that was bound to a device is used without the proof.",
        _binding_lost, ("bank",), ("binding-lost",), rate=3.0, suits=_binds, drill=False,
    ),
)  # fmt: skip
