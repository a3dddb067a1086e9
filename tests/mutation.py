"""Mutation testing of what decides who sees what: `make mutation`, or `python -m tests.mutation [FILE …]`.

Each mutant is one small change of a file: a condition negated, a statement dropped, a pair turned round, an allow made
a deny. The unit tests of the file must fail with each of them. A mutant that survives and is no fault stands in
EQUIVALENT, with the reason.
"""

import ast
import copy
import importlib.abc
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Target:
    module: str
    tests: str
    before: tuple[str, ...]
    """Imported once, before any mutant: what costs time to import, and imports no target."""


TARGETS = {
    "bridge/privacy/model.py": Target(
        "bridge.privacy.model",
        "tests.unit.test_privacy",
        ("hypothesis.strategies", "pytest", "sqlalchemy", "structlog", "bridge.db", "bridge.chat.hooks"),
    ),
    "bridge/moments/audience.py": Target(
        "bridge.moments.audience",
        "tests.unit.test_audience",
        ("bridge.privacy", "bridge.chat.grammar", "bridge.contacts.model"),
    ),
}
TIMEOUT = 60
_MODEL, _AUDIENCE = "bridge/privacy/model.py", "bridge/moments/audience.py"
_LAST = "without a word nobody is named, and the last check says the same"
EQUIVALENT: dict[str, str] = {
    f"{_MODEL} may_see: (a, b) → turned round": "friendship is the same in both directions",
    f"{_AUDIENCE} AudienceError.__init__: super().__init__(message_id) → dropped": "nobody reads the text of the error",
    f"{_AUDIENCE} parse_audience: if not words: raise AudienceError('audience-missing') → dropped": _LAST,
    f"{_AUDIENCE} parse_audience: raise AudienceError('audience-missing') → dropped": _LAST,
}
"""Label of a mutant → why nobody could tell it from the original."""

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@dataclass(frozen=True)
class Mutant:
    label: str
    """Where and what, without line numbers."""
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Every change of `source` that is tried, each by itself."""
    tree = ast.parse(source)
    seen: dict[str, int] = {}
    for index, (node, where) in enumerate(_nodes(tree)):
        for what, change in enumerate(_changes(node)):
            mutant = copy.deepcopy(tree)
            target = [one for one, _ in _nodes(mutant)][index]
            new = list(_changes(target))[what]
            text = f"{where}: {_short(node)} → {change[0]}"
            seen[text] = seen.get(text, 0) + 1
            label = text if seen[text] == 1 else f"{text} ({seen[text]})"
            _Replace(target, new[1]).visit(mutant)
            yield Mutant(label, ast.fix_missing_locations(mutant))


def _nodes(tree: ast.Module) -> list[tuple[ast.AST, str]]:
    """All that may be changed, with the name of what it stands in. Annotations and texts are left alone."""
    found: list[tuple[ast.AST, str]] = []

    def walk(node: ast.AST, where: str) -> None:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
            return
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            where = node.name if where == "module" else f"{where}.{node.name}"
        found.append((node, where))
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    walk(child, where)

    walk(tree, "module")
    return found


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What becomes of a node: how it is called, and the new one."""
    match node:
        case ast.If(test=test, body=body, orelse=orelse):
            yield "negated", ast.If(_not(test), body, orelse)
            if not orelse:
                yield "dropped", ast.Pass()
        case ast.IfExp(test=test, body=yes, orelse=no):
            yield "the other way", ast.IfExp(test, no, yes)
        case ast.comprehension(target=target, iter=source, ifs=[test], is_async=is_async):
            yield "all of them", ast.comprehension(target, source, [], is_async)
        case ast.Compare(left=left, ops=[op], comparators=comparators):
            yield "compared otherwise", ast.Compare(left, [_COMPARE[type(op)]()], comparators)
        case ast.BoolOp(op=op, values=values):
            yield "and/or", ast.BoolOp(ast.And() if isinstance(op, ast.Or) else ast.Or(), values)
            for i, value in enumerate(values):
                rest = values[:i] + values[i + 1 :]
                yield f"without {_short(value)}", rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "without not", operand
        case ast.BinOp(left=left, op=ast.BitOr() | ast.Sub() | ast.Add() as op, right=right):
            yield "left alone", left
            if not isinstance(op, ast.BitOr):
                yield "+/-", ast.BinOp(left, ast.Add() if isinstance(op, ast.Sub) else ast.Sub(), right)
        case ast.Call(func=ast.Name(id="allow" | "deny" as name), args=args):
            yield "allow/deny", ast.Call(ast.Name("deny" if name == "allow" else "allow", ast.Load()), args, [])
            yield "another rule", ast.Call(ast.Name(name, ast.Load()), [_other_rule(args[0])], [])
        case ast.Tuple(elts=[ast.Name() as a, ast.Name() as b], ctx=ast.Load()):
            yield "turned round", ast.Tuple([b, a], ast.Load())
        case ast.Tuple(elts=elements, ctx=ast.Load()) if all(isinstance(e, ast.Constant) for e in elements):
            for i, element in enumerate(elements):
                yield f"without {_short(element)}", ast.Tuple(elements[:i] + elements[i + 1 :], ast.Load())
        case ast.Constant(value=bool(value)):
            yield str(not value), ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield str(value + 1), ast.Constant(value + 1)
        case ast.Return(value=ast.expr() as value) if isinstance(value, ast.Compare | ast.BoolOp):
            yield "always", ast.Return(ast.Constant(True))
            yield "never", ast.Return(ast.Constant(False))
        case ast.Raise() | ast.Expr(value=ast.Call()):
            yield "dropped", ast.Pass()
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)) if isinstance(value, bool | int):
            yield "dropped", ast.Pass()


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _other_rule(rule: ast.expr) -> ast.expr:
    name = "DEFAULT" if ast.unparse(rule) != "Rule.DEFAULT" else "OWN"
    return ast.Attribute(ast.Name("Rule", ast.Load()), name, ast.Load())


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).replace("\n", " ")
    return " ".join(text.split())[:90]


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, new: ast.AST) -> None:
        self._target, self._new = target, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._target else self.generic_visit(node)


