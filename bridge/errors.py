"""Errors that may be shown: to a person in the chat, or to the operator on the terminal."""

from collections.abc import Mapping
from typing import TypeAlias

Arg: TypeAlias = str | int | float


class CourtyardError(Exception):
    """Base of everything that Courtyard raises on purpose."""


class UserError(CourtyardError):
    """A refusal that the person may read. It names a message of the catalogue, never free text.

    The transaction in which it is raised is rolled back; the text is then the answer.
    """

    def __init__(self, message_id: str, **args: Arg) -> None:
        super().__init__(message_id)
        self.message_id = message_id
        self.args_: Mapping[str, Arg] = args


class OperatorError(CourtyardError):
    """Something that the operator must mend. The text says what happened and what to do; no secrets in it."""

    exit_code = 2
