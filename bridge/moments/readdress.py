"""Another audience for a moment that was posted (M4): narrowing holds at once, widening asks first."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.chat import prompts
from bridge.chat.command import Person, Request
from bridge.chat.people import user_ids
from bridge.chat.reply import Block, CopyRef, Lines, Message, Reply, Text
from bridge.contacts import lookalikes, tags
from bridge.contacts.audiences import described
from bridge.contacts.names import enumeration, own_labels
from bridge.contacts.store import friend_ids
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import PersonId
from bridge.moments import numbers, reach, store
from bridge.moments.audience import Said
from bridge.moments.model import Moment
from bridge.moments.narrowing import Narrowing
from bridge.moments.service import Moments
from bridge.privacy import Addressed, Audience, settings, undo

WIDEN = "moment-widen"
"""Kind of the question whether more people may see a moment; its subject is the moment."""
_YES, _NO = "yes", "no"
_TTL_MS = 24 * 3600 * 1000
_WIDTH = {None: 0, Audience.PRIVATE: 0, Audience.PEOPLE: 1, Audience.FRIENDS: 2, Audience.PUBLIC: 3}


@dataclass(frozen=True, slots=True)
class _Target:
    """An audience, with the tags that were named in it and are not followed."""

    to: Addressed
    named_tags: frozenset[int]


class Readdress:
    def __init__(self, moments: Moments, outbox: Outbox) -> None:
        self._moments = moments
        self._narrowing = Narrowing(outbox)

    def change(self, request: Request, moment: Moment, said: Said) -> Reply:
        """Give one's own moment another audience, as far as it is narrower; ask about the rest.

        Raises:
            UserError: somebody or some tag named is not there, or it names too many.
        """
        tx, author = request.tx, request.person
        target = _Target(*self._moments.resolve(tx, author, said))
        number = numbers.number_of(tx, author.id, moment.id)
        prompts.close(tx, WIDEN, moment.id)
        if target == _Target(moment.to, moment.named_tags):
            return Reply((Message((Text("audience-same", {"number": number, **_for(tx, moment)}),)),))
        before, after = _reach(tx, author.id, moment.to), _reach(tx, author.id, target.to)
        if not _is_wider(moment.to, target.to, before, after):
            return Reply((Message(self._set(tx, author, moment, target, number)),))
        blocks: tuple[Block, ...] = ()
        if before - after or _WIDTH[moment.to.kind] > _WIDTH[target.to.kind]:
            # Whom it takes away is taken away whatever the answer is: until then it is for those in both.
            both = Addressed(
                Audience.PEOPLE,
                before & after,
                except_people=target.to.except_people,
                except_tags=target.to.except_tags,
            )
            blocks = self._set(tx, author, moment, _Target(both, frozenset()), number)
        return self._ask(tx, author, self._current(tx, moment), target, number, blocks)

    def answered(self, request: Request, moment_id: int, option: str) -> Reply:
        """The answer to the question."""
        tx, author = request.tx, request.person
        moment = self._moments.visible(tx, author, moment_id)
        if moment is None or moment.author != author.id:
            raise UserError("moment-gone")
        number = numbers.number_of(tx, author.id, moment.id)
        if option == _NO:
            return Reply((Message((Text("audience-kept", {"number": number, **_for(tx, moment)}),)),))
        target = _known(tx, option.removeprefix(f"{_YES} "))
        return Reply((Message(self._set(tx, author, moment, target, number)),))

    def restore(self, request: Request, moment: Moment, before: str) -> Reply:
        """Take back that it was given another audience (X10): `before` is what was remembered of the former one."""
        target = _known(request.tx, before)
        number = numbers.number_of(request.tx, request.person.id, moment.id)
        prompts.close(request.tx, WIDEN, moment.id)
        return Reply((Message(self._set(request.tx, request.person, moment, target, number, undoable=False)),))

    # --- inside ---------------------------------------------------------------------------------------------
    def _set(
        self, tx: Tx, author: Person, moment: Moment, target: _Target, number: int, *, undoable: bool = True
    ) -> tuple[Block, ...]:
        """Change it, take back what was lost, and say so."""
        if undoable and moment.to.kind is not None:
            former = {"to": _encoded(_Target(moment.to, moment.named_tags))}
            undo.record(tx, author.id, self._moments.limits.undo_ms, undo.AUDIENCE, moment.id, former)
        before, meant = set(self._moments.audience_now(tx, moment)), reach.meant_now(tx, moment)
        self._narrowing.around(
            tx, moment, lambda: store.set_addressed(tx, moment.id, target.to, sorted(target.named_tags))
        )
        changed = self._current(tx, moment)
        now = set(self._moments.audience_now(tx, changed))
        reach.note_lost(tx, ((person, moment.id) for person in meant - reach.meant_now(tx, changed)))
        lines: list[Block] = [Text("audience-changed", {"number": number, "count": len(now), **_for(tx, changed)})]
        if before - now:
            lines.append(Text("audience-lost", {"count": len(before - now)}))
        if changed.to.kind is Audience.PUBLIC:
            lines.append(_strangers(tx, author.id))
        elif moment.to.kind is Audience.PUBLIC and settings.load(tx, author.id).strangers:
            lines.append(Text("audience-strangers-lost"))
        return tuple(lines)

    def _ask(
        self, tx: Tx, author: Person, moment: Moment, target: _Target, number: int, blocks: tuple[Block, ...]
    ) -> Reply:
        wider = self._moments.audience_if(tx, moment, target.to)
        more = sorted(set(wider) - set(self._moments.audience_now(tx, moment)))
        audience = described(tx, author.id, target.to, target.named_tags)
        if more:
            shown = more[: self._moments.limits.shown_names]
            names = own_labels(tx, author.id, shown)
            people = enumeration([names[person] for person in shown])
            if len(more) > len(shown):
                people = Text("people-and-more", {"people": people, "count": len(more) - len(shown)})
            question = Text(
                "audience-ask", {"number": number, "audience": audience, "count": len(more), "people": people}
            )
        else:
            question = Text("audience-ask-nobody", {"number": number, "audience": audience})
        asked: list[Block] = [*blocks, question]
        if target.to.kind is Audience.PUBLIC and moment.to.kind is not Audience.PUBLIC:
            asked.append(_strangers(tx, author.id))
        asked += lookalikes.of_tags(tx, author.id, target.to.all_tags | target.named_tags)
        asked += lookalikes.of_people(tx, author.id, sorted(user_ids(tx, more).values()))
        prompt_id = prompts.open(tx, author.id, WIDEN, moment.id, (f"{_YES} {_encoded(target)}", _NO), _TTL_MS)
        asked.append(Lines((Text("audience-ask-yes"), Text("audience-ask-no"))))
        return Reply((Message(tuple(asked), CopyRef(prompts.COPY_KIND, prompt_id)),))

    @staticmethod
    def _current(tx: Tx, moment: Moment) -> Moment:
        current = store.moment(tx, moment.id)
        assert current is not None
        return current


def _for(tx: Tx, moment: Moment) -> dict[str, Text]:
    return {"audience": described(tx, moment.author, moment.to, moment.named_tags)}


def _strangers(tx: Tx, author: PersonId) -> Text:
    on = settings.load(tx, author).strangers
    return Text("audience-strangers-too" if on else "audience-strangers-off")


def _reach(tx: Tx, author: PersonId, to: Addressed) -> frozenset[PersonId]:
    """The friends whom the words of an audience mean now, whatever else may keep it from them."""
    friends = frozenset(friend_ids(tx, author))
    if to.kind in (Audience.FRIENDS, Audience.PUBLIC):
        meant = friends
    elif to.kind is Audience.PEOPLE:
        meant = friends & (to.people | frozenset(tags.members(tx, to.tags)))
    else:
        meant = frozenset()
    return meant - to.except_people - frozenset(tags.members(tx, to.except_tags))


def _is_wider(old: Addressed, new: Addressed, before: frozenset[PersonId], after: frozenset[PersonId]) -> bool:
    """Whether anybody gains by it, now or later. In doubt it is wider: that only asks."""
    if new.kind is Audience.PRIVATE:
        return False
    if after - before or _WIDTH[new.kind] > _WIDTH[old.kind]:
        return True
    if new.kind is Audience.PEOPLE and not new.tags:
        return False  # a list of names, all of which were in
    grows = new.tags - old.tags if old.kind is Audience.PEOPLE else frozenset()
    return bool(grows or old.except_people - new.except_people or old.except_tags - new.except_tags)


def _encoded(target: _Target) -> str:
    """Ids only, like `field_rules`."""
    to = target.to
    assert to.kind is not None
    parts: dict[str, Iterable[int]] = {
        "people": to.people,
        "tags": to.tags,
        "except_people": to.except_people,
        "except_tags": to.except_tags,
        "named_tags": target.named_tags,
    }
    return json.dumps({"kind": to.kind.value, **{name: sorted(ids) for name, ids in parts.items() if ids}})


def _known(tx: Tx, text: str) -> _Target:
    """The same, read again.

    Raises:
        UserError: a tag in it is gone.
    """
    target = _decoded(text)
    wanted = target.to.all_tags | target.named_tags
    if len(tags.by_ids(tx, wanted)) != len(wanted):
        raise UserError("audience-tag-gone")
    return target


def _decoded(text: str) -> _Target:
    value = json.loads(text)

    def people(name: str) -> frozenset[PersonId]:
        return frozenset(PersonId(i) for i in value.get(name, ()))

    to = Addressed(
        Audience.of(value["kind"]),
        people("people"),
        frozenset(value.get("tags", ())),
        people("except_people"),
        frozenset(value.get("except_tags", ())),
    )
    return _Target(to, frozenset(value.get("named_tags", ())))
