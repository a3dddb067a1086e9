"""Every feature, put together: commands, hooks and renderers as one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from bridge.chat import grammar
from bridge.chat.command import Command, Handler, Kind, Param, Person, Request
from bridge.chat.hooks import Hooks
from bridge.chat.people import People
from bridge.chat.picture import Publish
from bridge.chat.registry import Found
from bridge.chat.reply import Block, Reply
from bridge.config.programs import ProgramsConfig
from bridge.contacts import commands as contacts
from bridge.contacts.exporting import ContactsExporter
from bridge.contacts.importing import ContactsImporter
from bridge.contacts.model import ContactLimits
from bridge.contacts.private_chats import PrivateChats
from bridge.contacts.service import Contacts, Meeting
from bridge.db import Database, Tx
from bridge.delivery.outbox import Outbox
from bridge.delivery.ports import Renderer
from bridge.ids import UserId
from bridge.miniprograms.host import commands as apps
from bridge.miniprograms.host.allowance import Allowances
from bridge.miniprograms.host.erasing import ProgramsEraser
from bridge.miniprograms.host.exporting import ProgramsExporter
from bridge.miniprograms.host.host import Host
from bridge.miniprograms.host.installed import Programs
from bridge.miniprograms.host.outside import Outside
from bridge.miniprograms.host.performing import Performer
from bridge.miniprograms.host.pictures import Miniature, Pictures, Redraw
from bridge.miniprograms.program import Runtime
from bridge.moments import commands as moments
from bridge.moments.digests import Digests
from bridge.moments.exporting import MomentsExporter
from bridge.moments.importing import MomentsImporter
from bridge.moments.model import MomentLimits
from bridge.moments.past import LeftBehind
from bridge.moments.service import Moments
from bridge.privacy import recovery
from bridge.rights import access_log, deletion_commands
from bridge.rights import commands as rights
from bridge.rights.archive import exports, imports
from bridge.rights.archive.exports import Exports
from bridge.rights.archive.imports import Imports
from bridge.rights.archive.layout import ArchiveSettings
from bridge.rights.deletions import Deletions, DeletionSettings
from bridge.rights.disclosure import Installation
from bridge.rights.farewells import Farewells
from bridge.rights.own_chat import OwnChatEraser
from bridge.rights.own_exporter import OwnExporter


@dataclass(frozen=True, slots=True)
class Features:
    commands: list[Command]
    hooks: Hooks
    renderers: Mapping[str, Renderer]
    chats: PrivateChats
    moments: Moments
    digests: Digests
    deletions: Deletions
    """The end of accounts; `Erasures` carries it out."""
    exports: Exports
    """`ArchiveWorker` carries them out, and the next."""
    imports: Imports
    programs: Programs
    help_here: Callable[[Request], tuple[Block, ...]]
    """What the mini-program understands that is open where somebody asks for help."""
    host: Callable[[Database, Runtime, Redraw | None, Outside | None, Miniature | None], Host]
    """Builds what runs mini-programs; without it they wait."""


def compose(
    outbox: Outbox,
    people: People,
    find: Callable[[str], Found | None],
    *,
    contact_limits: ContactLimits | None = None,
    moment_limits: MomentLimits | None = None,
    installation: Installation | None = None,
    meeting: Meeting = lambda a, b: False,
    publish: Publish | None = None,
    guarded: recovery.Guarded | None = None,
    deletion: DeletionSettings | None = None,
    archives: ArchiveSettings | None = None,
    serves: Callable[[UserId], bool] = lambda user: True,
    apps_limits: ProgramsConfig | None = None,
) -> Features:
    """`find`: the command that a text begins with, of the registry. `meeting`: who shares a room with whom. `publish`:
    uploads pictures of our own. `serves`: whether people of somebody's server may use the bot."""
    here = installation or Installation(UserId("@courtyard:example.org"))
    post = moments.build(outbox, people, find, moment_limits)
    past = LeftBehind(post.service, people)
    commands, hooks, renderers, changes, chats, contacts_eraser = contacts.build(
        outbox,
        people,
        contact_limits or ContactLimits(),
        post.showing,
        past,
        meeting,
        bot=here.bot,
        serves=serves,
        publish=publish,
    )
    guarded = guarded or recovery.Guarded()
    recovery_commands, recovery_hooks = recovery.build(outbox, guarded)
    limits = apps_limits or ProgramsConfig()
    programs, allowances = Programs(limits), Allowances(limits)
    app = apps.build(programs, allowances, limits, people)
    right_commands, right_hooks = rights.build(
        people,
        changes,
        post.service,
        post.readdress,
        here,
        lambda tx: [one.manifest.server for one in programs.open_to_people(tx)],
    )
    apps_eraser = ProgramsEraser(programs, app.talk, limits)
    deletions = Deletions(
        people,
        outbox,
        Farewells(),
        (apps_eraser, post.eraser, OwnChatEraser(outbox, guarded), contacts_eraser),
        deletion or DeletionSettings(),
        apps_eraser,
    )
    exporters = (ContactsExporter(), MomentsExporter(), ProgramsExporter(programs), OwnExporter())
    archives = archives or ArchiveSettings()
    exporting = Exports(people, outbox, exporters, archives)
    bounds = contact_limits or ContactLimits()
    restoring = ContactsImporter(people, Contacts(outbox, people, bounds, changes, meeting), changes, bounds)
    importing = Imports(people, outbox, restoring, MomentsImporter(post.service, restoring), archives)
    import_commands, import_hooks = imports.build(importing)
    post_hooks = post.hooks if here.reactions else replace(post.hooks, on_reaction={})

    def host(
        db: Database,
        runtime: Runtime,
        redraw: Redraw | None,
        outside: Outside | None,
        miniature: Miniature | None = None,
    ) -> Host:
        performer = Performer(outbox, limits)

        def note(tx: Tx, person: Person, program: str, fields: str) -> None:
            access_log.record(tx, person, "program", program=program, fields=fields)

        made = Host(
            db,
            programs,
            performer,
            people,
            runtime,
            limits,
            allowances,
            pictures=Pictures(limits, publish, redraw, outside, miniature),
            note=note,
            look=app.talk.look,
            outside=outside,
        )
        app.talk.host = made
        return made

    posts, opening = _shared_open(post.commands, app.open)
    return Features(
        [
            *commands,
            *posts,
            opening,
            *app.commands,
            *right_commands,
            *recovery_commands,
            *exports.build(exporting),
            *import_commands,
            *deletion_commands.build(deletions),
        ],
        merged(
            [hooks, post_hooks, right_hooks, recovery_hooks, import_hooks, app.hooks, Hooks(on_spoke=deletions.spoke)]
        ),
        {**renderers, **post.renderers, **app.renderers},
        chats,
        post.service,
        post.digests,
        deletions,
        exporting,
        importing,
        programs,
        app.talk.help,
        host,
    )


