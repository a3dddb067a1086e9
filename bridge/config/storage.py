"""Configuration: where things are kept, and under which keys."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from bridge.config.base import Section


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
