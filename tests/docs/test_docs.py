"""What the documents say is what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from bridge.chat import grammar, render
from bridge.chat.catalogue import Catalogue
from bridge.chat.reply import Text
from bridge.matrix import events
from bridge.privacy import Rule
from tests.docs import conversation, moments_picture, tables
from tests.docs.contract import published
from tests.docs.tables import ROOT, TABLES, block

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_up_to_date(name: str) -> None:
    document = (ROOT / TABLES[name][0]).read_text("utf-8")
    assert block(name, document)[1] == tables.rendered(name), "run: python -m tests.docs"


@pytest.mark.parametrize(("name", "text"), list(published()), ids=lambda value: value[:20])
def test_a_schema_is_up_to_date(name: str, text: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == text, "run: python -m tests.docs"


def test_developers_of_clients_read_the_keys_that_are_used() -> None:
    guide = (ROOT / "docs" / "buttons.md").read_text("utf-8")
    told = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", guide, re.DOTALL)]
    assert [set(one) - {"msgtype", "body"} for one in told] == [{render.BUTTONS}, {events.PRESSED}]


def test_every_rule_is_explained_to_readers() -> None:
    assert set(tables.EFFECT) == set(Rule)


def test_the_picture_is_drawn_from_the_transcript() -> None:
    drawn = conversation.draw(conversation.TRANSCRIPT.read_text("utf-8"))
    assert conversation.PICTURE.read_text("utf-8") == drawn, "run: python -m tests.docs"
    assert len(drawn) < 20_000


def test_the_picture_of_moments_is_what_is_sent() -> None:
    assert moments_picture.PICTURE.read_text("utf-8") == moments_picture.draw(), "run: python -m tests.docs"


def test_the_transcript_is_of_the_script() -> None:
    said = conversation.parse(conversation.TRANSCRIPT.read_text("utf-8"))
    typed = [one.text for one in said if not one.by_bot]
    assert typed == conversation.script().splitlines(), "run: python -m tests.docs --record"


def test_every_command_can_be_explained_in_every_language() -> None:
    """With `strict`, a text that a language lacks raises: the names of parameters are texts as well."""
    commands, _ = tables.registry()
    catalogue = Catalogue.load(strict=True)
    for command in commands.commands:
        for language in catalogue.languages:
            assert catalogue.format(language, grammar.usage(command))
            for param in command.params:
                error = grammar.WrongArguments("missing-argument", command, param)
                assert catalogue.format(language, Text(error.message_id, error.texts))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in _LINK.findall(document.read_text("utf-8")):
        if "://" not in target:
            assert (document.parent / unquote(target)).exists(), target


def test_every_log_line_that_asks_for_something_is_explained() -> None:
    """Each message of WARNING and ERROR is in the operators' table, word for word but for backticks."""
    table = block("log", (ROOT / "docs" / "operators.md").read_text("utf-8"))[1]
    messages: set[str] = set()
    for file in (ROOT / "bridge").rglob("*.py"):
        if file.parent.name != "demo":
            for found in re.finditer(r"log\.(?:warning|error)\(\s*((?:\"[^\"]*\"\s*)+)", file.read_text("utf-8")):
                text = "".join(re.findall(r"\"([^\"]*)\"", found[1]))
                messages.add(text.replace("`", ""))  # the line stands in backticks itself
    assert messages, "no log line was found: the way they are written has changed"
    missing = sorted(message for message in messages if f"`{message}`" not in table)
    assert missing == []
    explained = set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE))
    assert sorted(explained - messages) == [], "these are not logged any more"
