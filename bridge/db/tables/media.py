"""Files that the bot has uploaded to its homeserver, and what shows each of them. See `bridge.db.tables`."""

import sqlalchemy as sa

from bridge.db.tables.columns import blob, integer, ms, ref, row_id, table, text

media = table(
    "media",
    row_id(),
    blob("lookup"),  # keyed hash of its mxc URI
    blob("sealed"),  # the URI, under the key of the house: it is deleted after those whose it was are gone
    integer("loose", default=1),  # 1: nothing has shown it yet
    ms("created_at"),
    sa.UniqueConstraint("lookup"),
)
media_holders = table(  # a row goes with what shows the file; without any of these references it stays
    "media_holders",
    row_id(),
    ref("media_id", "media.id"),
    text("what"),  # picture | draft | invite | job | avatar | export | program | room
    ref("picture_id", "pictures.id", nullable=True),
    ref("draft_id", "drafts.id", nullable=True),
    ref("invite_id", "invites.id", nullable=True),
    ref("job_id", "archive_jobs.id", nullable=True),
    ref("person_id", "people.id", nullable=True),
    sa.Index(None, "media_id"),
    sa.Index(None, "picture_id"),
    sa.Index(None, "draft_id"),
    sa.Index(None, "invite_id"),
    sa.Index(None, "job_id"),
    sa.Index(None, "person_id"),
)
