"""What is ordinary for a user, made of days."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from detectors.profile import (
    EMPTY,
    FACTS_VERSION,
    HORIZON_DAYS,
    MAX_COUNTRIES,
    MAX_DEVICE_ID,
    MAX_NETWORKS,
    MAX_SIGHTS,
    DayFacts,
    Profile,
    Sight,
    facts_of,
    flag_of,
    profile_of,
    read_days,
    sighted,
    write_day,
)
from schemas.event import Agent
from schemas.instant import DAY, HOUR
from store.rows import UserDay
from tests.detectors.story import (
    BERLIN,
    FIREFOX,
    FIREFOX_UPGRADED,
    NEW_YORK,
    SAFARI_IPHONE,
    START_US,
    STOCKHOLM_VPN,
    event,
    login,
    use,
)

TODAY = START_US // DAY


def day(
    number: int, *, networks: tuple[str, ...] = ("192.0.2.0/24",), hours: int = 1 << 9, **fields: object
) -> DayFacts:
    facts = DayFacts(
        day=number,
        logins_before=10,
        known_since_us=5,
        logins=1,
        successes=3,
        first_us=number * DAY,
        last_us=number * DAY + HOUR,
        hours=hours,
        anonymised=False,
        countries=("DE",),
        asns=(64500,),
        networks=networks,
        devices=("laptop",),
        agents=("Firefox|Linux",),
    )
    return msgspec.structs.replace(facts, **fields)


def shown(*events: object, flagged: tuple[str, ...] = ()) -> tuple[Sight, ...]:
    sights: tuple[Sight, ...] = ()
    for one in events:
        sights = sighted(sights, one, int(one.type == "create"), flagged)  # type: ignore[attr-defined,arg-type]
    return sights


def facts(sights: tuple[Sight, ...], flagged: tuple[str, ...] = ()) -> DayFacts:
    return facts_of(TODAY, sights, flagged, (len(sights), START_US, START_US), (0, 0))


def test_a_profile_knows_what_its_days_showed() -> None:
    profile = profile_of([day(100)], 101)
    assert profile.knows_network("192.0.2.0/24")
    assert profile.knows_asn(64500)
    assert profile.knows_country("DE")
    assert profile.knows_device("laptop")
    assert profile.knows_agent(Agent("Firefox", "Linux", "desktop"))
    assert not profile.knows_country("US")


def test_it_knows_since_when() -> None:
    profile = profile_of([day(100)], 120)
    assert profile.knows_country("DE", 100)
    assert not profile.knows_country("DE", 101)


def test_the_day_itself_and_later_ones_are_not_history() -> None:
    assert profile_of([day(100), day(101)], 100) == EMPTY


def test_beyond_the_horizon_days_are_forgotten() -> None:
    profile = profile_of([day(100, networks=("old",)), day(101), day(100 + HORIZON_DAYS)], 101 + HORIZON_DAYS)
    assert not profile.knows_network("old")
    assert profile.active_days == 2


def test_the_newest_day_is_kept_however_old_it_is() -> None:
    profile = profile_of([day(100)], 450)
    assert profile.knows_country("DE")
    assert profile.last_success_us == 100 * DAY + HOUR
    assert (profile.logins, profile.first_us) == (11, 5)


def test_of_two_rows_of_a_day_the_fuller_counts() -> None:
    profile = profile_of([day(100, successes=9), day(100, successes=2, countries=("US",))], 101)
    assert set(profile.countries) == {"DE"}


def test_the_share_of_an_hour_takes_in_its_neighbours() -> None:
    mornings = profile_of([day(number, hours=1 << 9 | 1 << 15) for number in range(100, 128)], 128)
    nine = 128 * DAY + 9 * HOUR
    assert mornings.share_of_hour(nine, 0) == pytest.approx(0.5 / 7)
    assert mornings.share_of_hour(nine + HOUR, 0) == pytest.approx(0.5 / 7)
    assert mornings.share_of_hour(nine + 2 * HOUR, 0) == 0


def test_midnight_borders_on_the_day_before() -> None:
    late = profile_of([day(number, hours=1 << 23) for number in range(100, 107)], 107)
    assert late.share_of_hour(107 * DAY, 0) == pytest.approx(1 / 7)


def test_an_empty_history_has_no_hours() -> None:
    assert EMPTY.share_of_hour(START_US, 0) == 0


def test_a_profile_is_bounded_and_keeps_what_was_seen_last() -> None:
    days = [day(number, networks=tuple(f"n{number}-{k}" for k in range(32))) for number in range(100, 150)]
    profile = profile_of(days, 150)
    assert len(profile.networks) == MAX_NETWORKS
    assert profile.knows_network("n149-0")
    assert not profile.knows_network("n100-0")


DAYS = st.lists(
    st.builds(
        lambda number, hours, countries, anonymised: day(
            number, hours=hours, countries=tuple(countries), anonymised=anonymised
        ),
        st.integers(100, 400),
        st.integers(0, 2**24 - 1),
        st.lists(st.sampled_from([f"C{k}" for k in range(2 * MAX_COUNTRIES)]), unique=True, max_size=32),
        st.booleans(),
    ),
    unique_by=lambda facts: facts.day,
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@for_all(DAYS, st.integers(0, 20))
def test_built_up_day_by_day_it_is_what_the_rows_say(days: list[DayFacts], later: int) -> None:
    ordered = sorted(days, key=lambda facts: facts.day)
    grown = EMPTY
    for facts_ in ordered:
        grown = grown.as_of(facts_.day).with_day(facts_)
    before = (ordered[-1].day if ordered else 100) + 1 + later
    assert grown.as_of(before) == profile_of(days, before)


def test_a_days_facts_survive_the_store() -> None:
    row = write_day("bank", "alice", day(100))
    assert read_days([row]) == {("bank", "alice"): [day(100)]}


def test_a_row_of_another_version_or_broken_is_passed_over() -> None:
    good = write_day("bank", "alice", day(100))
    other = msgspec.structs.replace(good, version=FACTS_VERSION + 1, content=b"\xc1")
    broken = UserDay("bank", "alice", 101, FACTS_VERSION, 1, b"\xc1")
    found = read_days([other, broken, good])
    assert found["bank", "alice"] == [day(100)]


def test_a_repeated_use_shows_nothing_more() -> None:
    sights = shown(login("alice", at=0))
    assert sighted(sights, use("alice", at=60), 0, ()) is sights


def test_hours_and_logins_of_a_day_add_up() -> None:
    sights = shown(login("alice", at=0), use("alice", at=3600), login("alice", at=7200, session="two"))
    found = facts(sights)
    assert (found.logins, found.hours) == (2, 0b111 << 8)


def test_a_flagged_session_teaches_nothing() -> None:
    stolen = use("alice", at=60, session="stolen", ip=NEW_YORK, agent=SAFARI_IPHONE, device_id="box")
    found = facts(shown(login("alice", at=0, device_id="laptop"), stolen), (flag_of("bank", "s_stolen"),))
    assert (found.countries, found.devices, found.agents) == (("DE",), ("laptop",), ("Firefox|Linux",))


def test_an_upgrade_is_the_same_agent() -> None:
    assert facts(shown(login("alice", at=0), use("alice", at=60, agent=FIREFOX_UPGRADED))).agents == ("Firefox|Linux",)


def test_a_day_behind_an_anonymiser_is_marked() -> None:
    assert facts(shown(login("alice", at=0, ip=STOCKHOLM_VPN))).anonymised
    assert not facts(shown(login("alice", at=0, ip=BERLIN))).anonymised


def test_a_device_id_without_end_is_not_learned() -> None:
    assert facts(shown(login("alice", at=0, device_id="x" * (MAX_DEVICE_ID + 1)))).devices == ()


def test_more_sessions_than_fit_lose_their_names_and_nothing_else() -> None:
    many = [login("robot", at=number * 60, session=f"s{number}") for number in range(200)]
    sights = shown(*many)
    assert len(sights) <= MAX_SIGHTS
    assert facts(sights).logins == 200
    assert facts(sights).hours == 0b1111 << 8


def test_more_places_than_fit_lose_the_oldest() -> None:
    wanderer = [
        event("validate", "alice", number, f"10.0.{number}.1", FIREFOX, reason="request") for number in range(100)
    ]
    sights = shown(*wanderer)
    assert len(sights) == MAX_SIGHTS
    assert sights[-1].place.network == "10.0.99.0/24"


def test_a_flagged_session_is_left_out_before_names_are_lost() -> None:
    flag = flag_of("bank", "s_stolen")
    many = [login("alice", at=number * 60 + 60, session=f"s{number}") for number in range(100)]
    sights = shown(login("alice", at=0, session="stolen", ip=NEW_YORK), *many, flagged=(flag,))
    assert facts(sights, (flag,)).countries == ("DE",)


def test_an_ordinary_profile_is_small() -> None:
    profile = profile_of([day(number) for number in range(100, 192)], 192)
    assert len(msgspec.msgpack.encode(profile)) < 1_000


def test_an_invented_one_stays_bounded() -> None:
    hostile: Profile = EMPTY
    for number in range(100, 192):
        texts = tuple(f"{number}{k}".ljust(MAX_DEVICE_ID, "x") for k in range(MAX_SIGHTS))
        hostile = hostile.as_of(number).with_day(day(number, networks=texts, devices=texts, agents=texts))
    assert len(msgspec.msgpack.encode(hostile)) < 64_000
