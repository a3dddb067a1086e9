"""What programs are told: an event as a value, with nothing in it that names anybody."""

from pydantic import ConfigDict, TypeAdapter, ValidationError

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.miniprograms import pseudonym
from bridge.miniprograms.events import Event
from bridge.miniprograms.host import grants, known, sessions
from bridge.miniprograms.host.performing import About
from bridge.miniprograms.host.profile import granted_fields
from bridge.miniprograms.host.sessions import Session, Source, Waiting
from bridge.miniprograms.strict_json import dump

_EVENT: TypeAdapter[Event] = TypeAdapter(Event, config=ConfigDict(defer_build=True))


def event_of(tx: Tx, session: Session, about: About, waiting: Waiting) -> Event | None:
    """What the program is told, all of it; None: it can't be said.

    Nothing in it names a person, a room or a message, but for the fields of the profile that were granted and what was
    typed.
    """
    installed, person = about.installed, about.person
    secret, manifest = installed.secret, installed.manifest
    # Where others are, nothing is granted: a name would tell in one room who it is in another.
    held = () if session.in_room else grants.held(tx, person.id, installed.id, manifest, session.id)
    scopes = tuple(scope for scope in held if grants.is_told(scope))
    room = known.room_of(session)
    told = {
        "type": waiting.type,
        "id": waiting.event,
        "now": waiting.created_at // 1000,
        "seed": pseudonym.seed(secret, waiting.event),
        "locale": person.language,
        "user": {
            "id": pseudonym.user_id(secret, str(person.id), generation=about.generation, room=room),
            "scopes": list(scopes),
            "profile": granted_fields(tx, person.id, scopes),
        },
        "chat": {
            "id": pseudonym.chat_id(secret, room or str(person.id), generation=0 if room else about.generation),
            "kind": "room" if room else "dm",
        },
        "state": session.state,
        "data": waiting.data,
    }
    try:
        return _EVENT.validate_json(dump(told))
    except ValidationError:
        return None


def close(tx: Tx, session: Session, person: PersonId, reason: str, source: Source) -> None:
    """Close what is open; the program is told."""
    grants.forget_once(tx, session.person_id, session.id)
    ended = sessions.end(tx, session)
    sessions.drop_following(tx, session.id)
    sessions.tell(tx, ended, person, "close", {"reason": reason}, source)
