"""Everything that people do about their privacy, as commands and hooks."""

from collections.abc import Callable, Collection

from bridge.chat.command import Command
from bridge.chat.hooks import Hooks
from bridge.chat.people import People
from bridge.contacts.changes import Changes
from bridge.db import Tx
from bridge.moments.readdress import Readdress
from bridge.moments.service import Moments
from bridge.rights import access_log, checkup, disclosure, settings_commands, undo_commands, view_as, why
from bridge.rights.disclosure import Installation
from bridge.rights.settings_commands import FIX, OVERVIEW, VALUE, PrivacySettings


def build(
    people: People,
    changes: Changes,
    moments: Moments,
    readdress: Readdress,
    installation: Installation,
    programs: Callable[[Tx], Collection[str | None]],
) -> tuple[list[Command], Hooks]:
    """What this adds to the chat. `programs`: see `disclosure`."""
    settings = PrivacySettings(people, changes, moments)
    checking = checkup.Checkup(settings)
    commands = [
        *settings_commands.build(settings),
        *checkup.build(checking),
        *view_as.build(people, moments),
        *why.build(people, moments),
        *disclosure.build(installation, programs),
        *access_log.build(),
        *undo_commands.build(undo_commands.UndoCommand(moments, readdress, settings)),
    ]
    hooks = Hooks(
        on_choice={OVERVIEW: settings.choose_key, VALUE: settings.choose_value, FIX: checking.choose},
        on_device=access_log.device_spoke,
        menus=frozenset({OVERVIEW, VALUE, FIX}),
    )
    return commands, hooks
