"""The configuration: YAML and environment in, frozen values out."""

from bridge.config.load import Loaded, load, load_with_warnings
from bridge.config.model import (
    AccessConfig,
    ChatConfig,
    Config,
    DatabaseConfig,
    LimitsConfig,
    LogConfig,
    MatrixConfig,
    MomentsConfig,
    SecretsConfig,
    VerificationConfig,
)
from bridge.config.problem import ConfigError, Problem
from bridge.config.recovery_key import (
    decode_recovery_key,
    encode_recovery_key,
    load_recovery_key,
    save_recovery_key,
)
from bridge.config.store_key import load_or_create_store_key

__all__ = [
    "AccessConfig",
    "ChatConfig",
    "Config",
    "ConfigError",
    "DatabaseConfig",
    "LimitsConfig",
    "Loaded",
    "LogConfig",
    "MatrixConfig",
    "MomentsConfig",
    "Problem",
    "SecretsConfig",
    "VerificationConfig",
    "decode_recovery_key",
    "encode_recovery_key",
    "load",
    "load_or_create_store_key",
    "load_recovery_key",
    "load_with_warnings",
    "save_recovery_key",
]
