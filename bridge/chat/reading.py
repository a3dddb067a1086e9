"""What a message says: cleaned text, whether it speaks to the bot, and the command that it names. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.chat import grammar
from bridge.chat.clean import MAX_TEXT, clean_text, strip_reply_fallback
from bridge.chat.command import Command
from bridge.chat.inbound import Relation
from bridge.chat.registry import Found, Registry
from bridge.errors import UserError

# What clients put before a message that mentions: the id, or a display name and a colon.
_MENTION = re.compile(r"\s*(?:@\S{1,255}|\[[^\]\n]{1,100}\]\(\S{1,512}\)|[^\n:：,，]{1,60}(?=[:：,，]))[:：,，]?\s+")


@dataclass(frozen=True, slots=True)
class Said:
    """One message, read."""

    text: str
    """Cleaned, without prefix, mention or reply fallback."""
    explicit: bool
    """It speaks to the bot: by the prefix or by a mention."""
    command: Command | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    error: UserError | None = None
    """Why it can't be run. Nothing personal is in it: it comes from the text alone."""

    @property
    def is_near_command(self) -> bool:
        """Whether the bot has something to say to it outside a DM."""
        return self.command is not None or (self.error is not None and self.error.message_id != "unknown-command")


class Reader:
    """Reads messages with the commands of `registry`."""

    def __init__(self, registry: Registry, prefix: str, max_text: int = MAX_TEXT) -> None:
        self._registry = registry
        # The Chinese keyboard's exclamation mark is as good as the other.
        self._prefixes = (prefix, "！") if prefix == "!" else (prefix,)
        self._max_text = max_text

    def read(self, body: str, relation: Relation | None = None, *, dm: bool = True, mentioned: bool = False) -> Said:
        """Read `body`. Outside a DM only what speaks to the bot is looked at. Never raises, whatever it holds."""
        length = len(body)
        if length > self._max_text:
            # Enough to see whom it speaks to; it is refused in any case.
            body = body[: self._max_text]
        text = clean_text(body)
        if relation is not None and (relation.reply_to is not None or relation.thread is not None):
            text = strip_reply_fallback(text)
        text = text.strip()
        explicit = False
        found: Found | None = None
        for prefix in self._prefixes:
            if prefix and text.startswith(prefix):
                text, explicit = text[len(prefix) :].lstrip(), True
                break
        else:
            if mentioned:
                mention = _MENTION.match(text)
                behind = text[mention.end() :] if mention is not None else text
                found = self._registry.find(behind)
                # A mention in passing is no command, and a question about the bot is not for the bot.
                if found is not None:
                    text, explicit = behind, True
        if not dm and not explicit:
            return Said(text, explicit, error=UserError("unknown-command"))
        found = found or self._registry.find(text)
        if length > self._max_text:
            return Said(text, explicit, error=UserError("too-long", length=length, limit=self._max_text))
        if found is None:
            return Said(text, explicit, error=self._unknown(text))
        try:
            return Said(text, explicit, found.command, grammar.parse(found.command, found.rest))
        except UserError as error:
            return Said(text, explicit, found.command, error=error)

    def _unknown(self, text: str) -> UserError:
        names = self._registry.suggest(text)
        if not names:
            return UserError("unknown-command")
        return UserError("did-you-mean", suggestions=" / ".join(names))
