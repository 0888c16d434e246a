"""Attacks by somebody who can sign in as another: the password, and more, is known."""

from __future__ import annotations

from sample_logs.simulate.apps import BANK, SHOP
from sample_logs.simulate.attacks.attack import Attack
from sample_logs.simulate.people import Person, neighbours
from sample_logs.simulate.scene import Scene
from schemas.instant import MINUTE, SECOND


def _dormant(person: Person) -> bool:
    return person.dormant


def _impossible_travel(scene: Scene) -> None:
    """Sign in from another continent while the victim is at home."""
    owned = scene.session(BANK)
    owned.attack = ""
    city = scene.far_away()
    source = scene.home_in(city)
    client = scene.choose(
        scene.other_client(BANK), scene.other_client(BANK), scene.same_agent(owned.client, same_device=False)
    )
    at_us = owned.last_us + int(scene.chance.uniform(*scene.choose((2, 20), (20, 60), (60, 130))) * MINUTE)
    session = scene.take_over(BANK, client, source, at_us)
    scene.visit(session, client, source, at_us, minutes=scene.choose(12, 8, 3))


def _phishing_takeover(scene: Scene) -> None:
    """Relay a victim's sign-in through a page that looks like the app's, then change what keeps them out."""
    at_us = scene.any_moment()
    source = scene.choose(scene.rented(), scene.by_vpn(), scene.abroad())
    client = scene.choose(
        scene.other_client(BANK), scene.other_client(BANK),
        scene.same_agent(scene.usual_client(BANK), same_device=False),
    )  # fmt: skip
    session = scene.desk.begin(BANK, scene.victim.user_id, client, source, at_us, mfa=True)
    session.attack = scene.kind
    last_us = scene.roam(session, client, source, at_us, minutes=scene.choose(2, 5, 25))
    acts = scene.choose(("email", "password", "payout"), ("mfa", "payout"), ("payout",))
    for act in acts:
        gap_s = scene.chance.uniform(10, 60)
        last_us += int(gap_s * SECOND)
        scene.desk.use(session, client, source, last_us, gap_ms=gap_s * 1000, reason="step_up", action=act, mfa=True)
    scene.leave(session, client, source, last_us)


def _credential_sharing(scene: Scene) -> None:
    """Let a friend in another city use the account, on a device of their own, day after day."""
    city = scene.far_away() if scene.strength == "loud" else scene.other_city()
    source, client = scene.home_in(city), scene.other_client(SHOP)
    for _ in range(scene.choose(3, 2, 1)):
        at_us = scene.any_moment()
        session = scene.take_over(SHOP, client, source, at_us)
        scene.visit(session, client, source, at_us, minutes=scene.choose(15, 9, 6))


def _dormant_revived(scene: Scene) -> None:
    """Sign in to an account that nobody has used for months."""
    at_us = scene.any_moment()
    source = scene.choose(scene.rented(), scene.abroad(), scene.in_country())
    client = scene.other_client(BANK)
    session = scene.take_over(BANK, client, source, at_us)
    last_us = scene.roam(session, client, source, at_us, minutes=scene.choose(10, 6, 3))
    if scene.strength != "subtle":
        act = scene.choose("payout", "email", "email")
        gap_s = scene.chance.uniform(5, 60)
        last_us += int(gap_s * SECOND)
        scene.desk.use(session, client, source, last_us, gap_ms=gap_s * 1000, reason="step_up", action=act, mfa=True)
    scene.leave(session, client, source, last_us)


def _account_farm(scene: Scene) -> None:
    """Work through a list of bought accounts, on one device behind a VPN."""
    client, at_us = scene.other_client(BANK, named=True), scene.any_moment()
    crowd = neighbours(list(scene.people), scene.number % max(1, len(scene.people)), scene.choose(9, 5, 3))
    for turn, user in enumerate(crowd):
        source = scene.by_vpn(turn if scene.strength == "loud" else 0)
        session = scene.take_over(BANK, client, source, at_us, user)
        scene.visit(session, client, source, at_us, minutes=scene.choose(0.5, 1, 1.5))
        at_us += int(scene.choose(45, 80, 150) * scene.chance.uniform(0.7, 1.2) * SECOND)


TAKEOVERS = (
    Attack(
        "impossible-travel", "Somebody signs in from another continent while the victim is at home.",
        _impossible_travel, ("bank",), ("impossible-travel",),
    ),
    Attack(
        "phishing-takeover", "A relayed sign-in from a new device and network, and then a sensitive act.",
        _phishing_takeover, ("bank",), ("new-device-new-network", "risky-change"), drill=False,
    ),
    Attack(
        "credential-sharing", "Two people in distant places use one account for days.",
        _credential_sharing, ("shop",), ("credential-sharing",), rate=2.0, days=7, drill=False,
    ),
    Attack(
        "dormant-revived", "An account that nobody used for months signs in, from a stranger's device.",
        _dormant_revived, ("bank",), ("dormant-account",), rate=2.0, suits=_dormant, drill=False,
    ),
    Attack(
        "account-farm", "One device behind a VPN signs in as one user after the other.",
        _account_farm, ("bank",), ("shared-device",), rate=1.0, campaign=True,
    ),
)  # fmt: skip
