"""Finding a homeserver and trying a password, before anything is written. Client-server API, v3."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp

from bridge.errors import OperatorError

_TIMEOUT = aiohttp.ClientTimeout(total=20)
_MAX_BYTES = 262_144
_SERVER_NAME = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,230})(?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: dict[str, Any]
    """Empty when it was no JSON object."""

    @property
    def errcode(self) -> str:
        code = self.body.get("errcode")
        return code if isinstance(code, str) and re.fullmatch(r"[A-Z0-9_.]{1,64}", code) else ""


async def find_homeserver(text: str) -> str:
    """Address of the client API for a server name or an address (spec: "Server discovery").

    Raises:
        OperatorError: there is no homeserver, or it can't be reached.
    """
    text = text.strip().rstrip("/")
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        if not text.lower().startswith(("http://", "https://")):
            if not _SERVER_NAME.fullmatch(text):
                raise OperatorError("homeserver: give a server name like example.org, or an address with https://")
            base = await _well_known(session, f"https://{text}") or f"https://{text}"
            if not await _is_homeserver(session, base):
                raise _no_homeserver(base)
            return base
        if await _is_homeserver(session, text):
            return text
        # People also write the server name as an address: then it says where the homeserver is.
        named = await _well_known(session, text)
        if named is None or not await _is_homeserver(session, named):
            raise _no_homeserver(named or text)
        return named


async def check_login(base: str, user: str, password: str) -> str:
    """Log in with the password and out again; the full Matrix id of the account.

    Raises:
        OperatorError: the server refuses, or has no log-in by password.
    """
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        flows = (await _request(session, "GET", f"{base}/_matrix/client/v3/login")).body.get("flows")
        kinds = [flow.get("type") for flow in flows if isinstance(flow, dict)] if isinstance(flows, list) else []
        if "m.login.password" not in kinds:
            raise OperatorError(
                "log-in: this homeserver has no log-in by password. Put an access token and its device id "
                "into the configuration instead (access_token_file, device_id)."
            )
        answer = await _request(
            session,
            "POST",
            f"{base}/_matrix/client/v3/login",
            {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": user},
                "password": password,
                "initial_device_display_name": "Courtyard (check of the configuration)",
            },
        )
        token, user_id = answer.body.get("access_token"), answer.body.get("user_id")
        if answer.status != 200 or not isinstance(token, str) or not isinstance(user_id, str):
            raise _refused(answer)
        out = await _request(session, "POST", f"{base}/_matrix/client/v3/logout", {}, token=token)
        if out.status != 200:
            raise OperatorError("log-out: the homeserver took the password, but did not let the check log out again.")
        return user_id


def _no_homeserver(base: str) -> OperatorError:
    return OperatorError(f"homeserver: {base} is no Matrix homeserver. Check the name, and whether it is running.")


def _refused(answer: _Answer) -> OperatorError:
    if answer.status == 429:
        wait = answer.body.get("retry_after_ms")
        seconds = f"{wait // 1000 + 1} s" if isinstance(wait, int) else "a few minutes"
        return OperatorError(f"log-in: too many attempts; wait {seconds}, then try again.")
    if answer.errcode == "M_USER_DEACTIVATED":
        return OperatorError("log-in: this account is deactivated; use another one.")
    if answer.status == 403:
        return OperatorError("log-in: the homeserver does not take this user id with this password. Check both.")
    code = f" {answer.errcode}" if answer.errcode else ""
    return OperatorError(f"log-in: the homeserver answered {answer.status}{code}. Look into its log.")


async def _is_homeserver(session: aiohttp.ClientSession, base: str) -> bool:
    answer = await _request(session, "GET", f"{base}/_matrix/client/versions")
    return answer.status == 200 and isinstance(answer.body.get("versions"), list)


async def _well_known(session: aiohttp.ClientSession, origin: str) -> str | None:
    try:
        answer = await _request(session, "GET", f"{origin}/.well-known/matrix/client", follow=True)
    except OperatorError:
        return None
    section = answer.body.get("m.homeserver")
    base = section.get("base_url") if answer.status == 200 and isinstance(section, dict) else None
    if not isinstance(base, str):
        return None
    parts = _split(base)
    if (
        parts is None
        or parts.scheme not in ("https", "http")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise OperatorError(f"homeserver: {origin}/.well-known/matrix/client names an address that can't be used.")
    if parts.scheme == "http" and origin.startswith("https://"):
        raise OperatorError(f"homeserver: {origin}/.well-known/matrix/client leads to unencrypted http.")
    return base.rstrip("/")


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


async def _request(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    body: dict[str, Any] | None = None,
    *,
    token: str | None = None,
    follow: bool = False,
) -> _Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    parts = _split(url)
    if parts is None or not parts.hostname:
        raise OperatorError("homeserver: that is no valid address. Write it like https://matrix.example.org")
    host = parts.netloc
    try:
        # No redirects where a password or token is sent: it would go somewhere else with them.
        async with session.request(method, url, json=body, headers=headers, allow_redirects=follow) as response:
            raw = bytearray()
            async for chunk in response.content.iter_chunked(65_536):
                raw += chunk
                if len(raw) > _MAX_BYTES:
                    raise OperatorError(f"homeserver: the answer of {host} is too long to be one of Matrix.")
            status = response.status
    except (aiohttp.InvalidURL, ValueError):
        raise OperatorError(f"homeserver: {host} is no valid address.") from None
    except aiohttp.ClientSSLError:
        raise OperatorError(f"homeserver: the TLS certificate of {host} is not valid. Check it and the name.") from None
    except TimeoutError:
        raise OperatorError(f"homeserver: {host} did not answer in time. Check whether it is running.") from None
    except (aiohttp.ClientError, OSError):
        raise OperatorError(f"homeserver: {host} can't be reached. Check the name and whether it is running.") from None
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError):
        parsed = None
    return _Answer(status, parsed if isinstance(parsed, dict) else {})
