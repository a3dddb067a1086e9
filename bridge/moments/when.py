"""Times as people write them: `18:00`, `fri 6pm`, `2026-01-31 18:00`, `in 2 hours`, `明天 9:00`. Pure."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.contacts.model import folded

_DAYS = {
    **dict.fromkeys(("today", "今天"), 0),
    **dict.fromkeys(("tomorrow", "明天"), 1),
    **dict.fromkeys(("后天",), 2),
}
_WEEKDAYS = {
    **{name: day for day, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))},
    **{
        name: day
        for day, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
    },
    **{f"{week}{name}": day for week in ("周", "星期") for day, name in enumerate("一二三四五六日")},
    **{f"{week}天": 6 for week in ("周", "星期")},
}
_UNITS = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "分钟", "分"), 60_000),
    **dict.fromkeys(("h", "hour", "hours", "小时", "个小时"), 3_600_000),
    **dict.fromkeys(("d", "day", "days", "天"), 86_400_000),
}
_CLOCK = re.compile(r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?\s?(?P<half>am|pm)?", re.ASCII)
_CHINESE_CLOCK = re.compile(
    r"(?P<half>上午|早上|下午|晚上)?(?P<hour>\d{1,2})点(?:(?P<minute>\d{1,2})分?|(?P<thirty>半))?"
)
_DATE = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII)
_IN = re.compile(r"in (?P<count>\d{1,4}) ?(?P<unit>[a-z]+)", re.ASCII)
_CHINESE_IN = re.compile(r"(?P<count>\d{1,4}) ?(?P<unit>[^\d\s]{1,3})[以之]?后")
_AFTERNOON = frozenset(("pm", "下午", "晚上"))
_HINT = re.compile(r"\d|in \d", re.ASCII)
_GLUED = tuple(word for word in (*_DAYS, *_WEEKDAYS, "上午", "早上", "下午", "晚上") if not word.isascii())
MAX_WHEN = 60
"""Characters that are looked at as a time."""


class WhenError(Exception):
    """It is no time, or none that is still to come. `message_id` names the text that says why."""

    def __init__(self, message_id: str) -> None:
        super().__init__(message_id)
        self.message_id = message_id


def looks_like_time(text: str) -> bool:
    """Whether a text begins like a time: with a digit, a day, or `in` and a number."""
    plain = folded(text[:MAX_WHEN])
    if _HINT.match(plain):
        return True
    first = plain.split(" ")[0].rstrip(",，:：")
    return first in _DAYS or first in _WEEKDAYS or plain.startswith(_GLUED)


def parse_when(text: str, now: int, time_zone: str) -> int:
    """The next time, ms, that `text` names in this zone, seen from `now` (ms). It is later than `now`.

    Raises:
        WhenError: `when-unknown` or `when-past`.
    """
    plain = folded(text).removesuffix(".")
    if not plain or len(plain) > MAX_WHEN:
        raise WhenError("when-unknown")
    span = _IN.fullmatch(plain) or _CHINESE_IN.fullmatch(plain)
    if span is not None:
        unit = _UNITS.get(span["unit"])
        if unit is None or int(span["count"]) == 0:
            raise WhenError("when-unknown")
        return now + int(span["count"]) * unit
    zone = ZoneInfo(time_zone)
    here = datetime.fromtimestamp(now / 1000, zone)
    day, rest = _day(plain, here.date())
    hour, minute = _clock(rest)
    repeats = day is None or plain.split(" ")[0].rstrip(",，") in _WEEKDAYS or _glued_weekday(plain)
    at = _moment(here.date() if day is None else day, hour, minute, zone)
    if at <= now and repeats:
        # A bare time means its next one, a weekday that of next week.
        at = _moment(
            (here.date() if day is None else day) + timedelta(days=1 if day is None else 7), hour, minute, zone
        )
    if at <= now:
        raise WhenError("when-past")
    return at


def _day(plain: str, today: date) -> tuple[date | None, str]:
    """The day that it begins with, and what follows; None: it names none."""
    first, _, rest = plain.partition(" ")
    first = first.rstrip(",，")
    found = _DATE.fullmatch(first)
    if found is not None:
        try:
            return date(int(found["year"]), int(found["month"]), int(found["day"])), rest
        except ValueError:
            raise WhenError("when-unknown") from None
    for word, ahead in _DAYS.items():
        if first == word or (not word.isascii() and plain.startswith(word)):
            return today + timedelta(days=ahead), rest if first == word else plain[len(word) :]
    weekday = _WEEKDAYS.get(first)
    if weekday is None and (glued := _glued_weekday(plain)):
        weekday, rest = _WEEKDAYS[glued], plain[len(glued) :]
    if weekday is not None:
        return today + timedelta(days=(weekday - today.weekday()) % 7), rest
    return None, plain


def _glued_weekday(plain: str) -> str:
    """The Chinese weekday that a text begins with, without a space behind it; "" when it does not."""
    return next((word for word in _WEEKDAYS if not word.isascii() and plain.startswith(word)), "")


def _clock(text: str) -> tuple[int, int]:
    text = text.strip().removeprefix("at ").strip()
    found = _CLOCK.fullmatch(text)
    if found is not None and (found["minute"] is not None or found["half"] is not None):
        minute = int(found["minute"] or 0)
    else:
        found = _CHINESE_CLOCK.fullmatch(text)
        if found is None:
            raise WhenError("when-unknown")
        minute = 30 if found["thirty"] else int(found["minute"] or 0)
    hour, half = int(found["hour"]), found["half"]
    if half is not None:
        if not 1 <= hour <= 12:
            raise WhenError("when-unknown")
        hour = hour % 12 + (12 if half in _AFTERNOON else 0)
    if hour > 23 or minute > 59:
        raise WhenError("when-unknown")
    return hour, minute


def _moment(day: date, hour: int, minute: int, zone: ZoneInfo) -> int:
    """ms of a local time. One that a change of clocks skips is as long after midnight as it says; of two, the first."""
    try:
        return round(
            datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC).timestamp() * 1000
        )
    except (OverflowError, ValueError):
        raise WhenError("when-unknown") from None
