"""Moments. See `bridge.db.tables`."""

import sqlalchemy as sa

from bridge.db.tables.columns import big, blob, integer, metadata, ms, ref, row_id, table, text

moments = table(
    "moments",
    row_id(),
    ref("author_id", "people.id"),
    blob("sealed", nullable=True),  # {text}
    text("audience"),  # public | friends | private | people
    integer("once_public", default=0),  # 1: it was public earlier
    ms("created_at"),
    ms("edited_at", nullable=True),
    ms("expires_at", nullable=True),  # M11; null: never
    big("key_id", nullable=True),  # its own key in the key store, beside its author's: what expires has one
    sa.Index(None, "author_id", "created_at"),
    sa.Index(None, "created_at"),
    sa.Index(None, "expires_at"),
)
ended_keys = sa.Table(  # keys of moments and of days that are gone: to be destroyed in the key store
    "ended_keys",
    metadata,
    sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False),
    ms("at"),
)
moment_people = table(  # whom the audience names or leaves out
    "moment_people",
    ref("moment_id", "moments.id", primary_key=True),
    ref("person_id", "people.id", primary_key=True),
    integer("left_out", default=0),
    sa.Index(None, "person_id"),
)
moment_tags = table(  # which tags it names or leaves out
    "moment_tags",
    ref("moment_id", "moments.id", primary_key=True),
    ref("tag_id", "tags.id", primary_key=True),
    text("mode"),  # named (its members of then are in moment_people) | live | left_out
    sa.Index(None, "tag_id"),
)
moment_once_seen = table(  # whom the author showed it before, and does no longer; who read it stands nowhere
    "moment_once_seen",
    ref("moment_id", "moments.id", primary_key=True),
    ref("person_id", "people.id", primary_key=True),
    sa.Index(None, "person_id"),
)
gone_moments = table(  # for whom a moment was that is gone: for as long as its copies may still have to be taken back
    "gone_moments",
    ref("person_id", "people.id", primary_key=True),
    integer("number", primary_key=True),  # that its author had for it
    blob("sealed"),  # {people, public, at}
    ms("until"),
    sa.Index(None, "until"),
)
pictures = table(
    "pictures",
    row_id(),
    ref("moment_id", "moments.id"),
    integer("position"),
    blob("sealed", nullable=True),  # {file, thumbnail, info}: EncryptedFile (url, key, iv, hashes), info of m.image
    sa.Index(None, "moment_id"),
)
archive_ids = table(  # moments that came with an archive, and the names that they had in there
    "archive_ids",
    ref("moment_id", "moments.id", primary_key=True),
    ref("person_id", "people.id"),
    blob("lookup"),  # keyed hash of author and name
    blob("sealed"),  # the name
    sa.UniqueConstraint("person_id", "lookup"),
)
drafts = table(  # posts that are not published yet
    "drafts",
    row_id(),
    ref("person_id", "people.id"),
    text("state"),  # see bridge.moments.drafts.State
    blob("sealed", nullable=True),  # audience in words, texts, pictures with their keys, warning
    ms("due_at", nullable=True),  # when it is to be published
    ms("touched_at"),
    ms("created_at"),
    big("moment_id", nullable=True),  # what it became
    big("key_id", nullable=True),  # of the day when it was touched (see `bridge.db.day_keys`); null: from before
    sa.Index(None, "person_id", "state"),
    sa.Index(None, "key_id"),
)
post_defaults = table(  # for whom a person's posts are when they say nothing else; without a row, for friends
    "post_defaults",
    ref("person_id", "people.id", primary_key=True),
    blob("sealed"),  # the audience in words
)
keep_times = table(  # how long people keep their own moments; without a row, for ever
    "keep_times",
    ref("person_id", "people.id", primary_key=True),
    ms("moments_ms"),
)
moment_responders = table(  # M13: who may like and comment; without a row, who sees it
    "moment_responders",
    ref("moment_id", "moments.id", primary_key=True),
    big("tag_id", nullable=True),  # who is in it now; null, or a tag that is gone: nobody
)
fanouts = table(  # moments that those who want them at once are still to be told of
    "fanouts",
    ref("moment_id", "moments.id", primary_key=True),
    big("after_id"),  # friends up to this id were
    ms("created_at"),
)
notify_settings = table(  # M18; without a row, the defaults
    "notify_settings",
    ref("person_id", "people.id", primary_key=True),
    text("mode"),  # off | digest | now
    integer("digest_minute", nullable=True),  # of the day, in their zone; null: the operator's default
    integer("quiet_from", nullable=True),
    integer("quiet_to", nullable=True),
    ms("digest_at", nullable=True),  # when the next one is due
    ms("digest_from", nullable=True),  # what the one that was queued last tells of
    ms("digest_until", nullable=True),
)
tag_notify = table(  # how the owner of a tag is told of moments of its members
    "tag_notify",
    ref("tag_id", "tags.id", primary_key=True),
    text("mode"),
)
undos = table(  # the last thing that a person did, for as long as they may take it back
    "undos",
    ref("person_id", "people.id", primary_key=True),
    text("kind"),  # see bridge.privacy.undo
    big("ref_id", nullable=True),
    blob("sealed"),  # how it was before
    ms("until"),
    sa.Index(None, "ref_id"),
)
likes = table(
    "likes",
    ref("moment_id", "moments.id", primary_key=True),
    ref("person_id", "people.id", primary_key=True),
    ms("created_at"),
    integer("told", default=0),
    sa.Index(None, "person_id"),
)
votes = table(  # M17: one answer of each person
    "votes",
    row_id(),
    ref("moment_id", "moments.id"),
    ref("person_id", "people.id"),
    blob("sealed", nullable=True),  # the number of the answer, from 0
    ms("created_at"),
    sa.UniqueConstraint("moment_id", "person_id"),
    sa.Index(None, "person_id"),
)
comments = table(
    "comments",
    row_id(),
    ref("moment_id", "moments.id"),
    ref("person_id", "people.id"),
    ref("answer_to", "comments.id", nullable=True),
    blob("sealed", nullable=True),  # {text}
    ms("created_at"),
    ms("edited_at", nullable=True),
    sa.Index(None, "moment_id", "id"),
    sa.Index(None, "person_id"),
    sa.Index(None, "answer_to"),
)
numbers = table(  # the reader's own numbers of what was shown to them
    "numbers",
    ref("person_id", "people.id", primary_key=True),
    integer("number", primary_key=True),
    ref("moment_id", "moments.id"),
    sa.UniqueConstraint("person_id", "moment_id"),
    sa.Index(None, "moment_id"),
)
pages = table(  # moments that are shown to a reader in one event
    "pages",
    row_id(),
    ref("person_id", "people.id"),
    ms("created_at"),
    sa.Index(None, "person_id"),
)
page_moments = table(
    "page_moments",
    ref("page_id", "pages.id", primary_key=True),
    ref("moment_id", "moments.id", primary_key=True),
    integer("position"),
    sa.Index(None, "moment_id"),
)
cursors = table(  # where `feed more` goes on, per person and list
    "cursors",
    ref("person_id", "people.id", primary_key=True),
    text("list", primary_key=True),
    text("position"),  # JSON
    ms("at"),
)
