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
    # A server lives for minutes: what is in its caches stays there, and garbage need not be looked for often.
    "gc_thresholds": [300_000, 20, 20],
    "caches": {"global_factor": 2, "sync_response_cache_duration": "0s", "expire_caches": False},
}
"""Keys of homeserver.yaml for `config_overrides`; the servers of test_synapse.py and of the demo do without."""
