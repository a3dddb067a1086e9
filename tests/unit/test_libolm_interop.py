"""libolm and vodozemac understand each other: what keeps clients that still stand on libolm able to talk to the bot.

Clients exchange nothing but text, so everything here crosses as text, in the form in which it stands in events. The
specification wants base64 without padding everywhere ("Unpadded Base64" in its appendices). How each side takes padding
is written down here as well, because it differs: sending it works with the one and fails with the other.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
import vodozemac

pytest.importorskip("olm", reason="there is no libolm for this Python")

from olm.account import Account, OlmAccountError
from olm.group_session import InboundGroupSession, OlmGroupSessionError, OutboundGroupSession
from olm.session import InboundSession, OlmMessage, OlmPreKeyMessage, OlmSessionError, OutboundSession, Session
from olm.utility import OlmVerifyError, ed25519_verify

PREKEY, NORMAL = 0, 1

# Every remainder of a length by three, texts beyond ASCII, and more than a block of the cipher.
TEXTS = ["", "a", "ab", "abc", "你好 👋", "x" * 1_000]

Wire = tuple[int, str]
"""An Olm message as it stands in an event: ``type`` and ``body``."""


def padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def unpadded(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


class LibolmSession:
    """A libolm session behind the wire format."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def id(self) -> str:
        return self.session.id

    def encrypt(self, text: str) -> Wire:
        message = self.session.encrypt(text)
        return int(message.message_type), str(message.ciphertext)

    def decrypt(self, wire: Wire) -> str:
        kind, body = wire
        return self.session.decrypt(OlmPreKeyMessage(body) if kind == PREKEY else OlmMessage(body))


class VodozemacSession:
    """A vodozemac session behind the wire format."""

    def __init__(self, session: vodozemac.Session) -> None:
        self.session = session

    @property
    def id(self) -> str:
        return self.session.session_id

    def encrypt(self, text: str) -> Wire:
        kind, raw = self.session.encrypt(text.encode()).to_parts()
        return kind, unpadded(raw)

    def decrypt(self, wire: Wire) -> str:
        kind, body = wire
        return self.session.decrypt(vodozemac.AnyOlmMessage.from_parts(kind, base64.b64decode(padded(body)))).decode()


Pair = tuple[LibolmSession | VodozemacSession, LibolmSession | VodozemacSession]


def from_libolm(text: str = "first") -> Pair:
    """libolm begins; the first message is read."""
    ours, theirs = Account(), vodozemac.Account()
    theirs.generate_one_time_keys(1)
    (key,) = theirs.one_time_keys.values()
    outbound = LibolmSession(OutboundSession(ours, theirs.curve25519_key.to_base64(), key.to_base64()))
    kind, body = outbound.encrypt(text)
    assert kind == PREKEY
    identity = vodozemac.Curve25519PublicKey.from_base64(ours.identity_keys["curve25519"])
    session, plain = theirs.create_inbound_session(identity, vodozemac.PreKeyMessage.from_base64(body))
    assert plain.decode() == text
    return outbound, VodozemacSession(session)


def from_vodozemac(text: str = "first") -> Pair:
    """vodozemac begins; the first message is read."""
    ours, theirs = vodozemac.Account(), Account()
    theirs.generate_one_time_keys(1)
    (key,) = theirs.one_time_keys["curve25519"].values()
    identity = vodozemac.Curve25519PublicKey.from_base64(theirs.identity_keys["curve25519"])
    session = ours.create_outbound_session(identity, vodozemac.Curve25519PublicKey.from_base64(key))
    outbound = VodozemacSession(session)
    kind, body = outbound.encrypt(text)
    assert kind == PREKEY
    inbound = LibolmSession(InboundSession(theirs, OlmPreKeyMessage(body), ours.curve25519_key.to_base64()))
    assert inbound.decrypt((kind, body)) == text
    theirs.remove_one_time_keys(inbound.session)
    return outbound, inbound


BEGINNINGS = [from_libolm, from_vodozemac]


@pytest.mark.parametrize("begin", BEGINNINGS)
@pytest.mark.parametrize("text", TEXTS)
def test_olm_messages_in_both_directions(begin: Callable[[str], Pair], text: str) -> None:
    one, other = begin(text)
    assert one.id == other.id
    for _ in range(3):
        kind, body = other.encrypt(f"back {text}")
        assert kind == NORMAL
        assert "=" not in body
        assert one.decrypt((kind, body)) == f"back {text}"
        kind, body = one.encrypt(f"on {text}")
        assert kind == NORMAL
        assert other.decrypt((kind, body)) == f"on {text}"


