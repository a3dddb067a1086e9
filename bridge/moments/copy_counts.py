"""`moment N copies`: how many people may have a copy of one's own moment, and where it can't be taken back.

Counted is for whom it was, never who read; and the state of people's chats, never what was sent there.
"""

from bridge.chat import grammar
from bridge.chat.command import Kind, Param, Request
from bridge.chat.people import People
from bridge.chat.reply import Block, Lines, Message, Reply, Text
from bridge.contacts.model import folded
from bridge.errors import UserError
from bridge.moments.reach import Server
from bridge.moments.service import Moments

COPIES = Param("copies", (Kind.WORD,), required=False)
_WORDS = frozenset(("copies", "copy", "副本"))
_DAY_MS = 24 * 3600 * 1000
_SHOWN = 20
"""Servers that are named."""


class CopyCounts:
    def __init__(self, moments: Moments, people: People) -> None:
        self._moments = moments
        self._people = people

    def asked(self, request: Request) -> Reply:
        word: str = request.args["copies"]
        number: int = request.args["number"]
        if folded(word) not in _WORDS:
            raise UserError("copies-word", number=number, word=grammar.shortened(word))
        reach, gone = self._moments.reach(request.tx, request.person, number)
        servers = reach.servers(request.tx, self._people)
        total = sum(server.people for server in servers)
        blocks: list[Block] = []
        if total:
            blocks.append(Text("copies-gone" if gone else "copies", {"number": number, "count": total}))
            blocks.append(Lines(tuple(_lines(servers))))
        else:
            blocks.append(Text("copies-none", {"number": number}))
        if reach.public:
            blocks.append(Text("copies-strangers"))
        if total:
            blocks.append(Text("copies-howto", {"days": self._moments.limits.gone_ms // _DAY_MS}))
        return Reply((Message(tuple(blocks)),))

    def unreached(self, request: Request, number: int) -> list[Block]:
        """Behind the answer to a deletion: the servers on which a copy may stay."""
        try:
            reach, _ = self._moments.reach(request.tx, request.person, number)
        except UserError:
            return []  # it was for nobody
        servers = [server for server in reach.servers(request.tx, self._people) if server.unreached]
        if not servers:
            return []
        lines = [
            Text("copies-unreached", {"server": server.name, "count": server.unreached}) for server in servers[:_SHOWN]
        ]
        return [Text("copies-may-stay", {"number": number}), Lines((*lines, *_others(servers)))]


def _lines(servers: list[Server]) -> list[Text]:
    lines: list[Text] = []
    for server in servers[:_SHOWN]:
        message_id = "copies-server-unreached" if server.unreached else "copies-server"
        counts = {"count": server.people, "unreached": server.unreached}
        lines.append(Text(message_id, {"server": server.name, **counts}))
    return [*lines, *_others(servers)]


def _others(servers: list[Server]) -> list[Text]:
    """The servers that are not named, together."""
    rest = servers[_SHOWN:]
    if not rest:
        return []
    counts = {
        "servers": len(rest),
        "count": sum(server.people for server in rest),
        "unreached": sum(server.unreached for server in rest),
    }
    return [Text("copies-others", counts)]
