"""The settings of the homeservers under the end-to-end tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LEAN: Final[Mapping[str, Any]] = {
    # What follows each event in the background and nothing here looks at costs a Synapse an eighth of its time:
    # counts of unread messages, the directory of people, statistics.
    "push": {"enabled": False},
    "update_user_directory_from_worker": "nobody",
    "stats": {"enabled": False},
}
"""Keys of homeserver.yaml for `config_overrides`; the servers of test_synapse.py and of the demo do without."""
