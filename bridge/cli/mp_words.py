"""Commands of programs that people can't give: words of Courtyard itself, in any language, which win in the chat."""

from collections.abc import Iterator

from bridge.chat.catalogue import Catalogue
from bridge.chat.commands import build_registry
from bridge.chat.people import People
from bridge.delivery.outbox import Outbox
from bridge.features import compose
from bridge.miniprograms.manifest import Manifest


def clashes(manifest: Manifest) -> Iterator[str]:
    """What to do about each."""
    people, catalogue = People("en", "UTC"), Catalogue.load()
    every = compose(Outbox(people, catalogue, lambda: None), people, lambda text: None)
    registry = build_registry(every.commands, people, catalogue)
    for index, command in enumerate(manifest.commands):
        for word in command.words:
            found = registry.find(word)
            if found is not None:
                own = f"`{word}` is a word of Courtyard itself (`{found.command.name}`), which wins in the chat"
                yield f"commands[{index}]: {own}; choose another, or let people type `{manifest.name} {word}`"
