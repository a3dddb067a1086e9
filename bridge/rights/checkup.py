"""`privacy checkup` (P14): walks through what one shows, and says what is wide."""

from bridge.chat import prompts
from bridge.chat.command import Command, Request
from bridge.chat.reply import Block, CopyRef, Lines, Message, Reply, Text
from bridge.contacts import invites, profiles, store, tags
from bridge.contacts.audiences import described
from bridge.contacts.profile_commands import field_name
from bridge.moments import defaults
from bridge.privacy import Audience, settings
from bridge.privacy.settings import DAY_MS
from bridge.rights.settings_commands import FIX, GROUP, POST, PrivacySettings

_TTL_MS = 24 * 3600 * 1000
_OLD_TAG_MS = 180 * DAY_MS
_CLOSED = ("birthday", "phone", "email")
_MOST = 20


class Checkup:
    def __init__(self, overview: PrivacySettings) -> None:
        self._settings = overview

    def check(self, request: Request) -> Reply:
        advices = self._advices(request)
        blocks: list[Block] = [Text("checkup-head"), Lines(tuple(self._facts(request)[:_MOST]))]
        if not advices:
            return Reply((Message((*blocks, Text("checkup-fine"))),))
        return _asking(request, [*blocks, Text("checkup-advices")], advices)

    def choose(self, request: Request, ref_id: int, option: str) -> Reply:
        """Follow an advice, and go on with those that are left."""
        done = self._settings.choose_value(request, ref_id, option)
        blocks = [block for part in done.parts if isinstance(part, Message) for block in part.blocks]
        advices = self._advices(request)
        if not advices:
            return Reply((Message((*blocks, Text("checkup-fine"))),))
        return _asking(request, [*blocks, Text("checkup-left")], advices)

    def _facts(self, request: Request) -> list[Text]:
        tx, person = request.tx, request.person
        now = settings.load(tx, person.id)
        facts: list[Text] = [
            Text("checkup-friends", {"count": store.count_friends(tx, person.id)}),
            Text(f"privacy-window-{now.window}"),
        ]
        if not now.strangers:
            facts.append(Text("privacy-strangers-off"))
        facts += [
            Text("checkup-old-tag", {"tag": tag.name, "count": tag.count})
            for tag in tags.every(tx, person.id)
            if tag.changed_at < tx.now - _OLD_TAG_MS
        ]
        codes = len(invites.valid(tx, person.id))
        if codes:
            facts.append(Text("checkup-invites", {"count": codes}))
        return facts

    def _advices(self, request: Request) -> list[tuple[Text, str]]:
        """What is wide, each with the setting that narrows it: the name of a row of `privacy`, and a value."""
        tx, person = request.tx, request.person
        now = settings.load(tx, person.id)
        advices: list[tuple[Text, str]] = []
        if now.window_ms is None:
            advices.append((Text("checkup-window"), "window 6m"))
        if now.strangers:
            advices.append((Text("checkup-strangers"), "strangers off"))
        if defaults.load(tx, person.id).kind is Audience.PUBLIC:
            advices.append((Text("checkup-post"), f"{POST} friends"))
        for field, to in self._settings.field_audiences(request):
            args = {"field": field_name(field), "audience": described(tx, person.id, to, always_live=True)}
            name = profiles.column(tx, person.id, field)
            if to.kind is Audience.PUBLIC:
                advices.append((Text("checkup-field", args), f"{name} friends"))
            elif field.name in _CLOSED and to.kind is not Audience.PRIVATE and not field.free:
                advices.append((Text("checkup-field", args), f"{name} me"))
        if now.reactions:
            advices.append((Text("checkup-reactions"), "reactions off"))
        return advices[:_MOST]


def _asking(request: Request, blocks: list[Block], advices: list[tuple[Text, str]]) -> Reply:
    lines = tuple(Text("privacy-row", {"number": i, "line": text}) for i, (text, _) in enumerate(advices, 1))
    options = [option for _, option in advices]
    prompt_id = prompts.open(request.tx, request.person.id, FIX, None, options, _TTL_MS)
    copy = CopyRef(prompts.COPY_KIND, prompt_id)
    return Reply((Message((*blocks, Lines(lines), Text("request-notice-howto")), copy),))


def build(do: Checkup) -> list[Command]:
    return [Command("privacy checkup", (), do.check, effect=False, group=GROUP)]
