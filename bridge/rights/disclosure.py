"""`who can read this` (P15): the truth about this very installation."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from bridge.chat.command import Command, Request
from bridge.chat.reply import Block, Message, Reply, Text
from bridge.db import Tx
from bridge.ids import UserId, server_name
from bridge.privacy import settings


@dataclass(frozen=True, slots=True)
class Installation:
    """What a person should know of the installation that they talk to."""

    bot: UserId
    reactions: bool = True
    """Reactions may count as likes."""
    operator_name: str = ""
    """Who runs it, in the operator's own words; empty: not said."""
    deletes_files: bool = False
    """The bot may delete files from its homeserver."""


class Disclosure:
    def __init__(self, installation: Installation, programs: Callable[[Tx], Collection[str | None]]) -> None:
        self._installation = installation
        self._programs = programs

    def tell(self, request: Request) -> Reply:
        here = self._installation
        own, bots = server_name(request.person.user_id), server_name(here.bot)
        blocks: list[Block] = [Text("disclosure-head"), Text("disclosure-friends")]
        operator = here.operator_name
        blocks.append(
            Text("disclosure-operator-named", {"name": operator}) if operator else Text("disclosure-operator")
        )
        blocks.append(Text("disclosure-kept"))
        if own == bots:
            blocks.append(Text("disclosure-server", {"server": own}))
        else:
            blocks.append(Text("disclosure-servers", {"own": own, "bots": bots}))
        used = here.reactions and settings.load(request.tx, request.person.id).reactions
        blocks.append(Text("disclosure-reactions" if used else "disclosure-no-reactions"))
        programs = self._programs(request.tx)
        if programs:
            blocks.append(Text("disclosure-programs"))
        servers = sorted({server for server in programs if server is not None})
        if servers:
            blocks.append(Text("disclosure-program-servers", {"servers": ", ".join(servers)}))
        files = "disclosure-files-deleted" if self._installation.deletes_files else "disclosure-files"
        blocks += [Text("disclosure-clients"), Text(files)]
        return Reply((Message(tuple(blocks)),))


def build(installation: Installation, programs: Callable[[Tx], Collection[str | None]]) -> list[Command]:
    """`programs`: for each mini-program that people may open, the server that it runs on, or None."""
    do = Disclosure(installation, programs)
    return [Command("who can read this", (), do.tell, effect=False, group="privacy", when_paused=True)]
