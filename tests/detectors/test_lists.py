from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from detectors.lists import NetworkList, lists_of
from schemas.alert import Severity
from schemas.instant import DAY, parse_rfc3339
from tests.detectors.story import AMSTERDAM_HOSTING, BERLIN, BERLIN_IPV6, NEW_YORK, START_US, login


def listed(**fields: object) -> NetworkList:
    return NetworkList(**{"name": "blocked", "owner": "soc", "expires_us": START_US + DAY, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cidr", "ip", "holds"),
    [
        ("192.0.2.0/24", BERLIN, True),
        ("192.0.2.10", BERLIN, True),
        ("192.0.2.99/24", BERLIN, True),
        ("192.0.2.11", BERLIN, False),
        ("2001:db8::/32", BERLIN_IPV6, True),
        ("2001:db9::/32", BERLIN_IPV6, False),
        ("0.0.0.0/0", NEW_YORK, True),
        ("0.0.0.0/0", BERLIN_IPV6, False),
    ],
)
def test_address_ranges(cidr: str, ip: str, holds: bool) -> None:
    assert bool(lists_of(login("alice", 0, ip), [listed(cidrs=["198.18.0.0/15", cidr])])) is holds


def test_autonomous_systems() -> None:
    assert lists_of(login("alice", 0, AMSTERDAM_HOSTING), [listed(asns=[64_540])])
    assert not lists_of(login("alice", 0, BERLIN), [listed(asns=[64_540])])


def test_it_ends_by_the_time_of_the_event() -> None:
    one = listed(cidrs=["0.0.0.0/0"], expires_us=START_US + 60_000_000)
    assert lists_of(login("alice", 59.9), [one])
    assert not lists_of(login("alice", 60), [one])


def test_an_unreadable_address_stands_on_no_list() -> None:
    assert not lists_of(login("alice", 0, None), [listed(cidrs=["0.0.0.0/0"])])  # type: ignore[arg-type]


def test_the_worst_list_comes_first() -> None:
    lists = [
        listed(name="a", cidrs=["0.0.0.0/0"], severity=Severity.LOW),
        listed(name="b", cidrs=["0.0.0.0/0"], severity=Severity.HIGH),
    ]
    assert [one.name for one in lists_of(login("alice", 0), lists)] == ["b", "a"]


@pytest.mark.parametrize(
    "end", ["2027-01-31", date(2027, 1, 31), "2027-02-01T00:00:00Z", datetime(2027, 2, 1, tzinfo=UTC)]
)
def test_a_day_counts_until_it_is_over(end: object) -> None:
    assert listed(expires_us=end).expires_us == parse_rfc3339("2027-02-01T00:00:00Z")


def test_the_configuration_says_expires() -> None:
    one = NetworkList.model_validate({"name": "a", "owner": "b", "expires": "2027-01-31"})
    assert one.expires_us == parse_rfc3339("2027-02-01T00:00:00Z")


@pytest.mark.parametrize(
    "wrong", [{"cidrs": ["192.0.2.0/33"]}, {"asns": [-1]}, {"owner": ""}, {"expires_us": "soon"}, {"unknown": 1}]
)
def test_what_cannot_be_read_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        listed(**wrong)


def test_it_comes_back_from_its_own_json() -> None:
    one = listed(cidrs=["192.0.2.0/24"], asns=[64_500])
    assert NetworkList.model_validate_json(one.model_dump_json()) == one


def test_a_long_list_is_looked_up_at_once() -> None:
    many = listed(cidrs=[f"10.{n // 256}.{n % 256}.0/24" for n in range(20_000)])
    assert len(many._ranges) == 1
    assert lists_of(login("alice", 0, "10.77.3.9"), [many])
