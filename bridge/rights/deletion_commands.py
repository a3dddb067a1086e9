"""`account delete` and `account keep`."""

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.reply import Lines, Message, Reply, Text, Time
from bridge.rights.deletions import BEGUN, Deletions, State
from bridge.rights.receipt import counted

_GROUP = "privacy"


class _Commands:
    def __init__(self, deletions: Deletions) -> None:
        self._deletions = deletions

    def delete(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        state = self._deletions.state(tx, person.id)
        if state is not None and state.is_decided and state.why == "own":
            return _decided(state)
        code = str(request.args.get("code", ""))
        if code:
            due = self._deletions.confirm(tx, person, code)
            return Reply.text("erasure-confirmed", time=Time(due))
        code = self._deletions.ask(tx, person)
        due = tx.now + self._deletions.settings.grace_ms
        blocks = (
            Text("erasure-head"),
            Lines(counted(self._deletions.count(tx, person))),
            Text("erasure-what"),
            Text("erasure-stays"),
            Text("erasure-when", {"time": Time(due)}),
            Text("erasure-code", {"code": code}),
        )
        return Reply((Message(blocks),))

    def keep(self, request: Request) -> Reply:
        self._deletions.keep(request.tx, request.person)
        return Reply.text("erasure-kept")


def _decided(state: State) -> Reply:
    assert state.due_at is not None
    return Reply.text("erasure-begun" if state.state == BEGUN else "erasure-decided", time=Time(state.due_at))


def build(deletions: Deletions) -> list[Command]:
    do = _Commands(deletions)
    return [
        Command("account delete", (Param("code", (Kind.REST,), required=False),), do.delete, group=_GROUP),
        Command("account keep", (), do.keep, group=_GROUP, when_paused=True),
    ]
