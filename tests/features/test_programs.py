"""Mini-programs in the chat: opening, talking, closing."""

from __future__ import annotations

from typing import Any

from bridge.chat.commands import build_registry
from bridge.config.programs import ProgramsConfig
from bridge.db import Tx, ledger
from bridge.miniprograms import builtin
from tests.features.apps import built_in, echo, packed, village
from tests.features.village import Village
from tests.unit.miniprograms.fakes import does, says


def test_a_program_is_opened_talked_to_and_closed() -> None:
    with village(packed(), tester=echo) as (town, engine):
        [first, opened] = town.say("alice", "open tester")
        assert "It does not learn who you are" in first
        assert opened == "Tester\n\nopen {'payload': None}"
        assert town.one("alice", "good morning") == "Tester\n\ntext {'text': 'good morning'}"
        assert town.one("alice", "close") == "Tester is closed."
        assert "don't know that command" in town.one("alice", "good morning")
        assert [event["state"] for event in engine.of("tester")] == [None, 1, 2]
        assert engine.of("tester")[-1]["data"] == {"reason": "user"}
        assert town.one("alice", "open tester seat 5") == "Tester\n\nopen {'payload': 'seat 5'}"


def test_commands_always_win() -> None:
    with village(packed(), tester=echo) as (town, engine):
        town.say("alice", "open tester")
        assert "friends" in town.one("alice", "friends").casefold()
        assert town.one("alice", "post only for my friends").startswith("Posted")
        town.say("alice", "tester friends")
        assert [event["data"] for event in engine.of("tester", "text")] == [{"text": "friends"}]


def test_text_reaches_a_program_only_where_it_is_open() -> None:
    with village(packed(), tester=echo) as (town, engine):
        town.say("alice", "open tester")
        town.say("bob", "hello")
        town.say("alice", "close")
        town.say("alice", "hello")
        assert engine.of("tester", "text") == []


def test_a_word_puzzle_is_played() -> None:
    with village(built_in("word")) as (town, _):
        [_, board] = town.say("alice", "open word")
        assert board.startswith("Word")


def test_programs_are_opened_by_title_and_spoken_to_in_ones_own_language() -> None:
    with village(built_in("canteen"), built_in("split")) as (town, engine):
        town.say("alice", "language 中文")
        opened = town.say("alice", "打开 食堂")
        assert "`菜单` — 看菜单。" in opened[0]
        town.say("alice", "厨房")
        assert town.one("alice", "加菜 12 面") == "食堂\n\n1. 面，€12.00。"
        assert town.one("alice", "1").startswith("食堂\n\n购物车里有 1 份面")
        assert [event["data"]["name"] for event in engine.of("canteen", "command")] == ["kitchen", "dish"]
        assert town.one("alice", "加 面").startswith("dish —— 请给一个整数。")
        assert "加入购物车：加 2" in town.one("alice", "加")
        assert town.one("alice", "帮助").startswith("食堂在这里打开着。它能听懂：\n`菜单`")
        town.say("alice", "关闭")
        assert not town.one("alice", "帮助").startswith("食堂")
        assert "Split the bill" in town.say("bob", "open bill")[0]
        assert "no mini-program “i”" in town.one("bob", "open i"), "that could be many"


def test_what_is_not_there_and_what_is_denied_look_the_same() -> None:
    with village(packed(), tester=echo) as (town, _):
        town.db.run_sync(lambda tx: town.programs.allow(tx, "tester", False))
        denied = town.one("alice", "open tester")
        assert denied == town.one("alice", "open nothing").replace("nothing", "tester")
        assert "no mini-programs here" in town.one("alice", "apps")


def test_food_is_ordered_with_the_name_that_was_granted() -> None:
    with village(built_in("canteen")) as (town, engine):
        town.say("alice", "profile set name Alice Baker")
        town.say("bob", "open canteen")
        town.say("bob", "kitchen")
        town.say("bob", "dish 4.50 Soup")
        town.say("alice", "open canteen")
        assert town.one("alice", "add 1 2") == "Canteen\n\n2 × Soup in your cart."
        asked = town.one("alice", "order")
        assert "Canteen asks for your name." in asked
        assert "What for: To call your name when your order is ready." in asked
        assert "2. yes, until I take it back, for 180 days at most" in asked
        decided, ordered = town.say("alice", "1")
        assert decided.startswith("Canteen gets your name until")
        assert ordered == "Canteen\n\n**Order 1**, €9.00. We call you when it is ready."
        assert "Alice Baker  2 × Soup  €9.00" in town.one("bob", "kitchen")
        assert "Canteen read of your profile: name" in town.one("alice", "log")
        profiles = [event["user"]["profile"] for event in engine.of("canteen")]
        assert {"name": "Alice Baker"} in profiles
        assert all(profile in ({}, {"name": "Alice Baker"}) for profile in profiles)


