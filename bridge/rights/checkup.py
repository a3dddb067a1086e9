"""`privacy checkup` (P14): walks through what one shows, and says what is wide."""

from bridge.chat import prompts
from bridge.chat.command import Command, Request
from bridge.chat.reply import Block, CopyRef, Lines, Message, Reply, Text
from bridge.contacts import invites, store, tags
from bridge.contacts.audiences import described
from bridge.contacts.profile_commands import field_name
from bridge.privacy import Audience, settings
from bridge.privacy.settings import DAY_MS
from bridge.rights.settings_commands import FIX, GROUP, PrivacySettings

_TTL_MS = 24 * 3600 * 1000
_OLD_TAG_MS = 180 * DAY_MS
_CLOSED = ("birthday", "phone", "email")
_MOST = 20


class Checkup:
    def __init__(self, overview: PrivacySettings) -> None:
        self._settings = overview

    def check(self, request: Request) -> Reply:
        tx, person = request.tx, request.person
        now = settings.load(tx, person.id)
        facts: list[Text] = [
            Text("checkup-friends", {"count": store.count_friends(tx, person.id)}),
            Text(f"privacy-window-{now.window}"),
        ]
        advices: list[tuple[Text, str]] = []
        if now.window_ms is None:
            advices.append((Text("checkup-window"), "window 6m"))
        if now.strangers:
            advices.append((Text("checkup-strangers"), "strangers off"))
        else:
            facts.append(Text("privacy-strangers-off"))
        for field, to in self._settings.field_audiences(request):
            args = {"field": field_name(field), "audience": described(tx, person.id, to, always_live=True)}
            if to.kind is Audience.PUBLIC:
                advices.append((Text("checkup-field", args), f"{field.name} friends"))
            elif field.name in _CLOSED and to.kind is not Audience.PRIVATE and not field.free:
                advices.append((Text("checkup-field", args), f"{field.name} me"))
        if now.reactions:
            advices.append((Text("checkup-reactions"), "reactions off"))
        facts += [
            Text("checkup-old-tag", {"tag": tag.name, "count": tag.count})
            for tag in tags.every(tx, person.id)
            if tag.changed_at < tx.now - _OLD_TAG_MS
        ]
        codes = len(invites.valid(tx, person.id))
        if codes:
            facts.append(Text("checkup-invites", {"count": codes}))
        blocks: list[Block] = [Text("checkup-head"), Lines(tuple(facts[:_MOST]))]
        if not advices:
            return Reply((Message((*blocks, Text("checkup-fine"))),))
        advices = advices[:_MOST]
        lines = tuple(Text("privacy-row", {"number": i, "line": text}) for i, (text, _) in enumerate(advices, 1))
        blocks += [Text("checkup-advices"), Lines(lines), Text("request-notice-howto")]
        options = [option for _, option in advices]
        prompt_id = prompts.open(tx, person.id, FIX, None, options, _TTL_MS)
        return Reply((Message(tuple(blocks), CopyRef(prompts.COPY_KIND, prompt_id)),))


def build(overview: PrivacySettings) -> list[Command]:
    return [Command("privacy checkup", (), Checkup(overview).check, effect=False, group=GROUP)]
