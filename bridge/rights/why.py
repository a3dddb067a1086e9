"""`why can …` and `why can't …`: the rule that decides whether somebody sees something of one's own (P8)."""

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.grammar import parse_number
from bridge.chat.people import People
from bridge.chat.reply import Message, Reply, Text
from bridge.contacts import profiles
from bridge.contacts.model import Field
from bridge.contacts.profile_commands import field_name
from bridge.contacts.whom import whom
from bridge.errors import UserError
from bridge.ids import UserId
from bridge.moments import viewing
from bridge.moments.service import Moments
from bridge.privacy import ProfileItem, Rule, field_rules, viewer
from bridge.privacy.rules import Decision
from bridge.rights.view_as import every_tag

_SEE = frozenset(("see", "看", "看到"))


class Why:
    def __init__(self, people: People, moments: Moments) -> None:
        self._people = people
        self._moments = moments

    def explain(self, request: Request) -> Reply:
        tx, owner = request.tx, request.person
        user = whom(tx, owner.id, request.args["user"])
        if user == owner.user_id:
            raise UserError("view-as-whom")
        words: list[str] = request.args["what"].split()
        if words and words[0].casefold() in _SEE:
            words = words[1:]
        if len(words) != 1:
            raise UserError("why-what")
        eyes = viewer.person(tx, owner.id, self._people.named(tx, user), every_tag(tx, owner.id))
        number = parse_number(words[0].lstrip("#"))
        if number is not None:
            moment = self._moments.numbered(tx, owner, number)
            if moment.author != owner.id:
                raise UserError("why-not-yours")
            decision = eyes.sees(viewing.item_for(tx, eyes, moment))
            return _answer(decision, user, Text("why-moment", {"number": number}))
        field = Field.of(words[0])
        if field is None or (field.free and not profiles.has(tx, owner.id, field)):
            raise UserError("why-what")
        name = profiles.column(tx, owner.id, field)
        to = field_rules.load(tx, [owner.id]).get((owner.id, name), field_rules.default(name))
        return _answer(eyes.sees(ProfileItem(owner.id, to)), user, field_name(field))


def _answer(decision: Decision, user: UserId, what: Text) -> Reply:
    head = Text("why-yes" if decision else "why-no", {"user": user, "what": what})
    number = decision.rule.number
    return Reply((Message((head, Text("why-rule", {"rule": rule_text(decision.rule, user), "number": number}))),))


def rule_text(rule: Rule, user: UserId) -> Text:
    """A rule in words, for the owner of what it decides about."""
    return Text(f"rule-{rule.name.lower().replace('_', '-')}", {"user": user})


def build(people: People, moments: Moments) -> list[Command]:
    do = Why(people, moments)
    params = (Param("user", (Kind.USER, Kind.WORD)), Param("what", (Kind.REST,)))
    return [
        Command("why can", params, do.explain, effect=False, group="privacy"),
        Command("why can't", params, do.explain, effect=False, group="privacy"),
    ]
