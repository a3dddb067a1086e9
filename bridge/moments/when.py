"""Times as people write them: `18:00`, `fri 6pm`, `2026-01-31 18:00`, `in 2 hours`, `明天 9:00`. Pure."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.contacts.model import folded

_DAYS = {
    **dict.fromkeys(("today", "tonight", "今天"), 0),
    **dict.fromkeys(("tomorrow", "明天"), 1),
    **dict.fromkeys(("后天",), 2),
}
_PARTS = {"今早": (0, "早上"), "今晚": (0, "晚上"), "明早": (1, "早上"), "明晚": (1, "晚上")}
"""A day and a part of it in one word."""
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
    r"(?P<half>凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|半夜)?"
    r"(?P<hour>\d{1,2})(?:点(?:(?P<minute>\d{1,2})分?|(?P<thirty>半))?|[:：](?P<colon>\d{2}))"
)
_NAMED = {"noon": (12, 0), "midnight": (24, 0), "中午": (12, 0), "正午": (12, 0), "半夜": (24, 0), "午夜": (24, 0)}
_DATE = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII)
_IN = re.compile(r"in (?P<count>\d{1,4}) ?(?P<unit>[a-z]+)", re.ASCII)
_CHINESE_IN = re.compile(r"(?P<count>\d{1,4}) ?(?P<unit>[^\d\s]{1,3})[以之]?后")
_HALF_AN_HOUR = re.compile(r"in half an hour|半(?:个)?小时[以之]?后")
_AN_HOUR = re.compile(r"in an hour|一(?:个)?小时[以之]?后")
_AFTERNOON = frozenset(("pm", "下午", "傍晚", "晚上"))
_NIGHT = frozenset(("夜里", "半夜"))
_HINT = re.compile(r"\d|in \d", re.ASCII)
_GLUED = tuple(word for word in (*_DAYS, *_PARTS, *_WEEKDAYS, "上午", "早上", "下午", "晚上") if not word.isascii())
_ALIKE = frozenset(("in", "this", "next", "half", "quarter", "every", "yesterday", "tonight"))
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
    return (first in _DAYS and first != "tonight") or first in _WEEKDAYS or plain.startswith(_GLUED)


def may_be_time(text: str, now: int, time_zone: str) -> bool:
    """Whether a text that stands alone before a | is a time, or may be meant for one."""
    plain = folded(text)
    if looks_like_time(plain) or plain.split(" ")[0] in _ALIKE or plain.startswith(("昨", "前天")):
        return True
    try:
        parse_when(plain, now, time_zone, past=True)
    except WhenError:
        return False
    return True


def parse_when(text: str, now: int, time_zone: str, *, past: bool = False) -> int:
    """The next time, ms, that `text` names in this zone, seen from `now` (ms). It is later than `now`, unless it may be
    `past`.

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
    if _HALF_AN_HOUR.fullmatch(plain) or _AN_HOUR.fullmatch(plain):
        return now + _UNITS["h"] // (2 if _HALF_AN_HOUR.fullmatch(plain) else 1)
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
    if at <= now and not past:
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
    for word, (ahead, part) in _PARTS.items():
        if plain.startswith(word):
            return today + timedelta(days=ahead), part + plain[len(word) :].strip()
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
    """Hour and minute; hour 24 is the end of the day."""
    text = text.strip().removeprefix("at ").strip()
    if text in _NAMED:
        return _NAMED[text]
    found = _CLOCK.fullmatch(text)
    if found is not None and (found["minute"] is not None or found["half"] is not None):
        minute = int(found["minute"] or 0)
    else:
        found = _CHINESE_CLOCK.fullmatch(text)
        if found is None:
            raise WhenError("when-unknown")
        minute = 30 if found["thirty"] else int(found["minute"] or found["colon"] or 0)
    hour, half = int(found["hour"]), found["half"]
    if half is not None:
        hour = _of_half(half, hour)
    if hour > 24 or minute > 59 or (hour == 24 and half is None):
        raise WhenError("when-unknown")
    return hour, minute


def _of_half(half: str, hour: int) -> int:
    """The hour of the day that an hour of a part of it means: `8 pm`, `中午1点`."""
    if not 1 <= hour <= 12:
        raise WhenError("when-unknown")
    if half == "中午":
        return hour if hour >= 10 else hour + 12
    if half in _NIGHT:
        return hour if hour < 6 else 24 if hour == 12 else hour + 12
    if half == "晚上" and hour == 12:
        return 24
    return hour % 12 + (12 if half in _AFTERNOON else 0)


def _moment(day: date, hour: int, minute: int, zone: ZoneInfo) -> int:
    """ms of a local time. One that a change of clocks skips is as long after midnight as it says; of two, the first."""
    try:
        if hour == 24:
            day, hour = day + timedelta(days=1), 0
        at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
        return round(at.astimezone(UTC).timestamp() * 1000)
    except (OverflowError, ValueError):
        raise WhenError("when-unknown") from None
