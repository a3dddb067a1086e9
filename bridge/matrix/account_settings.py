"""How an account logs in, and the bounds of its work."""

from dataclasses import dataclass, field
from pathlib import Path

from bridge.ids import DeviceId, UserId
from bridge.matrix.recovery import Given
from bridge.matrix.verification import VerificationSettings


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """How to log in, and the bounds of a sync."""

    user_id: UserId
    password: str | None = None
    access_token: str | None = None
    device_id: DeviceId | None = None
    device_name: str = "Courtyard"
    timeline_limit: int = 50
    sync_timeout_s: float = 30.0
    sync_pause_ms: int = 0
    """The next sync is asked for no sooner than this after the last answer."""
    max_backfill: int = 2000
    key_wait_ms: int = 24 * 3600 * 1000
    key_notice_ms: int = 20_000
    look_back_after_ms: int = 30 * 60 * 1000
    exclude_unsigned: bool = False
    first_key_wait_s: float = 0.0
    """How long a device that was just met waits for its first room key."""
    verification: VerificationSettings = field(default_factory=VerificationSettings)
    recovery_key_file: Path | None = None
    """None: the identity is not kept recoverable."""
    recover_from: Given | None = None
