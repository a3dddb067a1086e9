"""How much of what nobody waits for is in work beside answers."""

from __future__ import annotations

import pytest

from bridge.delivery.manners import Manners


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_while_nobody_is_answered_there_is_room_for_all(clock: Clock) -> None:
    manners = Manners(lambda: False, clock)
    assert manners.room(0) == manners.room(100) == 128
    assert manners.together() == 64


@pytest.mark.parametrize(("takes_s", "rooms"), [(0.001, 6), (0.05, 75), (5.0, 128)])
def test_beside_an_answer_as_much_is_in_work_as_keeps_the_homeserver_busy(
    clock: Clock, takes_s: float, rooms: int
) -> None:
    manners = Manners(lambda: False, clock)
    for _ in range(200):
        manners.took(takes_s)
    manners.answering()
    assert manners.room(0) == rooms
    assert manners.room(rooms - 2) == 2
    assert manners.room(rooms + 9) == 0
    assert manners.together() == 8


def test_one_slow_event_among_many_does_not_make_a_homeserver_far(clock: Clock) -> None:
    manners = Manners(lambda: False, clock)
    for number in range(200):
        manners.took(1.0 if number % 2 else 0.002)
    manners.answering()
    assert manners.room(0) == 6


def test_soon_after_the_last_answer_all_goes(clock: Clock) -> None:
    manners = Manners(lambda: False, clock)
    manners.took(0.01)
    manners.answering()
    clock.now += 0.15
    assert manners.room(0) < 20
    assert not manners.gathers()
    clock.now += 0.1
    assert manners.room(0) == 128
    assert manners.gathers()


def test_who_is_being_heard_counts_as_well(clock: Clock) -> None:
    manners = Manners(lambda: True, clock)
    manners.took(0.01)
    assert manners.room(0) < 20


def test_until_it_is_known_how_far_the_homeserver_is_it_may_be_far(clock: Clock) -> None:
    assert Manners(lambda: True, clock).room(0) > 100
