"""Where the master key comes from: the configuration or environment, a systemd credential, or a file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.config.key_file import create_key_file, read_key_file
from bridge.config.model import Config
from bridge.errors import OperatorError

CREDENTIAL = "courtyard-master-key"
"""Name of the systemd credential (`LoadCredential=` and the like) that is used when it is there."""
_WHAT = "master key"


@dataclass(frozen=True, slots=True)
class MasterKeySource:
    """Reads the key, or the keys while they are exchanged: as text, the current one first."""

    name: str
    """For errors."""
    path: Path | None
    """None: it is given directly."""
    given: str | None = None
    writable: bool = False
    """The file is the operator's own: a rotation may write it."""

    def read(self) -> str:
        """The text, read anew each time.

        Raises:
            OperatorError: the file is missing, can't be read, or may be read by others.
        """
        if self.path is None:
            assert self.given is not None
            return self.given
        try:
            return read_key_file(self.path, _WHAT)
        except FileNotFoundError:
            raise OperatorError(
                f"master key: {self.path} is missing, so nothing that people entrusted to the bot can be read. Put the "
                "file back. There is no other way: without the key, the database is lost."
            ) from None

    def create(self) -> None:
        """Make a key when there is no file yet.

        Raises:
            OperatorError: it can't be written.
        """
        if self.writable and self.path is not None and not self.path.exists():
            create_key_file(self.path, _WHAT)


def master_key_source(config: Config, env: Mapping[str, str] = os.environ) -> MasterKeySource:
    """The first that is there of: `secrets.master_key`, `secrets.master_key_file`, the systemd credential, a file in
    `data_dir`."""
    if config.secrets.master_key is not None:
        return MasterKeySource("secrets.master_key", None, config.secrets.master_key.get_secret_value())
    if config.secrets.master_key_file is not None:
        return MasterKeySource(str(config.secrets.master_key_file), config.secrets.master_key_file, writable=True)
    credentials = env.get("CREDENTIALS_DIRECTORY")
    if credentials and (path := Path(credentials) / CREDENTIAL).exists():
        return MasterKeySource(f"the credential {CREDENTIAL}", path)
    path = config.data_dir / "master.key"
    return MasterKeySource(str(path), path, writable=True)
