"""Names that may pass for other ones."""

import pytest

from bridge.contacts.lookalikes import is_mixed, skeleton


@pytest.mark.parametrize(
    "name",
    [
        "family",
        "семья",
        "家人",
        "家人family",
        "かぞくカゾク家族",
        "가족家族",
        "οικογένεια",
        "ｆａｍｉｌｙ",
        "❤️",
        "a1",
        "",
        "№1",
    ],
)
def test_what_is_written_everywhere_is_not_flagged(name: str) -> None:
    assert not is_mixed(name)


@pytest.mark.parametrize("name", ["fаmily", "fαmily", "сlose", "家а", "ꓲl", "սser"])
def test_letters_of_several_scripts_are_flagged(name: str) -> None:
    assert is_mixed(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("family", "fаmily"), ("family", "FAMILY"), ("paypal", "раураl"), ("close", "сlоѕе"), ("alice", "a1ice")),
        *(("bob", "b0b"), ("modern", "modem"), ("vvork", "work"), ("FamiIy", "family"), ("café", "cafe")),
        *(("@alice:example.org", "@аlice:example.org"), ("ＷＯＲＫ", "work"), ("ο", "o"), ("ΑΒΕ", "ABE")),
    ],
)
def test_names_that_are_drawn_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("alice", "alicia"), ("家人", "家入"), ("bob", "bab"), ("а", "б")])
def test_other_names_have_another_one(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)
