"""What a program's server may answer: what any program answers, or that it needs more time (D4)."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue, StringConstraints, ValidationError

from bridge.config.programs import MiniProgramsConfig
from bridge.miniprograms import answer, strict_json
from bridge.miniprograms.answer import AnswerDocument
from bridge.miniprograms.events import Event
from bridge.miniprograms.faults import Fault, Faulty, faults_of
from bridge.miniprograms.manifest import Manifest
from bridge.miniprograms.program import Handled, NotNow, Receipt, Trapped
from bridge.miniprograms.remote import signing
from bridge.miniprograms.values import Seconds, Value

MAX_DEFER_S = 3600
_AGAIN = frozenset({408, 425, 429})


class Deferred(Value):
    """Instead of an answer: it comes later. The same delivery is sent again until it is there."""

    v: Literal[1] = 1
    defer: int = Field(ge=1, le=MAX_DEFER_S, description="Seconds, after which the host asks again.")


class Erased(Value):
    """A receipt: the developer's word, signed."""

    at: Seconds
    signature: Annotated[str, StringConstraints(max_length=100)]


class Response(AnswerDocument):
    """An answer to an event; to somebody's leaving with a receipt."""

    receipt: Erased | None = Field(
        default=None, description="To close with left, if the manifest has a key: what was kept of the user is deleted."
    )


ResponseDocument: TypeAlias = Response | Deferred
"""A response as JSON; `read` takes nothing else."""


def read(status: int, body: bytes, event: Event, manifest: Manifest, limits: MiniProgramsConfig) -> Handled:
    """What the response to an event comes to.

    Raises:
        NotNow: it is to be asked again.
        Trapped: it came to nothing.
    """
    if status >= 500 or status in _AGAIN:
        raise NotNow("unreachable", detail=f"status {status}")
    if status not in (200, 202):
        raise Trapped("refused", detail=f"status {status}")
    try:
        document = strict_json.parse(body, limits.answer_bytes)
        if isinstance(document, dict) and "defer" in document:
            raise NotNow("deferred", _deferred(document).defer)
        receipt = _receipt(document, event, manifest)
        return Handled(answer.read(strict_json.dump(document), event, manifest, limits), receipt=receipt)
    except Faulty as error:
        raise Trapped("answer", faults=error.faults) from None


def _deferred(document: JsonValue) -> Deferred:
    try:
        return Deferred.model_validate_json(strict_json.dump(document))
    except ValidationError as error:
        raise Faulty(faults_of(error, Deferred)) from None


def _receipt(document: JsonValue, event: Event, manifest: Manifest) -> Receipt | None:
    """The receipt that stands in an answer to somebody's leaving; it is taken out of the document."""
    if event.type != "close" or event.data.reason != "left" or not isinstance(document, dict):
        return None
    key = None if manifest.deletion is None else manifest.deletion.key
    if "receipt" not in document:
        if key is not None:
            raise Faulty([Fault("receipt", "is missing; the manifest has a key under deletion")])
        return None
    try:
        given = Erased.model_validate_json(strict_json.dump(document.pop("receipt")))
    except ValidationError as error:
        raise Faulty(faults_of(error, Erased, "receipt")) from None
    signed = signing.receipt_message(event.id, event.user.id, given.at)
    if key is None or not signing.is_signed_by(key, given.signature, signed):
        raise Faulty([Fault("receipt.signature", "is not of the key under deletion in the manifest")])
    return Receipt(given.at, key, given.signature)
