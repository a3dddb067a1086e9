"""Sealed values: whatever is done to one, it is an error, never wrong data."""

import math
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from hypothesis import given
from hypothesis import strategies as st

from bridge.db.sealing import Row, Unreadable
from bridge.vault import envelope
from bridge.vault.envelope import open_, place, seal
from bridge.vault.master import LocalMasterKey

pytestmark = pytest.mark.property

KEY = AESGCMSIV(bytes(range(32)))
HERE = place(7, "moments", 3, "sealed")
OVERHEAD = 1 + 12 + 16

# Also the surrogates that no UTF-8 holds: a client may send them as JSON escapes.
texts = st.text(st.characters(exclude_categories=()))
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)
rows: st.SearchStrategy[Row] = st.integers(-(2**63), 2**63 - 1) | texts
places = st.tuples(
    st.integers(-1, 2**62),
    st.sampled_from(["people", "moments", "comments"]),
    rows,
    st.sampled_from(["sealed", "card"]),
)


@given(values, places)
def test_any_json_value_comes_back(value: Any, where: tuple[int, str, Row, str]) -> None:
    bound = place(*where)
    assert open_(KEY, bound, seal(KEY, bound, value)) == value


def test_floats_that_json_does_not_know_come_back() -> None:
    assert math.isnan(open_(KEY, HERE, seal(KEY, HERE, math.nan)))


@given(values, places, places)
def test_in_another_place_it_does_not_open(
    value: Any, one: tuple[int, str, Row, str], other: tuple[int, str, Row, str]
) -> None:
    if one == other and type(one[2]) is type(other[2]):
        return
    assert place(*one) != place(*other)
    with pytest.raises(Unreadable, match="damaged"):
        open_(KEY, place(*other), seal(KEY, place(*one), value))


@pytest.mark.parametrize(
    "elsewhere",
    [
        place(8, "moments", 3, "sealed"),
        place(7, "comments", 3, "sealed"),
        place(7, "moments", 4, "sealed"),
        place(7, "moments", "3", "sealed"),
        place(7, "moments", 3, "card"),
    ],
    ids=["owner", "table", "row", "kind of row", "column"],
)
def test_each_part_of_the_place_counts(elsewhere: bytes) -> None:
    with pytest.raises(Unreadable):
        open_(KEY, elsewhere, seal(KEY, HERE, "a secret"))


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(Unreadable):
        open_(AESGCMSIV(bytes(32)), HERE, seal(KEY, HERE, "a secret"))


@given(values, st.data())
def test_a_flipped_bit_is_noticed(value: Any, data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, HERE, value))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unreadable):
        open_(KEY, HERE, bytes(sealed))


def test_every_bit_counts() -> None:
    sealed = seal(KEY, HERE, {"text": "The first frost"})
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Unreadable):
            open_(KEY, HERE, bytes(changed))


@given(values, st.data())
def test_a_cut_one_is_noticed(value: Any, data: st.DataObject) -> None:
    sealed = seal(KEY, HERE, value)
    with pytest.raises(Unreadable):
        open_(KEY, HERE, sealed[: data.draw(st.integers(0, len(sealed) - 1))])


@given(values, st.binary(min_size=1, max_size=100))
def test_appended_bytes_are_noticed(value: Any, more: bytes) -> None:
    with pytest.raises(Unreadable):
        open_(KEY, HERE, seal(KEY, HERE, value) + more)


@given(st.binary(max_size=200))
def test_garbage_is_noticed(garbage: bytes) -> None:
    with pytest.raises(Unreadable):
        open_(KEY, HERE, garbage)


@given(values, st.integers(0, 255))
def test_other_versions_are_refused(value: Any, version: int) -> None:
    sealed = seal(KEY, HERE, value)
    if version == sealed[0]:
        return
    with pytest.raises(Unreadable) as caught:
        open_(KEY, HERE, bytes([version]) + sealed[1:])
    assert caught.value.reason == ("newer" if version > sealed[0] else "damaged")


@given(st.binary(max_size=5000))
def test_padding_comes_off_again(plain: bytes) -> None:
    assert envelope._unpad(envelope._pad(plain)) == plain


def test_lengths_tell_their_magnitude_only() -> None:
    """64 bytes a step for what is short, at most an eighth for what is long."""
    lengths = [len(envelope._pad(bytes(length))) for length in range(70_000)]
    assert lengths == sorted(lengths)
    for length, padded in enumerate(lengths):
        assert length < padded <= max(length + 64, length * 9 // 8 + 2)
    assert len({padded for padded in lengths[:1000]}) <= 16
    assert len(set(lengths)) < 16 + 16 * 8


@given(st.text("ab", max_size=60), st.text("ab", max_size=60))
def test_short_texts_look_alike(one: str, other: str) -> None:
    assert len(seal(KEY, HERE, one)) == len(seal(KEY, HERE, other)) == OVERHEAD + 64


def test_nothing_repeats() -> None:
    assert len({seal(KEY, HERE, "same") for _ in range(100)}) == 100


@given(st.binary(min_size=32, max_size=32), st.integers(-1, 2**62), st.integers(-1, 2**62), st.data())
def test_wrapped_keys_open_for_their_owner_alone(key: bytes, owner: int, other: int, data: st.DataObject) -> None:
    master = LocalMasterKey(bytes(32))
    wrapped = master.wrap(str(owner).encode(), key)
    assert master.unwrap(str(owner).encode(), wrapped) == key
    if owner != other:
        with pytest.raises(ValueError, match="not wrapped"):
            master.unwrap(str(other).encode(), wrapped)
    with pytest.raises(ValueError, match="not wrapped"):
        LocalMasterKey(b"\1" * 32).unwrap(str(owner).encode(), wrapped)
    bit = data.draw(st.integers(0, 8 * len(wrapped) - 1))
    changed = bytearray(wrapped)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError, match="not wrapped"):
        master.unwrap(str(owner).encode(), bytes(changed))
