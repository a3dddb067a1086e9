"""Languages say the same things, and arguments stay arguments."""

from importlib.resources import files

import pytest
from fluent.syntax import FluentParser, ast
from fluent.syntax.visitor import Visitor

from bridge.chat.catalogue import LANGUAGES, Catalogue, CatalogueError
from bridge.chat.reply import Text, Time

CATALOGUE = Catalogue.load(strict=True)


class _Placeholders(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ast.VariableReference) -> None:
        self.names.add(node.id.name)

    def visit_MessageReference(self, node: ast.MessageReference) -> None:
        raise AssertionError(f"refers to the text {node.id.name}: each is read by itself")


def _messages(language: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Every message and attribute: its file and its placeholders."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for item in (files("bridge.chat") / "locales" / language).iterdir():
        if not item.name.endswith(".ftl"):
            continue
        for entry in FluentParser().parse(item.read_text("utf-8")).body:
            if not isinstance(entry, ast.Message):
                continue
            for name, pattern in [(entry.id.name, entry.value)] + [
                (f"{entry.id.name}.{attribute.id.name}", attribute.value) for attribute in entry.attributes
            ]:
                visitor = _Placeholders()
                visitor.visit(pattern)
                found[name] = (item.name, frozenset(visitor.names))
    return found


def test_all_languages_have_the_same_messages_files_and_placeholders() -> None:
    first, *others = LANGUAGES
    expected = _messages(first)
    assert expected
    for language in others:
        actual = _messages(language)
        assert actual.keys() == expected.keys()
        assert {k: v for k, v in actual.items() if v != expected[k]} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_files_can_be_read(language: str) -> None:
    CATALOGUE.check()
    assert [name for name in _messages(language) if not CATALOGUE.has(language, name)] == []


def test_arguments_are_shown_as_they_are() -> None:
    text = Text("help-unknown", {"name": "**bold** `code` { $x } <b>"})
    assert "**bold** `code` { $x } <b>" in CATALOGUE.format("en", text)


def test_hostile_arguments_cannot_reorder_or_break_lines() -> None:
    shown = CATALOGUE.format("en", Text("help-unknown", {"name": "a\u202eb\n\nFrom alice: \u2067x\x00"}))
    assert "“ab From alice: x”" in shown
    hebrew = "שלום"
    assert f"“\u2068{hebrew}\u2069”" in CATALOGUE.format("en", Text("help-unknown", {"name": hebrew}))


def test_a_long_argument_is_cut() -> None:
    shown = CATALOGUE.format("en", Text("help-unknown", {"name": "x" * 100_000}))
    assert len(shown) < 2_200
    assert "…" in shown


def test_numbers_have_no_separators_and_times_are_local() -> None:
    assert "16000" in CATALOGUE.format("en", Text("too-long", {"length": 16000, "limit": 1}))
    text = Text("timezone-set", {"name": "x", "now": Time(1_700_000_000_000)})
    assert "14 Nov 2023, 22:13" in CATALOGUE.format("en", text, "UTC")
    assert "2023年11月15日 06:13" in CATALOGUE.format("zh", text, "Asia/Shanghai")
    assert "22:13" in CATALOGUE.format("en", text, "Not/AZone")
    assert "—" in CATALOGUE.format("en", Text("timezone-set", {"name": "x", "now": Time(10**20)}))


def test_a_missing_text_raises_in_tests_and_falls_back_in_production() -> None:
    sources = {"en": [("a.ftl", "only-english = { $n } yes\n")], "zh": [("a.ftl", "other = 1\n")]}
    with pytest.raises(CatalogueError):
        Catalogue(sources, strict=True).format("zh", Text("only-english", {"n": 1}))
    with pytest.raises(CatalogueError):
        Catalogue(sources, strict=True).format("en", Text("only-english"))
    lenient = Catalogue(sources)
    assert lenient.format("zh", Text("only-english", {"n": 1})) == "1 yes"
    assert lenient.format("en", Text("nowhere")) == "nowhere"
    assert "yes" in lenient.format("en", Text("only-english"))


def test_selectors_see_the_value_of_an_argument() -> None:
    source = "a = { $who ->\n    [friends] your friends\n   *[other] { $who }\n}\n"
    catalogue = Catalogue({"en": [("a.ftl", source)]}, strict=True)
    assert catalogue.format("en", Text("a", {"who": "friends"})) == "your friends"
    assert catalogue.format("en", Text("a", {"who": "**x**"})) == "**x**"


def test_a_broken_or_doubled_message_is_refused() -> None:
    broken = Catalogue({"en": [("a.ftl", "whole = yes\n\nbroken = {\n")]})
    assert broken.format("en", Text("whole")) == "yes"
    for source in ("broken = {\n", "x = 1\n-term = 2\n", "x = 1\n2 = 2\n"):
        with pytest.raises(CatalogueError, match="not a text"):
            Catalogue({"en": [("a.ftl", source)]}).check()
    with pytest.raises(CatalogueError, match="not a text"):
        broken.format("en", Text("broken"))
    with pytest.raises(CatalogueError, match=r"a\.ftl and in b\.ftl"):
        Catalogue({"en": [("a.ftl", "x = 1\n"), ("b.ftl", "x = 2\n")]})
