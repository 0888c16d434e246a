"""MMDB files of the operator: what they say, what they do not decide, and that a new one is taken up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter  # type: ignore[import-untyped]
from netaddr import IPSet

from ingest.enrich import Enricher
from ingest.geo_files import Facts, GeoFileError, GeoFiles
from ingest.places import KnownNetwork, Places
from schemas.app import Apps
from schemas.event import Event, Place
from tests.ingest.wire import EVENT_ID, NOON_US

MALMO = {
    "country": {"iso_code": "SE"},
    "subdivisions": [{"iso_code": "M", "names": {"en": "Skåne County"}}],
    "city": {"names": {"en": "Malmo", "sv": "Malmö"}},
    "location": {"latitude": 55.6, "longitude": 13.0, "accuracy_radius": 20, "time_zone": "Europe/Stockholm"},
}
TELIA = {"autonomous_system_number": 3301, "autonomous_system_organization": "Telia Company AB"}


def write(path: Path, networks: Mapping[str, Mapping[str, Any]], version: int = 6) -> Path:
    """Write an MMDB file beside its place and put it there by renaming, as update tools do."""
    writer = MMDBWriter(ip_version=version, ipv4_compatible=version == 6)
    for network, facts in networks.items():
        writer.insert_network(IPSet([network]), dict(facts))
    beside = path.with_suffix(".new")
    writer.to_db_file(str(beside))
    return beside.replace(path)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return write(tmp_path / "city.mmdb", {"192.0.2.0/24": MALMO, "2001:db8::/32": MALMO})


@pytest.fixture
def systems(tmp_path: Path) -> Path:
    return write(tmp_path / "asn.mmdb", {"192.0.2.0/24": TELIA})


def test_each_file_adds_what_it_knows(city: Path, systems: Path) -> None:
    files = GeoFiles([city, systems])
    assert files.of("192.0.2.7") == Facts("SE", "M", "Malmo", 55.6, 13.0, 3301)
    assert files.of("2001:db8::7") == Facts("SE", "M", "Malmo", 55.6, 13.0)
    assert files.of("203.0.113.7") == Facts()


def test_of_two_that_know_a_fact_the_first_counts(city: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.mmdb", {"192.0.2.0/24": {"country": {"iso_code": "NO"}, **TELIA}})
    assert GeoFiles([other, city]).of("192.0.2.7").country == "NO"
    assert GeoFiles([city, other]).of("192.0.2.7").country == "SE"


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"is_anonymous_vpn": True, "is_hosting_provider": True}, "vpn"),
        ({"is_tor_exit_node": True}, "hosting"),
        ({"is_public_proxy": True}, "hosting"),
        ({"connection_type": "Cellular"}, "mobile"),
        ({"connection_type": "Cable/DSL"}, None),
        ({"traits": {"user_type": "residential"}}, "home"),
        ({"traits": {"user_type": "traveler"}}, None),
    ],
)
def test_kinds_of_network(tmp_path: Path, record: Mapping[str, Any], kind: str | None) -> None:
    files = GeoFiles([write(tmp_path / "kind.mmdb", {"192.0.2.0/24": record})])
    assert files.of("192.0.2.7").network_type == kind


@pytest.mark.parametrize(
    "location",
    [
        {"latitude": 62.0, "longitude": 15.0, "accuracy_radius": 1000},
        {"latitude": 55.6},
        {"latitude": 155.6, "longitude": 13.0, "accuracy_radius": 5},
    ],
)
def test_a_vague_or_impossible_position_is_none(tmp_path: Path, location: Mapping[str, Any]) -> None:
    files = GeoFiles([write(tmp_path / "vague.mmdb", {"192.0.2.0/24": {**MALMO, "location": location}})])
    assert files.of("192.0.2.7") == Facts("SE")


def test_a_record_of_another_layout_says_nothing_and_the_next_file_is_asked(tmp_path: Path, city: Path) -> None:
    odd = write(tmp_path / "odd.mmdb", {"192.0.2.0/24": {"country": "Sweden"}})
    assert GeoFiles([odd, city]).of("192.0.2.7").city == "Malmo"


def test_an_ipv6_address_is_not_in_a_file_of_ipv4(tmp_path: Path) -> None:
    old = write(tmp_path / "old.mmdb", {"192.0.2.0/24": TELIA}, version=4)
    assert GeoFiles([old]).of("2001:db8::7") == Facts()
    assert GeoFiles([old]).of("192.0.2.7").asn == 3301


@pytest.mark.parametrize("content", [None, b"", b"no such thing" * 99])
def test_what_is_no_mmdb_file_is_refused_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "wrong.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GeoFileError, match=r"^\S*wrong\.mmdb: [^\n]+$"):
        GeoFiles([path])


def test_a_new_file_is_taken_up(city: Path) -> None:
    files = GeoFiles([city])
    assert not files.reopen()
    write(city, {"192.0.2.0/24": {"country": {"iso_code": "DK"}}})
    assert files.reopen()
    assert files.of("192.0.2.7") == Facts("DK")


def test_a_file_that_has_become_unreadable_leaves_the_one_before(city: Path) -> None:
    files = GeoFiles([city])
    city.unlink()
    assert not files.reopen()
    assert files.of("192.0.2.7").country == "SE"


# Places


def test_the_operators_word_wins_over_the_file_and_keeps_its_position_out(city: Path, systems: Path) -> None:
    known = [KnownNetwork("192.0.2.0/25", "office", 64500), KnownNetwork("192.0.2.128/25", country="DE")]
    places = Places(known, GeoFiles([city, systems]))
    office = places.of("192.0.2.7")
    assert (office.country, office.city, office.asn, office.network_type) == ("SE", "Malmo", 64500, "office")
    elsewhere = places.of("192.0.2.200")
    assert (elsewhere.country, elsewhere.city, elsewhere.lat, elsewhere.asn) == ("DE", None, None, 3301)


def test_the_emitters_word_wins_over_the_file(city: Path) -> None:
    given = Place(country="SE", city="Lund", lat=55.7, lon=13.2, precision="exact")
    assert Places((), GeoFiles([city])).of("192.0.2.7", given).city == "Lund"


def test_an_events_position_from_a_file_is_exact(city: Path) -> None:
    event = Event(EVENT_ID, NOON_US, "validate", "bank", ip="192.0.2.7")
    Enricher(Places((), GeoFiles([city])), Apps()).enrich([event])
    assert (event.place.lat, event.place.lon, event.place.precision) == (55.6, 13.0, "exact")
    assert event.place.network == "192.0.2.0/24"


def test_a_changed_file_counts_for_addresses_that_were_looked_up_before(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.geo_files.LOOK_S", 0.0)
    enricher = Enricher(Places((), GeoFiles([city])), Apps())
    before, after = (Event(EVENT_ID, NOON_US, "validate", "bank", ip="192.0.2.7") for _ in range(2))
    enricher.enrich([before])
    write(city, {"192.0.2.0/24": {"country": {"iso_code": "DK"}}})
    enricher.enrich([after])
    assert (before.place.country, after.place.country) == ("SE", "DK")
