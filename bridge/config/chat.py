"""Configuration: the chat, its limits, and moments."""

import zoneinfo
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bridge.config.base import Section


def _time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError("should be the IANA name of a time zone, like Europe/Berlin") from None
    return name


def _visible_prefix(prefix: str) -> str:
    if not prefix.isprintable() or any(c.isspace() or c.isalnum() for c in prefix):
        raise ValueError("should be one to three signs, no letters, digits or blanks")
    return prefix


class ChatConfig(Section):
    """How the bot talks."""

    prefix: Annotated[str, AfterValidator(_visible_prefix)] = Field(
        default="!",
        min_length=1,
        max_length=3,
        description="What a command starts with in a room; in a DM it may be left out.",
    )
    language: Literal["en", "zh"] = Field(
        default="en", description="Language of people who have not chosen one: en or zh."
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        default="UTC", description="Time zone (IANA name) of people who have not chosen one."
    )


class LimitsConfig(Section):
    """Bounds. The defaults suit a few thousand people on a small machine."""

    person_commands_per_minute: int = Field(
        default=30, ge=1, le=6000, description="Commands a person may give in a minute, in the long run."
    )
    person_burst: int = Field(default=20, ge=1, le=6000, description="Commands a person may give at once.")
    server_commands_per_minute: int = Field(
        default=600,
        ge=1,
        le=100_000,
        description="Commands all people of one homeserver together may give in a minute.",
    )
    server_burst: int = Field(
        default=200, ge=1, le=100_000, description="Commands all people of one homeserver may give at once."
    )
    invites_per_minute: int = Field(
        default=30, ge=1, le=6000, description="Invites from one homeserver accepted in a minute."
    )

    post_chars: int = Field(default=5000, ge=1, le=20_000, description="Length of a post, in characters.")
    comment_chars: int = Field(default=1000, ge=1, le=20_000, description="Length of a comment, in characters.")
    note_chars: int = Field(
        default=200, ge=0, le=2000, description="Length of the note of a friend request, in characters."
    )
    name_chars: int = Field(default=50, ge=1, le=200, description="Length of a name in a profile, in characters.")
    bio_chars: int = Field(default=500, ge=1, le=5000, description="Length of the bio in a profile, in characters.")
    audience_people: int = Field(
        default=50, ge=1, le=1000, description="People that one post may name as its audience."
    )

    picture_bytes: int = Field(
        default=20_971_520,
        ge=1024,
        le=104_857_600,
        description="Size of a picture that somebody sends, in bytes (20 MiB).",
    )
    picture_pixels: int = Field(
        default=50_000_000, ge=10_000, le=200_000_000, description="Width times height of a picture, in pixels."
    )
    picture_seconds: float = Field(
        default=20.0, ge=1, le=300, description="Time that making a picture safe may take, in seconds."
    )

    friends: int = Field(default=1000, ge=1, le=10_000, description="Friends a person may have.")
    pending_requests: int = Field(
        default=50,
        ge=1,
        le=1000,
        description="Friend requests of one person that may wait for an answer.",
    )
    private_chats_per_day: int = Field(
        default=5, ge=0, le=1000, description="Private chats that one person may ask for in 24 hours, by `chat @user`."
    )
    private_chat_hours: float = Field(
        default=48.0,
        ge=0.0001,
        le=720,
        description="How long a private chat waits for each of the two to join, in hours. Then it is given up.",
    )
    search_moments: int = Field(
        default=500,
        ge=1,
        le=10_000,
        description="Moments, the newest that somebody sees, whose texts `search` looks at.",
    )
    page_size: int = Field(default=5, ge=1, le=20, description="Moments that one `feed` or `album` shows.")
    compact_page_size: int = Field(
        default=10, ge=1, le=20, description="Moments of a page that is one message (`feed compact`)."
    )

    sync_timeline: int = Field(default=50, ge=1, le=1000, description="Events per room that one sync asks for.")
    sync_timeout_seconds: float = Field(
        default=30.0, ge=1, le=300, description="How long the homeserver may hold a sync open, in seconds."
    )
    sync_pause_ms: int = Field(
        default=10,
        ge=0,
        le=1000,
        description="The next sync is asked for no sooner than this after the last answer, in milliseconds: what many "
        "people say at once comes together then, and costs the homeserver and the bot less.",
    )
    backfill_events: int = Field(
        default=2000, ge=0, le=100_000, description="Events per room that are fetched to fill a gap after a stop."
    )
    request_timeout_seconds: float = Field(
        default=30.0, ge=1, le=600, description="Time that one request to the homeserver may take, in seconds."
    )
    upload_timeout_seconds: float = Field(
        default=120.0, ge=1, le=3600, description="Time that sending or fetching a picture may take, in seconds."
    )
    key_wait_minutes: int = Field(
        default=1440,
        ge=1,
        le=43_200,
        description="How long a message whose key is missing is kept waiting, in minutes.",
    )

    key_notice_seconds: int = Field(
        default=20,
        ge=1,
        le=86_400,
        description="After how long a person is told that a message can't be read, in seconds.",
    )
    first_key_seconds: float = Field(
        default=5.0,
        ge=0,
        le=60,
        description="How long a device that the bot has just met waits for its first room key, in seconds, unless it "
        "writes before. Until then its client may not know the bot, and could never read the first message.",
    )
    outbox_check_after_minutes: int = Field(
        default=30,
        ge=1,
        le=1440,
        description="A message whose sending broke off longer ago than this is looked for in its room "
        "before it is sent again, in minutes.",
    )
    answer_beat_ms: int = Field(
        default=10,
        ge=0,
        le=1000,
        description="Answers leave at beats of the clock, so that the time it took to find one tells nothing: "
        "milliseconds between two beats; 0: at once. A beat should be longer than a commit takes; an answer "
        "waits for one to two.",
    )
    outbox_hold_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="How long a message waits for a person who has no chat with the bot, and how long the bot tries to "
        "take back what it said, in days.",
    )
    handled_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="How long the ids of handled events are remembered, keyed hashes of messages that were taken back, "
        "and room keys that have opened nothing since, in days.",
    )
    stop_seconds: float = Field(
        default=20.0,
        ge=1,
        le=600,
        description="How long stopping may take before the bot is ended by force, in seconds.",
    )


