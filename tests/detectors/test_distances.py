from __future__ import annotations

import re
from importlib import resources

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from detectors.centroids import CENTROIDS
from detectors.distances import EARTH_RADIUS_KM, between, haversine_km
from schemas.event import Place

LATITUDE, LONGITUDE = st.floats(-90, 90), st.floats(-180, 180)

OUTLYING = {
    "Africa/Ceuta", "America/Adak", "America/Anchorage", "America/Juneau", "America/Metlakatla", "America/Nome",
    "America/Sitka", "America/Yakutat", "Antarctica/Macquarie", "Asia/Ust-Nera", "Atlantic/Azores",
    "Atlantic/Canary", "Atlantic/Madeira", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Easter",
    "Pacific/Galapagos", "Pacific/Honolulu", "Pacific/Midway",
}  # fmt: skip
"""Places far from the main part of their country."""


def exact(lat: float, lon: float, country: str | None = None) -> Place:
    return Place(country=country, lat=lat, lon=lon, precision="exact")


def cities() -> list[tuple[str, str, float, float]]:
    """Country, name and position of the cities that name the world's time zones."""
    text = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text()
    found = []
    for line in text.splitlines():
        if not line.startswith("#"):
            country, position, name = line.split("\t")[:3]
            lat, lon = re.findall(r"[+-]\d+", position)
            found.append((country, name, degrees(lat, 2), degrees(lon, 3)))
    return found


def degrees(text: str, digits: int) -> float:
    """Return ±DDMM or ±DDMMSS (three digits for longitudes) in degrees."""
    sign = -1 if text[0] == "-" else 1
    return sign * (int(text[1 : 1 + digits]) + int(text[1 + digits : 3 + digits]) / 60)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((52.52, 13.405), (48.137, 11.575), 504),
        ((52.52, 13.405), (40.713, -74.006), 6_385),
        ((35.68, 139.69), (37.77, -122.42), 8_270),
    ],
    ids=["Berlin to Munich", "Berlin to New York", "Tokyo to San Francisco"],
)
def test_known_distances(one: tuple[float, float], other: tuple[float, float], km: float) -> None:
    assert haversine_km(*one, *other) == pytest.approx(km, rel=0.005)


@for_all(LATITUDE, LONGITUDE, LATITUDE, LONGITUDE)
def test_a_distance_is_the_same_both_ways_and_at_most_half_round_the_earth(
    lat: float, lon: float, other_lat: float, other_lon: float
) -> None:
    there = haversine_km(lat, lon, other_lat, other_lon)
    assert there == pytest.approx(haversine_km(other_lat, other_lon, lat, lon))
    assert 0 <= there <= 3.1416 * EARTH_RADIUS_KM


def test_opposite_points_are_no_error() -> None:
    assert haversine_km(37.3, -12.7, -37.3, 167.3) == pytest.approx(20_015, rel=0.001)


def test_two_exact_places() -> None:
    found = between(exact(52.5, 13.4), exact(40.7, -74.0))
    assert found is not None
    assert found.exact
    assert found.km == pytest.approx(6_385, rel=0.01)


def test_coordinates_that_are_not_exact_count_as_the_country() -> None:
    vague = Place(country="DE", lat=52.5, lon=13.4)
    assert between(vague, Place(country="DE")) == (0.0, False)


def test_within_one_country_nothing_is_far() -> None:
    assert between(Place(country="US"), Place(country="US")) == (0.0, False)


def test_neighbours_may_meet_at_their_border() -> None:
    assert between(Place(country="DE"), Place(country="FR")) == (0.0, False)


def test_an_ocean_lies_between_others() -> None:
    found = between(Place(country="DE"), Place(country="US"))
    assert found is not None
    assert not found.exact
    assert 4_000 < found.km < 6_000


def test_an_exact_place_and_a_country_are_not_exact() -> None:
    found = between(exact(52.5, 13.4, "DE"), Place(country="JP"))
    assert found is not None
    assert not found.exact
    assert found.km > 6_000


def test_an_unknown_place_has_no_distance() -> None:
    assert between(Place(), Place(country="DE")) is None
    assert between(exact(1, 1), Place(country="??")) is None


def test_every_country_has_its_middle() -> None:
    text = (resources.files("tzdata") / "zoneinfo" / "iso3166.tab").read_text()
    codes = {line.split("\t")[0] for line in text.splitlines() if not line.startswith("#")}
    assert codes <= set(CENTROIDS)


def test_every_city_lies_within_reach_of_its_country() -> None:
    beyond = [
        f"{name}: {haversine_km(lat, lon, *CENTROIDS[country][:2]):.0f} km, reach {CENTROIDS[country][2]} km"
        for country, name, lat, lon in cities()
        if name not in OUTLYING and haversine_km(lat, lon, *CENTROIDS[country][:2]) > CENTROIDS[country][2] + 5
    ]
    assert beyond == []
