"""What is to be sent, and what was. See `bridge.db.tables`."""

import sqlalchemy as sa

from bridge.db.tables.columns import big, blob, integer, key, ms, ref, row_id, table, text

outbox = table(
    "outbox",
    row_id(),
    ref("account_id", "accounts.id", nullable=True),  # null: the account of the person's DM at send time
    text("room_id", nullable=True),  # null: the person's current DM at send time
    integer("floating", default=0),  # 1: goes to the person's current DM, whatever room it is bound to just now
    ref("person_id", "people.id", nullable=True),  # for whom; its room must be their DM
    text("kind"),  # message | copy | edit (of a copy, rendered anew) | late | redact
    text("copy_kind", nullable=True),  # what the sent event is a copy of: moment, comment, prompt, answer …
    big("copy_ref", nullable=True),
    blob("sealed", nullable=True),  # under the reader's key: a rendered message, or (late) what is asked again
    text("target_event", nullable=True),  # redact: the event; else: the event that it replaces
    text("reply_to", nullable=True),
    text("thread", nullable=True),
    text("source_event", nullable=True),  # the inbound event that it answers
    integer("priority", default=0),  # higher first: redactions, greetings, all else
    integer("attempts", default=0),
    ms("first_attempt_at", nullable=True),  # null: certainly never sent
    blob("tried", nullable=True),  # keyed hash of what the tries said; empty: not all the same
    integer("withdrawn", default=0),  # 1: withdrawn after a try: what was or is still sent must be redacted
    ms("not_before"),
    ms("created_at"),
    text("state"),  # queued | sending | held | failed ; sent rows are deleted
    sa.Index(None, "state", "not_before"),
    sa.Index(None, "account_id", "room_id", "state"),
    sa.Index(None, "person_id", "state"),
    sa.Index(None, "copy_kind", "copy_ref"),
    sa.Index(None, "source_event"),
)
copies = table(  # what was sent, so that answers find their subject and deletion finds every copy
    "copies",
    ref("account_id", "accounts.id", primary_key=True),
    text("event_id", primary_key=True),
    text("room_id"),
    ref("person_id", "people.id", nullable=True),
    text("kind"),
    big("ref_id", nullable=True),
    text("source_event", nullable=True),
    text("thread", nullable=True),  # root of the thread that it stands in
    text("replaces", nullable=True),  # the event was an edit (m.replace) of this one
    big("outbox_id"),  # id of the row that it was sent from: the order of sending
    blob("rendering", nullable=True),  # keyed hash of what its reader reads now; null: not known
    ms("created_at"),
    sa.Index(None, "kind", "ref_id"),
    sa.Index(None, "person_id"),
    sa.Index(None, "source_event"),
    sa.Index(None, "account_id", "replaces"),
)
gone_copies = table(  # copies that were taken back, for a while: who answers one is told that it is gone
    "gone_copies",
    key("lookup"),  # keyed hash of account, room and event
    ref("person_id", "people.id"),
    text("kind"),
    integer("told", default=0),  # 1: its reader has reacted to it since, and was told
    ms("at"),
    sa.Index(None, "person_id"),
    sa.Index(None, "at"),
)
sources = table(  # which thing a person's own event made, so that redacting or editing the event follows
    "sources",
    ref("account_id", "accounts.id", primary_key=True),
    text("event_id", primary_key=True),
    ref("person_id", "people.id"),
    text("kind"),  # moment | comment | like
    big("ref_id"),
    sa.Index(None, "kind", "ref_id"),
    sa.Index(None, "person_id"),
)
