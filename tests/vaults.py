"""A vault for tests: real keys, in memory."""

import base64
import os
from pathlib import Path
from typing import Any

import yaml

from bridge.config import Config, load
from bridge.vault import KeyStore, MasterKeys, Vault
from bridge.vault.master import parse_master_keys


def new_vault() -> Vault:
    """A vault of its own, with an empty key store."""
    key = base64.b64encode(os.urandom(32)).decode()
    return Vault(KeyStore.open("sqlite://", MasterKeys(lambda: parse_master_keys(key, "the test"))))


def config_at(directory: Path, database_url: str | None = None, **vault: str) -> Config:
    """A configuration with its data in `directory`."""
    written: dict[str, Any] = {
        "matrix": {"homeserver": "http://127.0.0.1:1", "user_id": "@bot:x.org", "password": "x"},
        "data_dir": "var",
        "vault": vault,
    }
    if database_url is not None:
        written["database"] = {"url": database_url}
    path = directory / "courtyard.yaml"
    path.write_text(yaml.safe_dump(written))
    path.chmod(0o600)
    return load(path, {})