@pytest.mark.parametrize("begin", BEGINNINGS)
def test_olm_messages_out_of_order_and_lost(begin: Callable[[], Pair]) -> None:
    one, other = begin()
    first, second, _lost, fourth = [one.encrypt(text) for text in ("first", "second", "lost", "fourth")]
    assert {kind for kind, _ in (first, second, fourth)} == {PREKEY}  # no answer has come yet
    assert [other.decrypt(wire) for wire in (fourth, first, second)] == ["fourth", "first", "second"]


def test_sessions_over_libolms_fallback_key() -> None:
    """It serves many, and ``remove_one_time_keys`` lets it be; a one-time key serves once."""
    theirs = Account()
    identity = vodozemac.Curve25519PublicKey.from_base64(theirs.identity_keys["curve25519"])
    theirs.generate_fallback_key()
    (fallback,) = theirs.fallback_key["curve25519"].values()
    theirs.generate_one_time_keys(1)
    (once,) = theirs.one_time_keys["curve25519"].values()

    def begin(key: str) -> None:
        ours = vodozemac.Account()
        session = ours.create_outbound_session(identity, vodozemac.Curve25519PublicKey.from_base64(key))
        outbound = VodozemacSession(session)
        wire = outbound.encrypt("no other key was left")
        inbound = LibolmSession(InboundSession(theirs, OlmPreKeyMessage(wire[1]), ours.curve25519_key.to_base64()))
        assert inbound.decrypt(wire) == "no other key was left"
        theirs.remove_one_time_keys(inbound.session)
        assert outbound.decrypt(inbound.encrypt("back")) == "back"

    begin(fallback)
    begin(fallback)
    begin(once)
    with pytest.raises(OlmSessionError, match="BAD_MESSAGE_KEY_ID"):
        begin(once)


@pytest.mark.parametrize("begin", BEGINNINGS)
def test_a_changed_olm_message_is_refused_and_does_no_harm(begin: Callable[[], Pair]) -> None:
    one, other = begin()
    for sender, reader in ((other, one), (one, other)):
        kind, body = sender.encrypt("a text that nobody may change")
        raw = bytearray(base64.b64decode(padded(body)))
        raw[-9] ^= 1  # the last byte before the MAC
        with pytest.raises((OlmSessionError, vodozemac.OlmDecryptionException)):
            reader.decrypt((kind, unpadded(bytes(raw))))
        assert reader.decrypt((kind, body)) == "a text that nobody may change"


@pytest.mark.parametrize("text", TEXTS)
def test_megolm_from_vodozemac_to_libolm(text: str) -> None:
    outbound = vodozemac.GroupSession()
    inbound = InboundGroupSession(outbound.session_key.to_base64())
    assert inbound.id == outbound.session_id
    for index in range(3):
        body = outbound.encrypt(text.encode()).to_base64()
        assert "=" not in body
        assert inbound.decrypt(body) == (text, index)


@pytest.mark.parametrize("text", TEXTS)
def test_megolm_from_libolm_to_vodozemac(text: str) -> None:
    outbound = OutboundGroupSession()
    inbound = vodozemac.InboundGroupSession(vodozemac.SessionKey(outbound.session_key))
    assert inbound.session_id == outbound.id
    for index in range(3):
        decrypted = inbound.decrypt(vodozemac.MegolmMessage.from_base64(outbound.encrypt(text)))
        assert (decrypted.plaintext.decode(), decrypted.message_index) == (text, index)


def test_a_key_that_comes_late_does_not_open_what_was_before() -> None:
    ours = vodozemac.GroupSession()
    before = ours.encrypt(b"before").to_base64()
    joined = InboundGroupSession(ours.session_key.to_base64())
    with pytest.raises(OlmGroupSessionError, match="UNKNOWN_MESSAGE_INDEX"):
        joined.decrypt(before)
    assert joined.decrypt(ours.encrypt(b"after").to_base64()) == ("after", 1)

    theirs = OutboundGroupSession()
    before = theirs.encrypt("before")
    late = vodozemac.InboundGroupSession(vodozemac.SessionKey(theirs.session_key))
    assert late.first_known_index == 1
    with pytest.raises(vodozemac.MegolmDecryptionException):
        late.decrypt(vodozemac.MegolmMessage.from_base64(before))
    after = late.decrypt(vodozemac.MegolmMessage.from_base64(theirs.encrypt("after")))
    assert (after.plaintext, after.message_index) == (b"after", 1)


