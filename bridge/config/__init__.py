"""The configuration: YAML and environment in, frozen values out."""

from bridge.config.account import AccessConfig, MatrixConfig, VerificationConfig
from bridge.config.chat import ChatConfig, LimitsConfig, MomentsConfig
from bridge.config.endings import LogConfig
from bridge.config.load import Loaded, load, load_with_warnings
from bridge.config.master_key import MasterKeySource, master_key_source
from bridge.config.model import Config
from bridge.config.problem import ConfigError, Problem
from bridge.config.recovery_key import (
    decode_recovery_key,
    encode_recovery_key,
    load_recovery_key,
    save_recovery_key,
)
from bridge.config.storage import BackupConfig, DatabaseConfig, SecretsConfig, VaultConfig
from bridge.config.store_key import load_or_create_store_key

__all__ = [
    "AccessConfig",
    "BackupConfig",
    "ChatConfig",
    "Config",
    "ConfigError",
    "DatabaseConfig",
    "LimitsConfig",
    "Loaded",
    "LogConfig",
    "MasterKeySource",
    "MatrixConfig",
    "MomentsConfig",
    "Problem",
    "SecretsConfig",
    "VaultConfig",
    "VerificationConfig",
    "decode_recovery_key",
    "encode_recovery_key",
    "load",
    "load_or_create_store_key",
    "load_recovery_key",
    "load_with_warnings",
    "master_key_source",
    "save_recovery_key",
]
