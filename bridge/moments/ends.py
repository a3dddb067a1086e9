"""When a moment ends, as people write it: `1h`, `7d`, `2 weeks`, `2026-12-24`, `2026-12-24 18:00`, `never`. Pure."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.contacts.model import folded
from bridge.errors import UserError

MIN_MS = 60_000
MAX_MS = 10 * 366 * 86_400_000
_UNITS = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "分钟", "分"), 60_000),
    **dict.fromkeys(("h", "hour", "hours", "小时", "个小时"), 3_600_000),
    **dict.fromkeys(("d", "day", "days", "天", "日"), 86_400_000),
    **dict.fromkeys(("w", "week", "weeks", "周", "星期", "个星期"), 7 * 86_400_000),
}
_NEVER = frozenset(("never", "off", "no", "永不", "不", "不过期"))
_SPAN = re.compile(r"(?:in |after )?(?P<count>\d{1,4}) ?(?P<unit>[^\d\s]{1,8})(?:后|之后)?", re.ASCII)
_DATE = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?: (?P<hour>\d{1,2})[:.](?P<minute>\d{2}))?", re.ASCII
)


def parse_end(text: str, now: int, time_zone: str) -> int | None:
    """When it ends, ms, seen from `now` (ms) in this zone; None: never. A date without a time means until the end of
    that day.

    Raises:
        UserError: it is no such time, or too soon or too far ahead.
    """
    plain = folded(text)
    if plain in _NEVER:
        return None
    at = _span(plain, now)
    if at is None:
        at = _date(plain, ZoneInfo(time_zone))
    if at is None:
        raise UserError("expire-when")
    if at < now + MIN_MS:
        raise UserError("expire-too-soon")
    if at > now + MAX_MS:
        raise UserError("expire-too-far")
    return at


def _span(plain: str, now: int) -> int | None:
    found = _SPAN.fullmatch(plain)
    unit = None if found is None else _UNITS.get(found["unit"].removesuffix("之后").removesuffix("后"))
    return None if found is None or unit is None else now + int(found["count"]) * unit


def _date(plain: str, zone: ZoneInfo) -> int | None:
    found = _DATE.fullmatch(plain)
    if found is None:
        return None
    try:
        day = datetime(int(found["year"]), int(found["month"]), int(found["day"]), tzinfo=zone)
        if found["hour"] is None:
            at = day + timedelta(days=1)
        else:
            at = day.replace(hour=int(found["hour"]), minute=int(found["minute"]))
        return round(at.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