def test_who_is_gone_is_a_guest_in_the_kitchen() -> None:
    """D11: what a built-in program keeps for all has no name in it of somebody who was erased."""
    with village(built_in("canteen")) as (town, _):
        town.say("alice", "profile set name Alice Liddell")
        for who, text in (
            ("bob", "open canteen"),
            ("bob", "kitchen"),
            ("bob", "dish 4.50 Soup"),
            ("alice", "open canteen"),
            ("alice", "add 1"),
            ("alice", "order"),
            ("alice", "2"),
        ):
            town.say(who, text)
        assert "Alice Liddell" in town.say("bob", "kitchen")[-1]
        town.erase("alice")
        town.run_programs()
        town.say("bob", "open canteen")
        kitchen = town.say("bob", "kitchen")[-1]
        assert "a guest" in kitchen
        assert "Soup" in kitchen
        assert "Alice" not in kitchen


def test_what_was_granted_is_taken_back_at_once() -> None:
    def asks(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "open":
            return does({"type": "scope.request", "tag": "t", "scopes": ["profile.name", "profile.region"]})
        return does(says(f"{event['type']} {sorted(event['user']['profile'].items())}"))

    tester = packed(scopes={"profile.name": "To greet you.", "profile.region": "For the weather."})
    with village(tester, tester=asks) as (town, engine):
        town.say("alice", "profile set name Alice")
        town.say("alice", "profile set region Berlin")
        [_, asked] = town.say("alice", "open tester")
        assert "What for: To greet you." in asked
        assert "What for: For the weather." in town.one("alice", "2")
        town.say("alice", "3")
        [result] = engine.of("tester", "scope.result")
        assert (result["data"]["granted"], result["data"]["denied"]) == (["profile.name"], ["profile.region"])
        assert "[('name', 'Alice')]" in town.one("alice", "hello")
        listed = town.one("alice", "grants")
        assert "1 – Tester: your name, until" in listed
        assert "2 – Tester: your region, never" in listed
        assert "does not get your name any more" in town.one("alice", "revoke 1")
        assert "[]" in town.one("alice", "hello")
        assert "There is no number 1" in town.one("alice", "revoke 1")
        assert "There is no number 2" in town.one("bob", "revoke 2")  # it is alice's
        assert consents(town) == [
            {"kind": "agreed", "program": "tester", "scope": "profile.name", "verdict": "always"},
            {"kind": "agreed", "program": "tester", "scope": "profile.region", "verdict": "never"},
            {"kind": "revoked", "program": "tester", "scope": "profile.name"},
        ]
        assert town.db.run_sync(ledger.verify).is_whole


def consents(town: Village) -> list[dict[str, Any]]:
    """What the ledger says of what people agreed to."""

    def read(tx: Tx) -> list[dict[str, Any]]:
        return [tx.vault.open(e.owner, "ledger", e.number, "sealed", e.sealed) for e in ledger.entries(tx)]

    return town.db.run_sync(read)


def test_another_purpose_is_asked_again() -> None:
    def asks(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "scope.result":
            return does()
        return does({"type": "scope.request", "tag": "t", "scopes": ["profile.name"]})

    with village(packed(scopes={"profile.name": "To greet you."}), tester=asks) as (town, engine):
        town.say("alice", "profile set name Alice")
        town.say("alice", "open tester")
        town.say("alice", "2")
        town.say("alice", "hello")
        assert engine.of("tester")[-1]["data"]["granted"] == ["profile.name"]
        town.install(packed(version="1.1.0", scopes={"profile.name": "To print it in the newspaper."}))
        assert "To print it in the newspaper." in town.one("alice", "hello")
        town.say("alice", "3")
        assert engine.of("tester")[-1]["user"]["profile"] == {}


def test_what_was_granted_ends_by_itself() -> None:
    def asks(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] != "open":
            return does()
        name = event["user"]["profile"].get("name")
        asked = {"type": "scope.request", "tag": "t", "scopes": ["profile.name"]}
        return does(says(f"Hello {name}") if name else asked)

    tester = packed(scopes={"profile.name": "To greet you."})
    with village(tester, limits=ProgramsConfig(grant_days=7), tester=asks) as (town, _):
        town.say("alice", "profile set name Alice")
        town.say("alice", "open tester")
        town.say("alice", "2")
        assert "your name, until" in town.one("alice", "grants")
        town.wait(6 * 24 * 3600_000)
        assert town.one("alice", "open tester") == "Tester\n\nHello Alice"
        town.wait(24 * 3600_000)
        assert "knows anything" in town.one("alice", "grants")
        assert "asks for your name" in town.one("alice", "open tester")


def test_a_form_is_filled_in_one_question_at_a_time() -> None:
    with village(built_in("tickets")) as (town, _):
        town.say("alice", "timezone Europe/Berlin")
        town.say("alice", "open tickets")
        assert "What is it called? (1/4)" in town.one("alice", "new")
        assert "When is it? (2/4)" in town.one("alice", "Choir")
        assert "a date like" in town.one("alice", "soon")
        assert "What is it called?" in town.one("alice", "back")
        town.say("alice", "Spring choir")
        town.say("alice", "2030-03-01 18:30")
        assert "at most 10" in town.one("alice", "11")
        town.say("alice", "2")
        assert "Event 1: Spring choir, March 1, 2030, 18:30" in town.one("alice", "3")
        booked = town.one("alice", "book 1 b3")
        assert "Your seat is **B3** for Spring choir" in booked
        assert "(picture: Ticket for Spring choir, seat B3" in booked
        town.say("bob", "open tickets")
        assert town.one("bob", "book 1 b3") == "Tickets\n\nB3 is taken."
        assert "Nothing was put on" in [town.say("bob", "new"), town.one("bob", "cancel")][1]


def test_a_board_is_edited_in_place() -> None:
    with village(built_in("gomoku")) as (town, _):
        [_, board] = town.say("alice", "open gomoku")
        assert "(X)" not in board
        moved = town.get("alice", "h8")
        assert [event.content["m.relates_to"]["rel_type"] for event in moved] == ["m.replace"]
        assert moved[0].body.count("X") == moved[0].body.count("O") == 1
        assert "There is a stone already" in town.one("alice", "play h8")
        for stones, move in enumerate(("a1", "a15", "o1", "o15"), 2):  # each at once, however many there are
            [edited] = town.get("alice", move)
            assert edited.body.count("X") == edited.body.count("O") == stones


def offers(event: dict[str, Any]) -> dict[str, Any]:
    if event["type"] == "choice":
        return does(says(f"chosen {event['data']['choice']}"))
    choices = [{"id": "tea", "label": "Tea"}, {"id": "milk", "label": "Milk"}]
    return does(says("What would you like?", key="drink", choices=choices))


def test_a_number_is_for_the_program_unless_a_question_came_later() -> None:
    with village(packed(), tester=offers) as (town, engine):
        town.say("bob", "friend add @alice:x.org")
        [_, asked] = town.say("alice", "open tester")
        assert "1. Tea\n2. Milk" in asked
        assert town.one("alice", "2") == "Tester\n\nchosen milk"
        assert engine.of("tester", "choice")[0]["data"] == {"key": "drink", "choice": "milk"}
        town.say("alice", "hello")
        town.open("carol")
        town.say("carol", "friend add @alice:x.org")
        # Two requests wait, one of them newer than what the program offers: nobody guesses.
        assert "More than one question is open" in town.one("alice", "1")
        assert len(engine.of("tester", "choice")) == 1


def test_a_number_never_grants_what_was_asked_before_something_else() -> None:
    def asks(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "open":
            return does({"type": "scope.request", "tag": "t", "scopes": ["profile.name"]}, says("Welcome!"))
        return offers(event)

    with village(packed(scopes={"profile.name": "To greet you."}), tester=asks) as (town, _):
        town.say("alice", "open tester")
        town.say("alice", "what is there?")  # the question about the name is left open; then the program asks something
        assert town.one("alice", "2") == "Tester\n\nchosen milk"
        assert "knows anything" in town.one("alice", "grants")
        town.say("alice", "close")
        town.say("alice", "open tester")
        assert "gets your name from now on" in town.say("alice", "2")[0]


def test_choices_are_for_the_addressee_alone() -> None:
    with village(packed(), tester=offers) as (town, engine):
        town.say("alice", "open tester")
        town.say("bob", "open tester")
        target = town.rooms["alice"].events[-1].event_id
        town.say("bob", "1", to=target)  # bob's own offer, whatever his message hangs on
        town.react("alice", target, "1️⃣")  # a reaction is not encrypted: it chooses nothing
        assert [event["user"]["id"] for event in engine.of("tester", "choice")] == [
            engine.of("tester", "open")[1]["user"]["id"]
        ]
        town.say("alice", "2", to=target)
        assert engine.of("tester", "choice")[-1]["user"]["id"] == engine.of("tester", "open")[0]["user"]["id"]


def test_what_was_not_offered_there_is_not_chosen() -> None:
    def menu(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "choice":
            return does(says(f"chosen {event['data']['key']} {event['data']['choice']}"), state=event["state"])
        if event["type"] == "close":
            return does()
        course = event["data"].get("text")
        if course not in ("soup", "pudding"):
            return does(says(f"heard {event['data']}"))
        choices = [{"id": f"secret-{n}", "label": f"{course} {n}"} for n in (1, 2)]
        return does(says("Which?", key=course, choices=choices))

    with village(packed(), tester=menu) as (town, engine):
        town.say("alice", "open tester")
        plain = town.rooms["alice"].events[-1].event_id
        town.say("alice", "soup")
        soup = town.rooms["alice"].events[-1].event_id
        assert town.one("alice", "pudding").endswith("1. pudding 1\n2. pudding 2\nAnswer with a number.")
        assert town.one("alice", "secret-1") == "Tester\n\nheard {'text': 'secret-1'}", "what nobody was shown"
        town.say("alice", "pudding")
        assert town.one("alice", "2", to=soup) == "Tester\n\nchosen soup secret-2", "an earlier one"
        town.say("alice", "pudding")
        assert town.one("alice", "1", to=plain) == "Tester\n\nheard {'text': '1'}", "there was nothing to choose"
        town.say("alice", "pudding")
        town.say("alice", "close")
        assert "not open any more" in town.one("alice", "1", to=soup)
        town.say("alice", "open tester")  # another session
        assert "not open any more" in town.one("alice", "1", to=soup)
        assert len(engine.of("tester", "choice")) == 1


def test_markup_mentions_and_html_of_a_program_take_no_effect() -> None:
    text = "<b>x</b> [click](https://matrix.to/#/@bob:x.org) @room <img src=x> **bold**"
    with village(packed(), tester=lambda event: does(says(text))) as (town, _):
        [_, shown] = town.get("alice", "open tester")
        assert shown.content["m.mentions"] == {}
        html = shown.content["formatted_body"]
        assert "matrix.to" not in html + shown.body
        assert "<img" not in html
        assert "<b>" not in html
        assert "<strong>bold</strong>" in html
        assert html.startswith("<p><strong>Tester</strong></p><blockquote>")


def test_what_follows_without_anybody_doing_anything_comes_to_an_end() -> None:
    def goes_on(event: dict[str, Any]) -> dict[str, Any]:
        return does({"type": "kv.get", "tag": "t", "space": "person", "keys": ["k"]})

    with village(packed(), tester=goes_on) as (town, engine):
        assert "was stopped" in town.say("alice", "open tester")[-1]
        assert len(engine.told) == 10
        assert "pong" in town.one("alice", "hello")


def test_too_much_at_once_is_refused() -> None:
    with village(packed(), tester=echo) as (town, engine):
        town.say("alice", "open tester")
        answers = [town.one("alice", f"hello {number}") for number in range(12)]
        assert "That was a lot at once for Tester" in answers[-1]
        assert len(engine.of("tester")) <= 11
        assert "open" in town.say("bob", "open tester")[-1]


def test_a_timer_rings_for_who_agreed_and_once_for_one_yes() -> None:
    def reminds(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] in ("open", "text"):
            return does({"type": "timer.set", "tag": "tea", "after": 60, "payload": "tea"})
        return does(says(f"{event['type']} {event['data'].get('payload')}"))

    with village(packed(scopes={"notify": "To tell you when the tea is ready."}), tester=reminds) as (town, engine):
        [_, asked] = town.say("alice", "open tester")
        assert "may send you one message later" in asked
        town.wait(61_000)
        assert engine.of("tester", "timer") == []  # nobody has agreed yet
        town.say("alice", "again")
        assert "may send you one message later" in town.one("alice", "1")
        assert "1 – Tester: one message later, agreed" in town.one("alice", "grants")
        town.wait(61_000)
        assert town.bodies("alice")[-1] == "Tester\n\ntimer tea\n\nThis is the one message that you had agreed to."
        assert "knows anything" in town.one("alice", "grants")
        town.say("alice", "again")
        town.wait(61_000)
        assert len(engine.of("tester", "timer")) == 1  # one yes was for one message


def test_one_ring_is_for_one_message_and_asks_nothing() -> None:
    def pesters(event: dict[str, Any]) -> dict[str, Any]:
        sets = {"type": "timer.set", "tag": "tea", "after": 60}
        if event["type"] == "open":
            return does(sets)
        gets = {"type": "kv.get", "tag": "t", "space": "person", "keys": ["k"]}
        form = {"name": "f", "fields": [{"name": "x", "label": "Why?", "type": "text"}]}
        if event["type"] == "timer":
            asks = {"type": "scope.request", "tag": "s", "scopes": ["profile.name"]}
            fetches = {"type": "fetch", "tag": "f", "url": "https://api.example.org/"}
            return does(says("one", form=form), says("two"), gets, asks, fetches, sets)
        return does(says("three"))

    scopes = {"notify": "To call you.", "profile.name": "To greet you."}
    tester = packed(scopes=scopes, domains=("api.example.org",))
    with village(tester, tester=pesters) as (town, engine):
        town.say("alice", "open tester")
        town.say("alice", "1")
        before = len(town.bodies("alice"))
        town.wait(61_000)
        [pushed] = town.bodies("alice")[before:]
        assert pushed.startswith("Tester\n\none")
        assert engine.of("tester", "scope.result")[0]["data"]["denied"] == ["profile.name"]
        assert engine.of("tester", "fetch.result")[0]["data"]["error"] == "refused"
        town.wait(3600_000)
        assert len(engine.of("tester", "timer")) == 1, "the timer that it set itself was agreed to by nobody"
        assert "three" in town.one("alice", "hello"), "what somebody does is answered as ever"


def test_messages_that_go_on_are_agreed_to_apart_and_easily_stopped() -> None:
    def news(event: dict[str, Any]) -> dict[str, Any]:
        sets = {"type": "timer.set", "tag": "news", "after": 60}
        if event["type"] == "open":
            return does({"type": "scope.request", "tag": "s", "scopes": ["subscribe"]}, sets)
        return does(says("News!"), sets) if event["type"] == "timer" else does()

    tester = packed(scopes={"notify": "To call you.", "subscribe": "To tell you the news."})
    limits = ProgramsConfig(messages_per_day=3)
    with village(tester, limits=limits, tester=news) as (town, engine):
        said = town.say("alice", "open tester")
        asked = [body for body in said if "until you stop it" in body]
        assert "1. yes, until I stop it, for 180 days at most\n2. no" in asked[0]
        questions = [body for body in said if "one message later" in body]
        assert len(questions) == 2, "what may be asked, and the question about the timer, which is another one"
        town.say("alice", "close")
        town.say("alice", "open tester")
        town.say("alice", "1", to=_question(town, "until you stop it"))
        before = len(town.bodies("alice"))
        for _ in range(5):
            town.wait(61_000)
        pushed = town.bodies("alice")[before:]
        assert pushed == ["Tester\n\nNews!\n\n`apps stop tester` ends these messages."] * 3, "three a day"
        assert "messages by itself, until you stop it" in town.one("alice", "grants")
        assert town.one("alice", "apps stop tester") == "Tester sends you nothing by itself any more."
        assert "may not send you anything" in town.one("alice", "apps stop tester")
        assert "may send you anything by itself" in town.one("alice", "apps stop")
        told = len(engine.of("tester", "timer"))
        town.wait(3600_000)
        assert len(engine.of("tester", "timer")) == told


def _question(town: Village, words: str) -> Any:
    return next(event.event_id for event in reversed(town.rooms["alice"].events) if words in event.body)


def test_idle_programs_are_closed() -> None:
    with village(packed(), tester=echo) as (town, engine):
        town.say("alice", "open tester")
        town.wait(25 * 3600_000)
        assert engine.of("tester")[-1]["data"] == {"reason": "idle"}
        assert "pong" in town.one("alice", "hello")


def test_programs_that_come_with_courtyard_have_no_command_that_courtyard_has() -> None:
    with village() as (town, _):
        registry = build_registry(town.commands, town.people, town.catalogue)
        for folder in builtin.folders():
            for command in built_in(folder.name).program.manifest.commands:
                assert registry.find(command.name) is None, f"{folder.name}: {command.name}"
