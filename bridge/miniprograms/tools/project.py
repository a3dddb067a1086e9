"""The folder of a mini-program: made new, read, and looked over."""

import re
from collections.abc import Iterator
from pathlib import Path

from bridge.config.problem import ConfigError, Problem
from bridge.config.programs import MiniProgramsConfig
from bridge.errors import OperatorError
from bridge.miniprograms import manifest_file
from bridge.miniprograms.program import Program
from bridge.miniprograms.tools import typings

TEMPLATE = Path(__file__).parent / "template"
REMOTE_TEMPLATE = Path(__file__).parent / "template_remote"
VERIFIER = Path(__file__).parents[1] / "remote" / "sdk" / "courtyard_verify.py"
CASES = "tests"
"""The folder of golden cases."""
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")
_HINTS = (
    (r"\bimport\b\s*[({*\w\"']", "there are no modules; bundle everything into one file"),
    (r"\brequire\s*\(", "there is no require; bundle everything into one file"),
    (
        r"\basync\b|\bawait\b|\.then\s*\(",
        "nothing waits here: ask with an effect, the result comes as an event",
    ),
    (r"\bsetTimeout\b|\bsetInterval\b", "there are no timers in JavaScript; use the effect timer.set"),
    (r"\bXMLHttpRequest\b|\bfetch\s*\(", "there is no network in JavaScript; use the effect fetch"),
    (r"\blocalStorage\b|\bsessionStorage\b", "there is no storage in JavaScript; use state, or the effects kv.*"),
)


def create(folder: Path, name: str, *, remote: bool = False) -> list[Path]:
    """Write a new program that works: with a golden case, or with its server.

    Raises:
        OperatorError: the name is none, or there is something at `folder`.
    """
    if not _NAME.fullmatch(name):
        raise OperatorError("mp new: a name has 2 to 31 small letters, digits and hyphens, a letter first.")
    if folder.exists():
        raise OperatorError(f"mp new: there is a {folder} already; choose another place with --into.")
    made = []
    template = REMOTE_TEMPLATE if remote else TEMPLATE
    for source in sorted(template.rglob("*")):
        if source.is_file() and source.suffix != ".pyc":
            target = folder / source.relative_to(template)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text("utf-8").replace("hello-name", name), "utf-8")
            made.append(target)
    if remote:
        verifier = folder / VERIFIER.name
        verifier.write_text(VERIFIER.read_text("utf-8"), "utf-8")
        return [verifier, *made]
    types = folder / "courtyard.d.ts"
    types.write_text(typings.render(), "utf-8")
    return [*made, types]


def load(folder: Path, limits: MiniProgramsConfig) -> Program:
    """The program in `folder`. One that runs on a server has a manifest and no code.

    Raises:
        ConfigError: with what is wrong in its manifest, or with its code as a file.
    """
    file = manifest_file.find(folder)
    manifest = manifest_file.load(file)
    if manifest.main is None:
        return Program(manifest, "")
    main = folder / manifest.main
    try:
        with main.open("rb") as opened:
            raw = opened.read(limits.bundle_bytes + 1)
        source = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(main), None, "", "not UTF-8; save the file as UTF-8")]) from None
    except OSError as error:
        raise ConfigError([Problem(str(main), None, "", (error.strerror or "can't be read").lower())]) from None
    if len(raw) > limits.bundle_bytes:
        raise ConfigError([Problem(str(main), None, "", f"larger than {limits.bundle_bytes} bytes")])
    return Program(manifest, source)


def hints(program: Program) -> Iterator[tuple[int, str]]:
    """Lines of the code that look as if they were written for another place, and what to do instead."""
    code = _without_texts(program.source)
    for number, line in enumerate(code.split("\n"), 1):
        for pattern, hint in _HINTS:
            if re.search(pattern, line):
                yield number, hint


def _without_texts(source: str) -> str:
    """The code without comments and the insides of texts, line by line the same."""
    # Each may lack its end: else every beginning of one without end would be looked through again.
    pattern = r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|`(?:[^`\\]|\\.)*`?"
    return re.sub(pattern, lambda found: '""' + "\n" * found[0].count("\n"), source, flags=re.DOTALL)
