"""What an operator is asked to agree to when a program is installed or updated. Pure."""

from collections.abc import Iterator, Sequence

from bridge.miniprograms.manifest import Deletion, Manifest, in_language
from bridge.miniprograms.package import Package
from bridge.miniprograms.program import Program

_LANGUAGE = "en"


def lines(new: Package, old: Program | None, old_signers: Sequence[str] = ()) -> Iterator[str]:
    """The permission diff in words: what comes in begins with `+`, what goes with `-`, what is another with `~`."""
    manifest = new.program.manifest
    before = None if old is None else old.manifest
    title, about = (in_language(text, _LANGUAGE) for text in (manifest.title, manifest.description))
    yield f"  {manifest.name}: {title} – {about}"
    if before is None:
        yield f"+ version {manifest.version}"
    elif before.version != manifest.version:
        yield f"~ version {before.version} → {manifest.version}"
    yield from _changed("signed by", old_signers, new.signers or ("nobody",) if before is None else new.signers)
    for scope, purpose in manifest.scopes.items():
        said = in_language(purpose, _LANGUAGE)
        known = None if before is None else before.scopes.get(scope)
        if known is None:
            yield f"+ asks for {scope}: {said}"
        elif known != purpose:
            yield f"~ asks for {scope}: {in_language(known, _LANGUAGE)} → {said}"
    if before is not None:
        for scope in before.scopes:
            if scope not in manifest.scopes:
                yield f"- asks for {scope}"
    yield from _server(before, manifest)
    yield from _changed("asks the server", () if before is None else before.domains, manifest.domains)
    yield from _changed("has the command", _commands(before), _commands(manifest))
    size = len(new.program.source.encode("utf-8"))
    if manifest.server is None and (old is None or old.source != new.program.source):
        yield f"{'+' if old is None else '~'} code, {size} bytes"


def is_wider(new: Manifest, old: Manifest | None) -> bool:
    """Whether it may ask for more than before, or for something else."""
    if old is None:
        return bool(new.scopes or new.domains or new.server)
    if new.server is not None and new.server != old.server:
        return True
    return any(old.scopes.get(scope) != purpose for scope, purpose in new.scopes.items()) or bool(
        set(new.domains) - set(old.domains)
    )


def _server(before: Manifest | None, manifest: Manifest) -> Iterator[str]:
    """Where it runs, and what is promised there."""
    old_url, old_deletion = (None, None) if before is None else (before.url, before.deletion)
    if manifest.url != old_url:
        if old_url is not None:
            yield f"- runs on a server: {old_url}"
        if manifest.url is not None:
            yield f"+ runs on a server: {manifest.url}"
            yield "  what people type to it, and what it shows them, leaves the encryption there"
    if manifest.url is not None and (manifest.deletion != old_deletion or manifest.url != old_url):
        promised = manifest.deletion or Deletion()
        signed = "without a signature" if promised.key is None else f"signed by {promised.key}"
        sign = "+" if old_url is None else "~"
        yield f"{sign} deletes within {promised.days} days what it keeps of who left, {signed}"


def is_newer(new: str, old: str) -> bool:
    """Whether a version comes after another."""
    return [int(part) for part in new.split(".")] > [int(part) for part in old.split(".")]


def _commands(manifest: Manifest | None) -> tuple[str, ...]:
    return () if manifest is None else tuple(command.name for command in manifest.commands)


def _changed(what: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    for one in after:
        if one not in before:
            yield f"+ {what} {one}"
    for one in before:
        if one not in after:
            yield f"- {what} {one}"
