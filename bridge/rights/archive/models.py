"""What the files of an archive hold, as models: what `import` takes, and from what docs/archive.schema.json is made."""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from bridge.ids import UserId, parse_user_id
from bridge.privacy.exporter import CONTEXT

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)


def _is_time(value: str) -> str:
    if not _TIME.fullmatch(value):
        raise ValueError("not a time")
    datetime.fromisoformat(value)
    return value


def _is_user(value: str) -> UserId:
    user = parse_user_id(value)
    if user is None:
        raise ValueError("not a Matrix id")
    return user


def _is_context(value: object) -> object:
    if value != CONTEXT:
        raise ValueError("another context")
    return value


Time = Annotated[
    str, Field(pattern=_TIME.pattern.replace(r"\d", "[0-9]"), max_length=24, min_length=24), AfterValidator(_is_time)
]
User = Annotated[UserId, Field(max_length=255, pattern="^@"), AfterValidator(_is_user)]
Iri = Annotated[str, Field(max_length=1100, pattern="^(matrix:u/|urn:uuid:|https://www\\.w3\\.org/)")]
Name = Annotated[str, Field(pattern="^urn:uuid:[0-9a-f-]{36}$", max_length=45)]
Path = Annotated[str, Field(max_length=200, pattern="^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Up = Annotated[str, Field(max_length=203, pattern="^(\\.\\./)?media/[A-Za-z0-9][A-Za-z0-9._-]*$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=1 << 53)]
TagName = Annotated[str, Field(max_length=100, min_length=1)]
Body = Annotated[str, Field(max_length=100_000)]
Line = Annotated[str, Field(max_length=5000)]
Context = Annotated[
    Any, BeforeValidator(_is_context), WithJsonSchema({"const": CONTEXT, "description": "Always the same."})
]


class Model(BaseModel):
    # Built when an archive is read: a start does not wait for it.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True, defer_build=True)


class Entry(Model):
    """A file of the archive."""

    name: Path
    size: Count = Field(description="Bytes.")
    sha256: Sha256
    part: int = Field(ge=1, le=10_000)


class Manifest(Model):
    """`manifest.json`, in each part."""

    format: Literal["courtyard archive 1"]
    archive: str = Field(pattern="^[0-9a-f-]{36}$", description="Random; the same in all parts.")
    made: Time
    part: int = Field(ge=1, le=10_000)
    last: bool = Field(description="There are as many parts as the number of this one.")
    files: list[Entry] = Field(description="Of this part; in the last part, of all parts. Without the manifests.")
    person: User | None = Field(default=None, description="Whose it is. In the last part.")
    missing: list[Path] = Field(default=[], description="Pictures that could not be fetched, or did not fit.")


class Audience(Model):
    """For whom something is, exactly."""

    kind: Literal["public", "friends", "private", "people"]
    people: list[User] = Field(default=[], description="Whom it names, and who was in the tags named when it was.")
    tags: list[TagName] = Field(default=[], description="Tags that are followed.")
    named_tags: list[TagName] = Field(default=[], description="Tags that were named; who was in them is in `people`.")
    except_people: list[User] = []
    except_tags: list[TagName] = []


class Said(Model):
    """An audience in words, that is looked up when it is used."""

    kind: Literal["public", "friends", "private", "people"]
    users: list[User]
    tags: list[TagName]
    live: bool
    except_users: list[User]
    except_tags: list[TagName]


class ProfileField(Model):
    field: Line
    free: bool = Field(description="Its name is of its owner's own choice.")
    value: Line
    audience: Audience
    media: Path | None = None


class Image(Model):
    type: Literal["Image"]
    url: Up
    mediaType: str = Field(max_length=100)
    name: Line | None = Field(default=None, description="What it shows, in words.")
    width: Count | None = None
    height: Count | None = None


class Icon(Model):
    type: Literal["Image"]
    url: Up
    mediaType: str = Field(max_length=100)


class Document(Model):
    context: Context = Field(alias="@context")


class Actor(Document):
    """`actor.json`"""

    type: Literal["Person"]
    id: Iri
    name: Line
    summary: Line | None = None
    icon: Icon | None = None
    outbox: Literal["outbox.json"]
    fields: list[ProfileField] = Field(max_length=100)


class Source(Model):
    content: Body
    mediaType: Literal["text/markdown"]


class Mention(Model):
    type: Literal["Mention"]
    href: Iri
    name: User


class Reply(Model):
    """A comment."""

    type: Literal["Note"]
    id: str | None = Field(default=None, pattern="^urn:uuid:[0-9a-f-]{36}#[1-9][0-9]*$", max_length=60)
    inReplyTo: str | None = Field(default=None, pattern="^urn:uuid:[0-9a-f-]{36}(#[1-9][0-9]*)?$", max_length=60)
    attributedTo: Iri
    published: Time
    to: list[Iri] | None = None
    content: Body
    source: Source


class Replies(Model):
    type: Literal["Collection"]
    totalItems: Count
    items: list[Reply]


class Likes(Model):
    type: Literal["Collection"]
    totalItems: Count
    items: list[Iri]


class Responders(Model):
    """Who may like and comment: who is in a tag, or nobody."""

    tag: TagName | None


class PollReplies(Model):
    type: Literal["Collection"]
    totalItems: Count = Field(description="How many chose it, of those whom its author sees.")


