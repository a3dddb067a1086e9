"""Requests that the homeserver wants confirmed (spec: "User-Interactive Authentication API")."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridge.errors import CourtyardError
from bridge.ids import UserId
from bridge.matrix.http import Homeserver, MatrixError

_PASSWORD = "m.login.password"
_DUMMY = "m.login.dummy"
_DELEGATED = ("m.oauth", "org.matrix.cross_signing_reset")
"""Stages of homeservers whose accounts are kept by a service of their own (MSC2965, MSC4312)."""
_MAX_URL = 500


class NotConfirmed(CourtyardError):
    """The homeserver wants a confirmation that the bot can't give. The text says what the operator can do."""


async def confirmed(
    homeserver: Homeserver,
    method: str,
    path: str,
    body: Mapping[str, Any],
    user_id: UserId,
    password: str | None,
    still: Callable[[], Awaitable[bool]] | None = None,
) -> dict[str, Any]:
    """The request, confirmed with the password if the homeserver asks for that.

    `still`: asked before anything is confirmed, whether it may still be done.

    Raises:
        NotConfirmed: it asks for something else, or does not take the password, or it may not be done any more.
        MatrixError, Unreachable, TokenRevoked: as `Homeserver.request`.
    """
    try:
        return await homeserver.request(method, path, body)
    except MatrixError as error:
        if error.status != 401 or not isinstance(error.body.get("flows"), list):
            raise
        challenge = error.body
    if still is not None and not await still():
        raise NotConfirmed("the account got another cross-signing identity just now")
    auth: dict[str, Any] = {"session": challenge.get("session")}
    flows = _flows(challenge)
    if [_DUMMY] in flows:
        auth |= {"type": _DUMMY}
    elif [_PASSWORD] in flows:
        if password is None:
            raise NotConfirmed(
                "the homeserver asks for the account's password; give it once with the option "
                "--password-file of `courtyard identity recover`"
            )
        auth |= {"type": _PASSWORD, "identifier": {"type": "m.id.user", "user": user_id}, "password": password}
    else:
        raise NotConfirmed(_instruction(challenge, flows))
    try:
        return await homeserver.request(method, path, {**body, "auth": auth})
    except MatrixError as error:
        if error.status in (401, 403):
            raise NotConfirmed("the homeserver does not take the account's password here; check it") from None
        raise


def _flows(challenge: Mapping[str, Any]) -> list[list[str]]:
    stages = [flow.get("stages") for flow in challenge["flows"] if isinstance(flow, dict)]
    return [[s for s in stage if isinstance(s, str)] for stage in stages if isinstance(stage, list)]


def _instruction(challenge: Mapping[str, Any], flows: list[list[str]]) -> str:
    params = challenge.get("params")
    for stage in _DELEGATED:
        if not any(stage in flow for flow in flows):
            continue
        of_stage = params.get(stage) if isinstance(params, dict) else None
        url = of_stage.get("url") if isinstance(of_stage, dict) else None
        if isinstance(url, str) and url.startswith("https://") and url.isprintable() and len(url) <= _MAX_URL:
            return f"the homeserver's account service wants it approved: log in as the bot at {url}"
        return "the homeserver's account service wants it approved: log in there as the bot"
    return (
        "the homeserver offers no confirmation by password for this account; confirm it with another client of the "
        "bot's account, or have the homeserver's admin set a password"
    )
