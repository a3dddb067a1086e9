"""Commands, hooks and renderers of moments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.chat import prompts, sources
from bridge.chat.command import Command, Kind, Param, Request
from bridge.chat.grammar import parse_number
from bridge.chat.hooks import Hooks
from bridge.chat.inbound import Redaction
from bridge.chat.people import People
from bridge.chat.reply import NOTHING, Block, CopyRef, Message, Reply, Text
from bridge.contacts.changes import Showing as ShowingPort
from bridge.contacts.whom import whom
from bridge.delivery.outbox import Outbox
from bridge.delivery.ports import ForMany, Renderer
from bridge.errors import UserError
from bridge.moments import (
    copy_counts,
    draft_commands,
    kept_comments,
    numbers,
    pages,
    picture_store,
    post_commands,
)
from bridge.moments.change_commands import ChangeCommands
from bridge.moments.copies import Copies
from bridge.moments.copy_counts import CopyCounts
from bridge.moments.digests import Digests
from bridge.moments.draft_commands import DraftCommands
from bridge.moments.drafting import Drafting
from bridge.moments.drafts import AUDIENCE, DRAFT
from bridge.moments.edits import Edits
from bridge.moments.erasing import MomentsEraser
from bridge.moments.items import visible_comment
from bridge.moments.keep_commands import KEEP, KeepCommands
from bridge.moments.kinds import (
    ALL_COPIES,
    COMMENT,
    DIGEST,
    LIKE,
    LIKES,
    MENTION,
    MOMENT,
    OTHER_PICTURES,
    PAGE,
    PLACE,
    VOTE,
    VOTES,
    WHOLE,
)
from bridge.moments.model import Moment, MomentLimits, Page, is_like
from bridge.moments.notify_commands import NotifyCommands
from bridge.moments.page_copies import PageCopies
from bridge.moments.page_copies import visible as visible_on_page
from bridge.moments.part_copies import for_many
from bridge.moments.poll_commands import PollCommands
from bridge.moments.post_commands import DESCRIBE, Posting
from bridge.moments.publishing import DUE, Publisher
from bridge.moments.readdress import Readdress
from bridge.moments.refreshing import Refreshing
from bridge.moments.said import Find
from bridge.moments.service import Moments
from bridge.moments.showing import Showing
from bridge.privacy import settings
from bridge.privacy.eraser import Eraser

_GROUP = "moments"
_N = Param("number", (Kind.NUMBER,))
_NUMBERED = re.compile(r"[#＃](?P<number>\d{1,10})[:：,，.]?\s+")
"""How an answer to a page says which moment it is about."""

_GONE = Reply.text("moment-gone")


@dataclass(frozen=True, slots=True)
class Built:
    """Everything that moments add."""

    commands: list[Command]
    hooks: Hooks
    renderers: Mapping[str, Renderer]
    showing: ShowingPort
    """For contacts: what moments show to whom, before and after a change."""
    service: Moments
    """For what looks at moments from above: view as, why."""
    readdress: Readdress
    """For `undo`."""
    digests: Digests
    eraser: Eraser


class _Commands:
    def __init__(self, moments: Moments, polls: PollCommands, copies: CopyCounts) -> None:
        self._moments = moments
        self._copies = copies
        self._polls = polls

    # --- reading --------------------------------------------------------------------------------------------
    def feed(self, request: Request) -> Reply:
        return _listed(request, self._moments.reading.feed(request.tx, request.person), Text("feed-empty"))

    def feed_compact(self, request: Request) -> Reply:
        pages.choose(request.tx, request.person.id, compact=True)
        return self.feed(request)

    def feed_full(self, request: Request) -> Reply:
        pages.choose(request.tx, request.person.id, compact=False)
        return self.feed(request)

    def feed_more(self, request: Request) -> Reply:
        return _listed(request, self._moments.reading.more(request.tx, request.person), Text("feed-end"))

    def album(self, request: Request) -> Reply:
        said: str | None = request.args.get("user")
        user = request.person.user_id if said is None else whom(request.tx, request.person.id, said)
        page = self._moments.reading.album(request.tx, request.person, user)
        own = user == request.person.user_id
        return _listed(request, page, Text("album-empty-own") if own else Text("album-empty", {"user": user}))

    def search(self, request: Request) -> Reply:
        page = self._moments.reading.search(request.tx, request.person, request.args["words"])
        return _listed(request, page, Text("search-none"))

    def moment(self, request: Request) -> Reply:
        if "copies" in request.args:
            return self._copies.asked(request)
        moment = self._numbered(request)
        count = picture_store.count(request.tx, moment.id)
        kinds = [WHOLE, *OTHER_PICTURES[: max(0, count - 1)]]
        if moment.content.place is not None:
            kinds.append(PLACE)
        return Reply(tuple(CopyRef(kind, moment.id) for kind in kinds))

    # --- answering ------------------------------------------------------------------------------------------
    def like(self, request: Request) -> Reply:
        moment = self._numbered(request)
        self._moments.responding.like(request.tx, request.person, moment)
        sources.record_request(request, LIKE, moment.id)
        return Reply.text("like-done", number=request.args["number"])

    def unlike(self, request: Request) -> Reply:
        removed = self._moments.responding.unlike(request.tx, request.person, self._numbered(request))
        return Reply.text("unlike-done" if removed else "unlike-none", number=request.args["number"])

    def comment(self, request: Request) -> Reply:
        return self._comment(request, self._numbered(request), request.args["text"])

    def delete(self, request: Request) -> Reply:
        number: int = request.args["number"]
        # Somebody else's moment is nothing that could be deleted here, whether or not it can be seen.
        if not self._moments.delete(request.tx, request.person, self._numbered(request).id):
            raise UserError("moment-none", number=number)
        return self._deleted(request, number)

    # --- copies ---------------------------------------------------------------------------------------------
    def reply_to_moment(self, request: Request, copy: CopyRef, text: str) -> Reply:
        moment = self._moments.visible(request.tx, request.person, copy.ref_id or 0)
        if moment is None:
            raise UserError("moment-gone")
        answer = None if moment.content.poll is None else prompts.number_of_text(text)
        if answer is not None:
            return self._polls.voted(request, moment, answer)
        return self._comment(request, moment, text)

    def reply_to_comment(self, request: Request, copy: CopyRef, text: str) -> Reply:
        found = visible_comment(request.tx, request.person.id, copy.ref_id or 0)
        if found is None:
            raise UserError("moment-gone")
        comment, moment = found
        comment_id = self._moments.responding.comment(request.tx, request.person, moment, text, comment)
        return self._commented(request, moment, comment_id)

    def reply_to_page(self, request: Request, copy: CopyRef, text: str) -> Reply:
        """`#3 How lovely` is about the third; without a number it must be clear which is meant."""
        found = visible_on_page(request.tx, request.person.id, copy.ref_id or 0)
        if not found:
            raise UserError("moment-gone")
        said = _NUMBERED.match(text)
        number = None if said is None else parse_number(said["number"])
        known = numbers.numbers_of(request.tx, request.person.id, [moment.id for moment in found])
        moment = next((moment for moment in found if known[moment.id] == number), None)
        if said is not None and moment is not None:
            return self._comment(request, moment, text[said.end() :])
        if len(found) == 1 and said is None:
            return self._comment(request, found[0], text)
        raise UserError("page-which", number=known[found[0].id])

    def react_to_page(self, request: Request, copy: CopyRef, key: str) -> Reply:
        found = visible_on_page(request.tx, request.person.id, copy.ref_id or 0)
        if len(found) == 1:
            return self.react(request, CopyRef(MOMENT, found[0].id), key)
        if not self._is_like(request, key):
            return NOTHING
        if not found:
            return _GONE
        number = numbers.number_of(request.tx, request.person.id, found[0].id)
        return Reply.text("page-which-like", number=number)

    def _is_like(self, request: Request, key: str) -> bool:
        return is_like(key, self._moments.limits.likes) and settings.load(request.tx, request.person.id).reactions

    def react(self, request: Request, copy: CopyRef, key: str) -> Reply:
        if not self._is_like(request, key):
            return NOTHING
        moment = self._moments.visible(request.tx, request.person, copy.ref_id or 0)
        if moment is None:
            return _GONE
        self._moments.responding.like(request.tx, request.person, moment)
        sources.record_request(request, LIKE, moment.id)
        return NOTHING  # they see their own reaction

    # --- one's own messages ---------------------------------------------------------------------------------
    def moment_redacted(self, request: Request, ref_id: int) -> Reply:
        number = numbers.known(request.tx, request.person.id, ref_id)
        deleted = self._moments.delete(request.tx, request.person, ref_id)
        return self._deleted(request, number) if deleted else NOTHING

    def comment_redacted(self, request: Request, ref_id: int) -> Reply:
        # No answer: one only where the comment still was would tell why a moment is out of sight.
        self._moments.responding.delete_comment(request.tx, request.person, ref_id)
        return NOTHING

    def like_redacted(self, request: Request, ref_id: int) -> Reply:
        assert isinstance(request.event, Redaction)
        self._moments.responding.retract_like(request.tx, request.person, ref_id, request.account, request.event.target)
        return NOTHING

    # --- inside ---------------------------------------------------------------------------------------------
    def _deleted(self, request: Request, number: int | None) -> Reply:
        said = Text("moment-deleted", {"seconds": self._moments.limits.undo_ms // 1000})
        unreached = [] if number is None else self._copies.unreached(request, number)
        return Reply((Message((said, *unreached)),))

    def _numbered(self, request: Request) -> Moment:
        return self._moments.numbered(request.tx, request.person, request.args["number"])

    def _comment(self, request: Request, moment: Moment, text: str) -> Reply:
        comment_id = self._moments.responding.comment(request.tx, request.person, moment, text)
        return self._commented(request, moment, comment_id)

    def _commented(self, request: Request, moment: Moment, comment_id: int) -> Reply:
        sources.record_request(request, COMMENT, comment_id)
        return Reply.text("comment-done", number=self._moments.number_of(request.tx, request.person, moment))


def build(outbox: Outbox, people: People, find: Find, limits: MomentLimits | None = None) -> Built:
    """Everything that moments add to the chat. `find` is asked when a post or comment is edited: the registry's."""
    moments = Moments(outbox, people, limits or MomentLimits())
    publisher = Publisher(moments, outbox)
    drafting = Drafting(publisher, find)
    posting = Posting(publisher, drafting)
    polls = PollCommands(moments, Refreshing(outbox), find)
    do = _Commands(moments, polls, CopyCounts(moments, people))
    edits = Edits(moments, drafting, find)
    copies = Copies(moments)
    readdress = Readdress(moments, outbox)
    changes = ChangeCommands(moments, readdress)
    keeping = KeepCommands(moments)
    digests = Digests(outbox, people, moments.limits.digest_minute)
    text = Param("text", (Kind.REST,))
    commands = [
        *post_commands.build(posting),
        *draft_commands.build(DraftCommands(publisher, drafting)),
        Command("feed", (), do.feed, effect=False, group=_GROUP),
        Command("feed compact", (), do.feed_compact, group=_GROUP),
        Command("feed full", (), do.feed_full, group=_GROUP),
        Command("feed more", (), do.feed_more, group=_GROUP),
        Command(
            "album", (Param("user", (Kind.USER, Kind.WORD), required=False),), do.album, effect=False, group=_GROUP
        ),
        Command("search", (Param("words", (Kind.REST,)),), do.search, effect=False, group=_GROUP),
        Command("moment", (_N, copy_counts.COPIES), do.moment, effect=False, late=True, group=_GROUP),
        Command("open", (_N,), do.moment, effect=False, group=_GROUP),
        Command("like", (_N,), do.like, group=_GROUP),
        Command("unlike", (_N,), do.unlike, group=_GROUP),
        Command("comment", (_N, text), do.comment, group=_GROUP),
        *polls.commands,
        Command("delete", (_N,), do.delete, group=_GROUP),
        *changes.commands,
        *NotifyCommands(moments.limits.digest_minute, people, outbox).commands,
        *kept_comments.build(),
        *keeping.commands,
    ]
    hooks = Hooks(
        on_reply={
            **dict.fromkeys(ALL_COPIES, do.reply_to_moment),
            PAGE: do.reply_to_page,
            COMMENT: do.reply_to_comment,
            DESCRIBE: posting.describe,
        },
        on_reaction={**dict.fromkeys(ALL_COPIES, do.react), PAGE: do.react_to_page},
        on_redaction={
            MOMENT: do.moment_redacted,
            COMMENT: do.comment_redacted,
            LIKE: do.like_redacted,
            VOTE: polls.redacted,
            DRAFT: drafting.redacted,
        },
        on_edit={MOMENT: edits.moment, COMMENT: edits.comment, VOTE: polls.edited, DRAFT: drafting.edited},
        on_choice={
            **changes.choices,
            KEEP: keeping.choose,
            DRAFT: drafting.choose,
            AUDIENCE: drafting.choose_audience,
            draft_commands.LIST: drafting.choose_draft,
        },
        when_gone=frozenset((*ALL_COPIES, PAGE, COMMENT, DESCRIBE)),
        menus=frozenset((DRAFT, AUDIENCE, draft_commands.LIST)),
        gather=drafting,
    )
    renderers: dict[str, Renderer] = {
        MOMENT: ForMany(copies.moment, for_many),
        WHOLE: copies.whole,
        PAGE: PageCopies(moments).render,
        **copies.other_pictures(),
        PLACE: copies.place,
        MENTION: copies.mention,
        DUE: drafting.due,
        COMMENT: copies.comment,
        LIKES: copies.likes,
        VOTES: copies.votes,
        DIGEST: digests.render,
    }
    eraser = MomentsEraser(outbox, moments)
    return Built(
        commands, hooks, renderers, Showing(outbox, people, moments.limits), moments, readdress, digests, eraser
    )


def _listed(request: Request, page: Page, empty: Text) -> Reply:
    """A page as its reader likes it: one event for each moment, or one for all."""
    if not page.moments:
        blocks: tuple[Block, ...] = (empty,)
        return Reply((Message(blocks),))
    if pages.is_compact(request.tx, request.person.id):
        return Reply((CopyRef(PAGE, pages.add(request.tx, request.person.id, page.moments)),))
    return Reply(tuple(CopyRef(MOMENT, moment_id) for moment_id in page.moments))
