"""`post` and `post to`: at once, after a yes where it goes to others than the last time, or when its time comes."""

from dataclasses import replace

from bridge.chat import sources
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.picture import StoredPicture
from bridge.chat.reply import Message, Reply
from bridge.moments import defaults, drafts
from bridge.moments.draft_commands import GROUP, Drafting, composed_in, event_of
from bridge.moments.drafts import Draft, Piece, Shot, State
from bridge.moments.picture_store import Described
from bridge.moments.publishing import DRAFT, Publisher

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
        composed = composed_in(request, command, text)
        picture = request.prepared if isinstance(request.prepared, StoredPicture) else None
        event_id = event_of(request)
        draft = Draft(
            0,
            person.id,
            State.KEPT,
            composed.to or defaults.load(tx, person.id),
            request.account,
            # Also where there is no text: it is by its event that a post is found again.
            (Piece(event_id, composed.text),) if composed.text or picture is None else (),
            () if picture is None else (Shot(event_id, Described(picture)),),
            composed.warning,
            composed.at,
        )
        reach = self._publisher.check(tx, person, draft)
        wider = self._publisher.wider_than(tx, person, reach)
        if wider is not None or draft.due_at is not None:
            self._drafting.check_room(tx, person)
            draft = drafts.add(tx, draft)
            sources.record_request(request, DRAFT, draft.id)
        if wider is not None:
            return self._drafting.show(request, draft, wider=wider)
        if draft.due_at is not None:
            draft = drafts.save(tx, self._publisher.schedule(tx, person, replace(draft, state=State.SCHEDULED)))
            return self._drafting.scheduled(request, draft)
        moment = self._publisher.publish(tx, person, draft)
        return Reply((Message((self._publisher.posted(tx, person, moment),)),))


def build(do: Posting) -> list[Command]:
    return [
        Command("post", (Param("text", (Kind.REST,), required=False),), do.post, group=GROUP, picture=True),
        Command("post to", (_ADDRESSED,), do.post_to, group=GROUP, picture=True),
    ]
