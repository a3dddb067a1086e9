"""Mini-programs. See `bridge.db.tables`."""

import sqlalchemy as sa

from bridge.db.tables.columns import big, blob, integer, key, ms, ref, row_id, table, text

programs = table(  # installed mini-programs
    "programs",
    row_id(),
    text("name"),
    text("version"),
    text("package"),  # manifest and code, as they were signed
    text("signers"),  # JSON list of keys
    text("former", nullable=True),  # JSON {version, package, signers}: what an update took the place of
    blob("sealed"),  # under the key of the house: the program's secret, which its ids of people and chats follow from
    integer("builtin", default=0),
    integer("remote", default=0),  # it runs on a server of its developer
    integer("allowed", default=1),
    integer("removed", default=0),  # 1: it is gone, but its server is still to be told that people have left
    ms("suspended_until", nullable=True),  # it failed too often
    ms("installed_at"),
    ms("changed_at"),
    sa.UniqueConstraint("name"),
)
program_failures = table(  # when programs failed of late: too often, and they are suspended
    "program_failures",
    row_id(),
    ref("program_id", "programs.id"),
    ms("at"),
    sa.Index(None, "program_id"),
    sa.Index(None, "at"),
)
program_people = table(  # who has opened a program
    "program_people",
    ref("program_id", "programs.id", primary_key=True),
    ref("person_id", "people.id", primary_key=True),
    integer("generation", default=0),  # counts how often they began anew as somebody whom the program does not know
    ms("opened_at"),
    sa.Index(None, "person_id"),
)
program_sessions = table(  # a program that is, or was, open in a chat
    "program_sessions",
    row_id(),
    ref("program_id", "programs.id"),
    ref("person_id", "people.id"),  # who opened it
    ref("account_id", "accounts.id"),
    text("room_id"),
    blob("sealed"),  # the program's state, the question that it asks
    integer("open", default=1),
    ms("opened_at"),
    ms("used_at"),
    integer("room", default=0),  # 1: in a room with several people, for all of them
    sa.Index(None, "person_id", "open"),
    sa.Index(None, "account_id", "room_id"),
    sa.Index(None, "room", "open"),
    sa.Index(None, "program_id"),
    sa.Index(None, "used_at"),
)
program_messages = table(  # what a program has said in a session
    "program_messages",
    row_id(),
    ref("session_id", "program_sessions.id"),
    ref("person_id", "people.id"),
    blob("lookup", nullable=True),  # keyed hash of the name that the program gave it
    blob("sealed"),  # {content, picture, key}
    ms("created_at"),
    sa.Index(None, "session_id", "id"),
    sa.Index(None, "person_id"),
)
program_choices = table(  # the tokens of choices that can be made now
    "program_choices",
    key("lookup"),  # keyed hash of the token
    ref("session_id", "program_sessions.id"),
    ref("message_id", "program_messages.id", nullable=True),  # NULL: the question of a form
    ref("person_id", "people.id", nullable=True),  # of use to whom; NULL: to anybody in the room
    sa.Index(None, "session_id"),
    sa.Index(None, "message_id"),
    sa.Index(None, "person_id"),
)
program_events = table(  # what programs are still to be told; a row goes with what came of it
    "program_events",
    row_id(),
    ref("session_id", "program_sessions.id"),
    ref("person_id", "people.id"),
    text("event"),  # the random id under which the program knows it
    integer("chain"),  # how many came before it, since somebody did something
    blob("sealed"),  # {type, data, reply_to, thread, push}
    ms("created_at"),
    ms("due_at", default=0),  # not before; in the far future: when the person has agreed
    integer("tries", default=0),  # how often it was sent to the program's server
    ms("first_at", nullable=True),  # when it was first
    integer("deferred", default=0),  # the server has said that its answer comes later
    sa.UniqueConstraint("event"),
    sa.Index(None, "session_id", "id"),
    sa.Index(None, "person_id"),
)
program_spaces = table(  # places where programs store values: of a person, of a chat, or of all
    "program_spaces",
    key("place"),  # keyed hash of program, kind of space, and whose it is
    ref("program_id", "programs.id"),
    ref("person_id", "people.id", nullable=True),  # whose key it is under; null: that of the house
    big("last_version"),
    integer("count"),
    big("bytes"),
    sa.Index(None, "program_id"),
    sa.Index(None, "person_id"),
)
program_values = table(
    "program_values",
    row_id(),
    ref("program_id", "programs.id"),
    ref("person_id", "people.id", nullable=True),
    blob("place"),
    blob("lookup"),  # keyed hash of place and key
    blob("sealed"),  # {key, value}
    big("version"),
    integer("bytes"),
    sa.UniqueConstraint("lookup"),
    sa.Index(None, "place"),
    sa.Index(None, "program_id"),
    sa.Index(None, "person_id"),
)
program_grants = table(  # what a person lets a program know or do, or never
    "program_grants",
    row_id(),
    ref("program_id", "programs.id"),
    ref("person_id", "people.id"),
    integer("number"),  # the person's own, for `revoke N`
    text("scope"),
    text("verdict"),  # once | always | never
    big("session_id", nullable=True),  # once: while this session is open
    blob("sealed"),  # {purpose}: what it was granted for
    ms("created_at"),
    ms("expires_at", nullable=True),
    sa.UniqueConstraint("program_id", "person_id", "scope"),
    sa.Index(None, "person_id", "number"),
)
program_questions = table(  # requests for scopes that wait for a person
    "program_questions",
    row_id(),
    ref("session_id", "program_sessions.id"),
    ref("person_id", "people.id"),
    blob("sealed"),  # {effect, tag, scopes, granted, denied, chain, reply_to, thread}
    ms("created_at"),
    sa.Index(None, "session_id"),
    sa.Index(None, "person_id"),
)
program_fetches = table(  # what servers are to be asked for programs
    "program_fetches",
    row_id(),
    ref("session_id", "program_sessions.id"),
    ref("person_id", "people.id"),
    blob("lookup"),  # keyed hash of the server
    blob("sealed"),  # {effect, tag, url, method, headers, body, reply_to, thread}
    text("state"),  # asked: the person was asked whether it may be | waiting
    integer("chain"),
    ms("created_at"),
    sa.Index(None, "state", "id"),
    sa.Index(None, "session_id"),
    sa.Index(None, "person_id"),
)
program_timers = table(
    "program_timers",
    row_id(),
    ref("session_id", "program_sessions.id"),
    ref("person_id", "people.id"),
    blob("lookup"),  # keyed hash of session and tag
    blob("sealed"),  # {tag, payload}
    ms("due_at"),
    sa.UniqueConstraint("lookup"),
    sa.Index(None, "due_at"),
    sa.Index(None, "session_id"),
    sa.Index(None, "person_id"),
)
program_deliveries = table(  # what programs were told of a person: the last of it
    "program_deliveries",
    row_id(),
    ref("person_id", "people.id"),
    ref("program_id", "programs.id"),
    blob("sealed"),  # {event}: all of it, as JSON
    ms("at"),
    big("key_id", nullable=True),  # of its day, beside the person's; null: from before
    sa.Index(None, "person_id", "id"),
    sa.Index(None, "program_id"),
    sa.Index(None, "key_id"),
)

program_leavings = table(  # people who left a program for good, which is still to be told
    "program_leavings",
    row_id(),
    ref("program_id", "programs.id"),
    blob("sealed"),  # under the key of the house, as the person may be gone: {user, chat, kind, event, receipt}
    ms("created_at"),
    ms("due_at", default=0),  # not before
    integer("tries", default=0),
    ms("until_at", nullable=True),  # by when a program on a server has promised to delete what it keeps
    big("owner", nullable=True),  # whose account ends, until they are gone
    ms("done_at", nullable=True),  # it was told, and the person is still to be told that
    sa.Index(None, "program_id"),
    sa.Index(None, "done_at", "due_at"),
    sa.Index(None, "owner"),
)
program_known = table(  # where a program was told of a person: under which of its ids it knows them
    "program_known",
    row_id(),
    ref("program_id", "programs.id"),
    ref("person_id", "people.id"),
    blob("lookup"),  # keyed hash of program, person, generation and room
    blob("sealed"),  # {room, generation}
    sa.UniqueConstraint("lookup"),
    sa.Index(None, "program_id"),
    sa.Index(None, "person_id"),
)
