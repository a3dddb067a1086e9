"""The configuration as values. Each field's description is also its comment in the example file."""

import re
import zoneinfo
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from bridge.config.patterns import matches, server_without_port
from bridge.ids import UserId, parse_user_id, server_name


class Section(BaseModel):
    """Frozen, and strict about what it takes: an unknown key is a typing error, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


def _homeserver(url: str) -> str:
    wrong = "should be the address of the homeserver, like https://matrix.example.org"
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:  # its text quotes the address
        raise ValueError(wrong) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        raise ValueError(wrong)
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("should be an address without user name, `?` and `#`")
    return url.rstrip("/")


def _user_id(text: str) -> UserId:
    user_id = parse_user_id(text)
    if user_id is None:
        raise ValueError("should be a Matrix user id, like @courtyard:example.org")
    return user_id


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


def _pattern(pattern: str) -> str:
    if not pattern or len(pattern) > 255 or any(c.isspace() for c in pattern):
        raise ValueError("should be a pattern of 1 to 255 characters without blanks; * and ? are wildcards")
    return pattern


Patterns = tuple[Annotated[str, AfterValidator(_pattern)], ...]


class MatrixConfig(Section):
    """The account that people talk to."""

    homeserver: Annotated[str, AfterValidator(_homeserver)] = Field(
        description="Address of the client API of the bot's homeserver.", examples=["https://matrix.example.org"]
    )
    user_id: Annotated[UserId, AfterValidator(_user_id)] = Field(
        description="Matrix id of the bot. The account must exist.", examples=["@courtyard:example.org"]
    )
    password_file: Path | None = Field(
        default=None,
        description="File that holds the password, and nothing else. Relative to this file's directory.",
        examples=["secrets/matrix-password"],
    )
    password: SecretStr | None = Field(
        default=None, description="The password itself; better in a file or in COURTYARD_MATRIX__PASSWORD."
    )
    access_token_file: Path | None = Field(
        default=None,
        description="Instead of a password: file that holds an access token; needs device_id.",
        examples=["secrets/matrix-access-token"],
    )
    access_token: SecretStr | None = Field(
        default=None, description="The access token itself; better in a file or in COURTYARD_MATRIX__ACCESS_TOKEN."
    )
    device_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="Device that the access token belongs to.",
        examples=["COURTYARD"],
    )
    device_name: str = Field(
        default="Courtyard",
        min_length=1,
        max_length=100,
        description="Name of the device in the bot's list of sessions.",
    )

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> "MatrixConfig":
        if (self.password is None) == (self.access_token is None):
            raise ValueError("needs either password_file (or password) or access_token_file (or access_token)")
        if self.access_token is not None and self.device_id is None:
            raise ValueError("access_token needs device_id: a token belongs to one device")
        if self.access_token is None and self.device_id is not None:
            raise ValueError("device_id goes with access_token; with a password the server gives the device its id")
        return self


class DatabaseConfig(Section):
    """Where everything is kept."""

    url: SecretStr | None = Field(
        default=None,
        description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME. Default: courtyard.db in data_dir.",
        examples=["sqlite:///var/courtyard.db"],
    )
    url_file: Path | None = Field(
        default=None,
        description="File that holds the URL, when it has a password in it.",
        examples=["secrets/database-url"],
    )


class SecretsConfig(Section):
    """Keys that are nobody's but the operator's. Keep a copy of them apart from the copies of the database."""

    store_key_file: Path | None = Field(
        default=None,
        description="Key that seals the encryption keys in the database (32 bytes, base64). "
        "Default: store.key in data_dir, made at the first start. Without it, the bot's device is lost.",
        examples=["var/store.key"],
    )
    master_key_file: Path | None = Field(
        default=None,
        description="Key that wraps the keys of the people (32 bytes, base64). Default: the systemd credential "
        "courtyard-master-key, else master.key in data_dir, made at the first start. Without it, all that people "
        "entrusted to the bot is lost.",
        examples=["secrets/master-key"],
    )
    master_key: SecretStr | None = Field(
        default=None, description="The key itself; better in a file or in COURTYARD_SECRETS__MASTER_KEY."
    )
    recovery_key_file: Path | None = Field(
        default=None,
        description="Recovery key of the bot's identity: with it, a new installation is the same bot to everybody. "
        "Default: recovery-key in data_dir, made at the first start. Keep a copy on paper or on another machine.",
        examples=["secrets/recovery-key"],
    )


class VaultConfig(Section):
    """What people entrust to the bot is sealed under keys of their own; here is where these keys are kept."""

    key_store_url: SecretStr | None = Field(
        default=None,
        description="Database of the people's keys, apart from the main one: sqlite:///PATH or postgresql://… "
        "Default: keys.db in data_dir.",
        examples=["sqlite:///var/keys.db"],
    )
    key_store_url_file: Path | None = Field(
        default=None,
        description="File that holds the URL, when it has a password in it.",
        examples=["secrets/key-store-url"],
    )


def _recipient(text: str) -> str:
    if not re.fullmatch(r"age1[0-9a-z]{58}", text, re.ASCII):
        raise ValueError("should be a recipient of age (age1…); `courtyard backup-key` makes a key")
    return text


class BackupConfig(Section):
    """`courtyard backup`: to whom it is encrypted, and how long a copy can bring back what was erased since."""

    recipients: tuple[Annotated[str, AfterValidator(_recipient)], ...] = Field(
        default=(),
        description="Who can open the backups: recipients of age, each age1… Their secret keys belong elsewhere.",
    )
    epoch_dir: Path | None = Field(
        default=None,
        description="Directory of the epoch keys, without which a backup opens nothing, and of the list of erasures. "
        "Best on another disk or machine, and in no backup. Default: epochs in data_dir.",
        examples=["/mnt/other-disk/courtyard-epochs"],
    )
    epoch_days: int = Field(
        default=7,
        ge=1,
        le=90,
        description="How long an epoch key exists, and so for how long a backup can be restored, in days.",
    )


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


class AccessConfig(Section):
    """Who may use the bot. Patterns as in m.room.server_acl: * any number of characters, ? exactly one; deny wins."""

    allow_servers: Patterns = Field(
        default=("*",), description="Servers whose people may use the bot. Ports do not count."
    )
    deny_servers: Patterns = Field(
        default=(), description="Servers whose people may not; who asks one of them to be a friend is told so."
    )
    allow_people: Patterns = Field(default=("*",), description="Matrix ids that may use the bot, if their server may.")
    deny_people: Patterns = Field(default=(), description="Matrix ids that may not.")
    invites: Literal["dm", "allowed", "all"] = Field(
        default="dm",
        description="Invites to accept: dm (chats with one person only), allowed (also rooms, if the one who invites "
        "is in room_inviters), all (also rooms, whoever invites).",
    )
    room_inviters: Patterns = Field(
        default=(), description="Matrix ids that may invite into rooms, when invites is `allowed`."
    )

    unsigned_devices: Literal["strict", "warn", "allow"] = Field(
        default="warn",
        description="Messages from devices that their owner has not signed (not verified): strict (refuse them, and "
        "give such devices no keys), warn (answer, and say once how to mend it), allow.",
    )

    def allows(self, user_id: UserId) -> bool:
        """Whether this person may use the bot."""
        if not self.serves(user_id) or matches(self.deny_people, user_id):
            return False
        return matches(self.allow_people, user_id)

    def serves(self, user_id: UserId) -> bool:
        """Whether people of this person's server may use the bot, if nothing is said of themselves."""
        server = server_without_port(server_name(user_id))
        return matches(self.allow_servers, server) and not matches(self.deny_servers, server)

    def accepts_invite(self, inviter: UserId, *, dm: bool) -> bool:
        """Whether the bot follows an invite of `inviter` to a DM, or to another room."""
        if not self.allows(inviter):
            return False
        if dm or self.invites == "all":
            return True
        return self.invites == "allowed" and matches(self.room_inviters, inviter)


