"""How far apart two places are, by coordinates where they are exact, else by countries."""

from __future__ import annotations

import math
from typing import NamedTuple

from detectors.centroids import CENTROIDS
from schemas.event import Place

EARTH_RADIUS_KM = 6_371.0088
"""Mean radius of the Earth (IUGG)."""


class Distance(NamedTuple):
    """How far apart two places are at least.

    Attributes:
        km: kilometres.
        exact: both places are known by coordinates rather than by their country.
    """

    km: float
    exact: bool


def between(one: Place, other: Place) -> Distance | None:
    """Return the least distance between two places; None where one of them is unknown.

    A place known by its country alone may lie anywhere in it: the reach of the country is taken off, and within
    one country the distance is 0.
    """
    here, there = _position(one), _position(other)
    if here is not None and there is not None:
        return Distance(haversine_km(*here, *there), exact=True)
    if one.country is not None and one.country == other.country:
        return Distance(0.0, exact=False)
    rough_here, rough_there = _rough(one), _rough(other)
    if rough_here is None or rough_there is None:
        return None
    (lat, lon, reach), (other_lat, other_lon, other_reach) = rough_here, rough_there
    return Distance(max(0.0, haversine_km(lat, lon, other_lat, other_lon) - reach - other_reach), exact=False)


def haversine_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the great-circle distance of two points in degrees, in kilometres.

    The haversine formula, as in R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984): exact for
    near points, where the law of cosines is not.
    """
    phi, other_phi = math.radians(lat), math.radians(other_lat)
    half_lat = math.sin((other_phi - phi) / 2)
    half_lon = math.sin(math.radians(other_lon - lon) / 2)
    chord = half_lat * half_lat + math.cos(phi) * math.cos(other_phi) * half_lon * half_lon
    # Rounding may carry the chord of opposite points past 1.
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))


def _position(place: Place) -> tuple[float, float] | None:
    if place.precision != "exact" or place.lat is None or place.lon is None:
        return None
    return place.lat, place.lon


def _rough(place: Place) -> tuple[float, float, int] | None:
    position = _position(place)
    if position is not None:
        return (*position, 0)
    return CENTROIDS.get(place.country) if place.country is not None else None
