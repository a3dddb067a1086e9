"""From a file and the environment to a `Config`, with every problem reported at once."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from bridge.config import env_source, yaml_source
from bridge.config.explain import message, siblings_in
from bridge.config.model import Config
from bridge.config.problem import ConfigError, Problem
from bridge.config.yaml_source import KeyPath, printable

_SECRET_BYTES = 65_536
_MAX_PROBLEMS = 100
_NO_FILE = "no file"
# Each of these may be given directly, or as `NAME_file`.
_SECRETS: tuple[KeyPath, ...] = (
    ("matrix", "password"),
    ("matrix", "access_token"),
    ("matrix", "media_admin_token"),
    ("database", "url"),
    ("vault", "key_store_url"),
)
# Files that the program makes itself when they are missing.
_KEY_FILES: tuple[KeyPath, ...] = tuple(
    ("secrets", name) for name in ("store_key_file", "master_key_file", "recovery_key_file")
)


@dataclass(frozen=True, slots=True)
class Loaded:
    config: Config
    warnings: tuple[Problem, ...]


def load(path: Path, env: Mapping[str, str] = os.environ) -> Config:
    """The configuration in the file at `path`; environment variables win over it.

    Raises:
        ConfigError: with all problems of all kinds.
    """
    return load_with_warnings(path, env).config


def load_with_warnings(path: Path, env: Mapping[str, str] = os.environ) -> Loaded:
    """As `load`, with what works but should be changed."""
    return _Load(path, env).run()


class _Load:
    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self._path = path
        self._name = str(path)
        self._base = Path(os.path.abspath(path)).parent
        self._source = yaml_source.read(path, self._name)
        self._tree = self._source.tree
        self._env = env_source.read(env)
        self._problems = list(self._source.problems)
        self._warnings: list[Problem] = []

    def run(self) -> Loaded:
        self._merge_environment()
        for secret in _SECRETS:
            self._resolve_secret(secret)
        for key in _KEY_FILES:
            self._check_key_file(key)
        config: Config | None = None
        try:
            # As JSON: pydantic then takes text for paths and lists for tuples, and is strict about all the rest.
            config = Config.model_validate_json(json.dumps(self._tree, allow_nan=True))
        except ValidationError as error:
            for details in error.errors(include_url=False, include_input=False):
                self._problems.append(self._explain(details))
        if config is None or self._problems:
            unique = sorted(set(self._problems), key=lambda p: (p.line or 0, p.key, p.message))
            raise ConfigError(unique[:_MAX_PROBLEMS])
        for name, url in (
            ("homeserver", config.matrix.homeserver),
            ("media_admin_url", config.matrix.media_admin_url or ""),
        ):
            if url.startswith("http://") and not _is_loopback(url):
                self._warn(("matrix", name), "unencrypted http: passwords and tokens can be read on the way")
        if config.miniprograms.development_servers:
            self._warn(
                ("miniprograms", "development_servers"),
                "programs reach these addresses unchecked; use it for development only",
            )
        if config.log.level == "debug":
            self._warn(("log", "level"), "debug logs hold personal data; use it for tests only")
        return Loaded(self._absolute(config), tuple(self._warnings))

    def _merge_environment(self) -> None:
        for path, (_, value) in self._env.items():
            section: Any = self._tree
            for key in path[:-1]:
                section = section.setdefault(key, {})
                if not isinstance(section, dict):
                    break
            if isinstance(section, dict):
                section[path[-1]] = value
        # A secret from the environment replaces the same secret from the file, whichever way each is given.
        for path in _SECRETS:
            file_path = (path[0], f"{path[1]}_file")
            if (path in self._env) == (file_path in self._env):
                continue
            other = file_path if path in self._env else path
            given = self._tree.get(other[0])
            if isinstance(given, dict):
                given.pop(other[1], None)

    def _resolve_secret(self, path: KeyPath) -> None:
        section = self._tree.get(path[0])
        if not isinstance(section, dict):
            return
        name, file_name = path[1], f"{path[1]}_file"
        file_path = (path[0], file_name)
        if name in section and file_name in section:
            self._problem(path, f"give either {name} or {file_name}, not both")
            del section[file_name]
        elif isinstance(given := section.get(file_name), str):
            section[name] = self._read_secret(file_path, given)
        elif isinstance(section.get(name), str) and path not in self._env and self._readable_by_others(self._path):
            is_harmless = name.endswith("url") and "@" not in section[name]
            if not is_harmless:
                self._warn(path, "a secret in a file that others can read; use chmod 600 or a file of its own")

    def _read_secret(self, key: KeyPath, given: str) -> str:
        # What can't be read is replaced, so that only this problem is reported and none that follows from it.
        unread = "unread"
        try:
            raw, mode = self._contents(given)
        except (OSError, ValueError) as error:
            self._problem(key, _unreadable(error))
            return unread
        try:
            secret = raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            secret = ""
        if not secret.strip() or len(raw) > _SECRET_BYTES or "\n" in secret:
            self._problem(key, "the file should hold the secret as one line of UTF-8 text")
            return unread
        if mode & stat.S_IROTH:
            self._warn(key, "the file can be read by others; use chmod 600")
        return secret

    def _check_key_file(self, key: KeyPath) -> None:
        """A key is read when it is needed; that it can't be read is said here, with everything else that is wrong."""
        section = self._tree.get(key[0])
        given = section.get(key[1]) if isinstance(section, dict) else None
        if not isinstance(given, str):
            return
        try:
            _, mode = self._contents(given)
        except FileNotFoundError:
            return  # it is made at the first start
        except (OSError, ValueError) as error:
            self._problem(key, _unreadable(error))
        else:
            if mode & (stat.S_IROTH | stat.S_IWOTH):
                self._problem(key, "the file is open to everybody on this machine; use chmod 600")

    def _contents(self, given: str) -> tuple[bytes, int]:
        """The beginning of a file and its mode.

        Raises:
            OSError, ValueError: it is no file, can't be read, or the path is none.
        """
        # O_NONBLOCK: a named pipe would hang here.
        path = self._base / os.path.expanduser(given)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as opened:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ValueError(_NO_FILE)
            return opened.read(_SECRET_BYTES + 1), mode

    @staticmethod
    def _readable_by_others(path: Path) -> bool:
        try:
            return bool(path.stat().st_mode & stat.S_IROTH)
        except OSError:
            return False

    def _absolute(self, config: Config) -> Config:
        """Paths count from the directory of the file, wherever the program is started."""

        def at(path: Path | None) -> Path | None:
            return None if path is None else Path(os.path.abspath(self._base / os.path.expanduser(path)))

        def database_at(url: SecretStr | None) -> SecretStr | None:
            if url is not None and url.get_secret_value().startswith("sqlite:///"):
                rest = url.get_secret_value().removeprefix("sqlite:///")
                if rest and rest[0] not in "/:?":
                    return SecretStr(f"sqlite:///{self._base / rest}")
            return url

        certificates = at(config.miniprograms.development_certificates)
        return config.model_copy(
            update={
                "data_dir": at(config.data_dir),
                "miniprograms": config.miniprograms.model_copy(update={"development_certificates": certificates}),
                "matrix": config.matrix.model_copy(
                    update={
                        "password_file": at(config.matrix.password_file),
                        "access_token_file": at(config.matrix.access_token_file),
                        "media_admin_token_file": at(config.matrix.media_admin_token_file),
                    }
                ),
                "database": config.database.model_copy(
                    update={"url": database_at(config.database.url), "url_file": at(config.database.url_file)}
                ),
                "vault": config.vault.model_copy(
                    update={
                        "key_store_url": database_at(config.vault.key_store_url),
                        "key_store_url_file": at(config.vault.key_store_url_file),
                    }
                ),
                "backup": config.backup.model_copy(update={"epoch_dir": at(config.backup.epoch_dir)}),
                "secrets": config.secrets.model_copy(
                    update={
                        "store_key_file": at(config.secrets.store_key_file),
                        "master_key_file": at(config.secrets.master_key_file),
                        "recovery_key_file": at(config.secrets.recovery_key_file),
                    }
                ),
            }
        )

    def _explain(self, details: ErrorDetails) -> Problem:
        # pydantic marks what is wrong with a key of a mapping itself.
        path = tuple(printable(str(part)) for part in details["loc"] if part != "[key]")
        return self._at(path, message(details, siblings_in(Config, path)))

    def _problem(self, path: KeyPath, message: str) -> None:
        self._problems.append(self._at(path, message))

    def _warn(self, path: KeyPath, message: str) -> None:
        self._warnings.append(self._at(path, message))

    def _at(self, path: KeyPath, message: str) -> Problem:
        key = ".".join(path)
        if path in self._env:
            return Problem(self._env[path][0], None, key, message)
        # A key that is missing has no line: that of its section, or of the environment's part in it.
        for length in range(len(path), 0, -1):
            if path[:length] in self._source.lines:
                return Problem(self._name, self._source.lines[path[:length]], key, message)
        return Problem(self._name, None, key, message)


def _unreadable(error: OSError | ValueError) -> str:
    if str(error) == _NO_FILE:
        return "is no file"
    reason = (getattr(error, "strerror", None) or "no valid path").lower()
    return f"the file can't be read ({reason}); paths start in the directory of this file"


def _is_loopback(url: str) -> bool:
    host = url.removeprefix("http://").split("/")[0]
    return host.startswith(("localhost", "127.", "[::1]"))
