"""When answers leave: the work that they took must not show."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.beat import due

_EPOCH = 1_700_000_000.0
_BEATS = st.integers(1, 1000).map(lambda ms: ms / 1000)
_ROUNDING = 1e-6


@given(began=st.floats(_EPOCH, _EPOCH + 1000), beat=_BEATS, some=st.floats(0, 0.99), other=st.floats(0, 0.99))
def test_it_is_the_same_whatever_the_work_took(began: float, beat: float, some: float, other: float) -> None:
    """As long as that is less than a beat."""
    assert due(began, began + some * beat, beat) == due(began, began + other * beat, beat)


@given(began=st.floats(_EPOCH, _EPOCH + 1000), beat=_BEATS, took=st.floats(0, 20))
def test_it_is_a_beat_and_comes_soon(began: float, beat: float, took: float) -> None:
    now = began + took
    at = due(began, now, beat)
    assert abs(at / beat - round(at / beat)) * beat < _ROUNDING
    assert at >= max(now, began + beat) - _ROUNDING
    assert at < max(now, began + beat) + beat + _ROUNDING