class VerificationConfig(Section):
    """People verifying the bot by comparing emoji, from their client."""

    mode: Literal["automatic", "operator", "off"] = Field(
        default="automatic",
        description="automatic (the bot confirms without anybody looking at its emoji, and signs nobody), operator "
        "(the operator compares in their chat with the bot, then both sign), off (declined).",
    )
    operator: Annotated[UserId, AfterValidator(_user_id)] | None = Field(
        default=None,
        description="Who compares, when mode is operator. They need a chat with the bot.",
        examples=["@alice:example.org"],
    )
    total_seconds: float = Field(
        default=600.0, ge=1, le=600, description="How long one verification may take, in seconds."
    )
    idle_seconds: float = Field(
        default=120.0,
        ge=1,
        le=600,
        description="How long the other client may be silent while nobody compares emoji, in seconds.",
    )
    per_minute: int = Field(
        default=6, ge=1, le=6000, description="Verifications that one person may begin in a minute."
    )

    @model_validator(mode="after")
    def _operator_is_named(self) -> "VerificationConfig":
        if self.mode == "operator" and self.operator is None:
            raise ValueError("mode operator needs the Matrix id of the operator")
        return self


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
    outbox_check_after_minutes: int = Field(
        default=30,
        ge=1,
        le=1440,
        description="A message whose sending broke off longer ago than this is looked for in its room "
        "before it is sent again, in minutes.",
    )
    outbox_hold_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="How long a message waits for a person who has no chat with the bot, in days.",
    )
    handled_days: int = Field(
        default=30, ge=1, le=3650, description="How long the ids of handled events are remembered, in days."
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


class MiniProgramsConfig(Section):
    """Mini-programs: how much each may take. `courtyard mp` has the same bounds, so what passes there runs here."""

    bundle_bytes: int = Field(
        default=262_144, ge=1024, le=4_194_304, description="Size of a program's code, in bytes (256 KiB)."
    )
    event_bytes: int = Field(
        default=65_536, ge=4096, le=1_048_576, description="Size of one event with the program's state, in bytes."
    )
    answer_bytes: int = Field(
        default=65_536, ge=4096, le=1_048_576, description="Size of what a program answers to one event, in bytes."
    )
    state_bytes: int = Field(
        default=32_768, ge=256, le=524_288, description="Size of the state of one session, in bytes."
    )
    value_bytes: int = Field(default=8192, ge=256, le=65_536, description="Size of one stored value, in bytes.")
    space_keys: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Values that a program may store for one person, for one chat, or for all.",
    )
    space_bytes: int = Field(
        default=65_536,
        ge=1024,
        le=10_485_760,
        description="Size of what a program may store for one person or one chat, in bytes.",
    )
    shared_space_bytes: int = Field(
        default=1_048_576,
        ge=1024,
        le=104_857_600,
        description="Size of what a program may store for all who use it together, in bytes (1 MiB).",
    )
    effects: int = Field(default=20, ge=1, le=200, description="Effects in one answer.")
    fetch_bytes: int = Field(
        default=262_144,
        ge=1024,
        le=4_194_304,
        description="Size of what a server answers to a program, in bytes (256 KiB).",
    )
    fetches: int = Field(default=5, ge=0, le=50, description="Effects in one answer that ask another server.")
    cpu_ms: int = Field(
        default=100,
        ge=5,
        le=5000,
        description="Work that one event may cause, in ms of one core of a usual server. Instructions are counted, so "
        "that the same event ends the same way on every machine; three times as much CPU time ends it in any case.",
    )
    memory_bytes: int = Field(
        default=33_554_432, ge=4_194_304, le=536_870_912, description="Memory of one event, in bytes (32 MiB)."
    )
    workers: int = Field(
        default=1, ge=1, le=64, description="Processes that run programs. Each runs one event at a time."
    )


