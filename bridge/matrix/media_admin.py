"""Deleting files from the homeserver (Synapse's admin API: "Delete a specific local media"). Matrix has no way to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.config import Config
from bridge.ids import UserId, server_name
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable, parse_mxc, segment
from bridge.rights.media_deletions import Later, Refused


class MediaAdmin:
    """Implements `bridge.rights.media_deletions.Delete`."""

    def __init__(self, homeserver: Homeserver, me: UserId) -> None:
        """`homeserver`: requests with the token of an administrator, or to a proxy that has one."""
        self._http = homeserver
        self._home = server_name(me)

    async def __call__(self, uri: str) -> None:
        """See `Delete`."""
        parts = parse_mxc(uri)
        if parts is None or parts[0] != self._home:
            return  # it was never on this homeserver
        path = f"/_synapse/admin/v1/media/{segment(parts[0])}/{segment(parts[1])}"
        try:
            await self._http.request("DELETE", path)
        except MatrixError as error:
            if error.temporary:
                raise Later(str(error)) from None
            # Another 404 is that of a homeserver or a proxy that knows no such request.
            if error.status != 404 or error.errcode != "M_NOT_FOUND":
                raise Refused(str(error)) from None
        except TokenRevoked:
            raise Refused("M_UNKNOWN_TOKEN") from None
        except (Unreachable, TooLarge) as error:
            raise Later(str(error)) from None


@asynccontextmanager
async def connect(config: Config) -> AsyncIterator[MediaAdmin | None]:
    """As the configuration wants it; None: no file is to be deleted."""
    matrix = config.matrix
    if matrix.media_admin_token is None:
        yield None
        return
    url = matrix.media_admin_url or matrix.homeserver
    async with Homeserver.connect(url, config.limits.request_timeout_seconds) as http:
        http.token = matrix.media_admin_token.get_secret_value()
        yield MediaAdmin(http, matrix.user_id)
