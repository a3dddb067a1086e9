"""Manifests: every mistake is told with its line and key, in YAML and in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bridge.config.problem import ConfigError
from bridge.miniprograms import manifest_file, schemas
from bridge.miniprograms.manifest import in_language

GOOD = """\
manifest: 1
name: canteen
version: 1.2.0
title: {en: Canteen, zh: 食堂}
description: Order lunch.
languages: [en, zh]
main: main.js
commands:
  - name: order
    description: {en: Order a dish, zh: 点菜}
    arguments:
      - {name: count, type: integer}
      - {name: dish, type: text, required: false}
scopes:
  profile.name: {en: To put it on the bag., zh: 写在袋子上。}
domains: [menu.example.org]
"""


def problems(text: str, name: str = "manifest.yaml") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        manifest_file.parse(text.encode(), name)
    return [str(problem) for problem in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_one_in_yaml_in_json_and_by_the_schema() -> None:
    found = manifest_file.parse(GOOD.encode(), "manifest.yaml")
    as_json = json.dumps(yaml.safe_load(GOOD), indent="\t", ensure_ascii=False)
    assert manifest_file.parse(as_json.encode(), "manifest.json") == found
    jsonschema.validate(json.loads(as_json), json.loads(dict(schemas.documents())["manifest.schema.json"]))
    command = found.command("order")
    assert command is not None
    assert [argument.name for argument in command.arguments] == ["count", "dish"]
    assert in_language(found.title, "zh-CN") == "食堂"
    assert in_language(found.title, "fr") == "Canteen"
    assert in_language(found.description, "zh") == "Order lunch."


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: canteen", "name: Can teen", ":2: name: should be 2 to 31 small letters, digits and hyphens"),
        ("version: 1.2.0", "version: 1.2", ":3: version: should be text; put it in quotes"),
        ("version: 1.2.0", "version: '1.2'", ":3: version: should be three numbers, like 1.0.0"),
        ("manifest: 1", "manifest: 2", ":1: manifest: should be one of: 1"),
        ("main: main.js", "mian: main.js", ":7: mian: unknown key; did you mean main?"),
        ("main: main.js", "main: ../main.js", ":7: main: should be a file of code, like main.js"),
        ("main: main.js\n", "", "give either main (code that runs inside Courtyard) or url"),
        ("main: main.js", "url: http://x.example/", ":7: url: should be an https address"),
        ("main: main.js", "url: https://127.0.0.1/", ":7: url: should name its host in small letters"),
        ("main: main.js", "url: https://[::1]/", ":7: url: should name its host in small letters"),
        ("main: main.js", "url: https://localhost/", ":7: url: should name its host in small letters"),
        ("main: main.js", "main: main.js\ndeletion: {days: 7}", "deletion is for programs on a server"),
        ("main: main.js", "url: https://x.example/\ndeletion: {days: 91}", ":8: deletion.days: should be at most 90"),
        ("main: main.js", "url: https://x.example/\ndeletion: {key: x}", ":8: deletion.key: should be a key as"),
        ("main: main.js", "url: https://x.example/\ndeletion: {day: 7}", ":8: deletion.day: unknown key"),
        ("type: integer", "type: int", ":12: commands[0].arguments[0].type: should be one of: text, integer"),
        ("{name: count, type: integer}", "{name: count, type: choice}", ":12: commands[0].arguments[0]: needs choices"),
        ("count, type: integer", "count, type: text", ":9: commands[0]: a text takes the rest of the line"),
        (
            "integer}",
            "integer, required: false}\n      - {name: n, type: integer}",
            ":9: commands[0]: an argument that",
        ),
        ("name: order", "name: open", ":9: commands[0]: open is a word of Courtyard itself; choose another"),
        ("zh: 点菜", "fr: Commander", ":10: commands[0].description: has no text in zh, which stands in languages"),
        (
            "zh: 点菜",
            "zh: 点菜, x",
            ":10: commands[0].description.x: has no value; in {…} a text with a comma needs quotes",
        ),
        ("zh: 点菜", "zh: 点菜, fr: x", ":10: commands[0].description.fr: is none of the languages"),
        (
            "profile.name:",
            "claim.adult:",
            ":15: scopes.claim.adult: scopes that begin with claim. are for a later version",
        ),
        ("profile.name:", "profile.shoe:", ":15: scopes.profile.shoe: there is no such scope; there are profile.name"),
        ("menu.example.org", "'*.example.org'", ":16: domains[0]: should be the exact name of a host"),
        ("menu.example.org", "127.0.0.1", ":16: domains[0]: should be the exact name of a host"),
        ("menu.example.org", "https://menu.example.org", ":16: domains[0]: should be the exact name of a host"),
        ("menu.example.org", "localhost", ":16: domains[0]: should be the exact name of a host"),
        ("[menu.example.org]", "[a.example, a.example]", ":16: domains[1]: stands here for the second time"),
        ("title: {en: Canteen, zh: 食堂}", "title: ''", ":4: title: should have at least 1 characters"),
        ("title: {en: Canteen, zh: 食堂}", "name: twice", ":4: name: stands here for the second time"),
        ("languages: [en, zh]", "languages: en", ":6: languages: should be a list"),
        ("languages: [en, zh]", "languages: &a [en, zh]", ":6: anchors and aliases"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_key(old: str, new: str, told: str) -> None:
    found = problems(changed(old, new))
    assert any(told in problem for problem in found), found


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = changed("name: canteen", "name: X").replace("main.js", "main.py").replace("type: integer", "type: int")
    lines = [int(problem.split(":")[1]) for problem in problems(text)]
    assert lines == sorted(lines)
    assert len(lines) == 3


def test_a_command_stands_once() -> None:
    twice = GOOD.replace("scopes:", "  - {name: order, description: Again}\nscopes:")
    assert any("a command of this name stands above" in problem for problem in problems(twice))


@pytest.mark.hostile
@pytest.mark.parametrize("raw", [b"", b"- 1", b"\xff\xfe", b"a" * 70_000, b"[" * 5000, b"{", b"a: !!python/x.Y {}"])
def test_what_is_no_manifest_is_refused(raw: bytes) -> None:
    for name in ("manifest.yaml", "manifest.json"):
        with pytest.raises(ConfigError):
            manifest_file.parse(raw, name)


def test_the_file_is_found(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no manifest.yaml here"):
        manifest_file.find(tmp_path)
    (tmp_path / "manifest.yaml").write_text(GOOD, "utf-8")
    assert manifest_file.load(manifest_file.find(tmp_path)).name == "canteen"
    (tmp_path / "manifest.json").write_text("{}", "utf-8")
    with pytest.raises(ConfigError, match="is one too many"):
        manifest_file.find(tmp_path)


def test_a_manifest_by_the_schema_alone() -> None:
    schema: Any = json.loads(dict(schemas.documents())["manifest.schema.json"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**yaml.safe_load(GOOD), "name": "NO"}, schema)
