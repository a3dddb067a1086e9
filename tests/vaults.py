"""A vault for tests: real keys, in memory."""

import base64
import os

from bridge.vault import KeyStore, MasterKeys, Vault
from bridge.vault.master import parse_master_keys


def new_vault() -> Vault:
    """A vault of its own, with an empty key store."""
    key = base64.b64encode(os.urandom(32)).decode()
    return Vault(KeyStore.open("sqlite://", MasterKeys(lambda: parse_master_keys(key, "the test"))))
