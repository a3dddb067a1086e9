"""M2, M12, M16: how a post is written. No text is ever published that was meant for fewer people, later, or hidden."""

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import UserError
from bridge.ids import UserId
from bridge.moments.audience import AudienceError, Said, parse_audience
from bridge.moments.compose import Composed, parse_post
from bridge.moments.place import Place
from bridge.moments.when import WhenError, looks_like_time, parse_when
from bridge.privacy import Audience

NOON = int(datetime(2026, 11, 25, 12, 0, tzinfo=UTC).timestamp() * 1000)
"""A Wednesday."""
HOUR, DAY = 3_600_000, 86_400_000
BOB = Said(Audience.PEOPLE, (UserId("@bob:x.org"),))
PRIVATE = Said(Audience.PRIVATE)


def at(*parts: int, zone: str = "UTC") -> int:
    return int(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp() * 1000)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "composed"),
    [
        ("Hello", Composed("Hello")),
        ("", Composed("")),
        ("to @bob:x.org | Hi", Composed("Hi", BOB)),
        ("to private\nHi | there", Composed("Hi | there", PRIVATE)),
        ("cw Spiders | Look", Composed("Look", warning="Spiders")),
        ("CW:  Big   Spiders\nLook", Composed("Look", warning="Big Spiders")),
        ("预警 蜘蛛｜看", Composed("看", warning="蜘蛛")),
        ("at 18:00 | Dinner", Composed("Dinner", at=NOON + 6 * HOUR)),
        ("定时 明天9点 | 早", Composed("早", at=NOON + 21 * HOUR)),
        ("to private | cw X | at in 2 hours | Y", Composed("Y", PRIVATE, "X", NOON + 2 * HOUR)),
        ("at in 2 hours | cw X | to private | Y", Composed("Y", PRIVATE, "X", NOON + 2 * HOUR)),
        ("cw X | cw Y | Z", Composed("cw Y | Z", warning="X")),
        ("to private | to friends | Z", Composed("to friends | Z", PRIVATE)),
        ("poll Yes / No | Shall we?", Composed("Shall we?", poll=("Yes", "No"))),
        ("投票 去／不去｜走吗", Composed("走吗", poll=("去", "不去"))),
        ("expire 24h | X", Composed("X", expires="24h")),
        ("到期 7天 | X", Composed("X", expires="7天")),
        ("expire never | X", Composed("X")),
        ("responses nobody | X", Composed("X", responses="nobody")),
        ("responses #Family | X", Composed("X", responses="#Family")),
        ("回应 所有人 | X", Composed("X", responses="all")),
        ("geo:47.5,8.25;u=3 | X", Composed("X", place=Place(47.5, 8.25))),
        ("geo:47.5,8.25 exact | X", Composed("X", place=Place(47.5, 8.25, exact=True))),
        ("geo:47.5,8.25", Composed("", place=Place(47.5, 8.25))),
        (
            "poll a / b | cw C | to private | geo:1,2 | X",
            Composed("X", PRIVATE, "C", None, ("a", "b"), place=Place(1, 2)),
        ),
        ("polls / and | more", Composed("polls / and | more")),
        ("poll results | at last", Composed("poll results | at last")),
        ("geology | rocks", Composed("geology | rocks")),
        ("alt A lake | X", Composed("alt A lake | X")),
        ("at noon | Lunch", Composed("Lunch", at=NOON + 24 * HOUR)),
        ("at midnight | Now", Composed("Now", at=NOON + 12 * HOUR)),
        ("at in half an hour | Lunch", Composed("Lunch", at=NOON + HOUR // 2)),
        ("定时 明天中午12点 | 饭", Composed("饭", at=NOON + 24 * HOUR)),
        ("定时 今晚8:30 | 饭", Composed("饭", at=NOON + 8 * HOUR + HOUR // 2)),
        ("定时 晚上12点 | 睡", Composed("睡", at=NOON + 12 * HOUR)),
        ("定时 晚上12点半 | 睡", Composed("睡", at=NOON + 12 * HOUR + HOUR // 2)),
        ("定时 凌晨1点 | 睡", Composed("睡", at=NOON + 13 * HOUR)),
        ("定时 半小时后 | 饭", Composed("饭", at=NOON + HOUR // 2)),
        ("expire dates are silly | really", Composed("expire dates are silly | really")),
        ("responses were kind | truly", Composed("responses were kind | truly")),
        ("到期的牛奶 | 扔了", Composed("到期的牛奶 | 扔了")),
        ("at noon we met | again", Composed("at noon we met | again")),
        ("at next door\nthere was a party", Composed("at next door\nthere was a party")),
        ("定时炸弹 | 拆了", Composed("定时炸弹 | 拆了")),
        ("at home we say | hello", Composed("at home we say | hello")),
        ("attention | please", Composed("attention | please")),
        ("cwm is a valley", Composed("cwm is a valley")),
    ],
)
def test_what_is_understood(text: str, composed: Composed) -> None:
    assert parse_post(text, NOON, "UTC") == composed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cw Spiders", "warning-no-separator"),
        ("cw", "warning-no-separator"),
        ("cw | Look", "warning-empty"),
        ("cw " + "x" * 201 + "| Look", "warning-too-long"),
        ("at 18:00 Dinner", "when-no-separator"),
        ("at 25:00 | Dinner", "when-unknown"),
        ("at 2020-01-01 10:00 | Dinner", "when-past"),
        ("at tomorrow | Dinner", "when-unknown"),
        ("at yesterday | Dinner", "when-unknown"),
        ("expire tomorrow | X", "expire-when"),
        ("expire tomorrow\nX", "expire-when"),
        ("expire in an hour | X", "expire-when"),
        ("expire on friday | X", "expire-when"),
        ("到期 明天 | X", "expire-when"),
        ("responses friends | X", "responses-who"),
        ("回应 朋友们 | X", "responses-who"),
        ("poll Yes, No | Shall we?", "poll-answers"),
        ("poll Yes or No | Shall we?", "poll-answers"),
        ("投票 去、不去 | 走吗", "poll-answers"),
        ("at next week | Dinner", "when-unknown"),
        ("at tonight | Dinner", "when-unknown"),
        ("定时 昨天 | 饭", "when-unknown"),
        ("定时 过一会儿 | 饭", "when-unknown"),
        ("定时昨天 | 饭", "when-unknown"),
        ("cw X | private | Secret", "audience-without-to"),
        ("cw X | to | Secret", "audience-missing"),
        ("at 18:00 | to nobody | Secret", "audience-unknown"),
        ("to friends", "audience-no-separator"),
        ("poll Yes / No", "poll-no-separator"),
        ("poll Yes / | X", "poll-answers"),
        ("poll Yes / yes | X", "poll-answer-twice"),
        ("expire 24h", "expire-no-separator"),
        ("expire 3 moons | X", "expire-when"),
        ("responses nobody", "responses-no-separator"),
        ("geo:91,0 | X", "place-unknown"),
        ("geo:1,2 or so | X", "place-unknown"),
        ("poll a / b | private | Secret", "audience-without-to"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(UserError) as error:
        parse_post(text, NOON, "UTC")
    assert error.value.message_id == why


_anything = st.text(st.one_of(st.characters(), st.sampled_from("|｜\n #@:to cw at18/poll expire geo:,")), max_size=60)


@given(_anything)
def test_anything_at_all_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(UserError):
        parse_post(text, NOON, "Asia/Shanghai")


_spaces = st.sampled_from(["", " ", "  "])
_bars = st.sampled_from(["|", " | ", "\n", "｜", " |\n"])
_audiences = st.sampled_from(["private", "@bob:x.org", "#family", "friends except @bob:x.org", "me", "私密"])
_bodies = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20).filter(
    lambda text: text.isalnum()
)


_HEADS = {
    "cw": "cw A warning",
    "at": "at in 3 hours",
    "poll": "poll Yes / No",
    "expire": "expire 2d",
    "responses": "responses #in",
    "geo": "geo:1.5,2.5",
}


@given(st.permutations(["to", *_HEADS]), st.data(), _audiences, _bodies)
def test_heads_in_any_order_mean_the_same(order: list[str], data: st.DataObject, audience: str, body: str) -> None:
    said = {"to": f"to {audience}", **_HEADS}
    chosen = order[: data.draw(st.integers(0, len(order)))]
    text = "".join(f"{said[head]}{data.draw(_bars)}{data.draw(_spaces)}" for head in chosen) + body
    composed = parse_post(text, NOON, "UTC")
    assert composed.to == (parse_audience(audience) if "to" in chosen else None)
    assert composed.warning == ("A warning" if "cw" in chosen else None)
    assert composed.at == (NOON + 3 * HOUR if "at" in chosen else None)
    assert composed.poll == (("Yes", "No") if "poll" in chosen else ())
    assert composed.expires == ("2d" if "expire" in chosen else None)
    assert composed.responses == ("#in" if "responses" in chosen else None)
    assert composed.place == (Place(1.5, 2.5) if "geo" in chosen else None)
    assert composed.text == body


@given(st.permutations(["to", *_HEADS]), _audiences, _anything, st.integers(0, len(_HEADS)))
def test_what_names_an_audience_never_loses_it(order: list[str], audience: str, rest: str, before: int) -> None:
    """However it is spaced and whatever follows: with `to AUDIENCE |` in it as a head, it goes to that, or nowhere."""
    heads = [_HEADS[head] for head in order if head != "to"][:before]
    text = "|".join([*heads, f"to {audience}", rest])
    try:
        composed = parse_post(text, NOON, "UTC")
    except (UserError, AudienceError):
        return
    assert composed.to == parse_audience(audience)


def test_what_a_picture_shows() -> None:
    assert parse_post("alt A lake\nMorning", NOON, "UTC", picture=True) == Composed("Morning", alt="A lake")
    assert parse_post("cw X | alt A lake", NOON, "UTC", picture=True) == Composed("", warning="X", alt="A lake")
    assert parse_post("altogether new", NOON, "UTC", picture=True) == Composed("altogether new")


# --- times ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("18:00", at(2026, 11, 25, 18, 0)),
        ("9:05", at(2026, 11, 26, 9, 5)),
        ("12:00", at(2026, 11, 26, 12, 0)),
        ("6pm", at(2026, 11, 25, 18, 0)),
        ("12am", at(2026, 11, 26, 0, 0)),
        ("12 pm", at(2026, 11, 26, 12, 0)),
        ("today 23:59", at(2026, 11, 25, 23, 59)),
        ("tomorrow 0:00", at(2026, 11, 26, 0, 0)),
        ("Friday at 18.30", at(2026, 11, 27, 18, 30)),
        ("wed 18:00", at(2026, 11, 25, 18, 0)),
        ("wed 11:00", at(2026, 12, 2, 11, 0)),
        ("2026-12-31 23:00", at(2026, 12, 31, 23, 0)),
        ("in 2 hours", NOON + 2 * HOUR),
        ("in 90min", NOON + 90 * 60_000),
        ("in 3 days", NOON + 3 * DAY),
        ("明天 9:00", at(2026, 11, 26, 9, 0)),
        ("明天9点半", at(2026, 11, 26, 9, 30)),
        ("周五下午6点", at(2026, 11, 27, 18, 0)),
        ("星期日 8:00", at(2026, 11, 29, 8, 0)),
        ("两点", None),
        ("2小时后", NOON + 2 * HOUR),
        ("1８:00", at(2026, 11, 25, 18, 0)),
        ("25:00", None),
        ("18:60", None),
        ("13pm", None),
        ("6", None),
        ("", None),
        ("tomorrow", None),
        ("2026-02-30 10:00", None),
        ("in 0 hours", None),
        ("in 3 apples", None),
        ("x" * 61, None),
    ],
)
def test_times(text: str, when: int | None) -> None:
    if when is None:
        with pytest.raises(WhenError):
            parse_when(text, NOON, "UTC")
    else:
        assert parse_when(text, NOON, "UTC") == when
        assert looks_like_time(text)


def test_times_are_those_of_the_persons_zone() -> None:
    assert parse_when("18:00", NOON, "Europe/Berlin") == NOON + 5 * HOUR
    assert parse_when("18:00", NOON, "Asia/Shanghai") == NOON + 22 * HOUR


def test_a_change_of_clocks() -> None:
    night = at(2026, 3, 28, 20, 0, zone="Europe/Berlin")
    # 2:30 does not exist that night; it is half an hour after 2:00, which is 3:00 already.
    assert parse_when("2:30", night, "Europe/Berlin") == at(2026, 3, 29, 3, 30, zone="Europe/Berlin")
    assert parse_when("3:30", night, "Europe/Berlin") == at(2026, 3, 29, 3, 30, zone="Europe/Berlin")


@given(st.text(max_size=30), st.sampled_from(["UTC", "Asia/Shanghai", "America/St_Johns"]), st.integers(0, 2**42))
def test_a_time_is_always_to_come(text: str, zone: str, now: int) -> None:
    with contextlib.suppress(WhenError):
        assert parse_when(text, now, zone) > now


@given(
    st.integers(0, 23), st.integers(0, 59), st.sampled_from(["", "tomorrow ", "fri ", "周五"]), st.integers(0, 2**42)
)
def test_a_clock_time_comes_within_a_week(hour: int, minute: int, day: str, now: int) -> None:
    when = parse_when(f"{day}{hour}:{minute:02}", now, "UTC")
    assert now < when <= now + 7 * DAY
    found = datetime.fromtimestamp(when / 1000, UTC)
    assert (found.hour, found.minute) == (hour, minute)
