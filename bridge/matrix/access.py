"""Who may talk to the bot: allow and deny lists of servers and people (feature F2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate

from bridge.ids import UserId, server_name


def _patterns(globs: Iterable[str]) -> "re.Pattern[str] | None":
    parts = [translate(g.lower()) for g in globs]
    return re.compile("|".join(parts)) if parts else None


@dataclass(frozen=True, slots=True)
class Access:
    """Globs (`*`, `?`), as in m.room.server_acl. Deny wins. Empty allow lists allow everybody."""

    allow_servers: tuple[str, ...] = ()
    deny_servers: tuple[str, ...] = ()
    allow_people: tuple[str, ...] = ()
    deny_people: tuple[str, ...] = ()
    invites: str = "dm"
    """`dm`: only invites to direct chats are accepted; `all`: to any room; `none`."""

    def admits(self, user: UserId) -> bool:
        """Whether this person may use the bot at all."""
        name, server = user.lower(), server_name(user).lower()
        host = server.rsplit(":", 1)[0] if re.search(r":\d+$", server) else server

        def hit(globs: tuple[str, ...], *values: str) -> bool:
            pattern = _patterns(globs)
            return pattern is not None and any(pattern.fullmatch(v) for v in values)

        if hit(self.deny_people, name) or hit(self.deny_servers, server, host):
            return False
        if not self.allow_people and not self.allow_servers:
            return True
        return hit(self.allow_people, name) or hit(self.allow_servers, server, host)

    def accepts_invite(self, user: UserId, *, direct: bool) -> bool:
        return self.admits(user) and (self.invites == "all" or (self.invites == "dm" and direct))