class ProgramsConfig(MiniProgramsConfig):
    """Mini-programs: how much each may take (`courtyard mp` has the same bounds, so what passes there runs here), which
    of them people may open, and how much of the machine their use may take."""

    programs: tuple[str, ...] | None = Field(
        default=None,
        max_length=1000,
        description="Names of the programs that people may open. Default: all that are installed.",
    )
    denied: tuple[str, ...] = Field(
        default=(), max_length=1000, description="Names of programs that nobody may open, whatever is installed."
    )
    keys: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="Keys (ed25519:…) of developers whose packages `courtyard mp install` takes.",
    )
    builtin: bool = Field(
        default=True, description="Whether the programs that come with Courtyard are installed by themselves."
    )
    events_per_minute: int = Field(
        default=60,
        ge=1,
        le=6000,
        description="What one person may do in one program in a minute, in the long run.",
    )
    events_burst: int = Field(default=10, ge=1, le=6000, description="What one person may do in one program at once.")
    cpu_ms_per_minute: int = Field(
        default=2000,
        ge=10,
        le=60_000,
        description="Work that one person may cause in one program in a minute, in ms.",
    )
    chain: int = Field(
        default=10,
        ge=1,
        le=100,
        description="Events that may follow from each other without anybody doing anything.",
    )
    traps: int = Field(
        default=5, ge=1, le=1000, description="A program that fails so often in trap_minutes is suspended."
    )
    trap_minutes: int = Field(default=10, ge=1, le=1440, description="See traps, in minutes.")
    suspend_minutes: int = Field(
        default=60,
        ge=1,
        le=43_200,
        description="For how long a program is suspended that failed too often, in minutes.",
    )
    fetch: bool = Field(
        default=True,
        description="Whether programs may have servers asked that stand in their manifests, if the person agrees.",
    )
    fetch_seconds: float = Field(
        default=10.0, ge=0.1, le=120, description="How long a server may take to answer a program, in seconds."
    )
    grant_days: int = Field(
        default=180, ge=1, le=3650, description="After how long what a program may know is asked again, in days."
    )
    idle_hours: int = Field(
        default=24, ge=1, le=8760, description="A program in which nothing happened for so long is closed, in hours."
    )


