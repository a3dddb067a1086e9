"""What a loopback Synapse needs on disk: its configuration, signing key, secrets and TLS certificate.

Such a server is for demonstrations and tests. It listens on 127.0.0.1 alone, asks no other machine for anything
and is generous with its rate limits. Everything lies in one directory; a second start with the same directory
continues the same server.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK: Final = "127.0.0.1"
STATE_FILE: Final = "server.json"
CONFIG_FILE: Final = "homeserver.yaml"
LOG_FILE: Final = "homeserver.log"

_HIGH: Final[dict[str, Any]] = {"per_second": 100_000, "burst_count": 100_000}


@dataclass(frozen=True, slots=True)
class ServerState:
    """What stays the same over all starts of one server; kept in `server.json` (mode 0600)."""

    server_name: str
    port: int
    federation_port: int | None
    registration_secret: str
    macaroon_secret: str
    form_secret: str

    @classmethod
    def new(cls, server_name: str, port: int, federation_port: int | None) -> ServerState:
        return cls(
            server_name=server_name,
            port=port,
            federation_port=federation_port,
            registration_secret=secrets.token_urlsafe(32),
            macaroon_secret=secrets.token_urlsafe(32),
            form_secret=secrets.token_urlsafe(32),
        )

    def with_port(self, port: int) -> ServerState:
        """The same server, reached by clients at another port."""
        return replace(self, port=port)

    @classmethod
    def load(cls, data_dir: Path) -> ServerState | None:
        """The state of the server in `data_dir`, or None where no server has been yet.

        Raises ValueError when the file is there and is not one that `save` wrote.
        """
        try:
            text = (data_dir / STATE_FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"unexpected keys in {STATE_FILE}") from error

    def save(self, data_dir: Path) -> None:
        write_private(data_dir / STATE_FILE, json.dumps(asdict(self), indent=1))


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner alone."""
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def write_server_files(data_dir: Path, state: ServerState, overrides: Mapping[str, Any]) -> Path:
    """Write all that Synapse reads at its start; returns the path of `homeserver.yaml`.

    Keys and certificates are made once and then kept. `overrides` replaces whole top-level keys of the
    configuration; the value None removes the key.
    """
    signing_key = data_dir / "signing.key"
    if not signing_key.exists():
        # Synapse's format: algorithm, version, unpadded base64 of the 32-byte Ed25519 seed.
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        write_private(signing_key, f"ed25519 a_{secrets.token_hex(3)} {seed}\n")
    if state.federation_port is not None and not (data_dir / "tls.crt").exists():
        _write_certificate(data_dir / "tls.crt", data_dir / "tls.key")
    config = homeserver_config(data_dir, state)
    for key, value in overrides.items():
        if value is None:
            config.pop(key, None)
        else:
            config[key] = value
    write_private(data_dir / "log.yaml", yaml.safe_dump(_log_config(data_dir)))
    path = data_dir / CONFIG_FILE
    write_private(path, yaml.safe_dump(config, sort_keys=False))
    return path


def homeserver_config(data_dir: Path, state: ServerState) -> dict[str, Any]:
    """The configuration as Synapse understands it, before any override."""
    listeners: list[dict[str, Any]] = [_listener(state.port, ["client"])]
    config: dict[str, Any] = {
        "server_name": state.server_name,
        "public_baseurl": f"http://{LOOPBACK}:{state.port}/",
        "listeners": listeners,
        "pid_file": str(data_dir / "homeserver.pid"),
        "log_config": str(data_dir / "log.yaml"),
        # Synapse knows several hundred statements; Python keeps 128 of them compiled.
        "database": {
            "name": "sqlite3",
            "args": {"database": str(data_dir / "homeserver.db"), "cached_statements": 2000},
        },
        "media_store_path": str(data_dir / "media"),
        "enable_authenticated_media": True,
        "max_upload_size": "50M",
        "url_preview_enabled": False,
        # Accounts come from the shared secret alone; 4 rounds because these passwords guard a loopback server.
        "enable_registration": False,
        "registration_shared_secret": state.registration_secret,
        "macaroon_secret_key": state.macaroon_secret,
        "form_secret": state.form_secret,
        "bcrypt_rounds": 4,
        # Nobody outside this machine is asked for anything.
        "signing_key_path": str(data_dir / "signing.key"),
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "report_stats": False,
        "federation_domain_whitelist": [],
        "presence": {"enabled": False},
        "gc_thresholds": [100_000, 20, 20],
        "event_cache_size": "10K",
        # Identical initial syncs are otherwise answered from a cache for two minutes.
        "caches": {"global_factor": 2, "sync_response_cache_duration": "0s"},
        **_generous_limits(),
    }
    if state.federation_port is not None:
        listeners.append(_listener(state.federation_port, ["federation"], tls=True))
        del config["federation_domain_whitelist"]
        config |= {
            "tls_certificate_path": str(data_dir / "tls.crt"),
            "tls_private_key_path": str(data_dir / "tls.key"),
            "federation_verify_certificates": False,
            "ip_range_blacklist": [],
            # A server that was stopped is tried again within a second, not after ten minutes.
            "federation": {  # milliseconds
                "destination_min_retry_interval": 200,
                "destination_retry_multiplier": 2,
                "destination_max_retry_interval": 1_000,
                "client_timeout": 10_000,
                "max_short_retry_delay": 500,
                "max_long_retry_delay": 2_000,
            },
        }
    return config


def _listener(port: int, names: list[str], *, tls: bool = False) -> dict[str, Any]:
    return {
        "port": port,
        "bind_addresses": [LOOPBACK],
        "type": "http",
        "tls": tls,
        "resources": [{"names": names, "compress": False}],
    }


def _generous_limits() -> dict[str, Any]:
    return {
        "rc_message": _HIGH,
        "rc_registration": _HIGH,
        "rc_registration_token_validity": _HIGH,
        "rc_login": {"address": _HIGH, "account": _HIGH, "failed_attempts": _HIGH},
        "rc_admin_redaction": _HIGH,
        "rc_joins": {"local": _HIGH, "remote": _HIGH},
        "rc_joins_per_room": _HIGH,
        "rc_key_requests": _HIGH,
        "rc_3pid_validation": _HIGH,
        "rc_invites": {"per_room": _HIGH, "per_user": _HIGH, "per_issuer": _HIGH},
        "rc_third_party_invite": _HIGH,
        "rc_media_create": _HIGH,
        "rc_presence": {"per_user": _HIGH},
        "rc_delayed_event_mgmt": _HIGH,
        "rc_room_creation": _HIGH,
        "rc_reports": _HIGH,
        "rc_user_directory": _HIGH,
        "rc_profile": _HIGH,
        "remote_media_download_per_second": "1G",
        "remote_media_download_burst_count": "4G",
        "federation_rr_transactions_per_room_per_second": 1000,
        "rc_federation": {
            "window_size": 1000,
            "sleep_limit": 100_000,
            "sleep_delay": 1,
            "reject_limit": 100_000,
            "concurrent": 100,
        },
    }


def _log_config(data_dir: Path) -> dict[str, Any]:
    return {
        "version": 1,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {
            "file": {
                "class": "logging.FileHandler",
                "formatter": "plain",
                "filename": str(data_dir / LOG_FILE),
                "encoding": "utf-8",
            }
        },
        "root": {"level": "WARNING", "handlers": ["file"]},
        "disable_existing_loggers": False,
    }


def _write_certificate(certificate_path: Path, key_path: Path) -> None:
    """A self-signed certificate for localhost, good for ten years; peers do not verify it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    write_private(
        key_path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
    write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM).decode())
