"""What becomes of a moment or a comment when its author edits the message that brought it (M9)."""

from bridge.chat import grammar
from bridge.chat.command import Request
from bridge.chat.inbound import EditedMessage
from bridge.chat.reply import Reply
from bridge.chat.router import handled
from bridge.contacts.model import cleaned
from bridge.errors import UserError
from bridge.moments import defaults, picture_store
from bridge.moments.drafting import Drafting
from bridge.moments.items import visible_comment
from bridge.moments.model import Moment
from bridge.moments.origin import changed
from bridge.moments.said import Find, edited_post
from bridge.moments.service import Moments


class Edits:
    """Its methods are hooks (`bridge.chat.hooks.OnEdit`)."""

    def __init__(self, moments: Moments, drafting: Drafting, find: Find) -> None:
        self._moments = moments
        self._drafting = drafting
        self._find = find

    def moment(self, request: Request, ref_id: int, text: str) -> Reply:
        assert isinstance(request.event, EditedMessage)
        tx, person, target = request.tx, request.person, request.event.target
        moment = self._moments.visible(tx, person, ref_id)
        if moment is None:
            raise UserError("edit-too-late")
        origin = moment.content.origin
        before = handled(tx, request.account, target)
        if target in origin.pictures and not (before is not None and before.command is not None):
            alt = self._drafting.checked_alt(text)
            if not self._moments.describe(tx, person, ref_id, alt, origin.pictures.index(target)):
                raise UserError("edit-too-late")
            return self._changed(request, moment)
        if before is None or before.command is not None:
            text = self._edited_post(request, moment, text)
        elif not cleaned(text):
            raise UserError("moment-empty")
        if not self._moments.edit(tx, person, ref_id, text, target if origin.texts else None):
            raise UserError("edit-too-late")
        return self._changed(request, moment)

    def _edited_post(self, request: Request, moment: Moment, text: str) -> str:
        """The text of a message that posts, when nothing but that and the words for its picture was changed in it."""
        tx, person = request.tx, request.person
        composed = edited_post(request, self._find, text, picture=picture_store.count(tx, moment.id) > 0)
        other = changed(moment.content.origin.heads, composed.heads)
        said = composed.to or defaults.load(tx, person.id)
        # An edit changes what is said, never silently who may see it.
        if "to" in other and not self._moments.says_the_same(tx, person, moment, said):
            raise UserError("edit-audience")
        if other - {"to", "alt"}:
            raise UserError("edit-text-alone")
        if "alt" in other:
            self._moments.describe(tx, person, moment.id, self._drafting.checked_alt(composed.alt))
            self._moments.set_heads(tx, moment, composed.heads)
        return composed.text

    def _changed(self, request: Request, moment: Moment) -> Reply:
        return Reply.text("moment-changed", number=self._moments.number_of(request.tx, request.person, moment))

    def comment(self, request: Request, ref_id: int, text: str) -> Reply:
        assert isinstance(request.event, EditedMessage)
        visible = visible_comment(request.tx, request.person.id, ref_id)
        if visible is None:
            raise UserError("edit-too-late")
        before = handled(request.tx, request.account, request.event.target)
        if before is None:
            raise UserError("edit-too-late")  # so long ago that it is forgotten how the comment was written
        if before.command == "comment":
            found = self._find(text)
            if found is None or found.command.name != "comment":
                raise UserError("edit-not-understood")
            args = grammar.parse(found.command, found.rest)
            # The number of the moment is what it was: an edit does not move a comment.
            if self._moments.numbered(request.tx, request.person, args["number"]).id != visible[1].id:
                raise UserError("edit-not-understood")
            text = args["text"]
        if not self._moments.responding.edit_comment(request.tx, request.person, ref_id, text):
            raise UserError("edit-too-late")
        return Reply.text("comment-changed")
