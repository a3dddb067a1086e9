"""Configuration: the bot's account, and with whom it talks."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge.config.base import Section
from bridge.config.patterns import matches, server_without_port
from bridge.ids import UserId, parse_user_id, server_name


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


def matrix_id(text: str) -> UserId:
    """Checks that it is one."""
    user_id = parse_user_id(text)
    if user_id is None:
        raise ValueError("should be a Matrix user id, like @courtyard:example.org")
    return user_id


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
    user_id: Annotated[UserId, AfterValidator(matrix_id)] = Field(
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
    media_admin_token_file: Path | None = Field(
        default=None,
        description="File that holds an access token of an administrator of the homeserver (Synapse), with which files "
        "that nothing shows any more are deleted. Read the operator's guide before: such a token can do anything.",
        examples=["secrets/media-admin-token"],
    )
    media_admin_token: SecretStr | None = Field(
        default=None, description="The token itself; better in a file or in COURTYARD_MATRIX__MEDIA_ADMIN_TOKEN."
    )
    media_admin_url: Annotated[str, AfterValidator(_homeserver)] | None = Field(
        default=None,
        description="Address at which the homeserver's admin API is reached, or a proxy that lets nothing but the "
        "deletion of files through. Default: matrix.homeserver.",
        examples=["http://127.0.0.1:8008"],
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
        if self.media_admin_url is not None and self.media_admin_token is None:
            raise ValueError("media_admin_url needs media_admin_token_file: without it no files are deleted")
        return self


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
    operator: Annotated[UserId, AfterValidator(matrix_id)] | None = Field(
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