# --- running -------------------------------------------------------------------------------------------------
class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a mutant."""

    def __init__(self, name: str, path: str, tree: ast.Module) -> None:
        self._name, self._path, self._tree = name, path, tree

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, self._path, "exec"), module.__dict__)


def _survives(path: str, tree: ast.Module) -> bool:
    """Whether the tests pass with this mutant. They run in a child that has the big libraries loaded already."""
    child = os.fork()
    if not child:
        code = 99
        try:
            code = _run(path, tree)
        finally:
            os._exit(code)
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return code == 0
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def _run(path: str, tree: ast.Module) -> int:
    """0: all tests pass. They are called without pytest, which takes longer to start than they do."""
    target = TARGETS[path]
    sys.meta_path.insert(0, _Mutated(target.module, path, tree))
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    tests = importlib.import_module(target.tests)
    functions = [value for name, value in vars(tests).items() if name.startswith("test_")]
    # Examples first: they are quick.
    for function in sorted(functions, key=lambda one: any(mark.name == "property" for mark in _marks(one))):
        tables = [mark.args for mark in _marks(function) if mark.name == "parametrize"]
        assert len(tables) <= 1, "one table a test"
        if not tables:
            function()
        for names, rows in tables:
            for row in rows:
                function(*([row] if isinstance(names, str) else row))
    return 0


def _marks(function: Any) -> list[Any]:
    return list(getattr(function, "pytestmark", ()))


def main(paths: Sequence[str]) -> int:
    from hypothesis import settings

    settings.register_profile("mutation", derandomize=True, deadline=None)
    settings.load_profile("mutation")
    # What fails here is no example to be tried again in the next run of the tests.
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.mkdtemp()
    wrong = 0
    labels: set[str] = set()
    for path in paths or TARGETS:
        start = time.monotonic()
        for name in TARGETS[path].before:
            importlib.import_module(name)
        assert TARGETS[path].module not in sys.modules
        source = Path(path).read_text()
        if not _survives(path, ast.parse(source)):
            print(f"{path}: the tests fail without any change")
            return 1
        every = list(mutants(source))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            survived = list(pool.map(lambda mutant, path=path: _survives(path, mutant.tree), every))
        left = [f"{path} {mutant.label}" for mutant, lives in zip(every, survived, strict=True) if lives]
        labels.update(left)
        print(f"{path}: {len(every)} mutants, {len(left)} survived, {time.monotonic() - start:.0f} s")
        for label in left:
            print(f"  {'equivalent' if label in EQUIVALENT else 'SURVIVED'}: {label}")
            wrong += label not in EQUIVALENT
    for label in EQUIVALENT:
        if label.split()[0] in (paths or TARGETS) and label not in labels:
            print(f"  listed as equivalent, but it is noticed or there no more: {label}")
            wrong += 1
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