class ErasureConfig(Section):
    """The end of an account: `account delete`."""

    grace_days: float = Field(
        default=7.0,
        ge=0.00001,
        le=365,
        description="Time between the confirmation and the end of an account, in days. Until then it can be kept.",
    )


class ArchivesConfig(Section):
    """What people have here as a file: `export`, `import`."""

    part_bytes: int = Field(
        default=16_777_216,
        ge=65_536,
        le=104_857_600,
        description="Size at which a part of an export ends, in bytes (16 MiB). Below what the homeserver takes.",
    )
    bytes: int = Field(
        default=1_073_741_824,
        ge=1_048_576,
        le=107_374_182_400,
        description="Size of all parts together, in bytes (1 GiB). Pictures that are more are left out of an export.",
    )
    per_day: int = Field(
        default=3, ge=1, le=1000, description="Exports that one person may ask for within 24 hours, and imports."
    )
    entries: int = Field(
        default=20_000, ge=10, le=1_000_000, description="Files in one part of an archive that is imported."
    )
    wait_hours: float = Field(
        default=24.0,
        ge=0.0001,
        le=720,
        description="How long an import waits for its parts and for an answer, in hours.",
    )


class RetentionConfig(Section):
    """What is deleted by itself when it is old. Nothing, unless it is asked for; `courtyard admin retention` counts."""

    moments_days: int | None = Field(
        default=None, ge=1, le=36_500, description="Moments that were posted longer ago go, in days. Default: never."
    )
    log_days: int | None = Field(
        default=None, ge=1, le=36_500, description="Entries of people's access logs go, in days. Default: never."
    )
    requests_days: int | None = Field(
        default=None,
        ge=90,
        le=36_500,
        description="Friend requests that were not accepted go, in days. Default: never.",
    )
    inactive_days: int | None = Field(
        default=None,
        ge=30,
        le=36_500,
        description="Accounts of people who said nothing for so long end as by `account delete`, in days. "
        "Default: never.",
    )
    notice_days: int = Field(
        default=30, ge=7, le=365, description="So long before, people are told that their account will end, in days."
    )


class LogConfig(Section):
    """Logs go to standard error, without message texts, and from info up without identifiers of people."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error. debug shows personal data: for tests only."
    )
    format: Literal["json", "console"] = Field(default="console", description="json (one object a line) or console.")


class Config(Section):
    """Courtyard's configuration. Paths are absolute once it is loaded."""

    matrix: MatrixConfig
    operator_name: str = Field(
        default="",
        max_length=200,
        description="Who runs this bot, as people are told by `who can read this`: a name, and how to reach you.",
    )
    data_dir: Path = Field(
        default=Path("var"),
        description="Directory for the database and keys. Relative to this file's directory.",
    )
    database: DatabaseConfig = DatabaseConfig()
    vault: VaultConfig = VaultConfig()
    backup: BackupConfig = BackupConfig()
    secrets: SecretsConfig = SecretsConfig()
    chat: ChatConfig = ChatConfig()
    access: AccessConfig = AccessConfig()
    verification: VerificationConfig = VerificationConfig()
    limits: LimitsConfig = LimitsConfig()
    moments: MomentsConfig = MomentsConfig()
    miniprograms: ProgramsConfig = ProgramsConfig()
    erasure: ErasureConfig = ErasureConfig()
    archives: ArchivesConfig = ArchivesConfig()
    retention: RetentionConfig = RetentionConfig()
    log: LogConfig = LogConfig()

    @property
    def database_url(self) -> str:
        """URL of the database for SQLAlchemy. May hold a password: not for logs."""
        if self.database.url is not None:
            return self.database.url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'courtyard.db'}"

    @property
    def key_store_url(self) -> str:
        """URL of the key store for SQLAlchemy. May hold a password: not for logs."""
        if self.vault.key_store_url is not None:
            return self.vault.key_store_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'keys.db'}"

    @property
    def store_key_file(self) -> Path:
        """Where the key lies that seals the crypto store."""
        return self.secrets.store_key_file or self.data_dir / "store.key"

    @property
    def epoch_dir(self) -> Path:
        """Where the epoch keys and the list of erasures lie."""
        return self.backup.epoch_dir or self.data_dir / "epochs"

    @property
    def recovery_key_file(self) -> Path:
        """Where the recovery key of the bot's identity lies, or is written."""
        return self.secrets.recovery_key_file or self.data_dir / "recovery-key"
