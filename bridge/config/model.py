"""The configuration as values. Each field's description is also its comment in the example file."""

from pathlib import Path

from pydantic import Field

from bridge.config.account import AccessConfig, MatrixConfig, VerificationConfig
from bridge.config.base import Section
from bridge.config.chat import ChatConfig, LimitsConfig, MomentsConfig
from bridge.config.endings import ArchivesConfig, ErasureConfig, LogConfig, RetentionConfig
from bridge.config.programs import ProgramsConfig
from bridge.config.storage import BackupConfig, DatabaseConfig, SecretsConfig, VaultConfig


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
