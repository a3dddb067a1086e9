"""P15: `who can read this` says what is so in the very installation that one talks to."""

import pytest

from bridge.config.programs import ProgramsConfig
from bridge.ids import UserId
from bridge.rights.disclosure import Installation
from tests.features.apps import packed
from tests.features.village import Village

PROGRAMS = "Mini-programs read what you type to them"


def told(village: Village) -> str:
    village.open("alice")
    try:
        return village.one("alice", "who can read this")
    finally:
        village.close()


def test_it_names_the_operator_and_the_servers() -> None:
    said = told(Village(installation=Installation(UserId("@bot:y.org"), operator_name="The club of readers")))
    assert "The club of readers runs this bot, and could read what passes through it" in said
    assert "Your homeserver x.org and mine, y.org, read none of it" in said
    said = told(Village(installation=Installation(UserId("@bot:x.org"))))
    assert "Whoever runs this bot could read" in said
    assert "Your homeserver x.org, which is mine too" in said


@pytest.mark.parametrize("deletes", [False, True])
def test_what_becomes_of_files_is_told(deletes: bool) -> None:
    said = told(Village(installation=Installation(UserId("@bot:x.org"), deletes_files=deletes)))
    assert ("I have the file deleted as well" in said) is deletes
    assert ("Matrix lets nobody delete them" in said) is not deletes


def test_reactions_are_told_as_they_count() -> None:
    counts = "`privacy set reactions off` lets yours count for nothing"
    assert counts in told(Village())
    assert counts not in told(Village(installation=Installation(UserId("@bot:x.org"), reactions=False)))
    village = Village()
    village.open("alice")
    village.say("alice", "privacy set reactions off")
    assert counts not in village.one("alice", "who can read this")
    village.close()


@pytest.mark.parametrize("limits", [ProgramsConfig(), ProgramsConfig(denied=("tester",)), ProgramsConfig(programs=())])
def test_programs_are_told_where_people_may_open_some(limits: ProgramsConfig) -> None:
    village = Village(apps_limits=limits)
    village.open("alice")
    assert PROGRAMS not in village.one("alice", "who can read this")
    village.install(packed("tester"))
    assert (PROGRAMS in village.one("alice", "who can read this")) is (limits == ProgramsConfig())
    village.close()


def test_servers_of_programs_are_named_where_there_are_any() -> None:
    village = Village()
    village.install(packed("here"))
    village.open("alice")
    try:
        assert "run on servers of their developers" not in village.one("alice", "who can read this")
        for name in ("far", "near"):
            village.install(packed(name, main=None, url=f"https://{name}.example.org/"))
        said = village.one("alice", "who can read this")
        assert "Some run on servers of their developers (far.example.org, near.example.org)" in said
    finally:
        village.close()
