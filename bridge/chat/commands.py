"""The commands of the chat itself: ping, help, language, timezone."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import available_timezones

from bridge.chat import grammar
from bridge.chat.catalogue import Catalogue
from bridge.chat.clean import shorten
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.people import People
from bridge.chat.registry import Registry, key
from bridge.chat.reply import Block, Lines, Message, Reply, Text, Time
from bridge.errors import UserError

GROUP = "chat"
_OTHER_GROUP = "more"
Here: TypeAlias = Callable[[Request], tuple[Block, ...]]
"""What something that is open where somebody asks understands: it stands before all else."""
_LANGUAGE_NAMES = {"english": "en", "英文": "en", "英语": "en", "chinese": "zh", "中文": "zh", "汉语": "zh"}


def build_registry(
    commands: Iterable[Command], people: People, catalogue: Catalogue, here: Here | None = None
) -> Registry:
    """The registry of the features' `commands` and those of the chat itself. `here`: see `Here`.

    Raises:
        ValueError: two commands share a name or an alias.
    """
    built: list[Registry] = []
    registry = Registry([*commands, *chat_commands(people, catalogue, lambda: built[0], here)], catalogue)
    built.append(registry)
    return registry


def chat_commands(
    people: People, catalogue: Catalogue, registry: Callable[[], Registry], here: Here | None = None
) -> tuple[Command, ...]:
    """The commands of this room. `registry` is called when help is asked for."""

    def ping(request: Request) -> Reply:
        return Reply.text("pong", personal=False)

    def show_help(request: Request) -> Reply:
        language = request.person.language
        name = request.args.get("command")
        if name:
            return _one(registry(), catalogue, language, name)
        return _all(registry(), catalogue, language, () if here is None else here(request))

    def language(request: Request) -> Reply:
        name: str = request.args["name"]
        code = _LANGUAGE_NAMES.get(name.casefold(), name.casefold())
        if code not in catalogue.languages:
            known = ", ".join(f"{c} ({catalogue.format(c, Text('language-name'))})" for c in catalogue.languages)
            raise UserError("language-unknown", name=shorten(name, 40), languages=known)
        people.set_language(request.tx, request.person.id, code)
        return Reply.text("language-set")

    def time_zone(request: Request) -> Reply:
        name: str = request.args["name"]
        zone = find_time_zone(name)
        if zone is None:
            raise UserError("timezone-unknown", name=shorten(name, 40))
        people.set_time_zone(request.tx, request.person.id, zone)
        return Reply.text("timezone-set", name=zone, now=Time(request.tx.now))

    rest = (Kind.REST,)
    return (
        Command(
            "help",
            (Param("command", rest, required=False),),
            show_help,
            effect=False,
            anywhere=True,
            group=GROUP,
            when_paused=True,
        ),
        Command("ping", (), ping, effect=False, anywhere=True, group=GROUP, when_paused=True),
        Command("language", (Param("name", (Kind.WORD,)),), language, group=GROUP, when_paused=True),
        Command("timezone", (Param("name", rest),), time_zone, group=GROUP, when_paused=True),
    )


def find_time_zone(name: str) -> str | None:
    """The IANA name that `name` means: the name itself in any case, or a city that only one zone has."""
    wanted = name.strip().casefold().replace(" ", "_")
    return _zones().get(wanted)


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    names = sorted(name for name in available_timezones() if not name.startswith(("posix/", "right/")))
    cities: dict[str, list[str]] = {}
    for name in names:
        cities.setdefault(name.rpartition("/")[2].casefold(), []).append(name)
    zones = {city: found[0] for city, found in cities.items() if len(found) == 1}
    return zones | {name.casefold(): name for name in names}


def _line(command: Command) -> Text:
    return Text("help-line", {"usage": grammar.usage(command), "text": Text(f"help-{key(command)}")})


def _all(registry: Registry, catalogue: Catalogue, language: str, first: tuple[Block, ...]) -> Reply:
    groups: dict[str, list[Text]] = {}
    for command in registry.commands:
        if not command.hidden:
            known = catalogue.has(language, f"help-group-{command.group}")
            groups.setdefault(command.group if known else _OTHER_GROUP, []).append(_line(command))
    lines: list[Text] = []
    for name in sorted(groups, key=lambda name: name == GROUP):  # stable: features first, in their order
        lines += [Text(f"help-group-{name}"), *groups[name]]
    return Reply((Message((*first, Text("help-intro"), Lines(tuple(lines)))),), personal=False)


def _one(registry: Registry, catalogue: Catalogue, language: str, name: str) -> Reply:
    command = registry.get(name.lstrip("!！"))
    if command is None:
        first = name.casefold().split()[0]
        family = tuple(_line(c) for c in registry.commands if c.name.split()[0] == first and not c.hidden)
        if family and len(name.split()) == 1:
            return Reply((Message((Lines(family),)),), personal=False)
        shown = shorten(name, 40)
        near = registry.suggest(name)
        if near:
            raise UserError("help-unknown-near", name=shown, suggestions=" / ".join(near))
        raise UserError("help-unknown", name=shown)
    blocks: list[Block] = [_line(command)]
    details = f"help-{key(command)}.details"
    if catalogue.has(language, details):
        blocks.append(Text(details))
    aliases = registry.aliases(command, language)
    if aliases:
        blocks.append(Text("help-also", {"aliases": ", ".join(aliases)}))
    return Reply((Message(tuple(blocks)),), personal=False)
