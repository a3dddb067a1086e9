"""The homeservers under the end-to-end tests: started quickly, with settings of their own.

The servers of test_synapse.py and of the demo do without both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bridge.demo import synapse
from bridge.demo.synapse import Homeserver
from tests.e2e.births import launch_synapse

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
"""Keys of homeserver.yaml for `config_overrides`."""


def one(directory: Path, **overrides: Any) -> contextlib.AbstractAsyncContextManager[Homeserver]:
    """A server for the length of the block; `overrides`: keys of homeserver.yaml."""
    return synapse.synapse(directory, config_overrides={**LEAN, **overrides}, launch=launch_synapse)


def pair(directory: Path, **overrides: Any) -> contextlib.AbstractAsyncContextManager[tuple[Homeserver, Homeserver]]:
    """Two that federate with each other."""
    return synapse.federated_pair(directory, config_overrides={**LEAN, **overrides}, launch=launch_synapse)
