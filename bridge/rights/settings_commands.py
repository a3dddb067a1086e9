"""`privacy` and `privacy set`: everything at a glance, and a sentence on what each change changes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bridge.chat import prompts
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.grammar import parse_user
from bridge.chat.people import NOBODY, People
from bridge.chat.reply import Block, CopyRef, Lines, Message, Reply, Text
from bridge.contacts import profiles, store, tags
from bridge.contacts.audiences import described
from bridge.contacts.changes import Changes
from bridge.contacts.impacts import field_impact, field_impact_lines, impact_lines, stranger_lines
from bridge.contacts.model import KNOWN_FIELDS, Field
from bridge.contacts.profile_commands import field_name
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import PersonId, UserId
from bridge.moments import defaults, kept_comments, viewing
from bridge.moments.audience import AudienceError, Said, parse_audience
from bridge.moments.said import called_by
from bridge.moments.service import Moments
from bridge.privacy import Addressed, field_rules, settings, undo, viewer
from bridge.privacy.model import STRANGERS_SEE
from bridge.privacy.settings import WINDOWS, Settings
from bridge.rights.left_out import BLOCKED, LEFT_OUT, PAIRS, chosen, left_out_choices, left_out_lines

GROUP = "privacy"
OVERVIEW, VALUE, FIX = "privacy", "privacy-value", "privacy-fix"
"""Kinds of the questions: which setting, which value, which of the advices of the checkup."""
_TTL_MS = 24 * 3600 * 1000
_ON = frozenset(("on", "yes", "开", "打开", "是"))
_OFF = frozenset(("off", "no", "关", "关闭", "否"))
SWITCHES = {
    "strangers": "strangers",
    "by-id": "by_id",
    "by-code": "by_code",
    "by-room": "by_room",
    "reactions": "reactions",
    "keep-comments": "keep_comments",
}
"""Key as typed → attribute of `Settings`."""
POST = "post"
WORDS = {
    "窗口": "window",
    "陌生人": "strangers",
    "按账号": "by-id",
    "按邀请码": "by-code",
    "按聊天室": "by-room",
    "我的": "mine",
    "他们的": "theirs",
    "仅聊天": "chats-only",
    "表情回应": "reactions",
    "发布": POST,
    "保留评论": "keep-comments",
}
"""Other words for keys."""
_WINDOW_WORDS = {"三天": "3d", "一个月": "1m", "半年": "6m", "全部": "all"}
_POST_CHOICES = ("friends", "public", "private")
_FIELD_CHOICES = ("everyone", "friends", "me")


@dataclass(frozen=True, slots=True)
class _Row:
    """One setting of the overview."""

    key: str
    name: str
    """What stands for it in a question that waits: no name that its owner made up, and the same whatever is added."""
    line: Text
    values: tuple[str, ...]


class PrivacySettings:
    def __init__(self, people: People, changes: Changes, moments: Moments) -> None:
        self._people = people
        self._changes = changes
        self._moments = moments

    # --- looking --------------------------------------------------------------------------------------------
    def overview(self, request: Request) -> Reply:
        rows = self._rows(request)
        lines = tuple(Text("privacy-row", {"number": i, "line": row.line}) for i, row in enumerate(rows, 1))
        here = Text("privacy-here", {"zone": request.person.time_zone})
        blocks: list[Block] = [Text("privacy-head"), Lines(lines), here, Text("privacy-howto")]
        options = [row.name for row in rows]
        prompt_id = prompts.open(request.tx, request.person.id, OVERVIEW, None, options, _TTL_MS)
        return Reply((Message(tuple(blocks), CopyRef(prompts.COPY_KIND, prompt_id)),))

    def _rows(self, request: Request) -> list[_Row]:
        tx, person = request.tx, request.person
        now = settings.load(tx, person.id)
        rows = [_Row("window", "window", Text(f"privacy-window-{now.window}"), tuple(WINDOWS))]
        rows += [
            _Row(key, key, Text(f"privacy-{key}-{'on' if getattr(now, name) else 'off'}"), ("on", "off"))
            for key, name in SWITCHES.items()
        ]
        for field, to in self.field_audiences(request):
            line = Text(
                "privacy-field",
                {"field": field_name(field), "audience": described(tx, person.id, to, always_live=True)},
            )
            rows.append(_Row(field.name, profiles.column(tx, person.id, field), line, _FIELD_CHOICES))
        left_out = [_Row(key, key, line, ()) for key, line in left_out_lines(tx, person.id)]
        return [*rows, self._post_row(request), *left_out]

    @staticmethod
    def field_audiences(request: Request) -> list[tuple[Field, Addressed]]:
        """For whom each field is: the known ones, and the free ones that are filled in."""
        tx, owner = request.tx, request.person.id
        rules = field_rules.load(tx, [owner])
        known = [(Field(name), rules.get((owner, name), field_rules.default(name))) for name in KNOWN_FIELDS]
        return known + [(one.field, one.to) for one in profiles.fields(tx, owner) if one.field.free]

    # --- choosing -------------------------------------------------------------------------------------------
    def choose_key(self, request: Request, ref_id: int, name: str) -> Reply:
        row = self._row(request, name)
        choices = [(Text(f"privacy-value-{value}"), value) for value in row.values]
        choices = choices or left_out_choices(request.tx, request.person.id, row.key)
        lines = tuple(Text("privacy-row", {"number": i, "line": line}) for i, (line, _) in enumerate(choices, 1))
        options = [f"{row.name} {value}" for _, value in choices]
        prompt_id = prompts.open(request.tx, request.person.id, VALUE, None, options, _TTL_MS)
        blocks: tuple[Block, ...] = (row.line, Lines(lines), Text("request-notice-howto"))
        return Reply((Message(blocks, CopyRef(prompts.COPY_KIND, prompt_id)),))

    def choose_value(self, request: Request, ref_id: int, option: str) -> Reply:
        """An option is the name of a row and the value that it gets."""
        name, _, value = option.rpartition(" ")
        if name in LEFT_OUT:
            return self._let_in(request, name, value)
        return self.apply(request, self._row(request, name).key, value)

    def _row(self, request: Request, name: str) -> _Row:
        for row in self._rows(request):
            if row.name == name:
                return row
        raise UserError("prompt-none")  # a field of its own that is there no more

    def _let_in(self, request: Request, key: str, value: str) -> Reply:
        """Somebody, or who is in a tag, is left out no more."""
        tx, owner = request.tx, request.person.id
        who = chosen(tx, owner, value)
        if who is None:
            raise UserError("prompt-none")  # is there no more
        if key != BLOCKED:
            return self.apply(request, key, f"{who} {_word(key != 'chats-only')}")
        user = UserId(who)
        other = self._people.named(tx, user)
        self._changes.make_between(tx, owner, other, lambda: store.set_stance(tx, owner, other, BLOCKED, False))
        return Reply.text("unblock-done", user=user)

    # --- changing -------------------------------------------------------------------------------------------
    def set(self, request: Request) -> Reply:
        return self.apply(request, request.args["key"], request.args["value"])

    def apply(self, request: Request, key: str, value: str) -> Reply:
        """Set one thing, and say what differs now.

        Raises:
            UserError: there is no such key, or it does not take this value.
        """
        plain = WORDS.get(key.casefold(), key.casefold())
        value = value.strip()
        before = self._before(request, plain, key, value)
        reply = self._apply(request, plain, key, value)
        if before is not None:
            undo.record(request.tx, request.person.id, self._moments.limits.undo_ms, undo.SETTING, value=before)
        return reply

    def restore(self, request: Request, before: Mapping[str, Any]) -> Reply:
        """Set a thing as it was before, and say what differs now."""
        tx, owner = request.tx, request.person.id
        if "field" in before:
            name, to = before["field"], before["to"]

            def set_back() -> None:
                if to is None:
                    field_rules.forget(tx, owner, name)
                else:
                    field_rules.save(tx, owner, name, field_rules.decoded(to))

            self._changes.make(tx, owner, None, set_back)
            return Reply.text("undo-setting")
        if "post" in before:
            defaults.save(tx, owner, Said.of_json(before["post"]))
            return Reply.text("undo-setting")
        if before["key"] in PAIRS:
            return self._pair(request, before["key"], before["value"], again=True)
        return self._apply(request, before["key"], before["key"], before["value"])

    def _before(self, request: Request, plain: str, key: str, value: str) -> dict[str, Any] | None:
        """How it is, so that it can be set back; None: there is no such thing."""
        tx, owner = request.tx, request.person.id
        now = settings.load(tx, owner)
        if plain == "window":
            return {"key": plain, "value": now.window}
        if plain in SWITCHES:
            return {"key": plain, "value": _word(getattr(now, SWITCHES[plain]))}
        if plain == POST:
            return {"post": defaults.load(tx, owner).to_json()}
        if plain in PAIRS:
            who = value.partition(" ")[0]
            if who.startswith(("#", "＃")):
                tag = tags.find(tx, owner, who[1:])
                return None if tag is None else {"key": plain, "value": f"{who} {_word(not tag.shut_out)}"}
            user = parse_user(who)
            other = NOBODY if user is None else self._people.named(tx, user)
            closed = other in store.with_stance(tx, owner, PAIRS[plain])
            return {"key": plain, "value": f"{who} {_word(closed if plain == 'chats-only' else not closed)}"}
        field = Field.of(key)
        if field is None:
            return None
        name = profiles.column(tx, owner, field)
        rule = field_rules.load(tx, [owner]).get((owner, name))
        return {"field": name, "to": None if rule is None else field_rules.encoded(rule)}

    def _apply(self, request: Request, plain: str, key: str, value: str) -> Reply:
        if plain == "window":
            return self._window(request, value.casefold())
        if plain in SWITCHES:
            return self._switch(request, plain, value)
        if plain in PAIRS:
            return self._pair(request, plain, value)
        if plain == POST:
            return self._post(request, value)
        return self._field(request, key, value)

    def _window(self, request: Request, value: str) -> Reply:
        value = _WINDOW_WORDS.get(value, value)
        if value not in WINDOWS:
            raise UserError("privacy-window-values")
        now = settings.load(request.tx, request.person.id)
        after = replace(now, window_ms=WINDOWS[value])
        return self._save(request, after, Text(f"privacy-window-{value}"))

    def _switch(self, request: Request, key: str, value: str) -> Reply:
        on = _on(value)
        now = settings.load(request.tx, request.person.id)
        if key == "keep-comments" and not on:
            kept_comments.clear(request.tx, request.person.id)
        after, line = _with(now, SWITCHES[key], on), Text(f"privacy-{key}-{_word(on)}")
        if key != "strangers":
            # No moment comes into sight or goes out of it.
            settings.save(request.tx, request.person.id, after)
            return Reply((Message((line,)),))
        return self._save(request, after, line)

    def _save(self, request: Request, after: Settings, line: Text) -> Reply:
        tx, owner = request.tx, request.person.id
        strangers = _shown_to_strangers(tx, owner)
        impact = self._changes.make(tx, owner, None, lambda: settings.save(tx, owner, after))
        now = _shown_to_strangers(tx, owner)
        lines = stranger_lines(len(strangers - now), len(now - strangers))
        # Friends and strangers are told apart: of these nobody knows how many there are.
        return Reply((Message((line, *(impact_lines(impact) if not lines or impact.any else ()), *lines)),))

    def _pair(self, request: Request, key: str, value: str, *, again: bool = False) -> Reply:
        """`again`: as it was before."""
        tx, owner = request.tx, request.person.id
        who, _, word = value.partition(" ")
        allowed = _on(word)
        # `mine @bob off` and `theirs @bob off` shut something out; `chats-only @bob on` does.
        on = allowed if key == "chats-only" else not allowed
        suffix = "on" if allowed else "off"
        if who.startswith(("#", "＃")) and key == "mine":
            tag = tags.find(tx, owner, who[1:])
            if tag is None:
                raise UserError("tag-none", tag=who[1:])
            line = Text(f"privacy-mine-{suffix}", {"who": Text("audience-word-tag", {"tag": tag.name})})
            return self._changed(request, tags.members(tx, [tag.id]), lambda: tags.set_shut_out(tx, tag.id, on), line)
        user = parse_user(who)
        other = NOBODY if user is None else self._people.named(tx, user)
        stance = PAIRS[key]
        # What was set about a friend outlives the friendship: so it can be changed then too.
        holds = again or store.are_friends(tx, owner, other) or store.stance(tx, owner, other, stance)
        if user is None or other == NOBODY or not holds:
            raise UserError("friend-none", user=who)
        line = Text(f"privacy-{key}-{suffix}", {"who": user})
        impact = self._changes.make_between(tx, owner, other, lambda: store.set_stance(tx, owner, other, stance, on))
        # Of what one hides from oneself there is nothing to count: nobody else is concerned.
        told: tuple[Block, ...] = () if key == "theirs" else impact_lines(impact)
        return Reply((Message((line, *told)),))

    def _post(self, request: Request, value: str) -> Reply:
        """For whom posts are that name nobody. What was posted is not changed."""
        said = _said(request, value)
        line = self._post_line(request, said)
        defaults.save(request.tx, request.person.id, said)
        return Reply((Message((line, Text("privacy-post-later"))),))

    def _post_line(self, request: Request, said: Said) -> Text:
        to, named_tags = self._moments.resolve(request.tx, request.person, said)
        return Text("privacy-post", {"audience": described(request.tx, request.person.id, to, named_tags)})

    def _post_row(self, request: Request) -> _Row:
        try:
            line = self._post_line(request, defaults.load(request.tx, request.person.id))
        except UserError:
            line = Text("privacy-post-gone")  # a friend or tag in it is there no more
        return _Row(POST, POST, line, _POST_CHOICES)

    def _field(self, request: Request, key: str, value: str) -> Reply:
        tx, owner = request.tx, request.person.id
        field = Field.of(key)
        if field is None or (field.free and not profiles.has(tx, owner, field)):
            raise UserError("privacy-key-unknown", key=key)
        to = self._audience(request, value)
        name = profiles.column(tx, owner, field)
        line = Text(
            "privacy-field", {"field": field_name(field), "audience": described(tx, owner, to, always_live=True)}
        )
        before = field_rules.load(tx, [owner]).get((owner, name), field_rules.default(name))
        self._changes.make_profile(tx, owner, lambda: field_rules.save(tx, owner, name, to))
        if not profiles.has(tx, owner, field):
            return Reply((Message((line, Text("impact-field-empty"))),))
        return Reply((Message((line, *field_impact_lines(field_impact(tx, owner, before, to), before, to))),))

    def _audience(self, request: Request, value: str) -> Addressed:
        tx, owner = request.tx, request.person.id
        said = _said(request, value)

        def people(users: Sequence[UserId]) -> frozenset[PersonId]:
            found = [self._people.named(tx, user) for user in users]
            for user, one in zip(users, found, strict=True):
                if not store.are_friends(tx, owner, one):
                    raise UserError("friend-none", user=user)
            return frozenset(found)

        def tag_ids(names: Sequence[str]) -> frozenset[int]:
            found = [tags.find(tx, owner, name) for name in names]
            for name, tag in zip(names, found, strict=True):
                if tag is None:
                    raise UserError("tag-none", tag=name)
            return frozenset(tag.id for tag in found if tag is not None)

        return Addressed(
            said.kind, people(said.users), tag_ids(said.tags), people(said.except_users), tag_ids(said.except_tags)
        )

    def _changed(
        self, request: Request, viewers: list[PersonId] | None, change: Callable[[], object], line: Text
    ) -> Reply:
        impact = self._changes.make(request.tx, request.person.id, viewers, change)
        return Reply((Message((line, *impact_lines(impact))),))


def _shown_to_strangers(tx: Tx, owner: PersonId) -> frozenset[int]:
    """The moments that strangers see."""
    shown, _ = viewing.shown_to(tx, owner, viewer.stranger(tx, owner), STRANGERS_SEE)
    return frozenset(moment.id for moment in shown)


def _said(request: Request, value: str) -> Said:
    try:
        return parse_audience(value, called_by(request.tx, request.person.id))
    except AudienceError as error:
        raise UserError(error.message_id, **({"value": error.value[:60]} if error.value else {})) from None


def _word(on: bool) -> str:
    return "on" if on else "off"


def _on(word: str) -> bool:
    plain = word.strip().casefold()
    if plain not in _ON | _OFF:
        raise UserError("privacy-on-off")
    return plain in _ON


def _with(now: Settings, name: str, value: bool) -> Settings:
    changes: dict[str, bool] = {name: value}
    return replace(now, **changes)


def build(do: PrivacySettings) -> list[Command]:
    return [
        Command("privacy", (), do.overview, effect=False, group=GROUP),
        Command("privacy set", (Param("key", (Kind.WORD,)), Param("value", (Kind.REST,))), do.set, group=GROUP),
    ]
