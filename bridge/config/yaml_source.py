"""YAML with positions: plain values, and the line on which each key stands. Hostile files are bounded."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from bridge.config.problem import ConfigError, Problem
from bridge.ids import MAX_ID_BYTES

MAX_BYTES = 262_144
MAX_DEPTH = 12
_MAX_KEY = MAX_ID_BYTES
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}

KeyPath: TypeAlias = tuple[str, ...]


@dataclass
class Source:
    """What the file says. `lines` has the line of each key path; list items are numbered."""

    tree: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class _Refused(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _Loader(yaml.SafeLoader):
    """No aliases (they make a small file a huge tree), no deep nesting (it would exhaust the stack)."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Refused("anchors and aliases (& and *) can't be used here; put text that holds them in quotes", line)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Refused("nested too deeply", line)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read(path: Path, name: str) -> Source:
    """Read the file.

    Raises:
        ConfigError: it can't be read, or is no YAML at all. Smaller faults are in `Source.problems`.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "it can't be read").lower()
        raise ConfigError([Problem(name, None, "", f"{reason}; give the file's path with -c")]) from None
    return parse(raw, name)


def parse(raw: bytes, name: str) -> Source:
    """As `read`, for a file that was read already. `name` is what problems call it."""
    if len(raw) > MAX_BYTES:
        raise ConfigError([Problem(name, None, "", f"larger than {MAX_BYTES} bytes")])
    try:
        text = raw.decode("utf-8-sig")
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(name, line, "", "not UTF-8; save the file as UTF-8")]) from None
    except _Refused as error:
        raise ConfigError([Problem(name, error.line, "", error.message)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # What stands in quotes in the library's text is a piece of the file: it may be a secret.
        what = re.sub(r"['\"<`].*['\">`]", "…", error.problem or "not valid")
        raise ConfigError([Problem(name, mark.line + 1 if mark else None, "", f"no valid YAML: {what}")]) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError([Problem(name, None, "", "no valid YAML: a character or number can't be read")]) from None
    source = Source()
    if node is None:
        return source
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError([Problem(name, node.start_mark.line + 1, "", "should consist of `key: value` lines")])
    _Builder(source, name, loader).mapping(node, (), source.tree)
    return source


class _Builder:
    def __init__(self, source: Source, name: str, loader: _Loader) -> None:
        self._source = source
        self._name = name
        self._loader = loader

    def mapping(self, node: yaml.MappingNode, path: KeyPath, into: dict[str, Any]) -> None:
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                self._problem(line, path, "a key should be a plain word")
                continue
            key = printable(key_node.value)
            here = (*path, key)
            if here in self._source.lines:
                first = self._source.lines[here]
                self._problem(line, here, f"stands here for the second time (first in line {first}); remove one")
                continue
            self._source.lines[here] = line
            value = self._value(value_node, here)
            if value is not None:  # nothing after the colon: the default
                into[key] = value
            elif node.flow_style and isinstance(value_node, yaml.ScalarNode) and value_node.value == "":
                # `{en: Soup, salad}` has a key `salad`: hardly what anybody meant.
                self._problem(line, here, "has no value; in {…} a text with a comma needs quotes")

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        if isinstance(node, yaml.MappingNode):
            section: dict[str, Any] = {}
            self.mapping(node, path, section)
            return section
        if isinstance(node, yaml.SequenceNode):
            items = []
            for number, item in enumerate(node.value):
                here = (*path, str(number))
                self._source.lines[here] = item.start_mark.line + 1
                items.append(self._value(item, here))
            return items
        if node.tag not in _PLAIN:
            # Dates, binary and foreign tags have no use here: a date is text.
            return str(node.value)
        try:
            return self._loader.construct_object(node)
        except (ValueError, OverflowError, KeyError, yaml.YAMLError):
            self._problem(node.start_mark.line + 1, path, "can't be read; put text in quotes")
            return None

    def _problem(self, line: int, path: KeyPath, message: str) -> None:
        self._source.problems.append(Problem(self._name, line, ".".join(path), message))


def printable(key: str) -> str:
    """The key as it may be shown on a terminal."""
    shown = "".join(c if c.isprintable() else "�" for c in key[:_MAX_KEY])
    return shown if len(key) <= _MAX_KEY else shown + "…"
