"""`post` and `post to`: at once, after a yes where it goes to others than the last time, or when its time comes."""

from dataclasses import replace

from bridge.chat import sources
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.picture import StoredPicture
from bridge.chat.reply import CopyRef, Message, Reply, Text
from bridge.errors import UserError
from bridge.moments import defaults, drafts
from bridge.moments.draft_commands import GROUP
from bridge.moments.drafting import Drafting
from bridge.moments.drafts import DRAFT, Draft, Piece, Shot, State
from bridge.moments.picture_store import Described
from bridge.moments.publishing import Publisher
from bridge.moments.said import composed_in, event_of

DESCRIBE = "picture-question"
"""Kind of the copies of the question what a picture shows; the subject is the moment."""
_ADDRESSED = Param("audience | text", (Kind.REST,))


class Posting:
    def __init__(self, publisher: Publisher, drafting: Drafting) -> None:
        self._publisher = publisher
        self._drafting = drafting

    def post(self, request: Request) -> Reply:
        text: str = request.args.get("text", "")
        if not text and request.prepared is None:
            return self._drafting.open(request)
        return self._post(request, "post", text)

    def post_to(self, request: Request) -> Reply:
        return self._post(request, "post to", request.args[_ADDRESSED.name])

    def _post(self, request: Request, command: str, text: str) -> Reply:
        tx, person = request.tx, request.person
        picture = request.prepared if isinstance(request.prepared, StoredPicture) else None
        composed = composed_in(request, command, text, picture=picture is not None)
        event_id = event_of(request)
        draft = Draft(
            0,
            person.id,
            State.KEPT,
            composed.to or defaults.load(tx, person.id),
            request.account,
            # Also where there is no text: it is by its event that a post is found again.
            (Piece(event_id, composed.text),) if composed.text or (picture is None and composed.place is None) else (),
            () if picture is None else (Shot(event_id, Described(picture, self._drafting.checked_alt(composed.alt))),),
            composed.warning,
            composed.at,
            poll=composed.poll,
            expires=composed.expires,
            responses=composed.responses,
            place=composed.place,
            place_event=None if composed.place is None else event_id,
            heads=composed.heads,
        )
        reach = self._publisher.check(tx, person, draft)
        wider = self._publisher.wider_than(tx, person, reach)
        if wider is not None or draft.due_at is not None:
            self._drafting.check_room(tx, person)
            draft = drafts.add(tx, draft)
            sources.record_request(request, DRAFT, draft.id)
        if wider is not None:
            return self._drafting.view.show(request, draft, wider=wider)
        if draft.due_at is not None:
            draft = drafts.save(tx, self._publisher.schedule(tx, person, replace(draft, state=State.SCHEDULED)))
            return self._drafting.view.scheduled(request, draft)
        moment = self._publisher.publish(tx, person, draft)
        posted = self._publisher.posted(tx, person, moment)
        if picture is None or composed.alt:
            return Reply((Message((posted,)),))
        # M15: asked for once.
        return Reply((Message((posted, Text("picture-describe")), CopyRef(DESCRIBE, moment.id)),))

    def describe(self, request: Request, copy: CopyRef, text: str) -> Reply:
        """The answer to the question what a picture shows that was posted."""
        alt = self._drafting.checked_alt(text)
        if not self._publisher.describe(request.tx, request.person, copy.ref_id or 0, alt):
            raise UserError("moment-gone")
        return Reply.text("picture-described")


def build(do: Posting) -> list[Command]:
    return [
        Command("post", (Param("text", (Kind.REST,), required=False),), do.post, group=GROUP, picture=True),
        Command("post to", (_ADDRESSED,), do.post_to, group=GROUP, picture=True),
    ]