class MomentsConfig(Section):
    """Moments: posts, likes, comments."""

    likes_gather_seconds: int = Field(
        default=60, ge=0, le=86_400, description="Likes are gathered this long before their author is told, in seconds."
    )
    reactions: bool = Field(
        default=True, description="Whether reactions count as likes. Reactions travel unencrypted in Matrix."
    )
    like_emoji: str = Field(
        default="❤♥🩷🧡💛💚💙🩵💜🤎🖤🩶🤍💕💖💗💓💞💘😍🥰👍👏🔥",
        max_length=200,
        description="Reactions that count as likes, each in any skin tone: the characters of this text.",
    )
    digest_hour: int = Field(
        default=18,
        ge=0,
        le=23,
        description="When people are told, once a day, how much is new of their friends, unless they chose another "
        "time with `notify`: the hour in everybody's own time zone.",
    )
    copy_edits_per_hour: int = Field(
        default=2,
        ge=0,
        le=3600,
        description="How often a copy of a moment that somebody was shown is edited in an hour when it would read "
        "otherwise now (a new like or comment, another text). With each edit the wait grows. 0: never, but once for "
        "what changed between two tries to send it.",
    )
    copy_edits_busy: int = Field(
        default=2000,
        ge=1,
        le=1_000_000,
        description="From so many edits of copies in an hour on, of everybody's together, each copy waits twice as "
        "long for the next one; with twice as many, twice as long again, up to 64 times.",
    )
    copy_edit_gather_seconds: int = Field(
        default=60, ge=0, le=86_400, description="Such changes are gathered this long before an edit, in seconds."
    )
    copy_edit_days: int = Field(
        default=3, ge=1, le=365, description="Copies that were sent longer ago stay as they are, in days."
    )
    confirm_wider: bool = Field(
        default=True, description="Ask before a post goes to others than its author's last one for anybody."
    )
    undo_seconds: int = Field(
        default=30,
        ge=0,
        le=3600,
        description="How long `undo` takes back a post, a deletion or a change of privacy, in seconds. What is deleted "
        "is out of everybody's sight at once, and destroyed after that time.",
    )
    pictures: int = Field(default=9, ge=1, le=9, description="Pictures that one moment may have.")
    drafts: int = Field(
        default=20, ge=1, le=1000, description="Drafts that one person may have, scheduled posts counted in."
    )
    draft_days: int = Field(default=7, ge=1, le=365, description="How long an untouched draft is kept, in days.")
    draft_open_minutes: int = Field(
        default=60,
        ge=1,
        le=10_080,
        description="How long after the last of it a draft is open for further texts and pictures, in minutes.",
    )
    schedule_days: int = Field(default=30, ge=1, le=365, description="How far ahead a post may be scheduled, in days.")
