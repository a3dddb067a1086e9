"""Numbers that people type: whatever happens in between, a number means the moment that its person saw under it, or
nothing any more; never another one."""

import re
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.moments.model import MomentLimits
from tests.features.settled import Settled
from tests.features.village import MINUTE, Village, user_id

_BOB, _CAROL = user_id("bob"), user_id("carol")
_READ = ["feed", "feed", "feed more", "feed compact", "feed full", f"album {_BOB}", f"album {_CAROL}", "search text"]
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("alice"), st.sampled_from(_READ)),
        st.tuples(st.just("alice"), st.sampled_from(["post Text {k}", "notify now", "notify digest"])),
        st.tuples(
            st.sampled_from(["bob", "carol"]),
            st.sampled_from(
                [
                    *("post Text {k}", "post Text {k}", "post to private | Text {k}", "post cw W | Text {k}"),
                    *("delete 1", "delete 2", "expire 1 2m", "undo", "audience 1 private", "audience 1 friends"),
                    *(f"privacy set mine {user_id('alice')} off", f"privacy set mine {user_id('alice')} on"),
                ]
            ),
        ),
        st.tuples(st.just("wait"), st.sampled_from(["1", "30", "1440"])),
    ),
    min_size=4,
    max_size=30,
)
_HEAD = re.compile(r"^#(\d+) · ", re.MULTILINE)
_TEXT = re.compile(r"\bText (\d+)\b")


def _read(body: str) -> dict[int, str]:
    """What a person reads under each number: the texts of moments of one or several."""
    found: dict[int, str] = {}
    heads = list(_HEAD.finditer(body))
    ends = [following.start() for following in heads[1:]]
    for head, end in zip(heads, [*ends, len(body)], strict=False):
        part = body[head.end() : end]
        text = _TEXT.search(part)
        if text is not None:
            found[int(head[1])] = text[1]
    return found


def _know_each_other(village: Village) -> None:
    village.open("alice", "bob", "carol")
    for a, b in (("alice", "bob"), ("alice", "carol"), ("bob", "carol")):
        village.befriend(a, b)


_limits = MomentLimits(confirm_wider=False, page=2, compact_page=3)
_settled = Settled(_know_each_other, partial(Village, moment_limits=_limits))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_steps)
def test_a_number_never_means_another_moment(steps: list[tuple[str, str]]) -> None:
    village = _settled()
    try:
        meant: dict[int, str] = {}
        for k, (who, text) in enumerate(steps):
            village.now += 1000
            if who == "wait":
                village.wait(int(text) * MINUTE)
            else:
                village.say(who, text.format(k=k))
            for event in village.rooms["alice"].events:
                for number, read in _read(event.body).items():
                    assert meant.setdefault(number, read) == read, "one number, two moments"
        for number, read in meant.items():
            whole = village.say("alice", f"moment {number}")[0]
            assert whole.startswith("There is no moment") or f"Text {read}" in whole
    finally:
        village.close()
