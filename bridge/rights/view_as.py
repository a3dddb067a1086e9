"""`view as`: what somebody else gets of one's own (P7), by the same function that decides when they really get it."""

from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.people import People
from bridge.chat.reply import Block, CopyRef, Message, Reply, Text, Time
from bridge.contacts import profiles, tags
from bridge.contacts.profile_commands import field_blocks
from bridge.contacts.whom import whom
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import PersonId
from bridge.moments import numbers, viewing
from bridge.moments.face import face
from bridge.moments.kinds import VIEWED
from bridge.moments.model import Moment
from bridge.moments.service import Moments
from bridge.privacy import ProfileItem, viewer
from bridge.privacy.viewer import Viewer

_STRANGER = frozenset(("stranger", "a stranger", "陌生人"))


class ViewAs:
    def __init__(self, people: People, moments: Moments) -> None:
        self._people = people
        self._moments = moments

    def view(self, request: Request) -> Reply:
        tx, owner = request.tx, request.person
        eyes, who = self._viewer(request)
        fields = [one for one in profiles.fields(tx, owner.id) if eyes.sees(ProfileItem(owner.id, one.to))]
        page = self._moments.limits.page
        found, looked = viewing.shown_to(tx, owner.id, eyes, page + 1)
        shown = found[:page]
        blocks: list[Block] = [Text("view-as-head", {"who": who})]
        # Never with what the other keeps about the owner: that is theirs.
        profile, picture = field_blocks(owner.user_id, fields, "view-as-no-profile")
        blocks += profile
        if not shown:
            blocks.append(Text("view-as-no-moments"))
        if len(found) > page:
            blocks.append(Text("view-as-more", {"count": page}))
        elif looked is not None:
            blocks.append(Text("view-as-looked", {"count": looked}))
        parts = [Message(tuple(blocks), None, picture)]
        parts += [self._moment(tx, owner.id, moment) for moment in shown]
        return Reply(tuple(parts))

    def _viewer(self, request: Request) -> tuple[Viewer, Text | str]:
        tx, owner = request.tx, request.person.id
        words: str = request.args["who"].strip()
        if words.casefold() in _STRANGER:
            return viewer.stranger(tx, owner), Text("view-as-stranger")
        if words.startswith(("#", "＃")):
            tag = tags.find(tx, owner, words[1:])
            if tag is None:
                raise UserError("tag-none", tag=words[1:])
            eyes = viewer.anyone_in(tx, owner, tag.id, shut_out=tag.shut_out)
            return eyes, Text("audience-word-tag", {"tag": tag.name})
        user = whom(tx, owner, words)
        if user == request.person.user_id:
            raise UserError("view-as-whom")
        # Whoever never was here sees what a stranger sees, and looks the same to the one who asks.
        return viewer.person(tx, owner, self._people.named(tx, user), every_tag(tx, owner)), user

    @staticmethod
    def _moment(tx: Tx, owner: PersonId, moment: Moment) -> Message:
        number = numbers.number_of(tx, owner, moment.id)
        blocks: list[Block] = [Text("view-as-moment", {"number": number, "time": Time(moment.created_at)})]
        if moment.edited_at is not None:
            blocks.append(Text("moment-edited", {"time": Time(moment.edited_at)}))
        if moment.expires_at is not None:
            blocks.append(Text("moment-until", {"time": Time(moment.expires_at)}))
        looks = face(tx, moment, number, opened=False)
        return Message((*blocks, *looks.blocks), CopyRef(VIEWED, moment.id), looks.picture)


def every_tag(tx: Tx, owner: PersonId) -> frozenset[int]:
    return frozenset(tag.id for tag in tags.every(tx, owner))


def build(people: People, moments: Moments) -> list[Command]:
    do = ViewAs(people, moments)
    return [Command("view as", (Param("who", (Kind.REST,)),), do.view, effect=False, late=True, group="privacy")]
