"""Places (M14): where something was, about a kilometre wide unless its author wants it exact. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_URI = 200
"""Characters that are looked at as a geo URI."""
_NUMBER = r"[+-]?\d{1,3}(?:\.\d{1,20})?"
_GEO = re.compile(
    rf"geo:(?P<latitude>{_NUMBER}),(?P<longitude>{_NUMBER})(?:,[+-]?\d{{1,6}}(?:\.\d{{1,20}})?)?(?P<rest>(?:;[^\s;|｜]*)*)",
    re.IGNORECASE | re.ASCII,
)
_COARSE, _EXACT = 2, 5
"""Decimals of a degree: about a kilometre, and about a metre."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point in degrees (WGS 84)."""

    latitude: float
    longitude: float
    exact: bool = False

    @property
    def shown(self) -> "Place":
        """What others get: on a grid, so that many posts from one place tell no more than one."""
        decimals = _EXACT if self.exact else _COARSE
        return Place(round(self.latitude, decimals) + 0.0, round(self.longitude, decimals) + 0.0, self.exact)

    @property
    def texts(self) -> Mapping[str, str]:
        """Latitude and longitude as they are written."""
        decimals = _EXACT if self.exact else _COARSE
        return {"latitude": f"{self.latitude:.{decimals}f}", "longitude": f"{self.longitude:.{decimals}f}"}

    @property
    def uri(self) -> str:
        """As a geo URI (RFC 5870), with how uncertain it is in metres where it is coarse."""
        uncertain = "" if self.exact else ";u=1000"
        return f"geo:{self.texts['latitude']},{self.texts['longitude']}{uncertain}"

    def to_json(self) -> dict[str, Any]:
        return {"latitude": self.latitude, "longitude": self.longitude, "exact": self.exact}

    @staticmethod
    def of_json(value: Mapping[str, Any]) -> "Place":
        return Place(value["latitude"], value["longitude"], value["exact"])


def parse_geo(text: str, *, exact: bool = False) -> Place | None:
    """The place that a geo URI (RFC 5870) names; None: it is none. How exact the URI itself is does not count."""
    found = _GEO.fullmatch(text[: MAX_URI + 1].strip())
    if found is None or len(text) > MAX_URI:
        return None
    system = re.search(r";crs=([^;]*)", found["rest"], re.IGNORECASE)
    if system is not None and system[1].casefold() != "wgs84":
        return None
    latitude, longitude = float(found["latitude"]), float(found["longitude"])
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Place(latitude, longitude, exact)