def _shared_open(commands: list[Command], program: Handler) -> tuple[list[Command], Command]:
    """`open N` opens a moment, `open NAME [payload]` a mini-program: one command, as both are what people say."""
    [moment] = [command for command in commands if command.name == "open"]

    def handler(request: Request) -> Reply:
        what = request.args["name"]
        if isinstance(what, str):
            return program(request)
        if "payload" in request.args:
            raise grammar.WrongArguments("too-many-arguments", opening, rest=grammar.shortened(request.args["payload"]))
        return moment.handler(replace(request, args={"number": what}))

    params = (Param("name", (Kind.NUMBER, Kind.WORD)), Param("payload", (Kind.REST,), required=False))
    opening = replace(moment, params=params, handler=handler, effect=True, aloud=True)
    return [command for command in commands if command is not moment], opening


_ONE_LISTENS = frozenset(("is_guarded", "on_identity_changed", "on_device", "on_spoke", "on_file", "gather", "talk"))


def merged(parts: list[Hooks]) -> Hooks:
    """The hooks of all features; each kind belongs to one."""
    result: dict[str, Any] = {}
    for field in fields(Hooks):
        values = [getattr(part, field.name) for part in parts]
        if field.name in _ONE_LISTENS:
            result[field.name] = next((value for value in values if value is not None), None)
            continue
        if field.name in ("harmless_choices", "menus", "when_gone"):
            result[field.name] = frozenset().union(*values)
            continue
        if field.name == "on_opened":
            result[field.name] = tuple(hook for value in values for hook in value)
            continue
        result[field.name] = {}
        for value in values:
            twice = result[field.name].keys() & value.keys()
            assert not twice, f"two features hook {field.name} of {twice}"
            result[field.name].update(value)
    return Hooks(**result)
