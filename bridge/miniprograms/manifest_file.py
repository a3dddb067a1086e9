"""Reading a manifest, with every mistake and its line."""

import re
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from bridge.config import yaml_source
from bridge.config.explain import message, siblings_in
from bridge.config.problem import ConfigError, Problem
from bridge.config.yaml_source import Source
from bridge.miniprograms.faults import details_of, without_types
from bridge.miniprograms.manifest import Manifest, inconsistencies
from bridge.miniprograms.strict_json import dump
from bridge.miniprograms.values import PATTERNS

NAMES = ("manifest.yaml", "manifest.yml", "manifest.json")
MAX_BYTES = 65_536


def find(folder: Path) -> Path:
    """The manifest in `folder`.

    Raises:
        ConfigError: there is none, or more than one.
    """
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if len(found) != 1:
        what = "there is no manifest.yaml here" if not found else f"is one too many beside {found[0].name}; remove one"
        raise ConfigError([Problem(str(found[1] if found else folder), None, "", what)])
    return found[0]


def load(file: Path) -> Manifest:
    """The manifest in `file`: YAML, or JSON when its name ends in .json.

    Raises:
        ConfigError: with all mistakes.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(str(file), None, "", (error.strerror or "can't be read").lower())]) from None
    return parse(raw, str(file))


def parse(raw: bytes, name: str) -> Manifest:
    """The manifest that `raw` spells. `name` is what its mistakes call it."""
    if len(raw) > MAX_BYTES:
        raise ConfigError([Problem(name, None, "", f"larger than {MAX_BYTES} bytes")])
    if name.endswith(".json"):
        raw = raw.replace(b"\t", b" ")  # JSON has tabs between its parts alone, where YAML knows none
    source = yaml_source.parse(raw, name)
    problems = [replace(problem, key=_indexed(problem.key)) for problem in source.problems]
    try:
        manifest = Manifest.model_validate_json(dump(source.tree))
    except ValidationError as error:
        for details in details_of(error):
            path = tuple(str(part) for part in without_types(details["loc"]))
            problems.append(_problem(source, name, path, message(details, siblings_in(Manifest, path), PATTERNS)))
    else:
        problems += [_problem(source, name, path, what) for path, what in inconsistencies(manifest)]
        if not problems:
            return manifest
    raise ConfigError(sorted(set(problems), key=lambda p: (p.line or 0, p.key, p.message)))


def _problem(source: Source, name: str, path: tuple[str, ...], what: str) -> Problem:
    line = next((source.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in source.lines), None)
    return Problem(name, line, _indexed(".".join(path)), what)


def _indexed(key: str) -> str:
    """`commands.0.name` as `commands[0].name`."""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", key)
