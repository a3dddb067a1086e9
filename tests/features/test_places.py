"""M14: places in posts, to about a kilometre unless their author wants them exact."""

from typing import Any

import pytest

from bridge.db import Tx
from bridge.moments.place import Place, parse_geo
from tests.features.village import HOUR, MINUTE, Village

EXACT = "47.376882,8.541694"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("geo:47.376882,8.541694", "geo:47.38,8.54;u=1000"),
        ("GEO:-33.9,-18.42,12;crs=wgs84;u=35", "geo:-33.90,-18.42;u=1000"),
        ("geo:0.001,-0.001", "geo:0.00,0.00;u=1000"),
        ("geo:90,180", "geo:90.00,180.00;u=1000"),
    ],
)
def test_a_geo_uri(text: str, shown: str) -> None:
    place = parse_geo(text)
    assert place is not None
    assert place.shown.uri == shown


@pytest.mark.parametrize(
    "text",
    ["", "geo:", "geo:1", "geo:91,0", "geo:0,181", "geo:nan,0", "geo:1e3,0", "geo:1,2;crs=mars", "geo:1,2 x", "http://x",
     "geo:" + "1" * 300 + ",2", "geo:１,２"],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert parse_geo(text) is None


def test_one_place_is_one_place() -> None:
    """Many posts from about the same place tell no more than one."""
    seen = {Place(47.376 + n / 10_000, 8.541 + n / 10_000).shown for n in range(30)}
    assert len(seen) == 1


def test_a_shared_location_joins_a_draft(village: Village) -> None:
    assert "To post a place" in village.share_place("alice", f"geo:{EXACT};u=12")[0]
    village.say("alice", "post")
    [body] = village.share_place("alice", f"geo:{EXACT};u=12")
    assert "📍 47.38, 8.54: others see it to about a kilometre." in body
    village.say("alice", "Here we are")
    assert village.one("alice", "1").startswith("Posted as #1")
    [shown] = village.get("bob", "feed")
    assert "📍 47.38, 8.54, to about a kilometre" in shown.body
    whole, place = village.get("bob", "moment 1")
    assert place.content["msgtype"] == "m.location"
    assert place.content["geo_uri"] == "geo:47.38,8.54;u=1000"
    assert "47.38" in place.body
    for event in (shown, whole, place):
        assert "47.376" not in str(event.content)
    village.say("alice", "delete 1")
    assert shown.redacted
    assert place.redacted


def test_nothing_more_exact_is_kept_than_is_shown(village: Village) -> None:
    village.say("alice", f"post geo:{EXACT} | Here")
    for change in ("coarse", "off"):
        village.say("alice", f"post at in 1 hour | geo:{EXACT} exact | There")
        village.say("alice", f"draft place {change}")
        village.wait(HOUR + MINUTE)

    def read(tx: Tx) -> list[dict[str, Any]]:
        rows = tx.sql("SELECT id, author_id, sealed FROM moments ORDER BY id").all()
        return [tx.vault.open(row.author_id, "moments", row.id, "sealed", row.sealed) for row in rows]

    kept = village.db.run_sync(read)
    coarse = {"latitude": 47.38, "longitude": 8.54, "exact": False}
    assert [said.get("place") for said in kept] == [coarse, coarse, None]
    assert "47.37" not in str(kept)
    assert "47" not in str(kept[2]), "what was taken out is not kept at all"


def test_exact_only_when_asked(village: Village) -> None:
    village.say("alice", "post")
    village.share_place("alice", f"geo:{EXACT}")
    assert "as exact as that" in village.one("alice", "draft place exact")
    village.say("alice", "1")
    assert "📍 47.37688, 8.54169\n" in village.one("bob", "feed") + "\n"
    village.say("alice", f"post geo:{EXACT} exact | There")
    village.say("bob", "feed")
    assert village.get("bob", "moment 2")[1].content["geo_uri"] == "geo:47.37688,8.54169"
    village.say("alice", "post")
    village.share_place("alice", f"geo:{EXACT}")
    village.say("alice", "draft place exact")
    assert "others see it to about" in village.one("alice", "draft place coarse")
    assert "📍" not in village.one("alice", "draft place off")


def test_a_location_that_is_redacted_leaves_the_draft(village: Village) -> None:
    village.say("alice", "post")
    village.share_place("alice", f"geo:{EXACT}")
    event = village.last_event
    village.say("alice", "Here")
    assert "📍" not in village.redact("alice", event)[0]
    village.share_place("alice", f"geo:{EXACT}")
    event = village.last_event
    village.say("alice", "1")
    assert village.redact("alice", event)[0].startswith("Deleted.")


def test_what_is_no_place_changes_nothing(village: Village) -> None:
    village.say("alice", "post")
    assert village.share_place("alice", "geo:99,99")[0].startswith("I don't understand that place.")
    assert village.one("alice", "draft place here").startswith("I don't understand that place.")
    assert village.one("alice", "post geo:99,9 | X").startswith("I don't understand that place.")


def test_a_location_that_was_not_encrypted_is_nothing(village: Village) -> None:
    village.say("alice", "post")
    village.session = {}
    village.unencrypted = True
    assert village.share_place("alice", f"geo:{EXACT}")[0].startswith("That message came unencrypted")
    village.unencrypted = False
    assert "📍" not in village.one("alice", "draft")


def test_a_place_alone_is_a_post(village: Village) -> None:
    assert village.one("alice", f"post geo:{EXACT}").startswith("Posted as #1")
    assert "📍" in village.one("bob", "feed")


def test_behind_a_warning_the_place_is_hidden(village: Village) -> None:
    village.say("alice", f"post cw Where | geo:{EXACT} | Here")
    assert "47.38" not in str(village.get("bob", "feed")[0].content)
    assert "47.38" in village.say("bob", "open 1")[0]
