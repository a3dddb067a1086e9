"""What a program says of itself, so that people and operators know what they agree to."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from bridge.miniprograms import reserved
from bridge.miniprograms.ui import MAX_CHOICES, Choice, Url, https_host
from bridge.miniprograms.values import HOST, Host, Locale, Name, Scope, Value, pattern

SCOPES = {
    "profile.name": "the name in the profile",
    "profile.avatar": "the picture in the profile",
    "profile.bio": "the words about oneself in the profile",
    "profile.region": "the region in the profile",
    "profile.birthday": "the birthday in the profile",
    "profile.phone": "the phone number in the profile",
    "profile.email": "the e-mail address in the profile",
    "notify": "one message later; asked for again before each further one",
    "subscribe": "messages whenever the program has something to tell, until the person stops them",
}
"""What can be granted."""
RESERVED_COMMANDS = frozenset({"apps", "back", "cancel", "close", "grants", "help", "open", "revoke"})
"""Words that the host itself answers while a program is open."""
MAX_PURPOSE = 200

_Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PURPOSE)]
LocalText = Annotated[
    Annotated[_Text, Tag("plain value")] | Annotated[dict[Locale, _Text], Tag("localized value")],
    Discriminator(lambda value: "localized value" if isinstance(value, dict) else "plain value"),
]
"""A text, or one text a language: `{en: Menu, zh: 菜单}`."""


def in_language(text: str | dict[str, str], locale: str) -> str:
    """The text for a reader of `locale`; the first language of the text when theirs is not there."""
    if isinstance(text, str):
        return text
    return text.get(locale) or text.get(locale.partition("-")[0]) or next(iter(text.values()))


class Argument(Value):
    """What may stand behind a command. A text takes all that is left of the line, so it comes last."""

    name: Name
    type: Literal["text", "integer", "number", "boolean", "choice", "date"]
    required: bool = True
    choices: tuple[Choice, ...] | None = Field(default=None, min_length=1, max_length=MAX_CHOICES)

    @model_validator(mode="after")
    def _has_choices(self) -> "Argument":
        if (self.type == "choice") != (self.choices is not None):
            raise ValueError("needs choices exactly when its type is choice")
        return self


class ProgramCommand(Value):
    """A word that people may type while the program is open."""

    name: Annotated[
        str,
        pattern(r"^[a-z][a-z0-9-]{0,30}$", "should be small letters, digits and hyphens, a letter first"),
    ]
    also: tuple[Annotated[str, pattern(r"^[^\s0-9]\S{0,29}$", "should be one word of up to 30 letters")], ...] = Field(
        default=(), max_length=8, description="Further words for it, in other languages."
    )
    description: LocalText
    arguments: tuple[Argument, ...] = Field(default=(), max_length=8)

    @property
    def words(self) -> tuple[str, ...]:
        """All that it is called by."""
        return (self.name, *(word.casefold() for word in self.also))

    def word_in(self, locale: str) -> str:
        """What somebody is shown who speaks this language."""
        return self.name if not locale.startswith("zh") else next((w for w in self.also if not w.isascii()), self.name)

    @model_validator(mode="after")
    def _in_order(self) -> "ProgramCommand":
        for word in self.words:
            if word in RESERVED_COMMANDS:
                raise ValueError(f"{word} is a word of Courtyard itself; choose another")
        if len({argument.name for argument in self.arguments}) != len(self.arguments):
            raise ValueError("two arguments have the same name")
        if any(argument.type == "text" for argument in self.arguments[:-1]):
            raise ValueError("a text takes the rest of the line; let it be the last argument")
        optional = False
        for argument in self.arguments:
            if optional and argument.required:
                raise ValueError("an argument that may be left out can't stand before one that may not")
            optional = optional or not argument.required
        return self


class Deletion(Value):
    """What a program on a server promises when somebody leaves it for good."""

    days: int = Field(default=30, ge=1, le=90, description="Within how many days it has deleted what it keeps of them.")
    key: (
        Annotated[str, pattern(r"^ed25519:[A-Za-z0-9+/]{43}=$", "should be a key as `mp sign` prints it, ed25519:…")]
        | None
    ) = Field(default=None, description="With it the developer signs that it was deleted.")


class Manifest(Value):
    """The file `manifest.yaml` (or manifest.json) of a program."""

    manifest: Literal[1] = Field(description="Version of this format.")
    name: Annotated[
        str, pattern(r"^[a-z][a-z0-9-]{1,30}$", "should be 2 to 31 small letters, digits and hyphens, a letter first")
    ] = Field(description="What people type behind `open`: small letters, digits and hyphens.")
    version: Annotated[
        str, pattern(r"^(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}$", "should be three numbers, like 1.0.0")
    ] = Field(description="Three numbers, like 1.0.0. A later version has larger ones.")
    title: LocalText
    description: LocalText
    languages: tuple[Locale, ...] = Field(
        min_length=1, max_length=20, description="Languages that it speaks, its own first."
    )
    main: Annotated[str, pattern(r"^[A-Za-z0-9_-]{1,60}\.js$", "should be a file of code, like main.js")] | None = (
        Field(default=None, description="The file with the code, beside this one.")
    )
    url: Url | None = Field(default=None, description="Instead of main: where a program on a server of yours is asked.")
    deletion: Deletion | None = Field(
        default=None, description="With url: by when what it keeps of somebody who left is deleted, and who says so."
    )
    commands: tuple[ProgramCommand, ...] = Field(default=(), max_length=30)
    scopes: dict[Scope, LocalText] = Field(
        default_factory=dict, max_length=10, description="What it may ask of a person, and what for."
    )
    domains: tuple[Host, ...] = Field(
        default=(), max_length=10, description="Servers that it may ask the host to ask: exact names, https alone."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Manifest":
        if (self.main is None) == (self.url is None):
            raise ValueError("give either main (code that runs inside Courtyard) or url (a program on a server)")
        if self.deletion is not None and self.url is None:
            raise ValueError("deletion is for programs on a server; what code inside Courtyard stores is deleted here")
        return self

    @property
    def server(self) -> str | None:
        """The host of `url`, which people agree to; None: it runs inside Courtyard."""
        return None if self.url is None else https_host(self.url)

    def command(self, name: str) -> ProgramCommand | None:
        """The command that is called by this word."""
        return next((command for command in self.commands if name in command.words), None)

    def texts(self) -> Iterator[tuple[tuple[str, ...], str | dict[str, str]]]:
        """Every text for people, with the path that it stands at."""
        yield ("title",), self.title
        yield ("description",), self.description
        for index, command in enumerate(self.commands):
            yield ("commands", str(index), "description"), command.description
        for scope, purpose in self.scopes.items():
            yield ("scopes", scope), purpose


Found: TypeAlias = tuple[tuple[str, ...], str]
"""A path in the manifest, and what is wrong there."""


def inconsistencies(manifest: Manifest) -> Iterator[Found]:
    """What no single entry shows: languages that are missing, names that stand twice, scopes that there are not."""
    for path, text in manifest.texts():
        if isinstance(text, dict):
            for language in manifest.languages:
                if language not in text:
                    yield path, f"has no text in {language}, which stands in languages"
            for language in text:
                if language not in manifest.languages:
                    yield (*path, language), "is none of the languages; add it there, or remove the text"
    if manifest.url is not None and not re.fullmatch(HOST, manifest.server or ""):
        yield ("url",), "should name its host in small letters, without numbers as an address"
    for scope in manifest.scopes:
        if scope.startswith(reserved.SCOPES):
            yield ("scopes", scope), f"scopes that begin with {reserved.SCOPES} are for a later version of Courtyard"
        elif scope not in SCOPES:
            yield ("scopes", scope), f"there is no such scope; there are {', '.join(SCOPES)}"
    seen: set[str] = set()
    for index, command in enumerate(manifest.commands):
        if command.name in seen:
            yield ("commands", str(index), "name"), "a command of this name stands above"
        seen.add(command.name)
        for place, word in enumerate(command.words[1:]):
            if word in seen:
                yield ("commands", str(index), "also", str(place)), "a command of this name stands above"
            seen.add(word)
    for index, host in enumerate(manifest.domains):
        if host in manifest.domains[:index]:
            yield ("domains", str(index)), "stands here for the second time; remove one"
