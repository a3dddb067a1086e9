"""Configuration: how long things are kept, what people take along, and the log."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator

from bridge.config.account import matrix_id
from bridge.config.base import Section
from bridge.ids import UserId


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
    moments: int = Field(
        default=100_000, ge=100, le=1_000_000, description="Moments of an archive that is imported, of all its parts."
    )
    wait_hours: float = Field(
        default=24.0,
        ge=0.0001,
        le=720,
        description="How long an import waits for its parts and for an answer, in hours.",
    )


def _days(least: int) -> PlainValidator:
    def check(value: Any) -> Any:
        is_days = isinstance(value, int) and not isinstance(value, bool) and least <= value <= 36_500
        if not is_days and value != "never" and value is not None:
            raise ValueError(f"should be a number of days from {least} to 36500, or never")
        return value

    return PlainValidator(check)


Days = Annotated[int | Literal["never"] | None, _days(1)]


class PersonRetention(Section):
    """Limits of one person, in place of those of everybody."""

    moments_days: Days = None
    log_days: Days = None
    requests_days: Annotated[int | Literal["never"] | None, _days(90)] = None
    inactive_days: Annotated[int | Literal["never"] | None, _days(30)] = None


class RetentionConfig(Section):
    """What is deleted by itself when it is old. Nothing, unless it is asked for; `courtyard admin retention` counts."""

    moments_days: int | None = Field(
        default=None, ge=1, le=36_500, description="Moments that were posted longer ago go, in days. Default: never."
    )
    log_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Entries of people's access logs go, and what mini-programs were told of them, in days. "
        "Default: never.",
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
    people: dict[Annotated[UserId, AfterValidator(matrix_id)], PersonRetention] = Field(
        default={},
        max_length=1000,
        description="Limits of single people, in place of those above: days, or never. "
        'Like {"@alice:example.org": {moments_days: 30, inactive_days: never}}. Only in this file.',
    )


class LogConfig(Section):
    """Logs go to standard error, without message texts, and from info up without identifiers of people."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error. debug shows personal data: for tests only."
    )
    format: Literal["json", "console"] = Field(default="console", description="json (one object a line) or console.")
