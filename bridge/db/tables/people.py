"""People and contacts. See `bridge.db.tables`."""

import sqlalchemy as sa

from bridge.db.tables.columns import ID, big, blob, integer, metadata, ms, ref, row_id, table, text

people = table(  # ids are random: they name keys, which outlive databases
    "people",
    row_id(),
    blob("lookup"),  # keyed hash of the Matrix id
    blob("card"),  # Matrix id, language, time zone
    ms("created_at"),
    ms("opened_at", nullable=True),  # first DM with the bot; null: known only because somebody named them
    ref("dm_account_id", "accounts.id", nullable=True),
    text("dm_room_id", nullable=True),  # the current DM: the last used
    text("recovery_hash", nullable=True),  # `privacy recovery` is on
    ms("paused_at", nullable=True),  # their identity was reset and nobody has confirmed yet that it is them
    ms("seen_at", nullable=True),  # when they spoke to the bot last, to the day
    sa.Index(None, "lookup", unique=True),
)
former_chats = table(  # DMs that were somebody's current one before, the newest few
    "former_chats",
    ref("person_id", "people.id", primary_key=True),
    ref("account_id", "accounts.id", primary_key=True),
    text("room_id", primary_key=True),
    ms("until"),  # when another one took its place
)
profile_fields = table(
    "profile_fields",
    ref("person_id", "people.id", primary_key=True),
    text("field", primary_key=True),
    blob("sealed", nullable=True),
    ms("updated_at"),
)
friendships = table(  # two rows a friendship
    "friendships",
    ref("person_id", "people.id", primary_key=True),
    ref("friend_id", "people.id", primary_key=True),
    ms("since"),
    sa.Index(None, "friend_id"),
)
friend_requests = table(
    "friend_requests",
    row_id(),
    ref("from_id", "people.id"),
    ref("to_id", "people.id"),
    blob("sealed", nullable=True),  # the note, under the asker's key
    text("state"),  # pending | declined
    ms("created_at"),
    big("key_id", nullable=True),  # of its day (see `bridge.db.day_keys`), beside the asker's; null: from before
    sa.UniqueConstraint("from_id", "to_id"),
    sa.Index(None, "to_id", "state"),
    sa.Index(None, "key_id"),
)
tags = table(
    "tags",
    row_id(),
    ref("owner_id", "people.id"),
    blob("lookup"),  # keyed hash of owner and name
    blob("sealed", nullable=True),  # the name
    integer("shut_out", default=0),  # 1: its members don't see the owner's moments (P2)
    ms("created_at"),
    ms("changed_at"),
    sa.UniqueConstraint("owner_id", "lookup"),
)
tag_members = table(
    "tag_members",
    ref("tag_id", "tags.id", primary_key=True),
    ref("person_id", "people.id", primary_key=True),
    sa.Index(None, "person_id"),
)
stances = table(  # what somebody decided about somebody else, in silence
    "stances",
    ref("person_id", "people.id", primary_key=True),
    ref("other_id", "people.id", primary_key=True),
    integer("blocked", default=0),  # I7
    integer("chats_only", default=0),  # I6
    integer("shut_out", default=0),  # P2: the other does not see what is the person's
    integer("hidden", default=0),  # P3: the person does not see what is the other's
    blob("sealed", nullable=True),  # {remark, note} (I5)
    sa.Index(None, "other_id"),
)
privacy_settings = table(  # without a row, the defaults
    "privacy_settings",
    ref("person_id", "people.id", primary_key=True),
    ms("window_ms", nullable=True),  # P1; null: everything
    integer("strangers", default=0),  # P4
    integer("by_id", default=1),  # I2: ways to be added
    integer("by_code", default=1),
    integer("by_room", default=1),
    integer("reactions", default=1),  # M5: whether reactions of and to this person count
    integer("keep_comments", default=0),  # P12: copies of what they write under others' moments are kept for them
)
field_rules = table(  # for whom a profile field is; without a row, the default of that field
    "field_rules",
    ref("person_id", "people.id", primary_key=True),
    text("field", primary_key=True),
    text("audience"),  # JSON {kind, people, tags, except_people, except_tags}: ids only
)
invites = table(
    "invites",
    row_id(),
    ref("owner_id", "people.id"),
    blob("lookup"),  # keyed hash of the code
    blob("sealed", nullable=True),  # the code
    integer("uses_left"),
    ms("expires_at"),
    ms("created_at"),
    sa.UniqueConstraint("lookup"),
    sa.Index(None, "owner_id"),
)
private_chats = table(  # I9: private rooms that are being made for two people, and those of the last day
    "private_chats",
    row_id(),
    ref("account_id", "accounts.id"),
    ref("asker_id", "people.id"),
    ref("other_id", "people.id"),
    text("state"),  # see bridge.contacts.private_chats.State
    text("marker"),  # random; stands in the room's m.room.create, so that it is found again after a crash
    text("room_id", nullable=True),
    integer("invited", default=0),  # 1: the other, 2: also the asker
    ms("until"),  # when it is given up
    ms("created_at"),
    sa.Index(None, "asker_id", "created_at"),
    sa.Index(None, "other_id"),
)
private_rooms = table(  # rooms of which no key is ever kept, and to which we never come back
    "private_rooms",
    ref("account_id", "accounts.id", primary_key=True),
    text("room_id", primary_key=True),
)
access_log = table(  # P9: which program, export, operator or device of their own read what of a person
    "access_log",
    row_id(),
    ref("person_id", "people.id"),
    ms("at"),
    blob("sealed", nullable=True),  # {kind, ...}
    big("key_id", nullable=True),  # of its day, beside its owner's; null: from before
    sa.Index(None, "person_id", "id"),
    sa.Index(None, "key_id"),
)
day_keys = sa.Table(  # second keys of what is let go when it is old
    "day_keys",
    metadata,
    text("kind", primary_key=True),  # log | told | requests | drafts; log/30: of who has this limit of their own
    sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),  # since 1970, UTC
    big("key_id"),
)
own_limits = table(  # O4: how long the operator keeps what is of single people
    "own_limits",
    ref("person_id", "people.id", primary_key=True),
    text("what", primary_key=True),  # moments | log | requests | inactive
    integer("days", nullable=True),  # null: for ever
)
prompts = table(  # questions with numbered answers that wait for one person
    "prompts",
    row_id(),
    ref("person_id", "people.id"),
    text("kind"),
    big("ref_id", nullable=True),
    text("options"),  # JSON list of option names, in the order of their numbers
    text("state"),  # open | answered | closed
    ms("created_at"),
    ms("expires_at"),
    sa.Index(None, "person_id", "state"),
)
deletions = table(  # P12: people who asked for the end of their account, or are about to be told to
    "deletions",
    ref("person_id", "people.id", primary_key=True),
    text("state"),  # asked: a code was given out | waiting: it comes at `due_at` | begun
    text("why"),  # own | inactive
    blob("code", nullable=True),  # keyed hash of the code
    ms("code_until", nullable=True),
    ms("due_at", nullable=True),
    blob("sealed", nullable=True),  # {class: count}: what there was when it began
    ms("created_at"),
    sa.Index(None, "state", "due_at"),
)
farewells = table(  # people who were erased, until the bot has said so and left their chat
    "farewells",
    row_id(),
    ref("account_id", "accounts.id"),
    big("owner", nullable=True),  # whose key is to be destroyed; null: it is
    blob("sealed", nullable=True),  # under the key of the house: {user, rooms, room, content}
    ms("created_at"),
)
archive_jobs = table(  # P10, P11: exports and imports, until they are done; those of the last days for the limits
    "archive_jobs",
    row_id(),
    ref("person_id", "people.id"),
    text("kind"),  # export | import
    text("state"),  # see bridge.rights.archive.jobs.State
    blob("sealed", nullable=True),  # how far it is, with the keys of what was uploaded; null once it is over
    ms("due_at", nullable=True),  # when to go on; null: it waits for the person, or is over
    integer("failures", default=0),
    ms("created_at"),
    sa.Index(None, "person_id", "kind"),
    sa.Index(None, "due_at"),
)
kept_comments = table(  # copies of comments, for who wrote them: they don't go with the moment
    "kept_comments",
    row_id(),
    ref("person_id", "people.id"),
    big("comment_id"),  # no reference: the comment may be gone
    blob("sealed", nullable=True),  # {text}
    ms("created_at"),
    sa.Index(None, "person_id", "id"),
    sa.Index(None, "comment_id"),
)
ledger = table(  # what operators did and what people agreed to: a chain of hashes over what is sealed
    "ledger",
    sa.Column("number", ID, primary_key=True, autoincrement=False),
    ms("at"),
    big("owner"),  # under whose key; no reference: the chain outlives them
    blob("sealed"),  # {kind, ...}
    blob("hash"),  # SHA-256 of this entry and the hash before it
)