class PollAnswer(Model):
    type: Literal["Note"]
    name: Line
    replies: PollReplies
    chosen: Literal[True] | None = Field(default=None, description="By the author of the poll.")


class Place(Model):
    type: Literal["Place"]
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Note(Model):
    """A moment; with a poll it is a question."""

    type: Literal["Note", "Question"]
    id: Name
    attributedTo: Iri
    published: Time
    updated: Time | None = None
    expires: Time | None = None
    to: list[Iri]
    content: Body
    source: Source
    summary: Line | None = Field(default=None, description="The warning that it is hidden behind.")
    sensitive: Literal[True] | None = None
    audience_rule: Audience
    responders: Responders | None = None
    tag: list[Mention] = []
    attachment: list[Image] = Field(default=[], max_length=9)
    oneOf: list[PollAnswer] = Field(default=[], max_length=10)
    poll_closed: bool | None = None
    location: Place | None = None
    likes: Likes | None = None
    replies: Replies | None = None


class Create(Model):
    type: Literal["Create"]
    actor: Iri
    published: Time
    to: list[Iri]
    object: Note


class CommentCreate(Model):
    type: Literal["Create"]
    actor: Iri
    published: Time
    to: list[Iri]
    object: Reply


class MomentsPage(Document):
    """`moments/NNNN.json`"""

    type: Literal["OrderedCollectionPage"]
    partOf: Literal["../outbox.json"]
    next: str | None = Field(default=None, pattern="^[0-9]{4,6}\\.json$")
    orderedItems: list[Create] = Field(max_length=100)


class CommentsPage(Document):
    """`comments/NNNN.json`: what they wrote under moments of others."""

    type: Literal["OrderedCollectionPage"]
    orderedItems: list[CommentCreate]


class Outbox(Document):
    """`outbox.json`"""

    type: Literal["OrderedCollection"]
    attributedTo: Iri
    totalItems: Count
    first: Literal["moments/0001.json"] | None = None


class FriendLine(Model):
    user: User
    since: Time


class PersonLine(Model):
    """What was decided, and is kept, about somebody."""

    user: User
    name: Line | None
    note: Line | None
    blocked: bool
    chats_only: bool
    shut_out: bool
    hidden: bool


class TagLine(Model):
    name: TagName
    shut_out: bool
    members: list[User]


class Contacts(Model):
    """`contacts.json`"""

    format: Literal["courtyard contacts 1"]
    friends: list[FriendLine]
    people: list[PersonLine]
    tags: list[TagLine]


class Notify(Model):
    mode: Literal["off", "digest", "now"]
    digest_minute: int | None = Field(ge=0, lt=1440)
    quiet: Annotated[list[Annotated[int, Field(ge=0, lt=1440)]], Field(min_length=2, max_length=2)] | None
    tags: dict[TagName, Literal["off", "digest", "now"]]


class Kept(Model):
    at: Time
    text: Body


class Draft(Model):
    text: Body
    audience: Said
    pictures: list[Image]
    warning: Line | None = None
    due: Time | None = None
    poll: list[Line] = Field(default=[], max_length=10)
    place: Line | None = Field(default=None, description="A geo URI (RFC 5870).")
    expires: Line | None = Field(default=None, description="When it ends, in words, from when it is published.")
    responses: Line | None = Field(default=None, description="Who may respond: `nobody`, `all` or a tag with its #.")


class Vote(Model):
    a_moment_of: User
    posted: Time
    voted: Time
    answer: Line


class Moments(Model):
    """`moments.json`"""

    format: Literal["courtyard moments 1"]
    post_for: Said
    notify: Notify
    kept_comments: list[Kept]
    votes: list[Vote]
    drafts: list[Draft]


class Privacy(Model):
    window: Literal["3d", "1m", "6m", "all"]
    strangers: bool
    by_id: bool
    by_code: bool
    by_room: bool
    reactions: bool
    keep_comments: bool


class Settings(Model):
    """`settings.json`"""

    format: Literal["courtyard settings 1"]
    language: str = Field(max_length=20)
    time_zone: str = Field(max_length=100)
    privacy: Privacy
    recovery: bool
    keep_moments_days: int | None = Field(ge=1, le=36_500, description="After that one's moments go. null: never.")


class Files:
    """Which model describes which file."""

    BY_NAME: ClassVar[dict[str, type[Model]]] = {
        "manifest.json": Manifest,
        "actor.json": Actor,
        "outbox.json": Outbox,
        "contacts.json": Contacts,
        "moments.json": Moments,
        "settings.json": Settings,
    }
    BY_FOLDER: ClassVar[dict[str, type[Model]]] = {"moments": MomentsPage, "comments": CommentsPage}

    @classmethod
    def model(cls, name: str) -> type[Model] | None:
        """None: it is not JSON."""
        folder = name.partition("/")[0]
        return cls.BY_NAME.get(name) or (cls.BY_FOLDER.get(folder) if name.endswith(".json") else None)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of all files: each is one of `anyOf`, by its name."""
    from pydantic.json_schema import models_json_schema

    kinds = [*Files.BY_NAME.items(), *((f"{folder}/*.json", kind) for folder, kind in Files.BY_FOLDER.items())]
    _, made = models_json_schema([(kind, "validation") for _, kind in kinds], ref_template="#/$defs/{model}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Files of an archive of Courtyard, format 1",
        "anyOf": [{"$ref": f"#/$defs/{kind.__name__}", "title": name} for name, kind in kinds],
        "$defs": made["$defs"],
    }
