"""`who can read this` (P15): the truth about this very installation."""

from collections.abc import Callable
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


class Disclosure:
    def __init__(self, installation: Installation, has_programs: Callable[[Tx], bool]) -> None:
        self._installation = installation
        self._has_programs = has_programs

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
        if self._has_programs(request.tx):
            blocks.append(Text("disclosure-programs"))
        blocks += [Text("disclosure-clients"), Text("disclosure-files")]
        return Reply((Message(tuple(blocks)),))


def build(installation: Installation, has_programs: Callable[[Tx], bool]) -> list[Command]:
    """`has_programs`: whether there are mini-programs that people may open."""
    do = Disclosure(installation, has_programs)
    return [Command("who can read this", (), do.tell, effect=False, group="privacy", when_paused=True)]
