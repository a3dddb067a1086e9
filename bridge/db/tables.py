"""All tables. Times are ms since the epoch (UTC); ids are never used again (AUTOINCREMENT, identity, random).

What is personal stands in columns `sealed` (and `card`): under the key of its owner, see `bridge.db.sealing`, or, in
the tables of an account, under the store key.
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *items, sqlite_autoincrement=True)


def _id() -> "sa.Column[int]":
    return sa.Column("id", _Id, primary_key=True, autoincrement=True)


def _ref(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> "sa.Column[int]":
    return sa.Column(name, _Id, sa.ForeignKey(target, ondelete="CASCADE"), nullable=nullable, primary_key=primary_key)


def _str(name: str, *, nullable: bool = False, primary_key: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=nullable, primary_key=primary_key)


def _ms(name: str, *, nullable: bool = False, default: int | None = None) -> "sa.Column[int]":
    server = None if default is None else str(default)
    return sa.Column(name, sa.BigInteger, nullable=nullable, server_default=server)


def _big(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _int(
    name: str, *, nullable: bool = False, primary_key: bool = False, default: int | None = None
) -> "sa.Column[int]":
    server = None if default is None else str(default)
    return sa.Column(
        name,
        sa.Integer,
        nullable=nullable,
        primary_key=primary_key,
        autoincrement=False,
        server_default=server,
    )


def _key(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary, primary_key=True, nullable=False)


def _blob(name: str, *, nullable: bool = False) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary, nullable=nullable)


# --- the bot's Matrix accounts and what each knows of its rooms -----------------------------------------------------
accounts = _table(
    "accounts",
    _id(),
    _str("user_id"),
    _str("device_id", nullable=True),
    _blob("access_token", nullable=True),  # sealed
    _str("sync_token", nullable=True),
    _str("instance"),  # random; the prefix of the transaction ids of this account
    _ms("created_at"),
    sa.UniqueConstraint("user_id"),
)
rooms = _table(
    "rooms",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("room_id", primary_key=True),
    _blob("sealed", nullable=True),  # under the store key: members, encryption, power levels, what sending needs
)
waiting_events = _table(  # encrypted events whose key has not come yet
    "waiting_events",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("event_id", primary_key=True),
    _str("room_id"),
    _str("session_id"),
    _blob("sealed", nullable=True),  # under the store key: the event, itself still encrypted
    _ms("since"),
)
handled = _table(  # events that were handled; written in the transaction of what they changed
    "handled",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("event_id", primary_key=True),
    _ms("at"),
    _str("command", nullable=True),  # name of the command that it ran, for edits
    _int("effect", default=0),  # 1: it changed something and must not be run again by an edit
)

# --- crypto store: rows of one account; blobs are pickles sealed under the operator's key --------------------------
crypto_accounts = _table(
    "crypto_accounts",
    _ref("account_id", "accounts.id", primary_key=True),
    _blob("pickle"),
    _int("shared", default=0),
    _ms("fallback_at", nullable=True),
)
crypto_secrets = _table(  # private cross-signing keys and the like, sealed
    "crypto_secrets",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("name", primary_key=True),
    _blob("value"),
)
crypto_olm_sessions = _table(
    "crypto_olm_sessions",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("session_id", primary_key=True),
    _str("sender_key"),
    _blob("pickle"),
    _ms("created_at"),
    _ms("used_at"),
    _int("retired", default=0),  # 1: from before an unclean end; it opens, and encrypts nothing any more
)
crypto_megolm_inbound = _table(
    "crypto_megolm_inbound",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("room_id", primary_key=True),
    _str("sender_key", primary_key=True),
    _str("session_id", primary_key=True),
    _str("ed25519"),
    _str("forwarding_chain"),  # JSON list
    _blob("pickle"),
    _ms("used_at", default=0),  # to the day
)
crypto_megolm_outbound = _table(
    "crypto_megolm_outbound",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("room_id", primary_key=True),
    _blob("pickle"),
    _ms("created_at"),
    _int("messages"),
    _blob("sealed", nullable=True),  # {user: {device: curve25519}}: who has the key
)
crypto_room_keys_owed = _table(
    "crypto_room_keys_owed",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("room_id", primary_key=True),
    _blob("sealed"),  # sessions that were replaced: who lacks them from which message on, and the keys from there on
)
known_users = _table(  # users whose devices are tracked
    "known_users",
    _ref("account_id", "accounts.id", primary_key=True),
    _key("user_lookup"),  # keyed hash of the user id
    _blob("sealed"),  # user id, whether their device list is outdated, identity they are known by
)
known_devices = _table(
    "known_devices",
    _ref("account_id", "accounts.id", primary_key=True),
    _key("user_lookup"),
    _key("device_lookup"),
    _blob("sealed"),  # both ids, public keys, trust, when the identity was first seen to vouch for it
)
crypto_key_requests = _table(
    "crypto_key_requests",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("session_id", primary_key=True),
    _str("request_id"),
    _str("room_id"),
    _str("algorithm"),
)

# --- people and contacts ---------------------------------------------------------------------------------------------
people = _table(  # ids are random: they name keys, which outlive databases
    "people",
    _id(),
    _blob("lookup"),  # keyed hash of the Matrix id
    _blob("card"),  # Matrix id, language, time zone
    _ms("created_at"),
    _ms("opened_at", nullable=True),  # first DM with the bot; null: known only because somebody named them
    _ref("dm_account_id", "accounts.id", nullable=True),
    _str("dm_room_id", nullable=True),  # the current DM: the last used
    _str("recovery_hash", nullable=True),  # `privacy recovery` is on
    _ms("paused_at", nullable=True),  # their identity was reset and nobody has confirmed yet that it is them
    _ms("seen_at", nullable=True),  # when they spoke to the bot last, to the day
    sa.Index(None, "lookup", unique=True),
)
profile_fields = _table(
    "profile_fields",
    _ref("person_id", "people.id", primary_key=True),
    _str("field", primary_key=True),
    _blob("sealed", nullable=True),
    _ms("updated_at"),
)
friendships = _table(  # two rows a friendship
    "friendships",
    _ref("person_id", "people.id", primary_key=True),
    _ref("friend_id", "people.id", primary_key=True),
    _ms("since"),
    sa.Index(None, "friend_id"),
)
friend_requests = _table(
    "friend_requests",
    _id(),
    _ref("from_id", "people.id"),
    _ref("to_id", "people.id"),
    _blob("sealed", nullable=True),  # the note, under the asker's key
    _str("state"),  # pending | declined
    _ms("created_at"),
    sa.UniqueConstraint("from_id", "to_id"),
    sa.Index(None, "to_id", "state"),
)
tags = _table(
    "tags",
    _id(),
    _ref("owner_id", "people.id"),
    _blob("lookup"),  # keyed hash of owner and name
    _blob("sealed", nullable=True),  # the name
    _int("shut_out", default=0),  # 1: its members don't see the owner's moments (P2)
    _ms("created_at"),
    _ms("changed_at"),
    sa.UniqueConstraint("owner_id", "lookup"),
)
tag_members = _table(
    "tag_members",
    _ref("tag_id", "tags.id", primary_key=True),
    _ref("person_id", "people.id", primary_key=True),
    sa.Index(None, "person_id"),
)
stances = _table(  # what somebody decided about somebody else, in silence
    "stances",
    _ref("person_id", "people.id", primary_key=True),
    _ref("other_id", "people.id", primary_key=True),
    _int("blocked", default=0),  # I7
    _int("chats_only", default=0),  # I6
    _int("shut_out", default=0),  # P2: the other does not see what is the person's
    _int("hidden", default=0),  # P3: the person does not see what is the other's
    _blob("sealed", nullable=True),  # {remark, note} (I5)
    sa.Index(None, "other_id"),
)
privacy_settings = _table(  # without a row, the defaults
    "privacy_settings",
    _ref("person_id", "people.id", primary_key=True),
    _ms("window_ms", nullable=True),  # P1; null: everything
    _int("strangers", default=0),  # P4
    _int("by_id", default=1),  # I2: ways to be added
    _int("by_code", default=1),
    _int("by_room", default=1),
    _int("reactions", default=1),  # M5: whether reactions of and to this person count
    _int("keep_comments", default=0),  # P12: copies of what they write under others' moments are kept for them
)
field_rules = _table(  # for whom a profile field is; without a row, the default of that field
    "field_rules",
    _ref("person_id", "people.id", primary_key=True),
    _str("field", primary_key=True),
    _str("audience"),  # JSON {kind, people, tags, except_people, except_tags}: ids only
)
invites = _table(
    "invites",
    _id(),
    _ref("owner_id", "people.id"),
    _blob("lookup"),  # keyed hash of the code
    _blob("sealed", nullable=True),  # the code
    _int("uses_left"),
    _ms("expires_at"),
    _ms("created_at"),
    sa.UniqueConstraint("lookup"),
    sa.Index(None, "owner_id"),
)
private_chats = _table(  # I9: private rooms that are being made for two people, and those of the last day
    "private_chats",
    _id(),
    _ref("account_id", "accounts.id"),
    _ref("asker_id", "people.id"),
    _ref("other_id", "people.id"),
    _str("state"),  # see bridge.contacts.private_chats.State
    _str("marker"),  # random; stands in the room's m.room.create, so that it is found again after a crash
    _str("room_id", nullable=True),
    _int("invited", default=0),  # 1: the other, 2: also the asker
    _ms("until"),  # when it is given up
    _ms("created_at"),
    sa.Index(None, "asker_id", "created_at"),
    sa.Index(None, "other_id"),
)
private_rooms = _table(  # rooms of which no key is ever kept, and to which we never come back
    "private_rooms",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("room_id", primary_key=True),
)
access_log = _table(  # P9: which program, export, operator or device of their own read what of a person
    "access_log",
    _id(),
    _ref("person_id", "people.id"),
    _ms("at"),
    _blob("sealed", nullable=True),  # {kind, ...}
    sa.Index(None, "person_id", "id"),
)
prompts = _table(  # questions with numbered answers that wait for one person
    "prompts",
    _id(),
    _ref("person_id", "people.id"),
    _str("kind"),
    _big("ref_id", nullable=True),
    _str("options"),  # JSON list of option names, in the order of their numbers
    _str("state"),  # open | answered | closed
    _ms("created_at"),
    _ms("expires_at"),
    sa.Index(None, "person_id", "state"),
)
deletions = _table(  # P12: people who asked for the end of their account, or are about to be told to
    "deletions",
    _ref("person_id", "people.id", primary_key=True),
    _str("state"),  # asked: a code was given out | waiting: it comes at `due_at` | begun
    _str("why"),  # own | inactive
    _blob("code", nullable=True),  # keyed hash of the code
    _ms("code_until", nullable=True),
    _ms("due_at", nullable=True),
    _blob("sealed", nullable=True),  # {class: count}: what there was when it began
    _ms("created_at"),
    sa.Index(None, "state", "due_at"),
)
farewells = _table(  # people who were erased, until the bot has said so and left their chat
    "farewells",
    _id(),
    _ref("account_id", "accounts.id"),
    _big("owner", nullable=True),  # whose key is to be destroyed; null: it is
    _blob("sealed", nullable=True),  # under the key of the house: {user, rooms, room, content}
    _ms("created_at"),
)
archive_jobs = _table(  # P10, P11: exports and imports, until they are done; those of the last days for the limits
    "archive_jobs",
    _id(),
    _ref("person_id", "people.id"),
    _str("kind"),  # export | import
    _str("state"),  # see bridge.rights.archive.jobs.State
    _blob("sealed", nullable=True),  # how far it is, with the keys of what was uploaded; null once it is over
    _ms("due_at", nullable=True),  # when to go on; null: it waits for the person, or is over
    _int("failures", default=0),
    _ms("created_at"),
    sa.Index(None, "person_id", "kind"),
    sa.Index(None, "due_at"),
)
kept_comments = _table(  # copies of comments, for who wrote them: they don't go with the moment
    "kept_comments",
    _id(),
    _ref("person_id", "people.id"),
    _big("comment_id"),  # no reference: the comment may be gone
    _blob("sealed", nullable=True),  # {text}
    _ms("created_at"),
    sa.Index(None, "person_id", "id"),
    sa.Index(None, "comment_id"),
)
ledger = _table(  # what operators did and what people agreed to: a chain of hashes over what is sealed
    "ledger",
    sa.Column("number", _Id, primary_key=True, autoincrement=False),
    _ms("at"),
    _big("owner"),  # under whose key; no reference: the chain outlives them
    _blob("sealed"),  # {kind, ...}
    _blob("hash"),  # SHA-256 of this entry and the hash before it
)

# --- moments ---------------------------------------------------------------------------------------------------------
moments = _table(
    "moments",
    _id(),
    _ref("author_id", "people.id"),
    _blob("sealed", nullable=True),  # {text}
    _str("audience"),  # public | friends | private | people
    _ms("created_at"),
    _ms("edited_at", nullable=True),
    _ms("expires_at", nullable=True),  # M11; null: never
    _big("key_id", nullable=True),  # its own key in the key store, beside its author's: what expires has one
    sa.Index(None, "author_id", "created_at"),
    sa.Index(None, "created_at"),
    sa.Index(None, "expires_at"),
)
ended_keys = sa.Table(  # keys of moments that are gone: to be destroyed in the key store
    "ended_keys",
    metadata,
    sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False),
    _ms("at"),
)
moment_people = _table(  # whom the audience names or leaves out
    "moment_people",
    _ref("moment_id", "moments.id", primary_key=True),
    _ref("person_id", "people.id", primary_key=True),
    _int("left_out", default=0),
    sa.Index(None, "person_id"),
)
moment_tags = _table(  # which tags it names or leaves out
    "moment_tags",
    _ref("moment_id", "moments.id", primary_key=True),
    _ref("tag_id", "tags.id", primary_key=True),
    _str("mode"),  # named (its members of then are in moment_people) | live | left_out
    sa.Index(None, "tag_id"),
)
pictures = _table(
    "pictures",
    _id(),
    _ref("moment_id", "moments.id"),
    _int("position"),
    _blob("sealed", nullable=True),  # {file, thumbnail, info}: EncryptedFile (url, key, iv, hashes), info of m.image
    sa.Index(None, "moment_id"),
)
archive_ids = _table(  # moments that came with an archive, and the names that they had in there
    "archive_ids",
    _ref("moment_id", "moments.id", primary_key=True),
    _ref("person_id", "people.id"),
    _blob("lookup"),  # keyed hash of author and name
    _blob("sealed"),  # the name
    sa.UniqueConstraint("person_id", "lookup"),
)
drafts = _table(  # posts that are not published yet
    "drafts",
    _id(),
    _ref("person_id", "people.id"),
    _str("state"),  # see bridge.moments.drafts.State
    _blob("sealed", nullable=True),  # audience in words, texts, pictures with their keys, warning
    _ms("due_at", nullable=True),  # when it is to be published
    _ms("touched_at"),
    _ms("created_at"),
    _big("moment_id", nullable=True),  # what it became
    sa.Index(None, "person_id", "state"),
)
post_defaults = _table(  # for whom a person's posts are when they say nothing else; without a row, for friends
    "post_defaults",
    _ref("person_id", "people.id", primary_key=True),
    _blob("sealed"),  # the audience in words
)
keep_times = _table(  # how long people keep their own moments; without a row, for ever
    "keep_times",
    _ref("person_id", "people.id", primary_key=True),
    _ms("moments_ms"),
)
moment_responders = _table(  # M13: who may like and comment; without a row, who sees it
    "moment_responders",
    _ref("moment_id", "moments.id", primary_key=True),
    _big("tag_id", nullable=True),  # who is in it now; null, or a tag that is gone: nobody
)
fanouts = _table(  # moments that those who want them at once are still to be told of
    "fanouts",
    _ref("moment_id", "moments.id", primary_key=True),
    _big("after_id"),  # friends up to this id were
    _ms("created_at"),
)
notify_settings = _table(  # M18; without a row, the defaults
    "notify_settings",
    _ref("person_id", "people.id", primary_key=True),
    _str("mode"),  # off | digest | now
    _int("digest_minute", nullable=True),  # of the day, in their zone; null: the operator's default
    _int("quiet_from", nullable=True),
    _int("quiet_to", nullable=True),
    _ms("digest_at", nullable=True),  # when the next one is due
    _ms("digest_from", nullable=True),  # what the one that was queued last tells of
    _ms("digest_until", nullable=True),
)
tag_notify = _table(  # how the owner of a tag is told of moments of its members
    "tag_notify",
    _ref("tag_id", "tags.id", primary_key=True),
    _str("mode"),
)
undos = _table(  # the last thing that a person did, for as long as they may take it back
    "undos",
    _ref("person_id", "people.id", primary_key=True),
    _str("kind"),  # see bridge.privacy.undo
    _big("ref_id", nullable=True),
    _blob("sealed"),  # how it was before
    _ms("until"),
    sa.Index(None, "ref_id"),
)
likes = _table(
    "likes",
    _ref("moment_id", "moments.id", primary_key=True),
    _ref("person_id", "people.id", primary_key=True),
    _ms("created_at"),
    _int("told", default=0),
    sa.Index(None, "person_id"),
)
votes = _table(  # M17: one answer of each person
    "votes",
    _id(),
    _ref("moment_id", "moments.id"),
    _ref("person_id", "people.id"),
    _blob("sealed", nullable=True),  # the number of the answer, from 0
    _ms("created_at"),
    sa.UniqueConstraint("moment_id", "person_id"),
    sa.Index(None, "person_id"),
)
comments = _table(
    "comments",
    _id(),
    _ref("moment_id", "moments.id"),
    _ref("person_id", "people.id"),
    _ref("answer_to", "comments.id", nullable=True),
    _blob("sealed", nullable=True),  # {text}
    _ms("created_at"),
    _ms("edited_at", nullable=True),
    sa.Index(None, "moment_id", "id"),
    sa.Index(None, "person_id"),
    sa.Index(None, "answer_to"),
)
numbers = _table(  # the reader's own numbers of what was shown to them
    "numbers",
    _ref("person_id", "people.id", primary_key=True),
    _int("number", primary_key=True),
    _ref("moment_id", "moments.id"),
    sa.UniqueConstraint("person_id", "moment_id"),
    sa.Index(None, "moment_id"),
)
pages = _table(  # moments that are shown to a reader in one event
    "pages",
    _id(),
    _ref("person_id", "people.id"),
    _ms("created_at"),
    sa.Index(None, "person_id"),
)
page_moments = _table(
    "page_moments",
    _ref("page_id", "pages.id", primary_key=True),
    _ref("moment_id", "moments.id", primary_key=True),
    _int("position"),
    sa.Index(None, "moment_id"),
)
cursors = _table(  # where `feed more` goes on, per person and list
    "cursors",
    _ref("person_id", "people.id", primary_key=True),
    _str("list", primary_key=True),
    _str("position"),  # JSON
    _ms("at"),
)

# --- mini-programs ---------------------------------------------------------------------------------------------------
programs = _table(  # installed mini-programs
    "programs",
    _id(),
    _str("name"),
    _str("version"),
    _str("package"),  # manifest and code, as they were signed
    _str("signers"),  # JSON list of keys
    _str("former", nullable=True),  # JSON {version, package, signers}: what an update took the place of
    _blob("sealed"),  # under the key of the house: the program's secret, which its ids of people and chats follow from
    _int("builtin", default=0),
    _int("allowed", default=1),
    _ms("suspended_until", nullable=True),  # it failed too often
    _ms("installed_at"),
    _ms("changed_at"),
    sa.UniqueConstraint("name"),
)
program_people = _table(  # who has opened a program
    "program_people",
    _ref("program_id", "programs.id", primary_key=True),
    _ref("person_id", "people.id", primary_key=True),
    _int("generation", default=0),  # counts how often they began anew as somebody whom the program does not know
    _ms("opened_at"),
    sa.Index(None, "person_id"),
)
program_sessions = _table(  # a program that is, or was, open in a chat
    "program_sessions",
    _id(),
    _ref("program_id", "programs.id"),
    _ref("person_id", "people.id"),  # who opened it
    _ref("account_id", "accounts.id"),
    _str("room_id"),
    _blob("sealed"),  # the program's state, the question that it asks
    _int("open", default=1),
    _ms("opened_at"),
    _ms("used_at"),
    _int("room", default=0),  # 1: in a room with several people, for all of them
    sa.Index(None, "person_id", "open"),
    sa.Index(None, "account_id", "room_id"),
    sa.Index(None, "room", "open"),
    sa.Index(None, "program_id"),
    sa.Index(None, "used_at"),
)
program_messages = _table(  # what a program has said in a session
    "program_messages",
    _id(),
    _ref("session_id", "program_sessions.id"),
    _ref("person_id", "people.id"),
    _blob("lookup", nullable=True),  # keyed hash of the name that the program gave it
    _blob("sealed"),  # {content, picture, key}
    _ms("created_at"),
    sa.Index(None, "session_id", "id"),
    sa.Index(None, "person_id"),
)
program_events = _table(  # what programs are still to be told; a row goes with what came of it
    "program_events",
    _id(),
    _ref("session_id", "program_sessions.id"),
    _ref("person_id", "people.id"),
    _str("event"),  # the random id under which the program knows it
    _int("chain"),  # how many came before it, since somebody did something
    _blob("sealed"),  # {type, data, reply_to, thread}
    _ms("created_at"),
    sa.UniqueConstraint("event"),
    sa.Index(None, "session_id", "id"),
    sa.Index(None, "person_id"),
)
program_spaces = _table(  # places where programs store values: of a person, of a chat, or of all
    "program_spaces",
    _key("place"),  # keyed hash of program, kind of space, and whose it is
    _ref("program_id", "programs.id"),
    _ref("person_id", "people.id", nullable=True),  # whose key it is under; null: that of the house
    _big("last_version"),
    _int("count"),
    _big("bytes"),
    sa.Index(None, "program_id"),
    sa.Index(None, "person_id"),
)
program_values = _table(
    "program_values",
    _id(),
    _ref("program_id", "programs.id"),
    _ref("person_id", "people.id", nullable=True),
    _blob("place"),
    _blob("lookup"),  # keyed hash of place and key
    _blob("sealed"),  # {key, value}
    _big("version"),
    _int("bytes"),
    sa.UniqueConstraint("lookup"),
    sa.Index(None, "place"),
    sa.Index(None, "program_id"),
    sa.Index(None, "person_id"),
)
program_grants = _table(  # what a person lets a program know or do, or never
    "program_grants",
    _id(),
    _ref("program_id", "programs.id"),
    _ref("person_id", "people.id"),
    _int("number"),  # the person's own, for `revoke N`
    _str("scope"),
    _str("verdict"),  # once | always | never
    _big("session_id", nullable=True),  # once: while this session is open
    _blob("sealed"),  # {purpose}: what it was granted for
    _ms("created_at"),
    _ms("expires_at", nullable=True),
    sa.UniqueConstraint("program_id", "person_id", "scope"),
    sa.Index(None, "person_id", "number"),
)
program_questions = _table(  # requests for scopes that wait for a person
    "program_questions",
    _id(),
    _ref("session_id", "program_sessions.id"),
    _ref("person_id", "people.id"),
    _blob("sealed"),  # {effect, tag, scopes, granted, denied, chain, reply_to, thread}
    _ms("created_at"),
    sa.Index(None, "session_id"),
    sa.Index(None, "person_id"),
)
program_fetches = _table(  # what servers are to be asked for programs
    "program_fetches",
    _id(),
    _ref("session_id", "program_sessions.id"),
    _ref("person_id", "people.id"),
    _blob("lookup"),  # keyed hash of the server
    _blob("sealed"),  # {effect, tag, url, method, headers, body, reply_to, thread}
    _str("state"),  # asked: the person was asked whether it may be | waiting
    _int("chain"),
    _ms("created_at"),
    sa.Index(None, "state", "id"),
    sa.Index(None, "session_id"),
    sa.Index(None, "person_id"),
)
program_timers = _table(
    "program_timers",
    _id(),
    _ref("session_id", "program_sessions.id"),
    _ref("person_id", "people.id"),
    _blob("lookup"),  # keyed hash of session and tag
    _blob("sealed"),  # {tag, payload}
    _ms("due_at"),
    sa.UniqueConstraint("lookup"),
    sa.Index(None, "due_at"),
    sa.Index(None, "session_id"),
    sa.Index(None, "person_id"),
)
program_deliveries = _table(  # what programs were told of a person: the last of it
    "program_deliveries",
    _id(),
    _ref("person_id", "people.id"),
    _ref("program_id", "programs.id"),
    _blob("sealed"),  # {event}: all of it, as JSON
    _ms("at"),
    sa.Index(None, "person_id", "id"),
    sa.Index(None, "program_id"),
)

program_leavings = _table(  # people who left a program for good, which is still to be told
    "program_leavings",
    _id(),
    _ref("program_id", "programs.id"),
    _blob("sealed"),  # under the key of the house, as the person may be gone: {user, chat, locale, event}
    _ms("created_at"),
    sa.Index(None, "program_id"),
)

# --- delivery --------------------------------------------------------------------------------------------------------
outbox = _table(
    "outbox",
    _id(),
    _ref("account_id", "accounts.id", nullable=True),  # null: the account of the person's DM at send time
    _str("room_id", nullable=True),  # null: the person's current DM at send time
    _int("floating", default=0),  # 1: goes to the person's current DM, whatever room it is bound to just now
    _ref("person_id", "people.id", nullable=True),  # for whom; its room must be their DM
    _str("kind"),  # message | copy | edit (of a copy, rendered anew) | late | redact
    _str("copy_kind", nullable=True),  # what the sent event is a copy of: moment, comment, prompt, answer …
    _big("copy_ref", nullable=True),
    _blob("sealed", nullable=True),  # under the reader's key: a rendered message, or (late) what is asked again
    _str("target_event", nullable=True),  # redact: the event; else: the event that it replaces
    _str("reply_to", nullable=True),
    _str("thread", nullable=True),
    _str("source_event", nullable=True),  # the inbound event that it answers
    _int("priority", default=0),  # higher first: redactions, greetings, all else
    _int("attempts", default=0),
    _ms("first_attempt_at", nullable=True),  # null: certainly never sent
    _blob("tried", nullable=True),  # keyed hash of what the tries said; empty: not all the same
    _int("withdrawn", default=0),  # 1: withdrawn after a try: what was or is still sent must be redacted
    _ms("not_before"),
    _ms("created_at"),
    _str("state"),  # queued | sending | held | failed ; sent rows are deleted
    sa.Index(None, "state", "not_before"),
    sa.Index(None, "account_id", "room_id", "state"),
    sa.Index(None, "person_id", "state"),
    sa.Index(None, "copy_kind", "copy_ref"),
    sa.Index(None, "source_event"),
)
copies = _table(  # what was sent, so that answers find their subject and deletion finds every copy
    "copies",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("event_id", primary_key=True),
    _str("room_id"),
    _ref("person_id", "people.id", nullable=True),
    _str("kind"),
    _big("ref_id", nullable=True),
    _str("source_event", nullable=True),
    _str("thread", nullable=True),  # root of the thread that it stands in
    _str("replaces", nullable=True),  # the event was an edit (m.replace) of this one
    _big("outbox_id"),  # id of the row that it was sent from: the order of sending
    _blob("rendering", nullable=True),  # keyed hash of what its reader reads now; null: not known
    _ms("created_at"),
    sa.Index(None, "kind", "ref_id"),
    sa.Index(None, "person_id"),
    sa.Index(None, "source_event"),
    sa.Index(None, "account_id", "replaces"),
)
sources = _table(  # which thing a person's own event made, so that redacting or editing the event follows
    "sources",
    _ref("account_id", "accounts.id", primary_key=True),
    _str("event_id", primary_key=True),
    _ref("person_id", "people.id"),
    _str("kind"),  # moment | comment | like
    _big("ref_id"),
    sa.Index(None, "kind", "ref_id"),
    sa.Index(None, "person_id"),
)
