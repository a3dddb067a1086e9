"""The vault: personal values at rest, sealed under a key of their owner.

A value is sealed under the data key of the person it belongs to. Data keys lie in the key store, a database of its
own, wrapped by the master key, which lies in no database. Destroying a data key makes all that was sealed under it
unreadable, in every copy of the main database.
"""

from bridge.vault.keystore import KeyStore
from bridge.vault.master import LocalMasterKey, MasterKey, MasterKeys
from bridge.vault.spares import Spares
from bridge.vault.vault import Vault

__all__ = ["KeyStore", "LocalMasterKey", "MasterKey", "MasterKeys", "Spares", "Vault"]