def test_exported_megolm_sessions_both_ways() -> None:
    ours = vodozemac.GroupSession()
    bodies = [ours.encrypt(text).to_base64() for text in (b"zero", b"one")]
    # An inbound session begins where its key was taken, hence a second pair whose key is taken first.
    theirs = OutboundGroupSession()
    kept = vodozemac.InboundGroupSession(vodozemac.SessionKey(theirs.session_key))
    exported = kept.export_at(0)
    assert exported is not None
    assert InboundGroupSession.import_session(exported.to_base64()).decrypt(theirs.encrypt("zero")) == ("zero", 0)

    inbound = InboundGroupSession(ours.session_key.to_base64())
    third = ours.encrypt(b"two").to_base64()
    imported = vodozemac.InboundGroupSession.import_session(
        vodozemac.ExportedSessionKey(inbound.export_session(inbound.first_known_index))
    )
    assert imported.decrypt(vodozemac.MegolmMessage.from_base64(third)).plaintext == b"two"
    with pytest.raises(vodozemac.MegolmDecryptionException):
        imported.decrypt(vodozemac.MegolmMessage.from_base64(bodies[0]))


def test_signatures_both_ways() -> None:
    ours, theirs = vodozemac.Account(), Account()
    ed25519_verify(ours.ed25519_key.to_base64(), "text", ours.sign(b"text").to_base64())
    with pytest.raises(OlmVerifyError):
        ed25519_verify(ours.ed25519_key.to_base64(), "another", ours.sign(b"text").to_base64())
    key = vodozemac.Ed25519PublicKey.from_base64(theirs.identity_keys["ed25519"])
    signature = vodozemac.Ed25519Signature.from_base64(theirs.sign("text"))
    key.verify_signature(b"text", signature)
    with pytest.raises(vodozemac.SignatureException):
        key.verify_signature(b"another", signature)


def test_libolm_takes_no_padding_where_vodozemac_does() -> None:
    """A client that pads what it sends is read by vodozemac and mute to libolm: the bot must not pad."""
    outbound = vodozemac.GroupSession()
    key = outbound.session_key.to_base64()
    inbound = InboundGroupSession(key)
    bodies = (outbound.encrypt(b"x" * length).to_base64() for length in range(64))
    body = next(body for body in bodies if len(body) % 4)
    with pytest.raises(OlmGroupSessionError):
        inbound.decrypt(padded(body))
    inbound.decrypt(body)
    ours = vodozemac.InboundGroupSession(outbound.session_key)
    body = next(body for body in (outbound.encrypt(b"x" * n).to_base64() for n in range(64)) if len(body) % 4)
    ours.decrypt(vodozemac.MegolmMessage.from_base64(padded(body)))

    curve25519 = vodozemac.Account().curve25519_key.to_base64()
    with pytest.raises(OlmSessionError, match="INVALID_BASE64"):
        OutboundSession(Account(), padded(curve25519), curve25519)
    assert vodozemac.Curve25519PublicKey.from_base64(padded(curve25519)).to_base64() == curve25519


def test_neither_takes_a_padded_session_key() -> None:
    key = vodozemac.GroupSession().session_key.to_base64()
    assert padded(key) != key
    with pytest.raises(OlmGroupSessionError, match="BAD_SESSION_KEY"):
        InboundGroupSession(padded(key))
    with pytest.raises(vodozemac.SessionKeyDecodeException):
        vodozemac.SessionKey(padded(key))


def test_pickles_go_from_libolm_to_vodozemac_and_not_back() -> None:
    """libolm: any passphrase, ``bytes``; vodozemac: a key of 32 bytes, ``str``, and a way in for libolm's own."""
    theirs = Account()
    pickle = theirs.pickle("passphrase").decode()
    moved = vodozemac.Account.from_libolm_pickle(pickle, b"passphrase")
    assert moved.ed25519_key.to_base64() == theirs.identity_keys["ed25519"]
    with pytest.raises(vodozemac.LibolmPickleException):
        vodozemac.Account.from_libolm_pickle(pickle, b"another")
    with pytest.raises(vodozemac.PickleException):
        vodozemac.Account.from_pickle(pickle, b"k" * 32)
    with pytest.raises(vodozemac.PickleException, match="expected 32 bytes"):
        moved.pickle(b"passphrase")
    with pytest.raises(OlmAccountError):
        Account.from_pickle(moved.pickle(b"k" * 32).encode(), "k" * 32)


def test_an_olm_session_goes_on_in_vodozemac() -> None:
    one, other = from_libolm()
    assert isinstance(one, LibolmSession)
    assert one.decrypt(other.encrypt("before the move")) == "before the move"
    pickle = one.session.pickle("passphrase").decode()
    moved = VodozemacSession(vodozemac.Session.from_libolm_pickle(pickle, b"passphrase"))
    assert moved.id == other.id
    assert other.decrypt(moved.encrypt("after the move")) == "after the move"
    assert moved.decrypt(other.encrypt("and back")) == "and back"
