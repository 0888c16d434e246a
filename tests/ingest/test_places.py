"""Where an address stands: the operator's word, the emitter's, then the list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.enrich import Enricher
from ingest.places import KnownNetwork, Places
from schemas.app import AppPolicy, Apps
from schemas.cleaning import clean_ip
from schemas.event import NO_AGENT, NOWHERE, Event, Place
from tests.ingest.wire import EVENT_ID, NOON_US

PLACES = Places([
    KnownNetwork("198.51.0.0/16", "hosting", 64500, "NL", "network team"),
    KnownNetwork("198.51.100.0/24", "vpn", 64501, "DE"),
    KnownNetwork("198.51.100.7/32", "office"),
    KnownNetwork("2001:db8::/32", "mobile", 64502, "FR"),
    KnownNetwork("2001:db8:1::/48", "home"),
    KnownNetwork("8.8.8.0/24", "relay"),
])  # fmt: skip
GIVEN = Place(country="SE", region="Skåne", city="Malmö", lat=55.6, lon=13.0, asn=64999, precision="exact")


def test_without_an_address_there_is_no_network() -> None:
    assert PLACES.of(None) is NOWHERE


def test_what_the_emitter_said_stays_without_an_address() -> None:
    assert PLACES.of(None, GIVEN) is GIVEN


@pytest.mark.parametrize(
    ("ip", "network", "version"),
    [
        ("192.0.2.77", "192.0.2.0/24", 4),
        ("255.255.255.255", "255.255.255.0/24", 4),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64", 6),
        ("::1", "::/64", 6),
    ],
)
def test_a_network_is_a_24_or_a_64(ip: str, network: str, version: int) -> None:
    place = PLACES.of(ip)
    assert (place.network, place.version) == (network, version)


def test_an_ipv4_address_in_ipv6_stands_where_the_ipv4_address_does() -> None:
    mapped = clean_ip("::ffff:198.51.100.7")
    assert PLACES.of(mapped) == PLACES.of("198.51.100.7")
    assert PLACES.of(mapped).version == 4


def test_the_offline_list_knows_countries() -> None:
    assert [Places().of(ip).country for ip in ("8.8.8.8", "193.0.6.139", "2001:4860:4860::8888")] == ["US", "NL", "US"]


@pytest.mark.parametrize("ip", ["10.0.0.1", "127.0.0.1", "192.0.2.1", "::1", "fe80::1", "0.0.0.0"])
def test_addresses_of_nobody_have_no_country(ip: str) -> None:
    assert Places().of(ip).country is None


def test_the_operators_word_beats_the_list() -> None:
    assert PLACES.of("198.51.7.7") == Place("198.51.7.0/24", 4, "NL", asn=64500, network_type="hosting")


def test_the_narrowest_network_counts() -> None:
    place = PLACES.of("198.51.100.8")
    assert (place.network_type, place.asn, place.country) == ("vpn", 64501, "DE")


def test_a_narrow_network_takes_nothing_over_from_the_wide_one() -> None:
    place = PLACES.of("198.51.100.7")
    assert (place.network_type, place.asn, place.country) == ("office", None, None)


def test_the_order_of_the_lines_does_not_matter() -> None:
    lines = [KnownNetwork("203.0.113.0/24", "vpn"), KnownNetwork("203.0.113.128/25", "home")]
    assert Places(lines).of("203.0.113.200") == Places(lines[::-1]).of("203.0.113.200")


def test_ipv6_networks_are_told_apart_from_ipv4_ones() -> None:
    assert (PLACES.of("2001:db8:1::1").network_type, PLACES.of("2001:db8:2::1").network_type) == ("home", "mobile")
    assert Places([KnownNetwork("::/0", "vpn")]).of("192.0.2.1").network_type is None


def test_what_the_operator_leaves_open_comes_from_the_list() -> None:
    place = PLACES.of("8.8.8.8")
    assert (place.network_type, place.country) == ("relay", "US")


def test_what_the_emitter_gave_beats_the_list() -> None:
    place = PLACES.of("8.8.8.8", GIVEN)
    assert (place.country, place.city, place.asn, place.network_type) == ("SE", "Malmö", 64999, "relay")


def test_the_operators_word_beats_what_the_emitter_gave() -> None:
    place = PLACES.of("198.51.100.8", GIVEN)
    assert (place.country, place.asn, place.network_type) == ("DE", 64501, "vpn")


def test_one_object_for_one_address() -> None:
    assert PLACES.of("192.0.2.77") is PLACES.of("192.0.2.77")


@given(st.ip_addresses())
def test_every_address_stands_in_its_own_network(address: object) -> None:
    text = clean_ip(str(address))
    place = PLACES.of(text)
    assert place.network is not None
    assert PLACES.of(place.network.partition("/")[0]).network == place.network


# Enrichment

APPS = Apps({"shop": AppPolicy("shop", trust_location=False)})


def enriched(app: str, **fields: object) -> Event:
    event = Event(EVENT_ID, NOON_US, "validate", app, **fields)  # type: ignore[arg-type]
    Enricher(PLACES, APPS).enrich([event])
    return event


def test_an_event_gets_its_place_and_agent() -> None:
    event = enriched("bank", ip="198.51.100.8", user_agent="curl/8.5.0")
    assert (event.place.country, event.agent.family) == ("DE", "curl")


def test_an_event_without_either_gets_none() -> None:
    event = enriched("bank")
    assert (event.place, event.agent) == (NOWHERE, NO_AGENT)


def test_an_apps_own_location_is_taken_by_default() -> None:
    assert enriched("bank", ip="8.8.8.8", place=GIVEN).place.city == "Malmö"


def test_an_apps_own_location_is_not_taken_where_it_is_not_trusted() -> None:
    assert enriched("shop", ip="8.8.8.8", place=GIVEN).place == Place("8.8.8.0/24", 4, "US", network_type="relay")
    assert enriched("shop", place=GIVEN).place == NOWHERE
