"""How much programs may do: no more than others can bear."""

from __future__ import annotations

from bridge.config.programs import ProgramsConfig
from bridge.ids import PersonId
from bridge.miniprograms.host.allowance import Allowances, Pace

ALICE, BOB = PersonId(1), PersonId(2)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_program_says_as_much_in_a_second_as_it_may() -> None:
    clock = Clock()
    pace = Pace(10, clock)
    assert not pace.said(1, 20), "at once"
    assert pace.said(1, 5)
    assert pace.late() == {1: 0.5}
    assert not pace.said(2, 1), "each program by itself"
    clock.now += 0.5
    assert pace.late() == {}
    assert pace.said(1, 1)
    clock.now += 60
    assert not pace.said(1, 20)


def test_messages_of_a_day_are_counted_for_each_person_and_program() -> None:
    clock = Clock()
    allowed = Allowances(ProgramsConfig(messages_per_day=2), clock)
    assert [allowed.push(ALICE, 1) for _ in range(3)] == [True, True, False]
    assert allowed.push(BOB, 1)
    assert allowed.push(ALICE, 2)
    clock.now += 12 * 3600
    assert [allowed.push(ALICE, 1) for _ in range(2)] == [True, False]
