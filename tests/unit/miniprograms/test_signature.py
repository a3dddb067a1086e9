"""The signature of requests to programs on servers: the published vectors, both reference verifiers, and what replay,
reordering and wrong clocks can do."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from bridge.miniprograms.remote import signing
from bridge.miniprograms.remote.sdk import courtyard_verify as sdk
from tests.docs import vectors
from tests.e2e.clients.node import NODE

VECTORS = json.loads(vectors.FILE.read_text("utf-8"))
REQUESTS: list[dict[str, Any]] = VECTORS["requests"]
MODULE = Path(vectors.FILE).with_name("courtyard-verify.mjs")
KEY = signing.public_key(vectors.SEED)


def reason_of(request: dict[str, Any]) -> str | None:
    """Why the verifier in Python refuses it."""
    try:
        found = sdk.verify(request["headers"], request["body"].encode(), request["keys"], request["now"])
    except sdk.Rejected as rejected:
        return str(rejected)
    assert found == vectors.DELIVERY
    return None


def test_the_published_vectors_are_these() -> None:
    assert vectors.render() == vectors.FILE.read_text("utf-8")
    assert sum(request["reason"] is None for request in REQUESTS) >= 8
    assert sum(request["reason"] is not None for request in REQUESTS) >= 24


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request["name"])
def test_the_verifier_in_python(request_: dict[str, Any]) -> None:
    assert reason_of(request_) == request_["reason"]


def in_javascript(script: str, given_: object) -> Any:
    """What a script prints, as JSON; `sdk` is the reference verifier there, and `given` what is given."""
    lines = [
        "import { readFileSync } from 'node:fs';",
        f"import * as sdk from {json.dumps(MODULE.as_uri())};",
        "const given = JSON.parse(readFileSync(0, 'utf8'));",
        script,
    ]
    ran = subprocess.run(
        [str(NODE), "--input-type=module", "-e", "\n".join(lines)],
        input=json.dumps(given_),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_verifier_in_javascript() -> None:
    script = """
    console.log(JSON.stringify(given.map(({ headers, body, keys, now }) => {
      try { return { delivery: sdk.verify(headers, Buffer.from(body), keys, { now }), reason: null }; }
      catch (error) {
        if (!(error instanceof sdk.Rejected)) throw error;
        return { reason: error.message };
      }
    })));"""
    found = in_javascript(script, REQUESTS)
    assert [one["reason"] for one in found] == [request["reason"] for request in REQUESTS]
    assert {one["delivery"] for one in found if one["reason"] is None} == {vectors.DELIVERY}


def test_receipts_of_both_are_what_the_host_takes() -> None:
    key, about = Ed25519PrivateKey.from_private_bytes(vectors.SEED), VECTORS["receipt"]
    made = sdk.receipt(key, about["delivery"], about["user"], about["at"])
    script = """
    import { createPrivateKey } from 'node:crypto';
    const key = createPrivateKey({ key: Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(given.secret, 'hex')]),
      format: 'der', type: 'pkcs8' });
    console.log(JSON.stringify(sdk.receipt(key, given.delivery, given.user, given.at)));"""
    assert in_javascript(script, {**about, "secret": VECTORS["key"]["secret"]}) == made
    signed = signing.receipt_message(about["delivery"], about["user"], about["at"])
    assert signed.decode() == about["signed"]
    assert signing.is_signed_by(KEY, str(made["signature"]), signed)
    assert not signing.is_signed_by(KEY, str(made["signature"]), signed + b"x")


class Server:
    """A developer's server that counts, and answers a delivery that comes again as before."""

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = skew
        self.count = 0
        self.answers = sdk.Answers()

    def take(self, headers: dict[str, str], body: bytes, at: float) -> bytes:
        now = at + self.skew
        delivery = sdk.verify(headers, body, [KEY], now)
        known = self.answers.recall(delivery, now)
        if known is not None:
            return known
        self.count += 1
        return self.answers.remember(delivery, str(self.count).encode(), now)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5000)), min_size=1, max_size=40),
    st.integers(-120, 120),
)
def test_whatever_is_recorded_and_sent_again_in_whatever_order_happens_once(
    attempts: list[tuple[int, int]], skew: int
) -> None:
    """An attacker who has recorded five requests, each as it was sent, sends them at any time in any order."""
    start, server = vectors.NOW, Server(skew)
    recorded = []
    for number in range(5):
        body = json.dumps({"n": number}).encode()
        recorded.append((signing.headers(vectors.SEED, start + number, f"d{number}", body), body))
        assert server.take(*recorded[number], at=start + number) == str(number + 1).encode()
    for number, later in sorted(attempts, key=lambda attempt: attempt[1]):
        late = 5 + later + skew - number > sdk.TOLERANCE
        with pytest.raises(sdk.Rejected, match="time") if late else contextlib.nullcontext():
            assert server.take(*recorded[number], at=start + 5 + later) == str(number + 1).encode()
    assert server.count == 5


@pytest.mark.parametrize(("skew", "good"), [(0, True), (299, True), (-299, True), (302, False), (-302, False)])
def test_a_clock_may_be_wrong_by_five_minutes(skew: int, good: bool) -> None:
    server = Server(skew)
    headers = signing.headers(vectors.SEED, vectors.NOW, "d", b"{}")
    if good:
        assert server.take(headers, b"{}", vectors.NOW) == b"1"
    else:
        with pytest.raises(sdk.Rejected, match="time"):
            server.take(headers, b"{}", vectors.NOW)


def test_the_store_of_answers_forgets_what_is_old_and_stays_small() -> None:
    answers = sdk.Answers(seconds=10, most=3)
    for number in range(5):
        answers.remember(f"d{number}", b"x", now=100)
    assert [answers.recall(f"d{number}", now=105) for number in range(5)] == [None, None, b"x", b"x", b"x"]
    assert answers.recall("d4", now=111) is None
