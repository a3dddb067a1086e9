"""The identity as a file, encrypted as in secret storage: for the day on which the homeserver lost its data too."""

import json

from bridge.ids import UserId
from bridge.matrix.cross_signing import SECRETS, CrossSigningKeys
from bridge.matrix.secret_storage import decrypt_secret, describe_key, encrypt_secret, is_key_of

_FORMAT = "courtyard identity 1"


def exported(user_id: UserId, keys: CrossSigningKeys, recovery_key: bytes) -> str:
    """The file's text. Nothing in it is readable without the recovery key but whose identity it is."""
    return json.dumps(
        {
            "format": _FORMAT,
            "user_id": user_id,
            "master_key": keys.master.public,
            "key": describe_key(recovery_key),
            "secrets": {name: encrypt_secret(name, secret, recovery_key) for name, secret in keys.secrets().items()},
        },
        indent=1,
    )


def read_export(text: str, user_id: UserId, recovery_key: bytes) -> dict[str, str]:
    """The secrets in an export, by their names in secret storage.

    Raises:
        ValueError: it is damaged, another account's, or the recovery key does not open it. The text says which.
    """
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise KeyError
        owner, description, items = content["user_id"], dict(content["key"]), dict(content["secrets"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("it is no export of an identity") from None
    if owner != user_id:
        raise ValueError("it belongs to another account")
    if not is_key_of(description, recovery_key):
        raise ValueError("the recovery key is not the one that it was made with")
    try:
        secrets = {name: decrypt_secret(name, items.get(name), recovery_key) for name in SECRETS.values()}
    except ValueError:
        raise ValueError("it is damaged") from None
    keys = CrossSigningKeys.from_secrets(secrets)
    if keys is None or keys.master.public != content.get("master_key"):
        raise ValueError("it is damaged")
    return secrets
