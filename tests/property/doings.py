"""What people do in twin worlds: what Alice and her friends do in both, and what happens out of her sight in one.

Bob and Carol are friends of hers, and what they do towards her happens in both worlds. Gina is a friend who lets her
see nothing, by whatever means; the fourth is nobody to her; the fifth shows strangers their newest public moments.
"""

from hypothesis import strategies as st

from tests.features.village import MINUTE, user_id
from tests.property.twins import ME, NOBODIES, SECOND, Do, Event, Step, Touch, Wait, befriend

DAY = 24 * 60 * MINUTE
FRIENDS = ("bob", "carol")
ALICE, BOB, CAROL, GINA, FOURTH, FIFTH = (user_id(name) for name in (ME, "bob", "carol", "gina", "fourth", "fifth"))

SETTING: list[Event] = [
    *befriend(ME, "bob"),
    *befriend("bob", "fourth"),
    *befriend("bob", "carol"),
    *befriend("bob", "gina"),
    *befriend(ME, "gina"),
    *befriend("fourth", "gina"),
    Step("gina", f"privacy set mine {ALICE} off"),
    *(Step("gina", f"privacy set {field} {BOB}") for field in ("name", "bio", "region")),
    *(Step(who, f"tag add #out {ALICE}") for who in ("bob", "gina")),
    *(Step(who, f"tag add #in {FOURTH}") for who in ("bob", "gina")),
    Step("carol", f"tag add #in {BOB}"),
    Step("fifth", "privacy set strangers on"),
    *(Step("fifth", f"post to public | For all {n}") for n in range(9)),
    Step("bob", "post The first"),
    Step(ME, "post The first"),
    Step("bob", "post poll Yes / No | The question"),
]
FIRST_OF_BOB, POLL_OF_BOB = 9, 11
"""Among the moments that came into being in both worlds."""

_anybody = st.sampled_from([ALICE, BOB, CAROL, GINA, FOURTH, FIFTH, *map(user_id, NOBODIES)])
_number = st.integers(1, 6)
about = st.integers(0, 20)
_on_off = st.sampled_from(["on", "off"])
_tag = st.sampled_from(["#one", "#two"])
_audience = st.sampled_from(
    [
        "friends",
        "public",
        "private",
        "#one",
        "#one live",
        "#two live",
        f"{BOB} {GINA}",
        "friends except #one",
        f"public except {CAROL} #two",
        f"public except {FOURTH}",
    ]
)


def _either(texts: str) -> st.SearchStrategy[str]:
    """One of these; two bars stand for one that is part of a text."""
    return st.sampled_from([text.replace("\0", "|") for text in texts.replace("||", "\0").split("|")])


def said(who: str, texts: st.SearchStrategy[str], only: int | None = None) -> st.SearchStrategy[Event]:
    """Somebody says one of these texts."""
    return texts.map(lambda text: Step(who, text, only=only))


# --- what Alice does -----------------------------------------------------------------------------------------
_plain = _either(
    "feed|feed|feed more|feed compact|feed compact|feed full"
    "|album|friends|profile|post Mine|post|privacy|drafts|draft|alt 1 X|draft to friends"
    "|draft at in 2 hours|post cw Careful || Mine|post at in 1 hour || Mine|open 1|privacy checkup|tags|log|invites"
    "|invite new 3|who can read this|view as stranger|view as #one|view as #two|profile set name Alice"
    "|profile set phone 1"
    "|post poll Yes / No || Mine|post expire 1h || Mine|post responses nobody || Mine|post geo:1.234,5.678 || Mine"
    "|draft poll Yes / No|draft expire 1h|draft place geo:1,2|edit 1 Hello @bob:x.org"
    "|post Hello @bob|post Hello @gina and @fourth|post at noon || Mine|search hidden|draft nonsense"
    "|notify|notify now|notify digest|notify now #one|notify quiet 22-7|search h|search from|search mine|search first"
    "|tag rename #one #three|tag delete #one|tag delete #two|fed|freinds|language zh|language en|1|2|3"
    "|export|import|moments keep|moments keep 1d|moments keep all"
    "|moment 1 copies|moment 2 copies|moment 3 copies"
)
_mine = st.one_of(
    said(ME, _plain),
    said(ME, _plain),
    said(ME, st.builds("{} {}".format, st.sampled_from(["moment", "like", "unlike", "delete"]), _number)),
    said(ME, st.builds("comment {} From Alice".format, _number)),
    said(ME, st.builds("vote {} {}".format, _number, st.sampled_from([1, 2]))),
    said(ME, st.builds("{} {}".format, st.sampled_from(["unvote", "poll close"]), _number)),
    said(ME, st.builds("edit {} Changed".format, _number)),
    said(ME, st.builds("responses {} {}".format, _number, st.sampled_from(["nobody", "#one", "all"]))),
    said(ME, st.builds("expire {} {}".format, _number, st.sampled_from(["1m", "2d", "never", "soon"]))),
    said(ME, st.builds("audience {} {}".format, _number, _audience)),
    said(ME, st.builds("friend {} {}".format, st.sampled_from(["accept", "decline"]), _number)),
    said(
        ME,
        st.builds(
            "{} {}".format,
            _either(
                "friend add|friend accept|friend decline|friend remove|profile|album|view as|view as|block|unblock"
                "|remark|note|chat"
            ),
            _anybody,
        ),
    ),
    said(ME, st.builds("remark {} X".format, _anybody)),
    said(ME, st.builds("tag {} {} {}".format, st.sampled_from(["add", "add", "remove"]), _tag, _anybody)),
    said(ME, st.builds("post to {} | Mine".format, _audience)),
    said(ME, st.builds("privacy set window {}".format, st.sampled_from(["3d", "1m", "all", "5"]))),
    said(ME, st.builds("privacy set {} {}".format, st.sampled_from(["strangers", "by-id", "reactions"]), _on_off)),
    said(
        ME,
        st.builds("privacy set {} {} {}".format, st.sampled_from(["mine", "theirs", "chats-only"]), _anybody, _on_off),
    ),
    said(ME, st.builds("privacy set {} {}".format, st.sampled_from(["name", "phone"]), _audience)),
    said(
        ME,
        st.builds(
            "why can {} see {}".format, _anybody, st.one_of(_number, st.sampled_from(["name", "phone", "nothing"]))
        ),
    ),
    st.builds(Step, st.just(ME), st.just("invite {code}"), about),
    said(ME, st.sampled_from(["invite AAAA-BBBB-CCCC", "invite revoke AAAA-BBBB-CCCC", "invite new 1000"])),
    st.builds(
        Touch,
        st.sampled_from(["react", "reply", "redact", "edit"]),
        st.integers(0, 40),
        st.sampled_from(["Oh", "post Oh", "friends", "#1 Oh", "#2 Oh", "1", "vote 1 1"]),
    ),
)


# --- what friends do, in both worlds -------------------------------------------------------------------------
def _friend(who: str) -> st.SearchStrategy[Event]:
    other = CAROL if who == "bob" else BOB
    towards = ["friend add", "friend accept", "friend remove", "block", "unblock", "chat"]
    return st.one_of(
        said(
            who,
            st.sampled_from(
                [
                    f"post From {who}",
                    f"post to {ALICE} | Only Alice, {who}",
                    f"post to public | Public, {who}",
                    f"post cw Careful | From {who}",
                    f"post Hello {ALICE}",
                    f"post poll Yes / No | From {who}",
                    f"post to #shared | expire 2d | responses #shared | poll Yes / No | Some, {who}",
                    f"post to {other} | Hello {other}",
                    f"post at in 1 hour | From {who}",
                    f"post to friends except {other} | All but, {who}",
                    f"post to #shared live | Some, {who}",
                    f"post to friends except #shared | All but some, {who}",
                    f"tag add #shared {ALICE}",
                    f"tag remove #shared {ALICE}",
                    "tag delete #shared",
                    "privacy set mine #shared off",
                    "privacy set mine #shared on",
                    "privacy set name everyone",
                    "privacy set name me",
                    "privacy set window 3d",
                    "privacy set window all",
                    "profile set name X",
                    "invite new 9",
                ]
            ),
        ),
        said(who, st.builds("{} {}".format, st.sampled_from(towards), st.just(ALICE))),
        said(who, st.builds("{} {}".format, st.sampled_from(towards), st.just(other))),
        said(
            who,
            st.builds(
                "privacy set {} {} {}".format,
                st.sampled_from(["mine", "theirs", "chats-only"]),
                st.sampled_from([ALICE, other]),
                _on_off,
            ),
        ),
        st.builds(
            Step,
            st.just(who),
            st.sampled_from(
                [
                    f"comment {{n}} By {who}",
                    "like {n}",
                    "unlike {n}",
                    "vote {n} 1",
                    "vote {n} 2",
                    "unvote {n}",
                    "poll close {n}",
                    "delete {n}",
                    f"edit {{n}} Changed by {who}",
                    f"edit {{n}} Changed by {who}, {ALICE}",
                    f"edit {{n}} Changed by {who}, {other}",
                    f"audience {{n}} {ALICE}",
                    f"audience {{n}} friends except {ALICE}",
                    f"audience {{n}} friends except {other}",
                    "audience {n} private",
                    "responses {n} nobody",
                    "responses {n} #shared",
                    "responses {n} all",
                    "expire {n} 1m",
                    "expire {n} 2d",
                    "expire {n} never",
                ]
            ),
            about,
        ),
    )


# --- what happens out of her sight ---------------------------------------------------------------------------
_KEPT = [
    f"tag add #other {ALICE}",
    f"tag add #other {BOB} {GINA}",
    f"tag remove #other {ALICE}",
    "tag rename #other #another",
    "tag delete #other",
    "tags",
    f"remark {ALICE} Hidden",
    f"note {ALICE} Hidden",
    f"remark {BOB} Hidden",
    "privacy",
    "privacy checkup",
    f"view as {ALICE}",
    "view as stranger",
    f"why can {ALICE} see 1",
    f"why can {ALICE} see name",
    "log",
    "invite new 2",
    "invites",
    "language zh",
    "feed",
    "feed compact",
    "feed more",
    "album",
    f"album {ALICE}",
    f"profile {ALICE}",
    "friends",
    "drafts",
    f"chat {FOURTH}",
    "privacy set by-code off",
    "privacy set reactions off",
    "notify now",
    "notify off",
    "notify quiet 1-23",
    "notify now #other",
    "profile set phone 5",
    "profile set email hidden",
    f"privacy set phone {GINA}",
    "privacy set email #in",
    f"privacy set birthday {FOURTH}",
]
"""What people keep, look at and decide for themselves."""
_POSTS = [
    "post to private | Hidden",
    f"post to {FOURTH} | at in 1 hour | Hidden",
    f"post to {FOURTH} | cw Hidden | Hidden",
    f"post to {FOURTH} | Hidden",
    "post to #in | Hidden",
    "post to #in | poll Yes / No | Hidden",
    "post to #in | expire 1h | geo:1,2 | Hidden",
    "post to #in live | Hidden",
    f"post to friends except {ALICE} | Hidden",
    f"post to public except {ALICE} | Hidden",
    "post to friends except #out | Hidden",
    "post to public except #out | Hidden",
]

_ABOUT_THEIRS = [
    "like 1",
    "vote 1 1",
    "comment 1 Hidden",
    "delete 1",
    "moment 1",
    "edit 1 Hidden",
    "audience 1 private",
    f"audience 1 {BOB} {FOURTH}",
    "audience 1 friends",
    "audience 1 public",
    "expire 1 1m",
    "expire 1 2d",
    "responses 1 nobody",
    "responses 1 #in",
    "1",
]
"""What they do with the first moment that they know, which may be their own."""


def _stances(others: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} {}".format, st.sampled_from(["block", "unblock"]), st.sampled_from(others)),
        st.builds(
            "privacy set {} {} {}".format,
            st.sampled_from(["mine", "theirs", "chats-only"]),
            st.sampled_from(others),
            _on_off,
        ),
    )


def _hidden_friend(who: str) -> st.SearchStrategy[Event]:
    others = [FOURTH, FIFTH]
    return st.one_of(
        said(who, st.sampled_from(_KEPT), SECOND),
        said(who, st.sampled_from(_POSTS if who == "bob" else _POSTS[:1]), SECOND),
        said(who, _stances([FOURTH, FIFTH, GINA]), SECOND),
        said(
            who,
            st.builds(
                "friend {} {}".format,
                st.sampled_from(["add", "accept", "decline", "remove"]),
                st.sampled_from(others),
            ),
            SECOND,
        ),
        st.builds(Step, st.just(who), st.just("moment {n}"), about, st.just(SECOND)),
    )


def _unseen(who: str, others: list[str], more: list[str]) -> st.SearchStrategy[Event]:
    """Somebody of whom she sees nothing: whatever they post, decide and say to others."""
    return st.one_of(
        said(who, st.sampled_from(_KEPT), SECOND),
        said(who, st.sampled_from([*_POSTS, "post Hidden", "post to public | Hidden", *more]), SECOND),
        said(who, _stances(others), SECOND),
        said(
            who,
            st.builds(
                "friend {} {}".format,
                st.sampled_from(["add", "accept", "decline", "remove"]),
                st.sampled_from([one for one in others if one != ALICE]),
            ),
            SECOND,
        ),
        said(
            who,
            st.sampled_from(_ABOUT_THEIRS),
            SECOND,
        ),
    )


_GINAS = [
    f"block {ALICE}",
    f"unblock {ALICE}",
    f"privacy set theirs {ALICE} off",
    f"privacy set chats-only {ALICE} on",
    f"privacy set chats-only {ALICE} off",
    "privacy set mine #out off",
    "privacy set window 3d",
    "privacy set strangers on",
    "profile set name Hidden",
    "profile set bio Hidden",
    "privacy set name me",
    "privacy set bio friends except #out",
]
_FOURTHS = [
    f"block {ALICE}",
    f"unblock {ALICE}",
    f"friend decline {ALICE}",
    f"friend remove {ALICE}",
    "privacy set by-id off",
    "privacy set window 3d",
    "profile set name Hidden",
    "profile set hobby Hidden",
]
_FIFTHS = [
    f"post to public except {ALICE} | Hidden",
    f"post to public except {ALICE} | Hidden",
    f"post to {BOB} | Hidden",
    "post Hidden",
    "post to private | Hidden",
    f"friend decline {ALICE}",
    "profile set name Hidden",
    "privacy set by-id off",
    *_KEPT,
]
_hidden = st.one_of(
    *(_hidden_friend(who) for who in FRIENDS),
    _unseen("gina", [BOB, FOURTH, FIFTH], _GINAS),
    _unseen("fourth", [BOB, CAROL, GINA, FIFTH], _FOURTHS),
    said("fifth", st.sampled_from(_FIFTHS), SECOND),
    st.builds(
        Step,
        st.sampled_from(["gina", "fourth"]),
        st.sampled_from(["like {n}", "unlike {n}", "comment {n} Hidden"]),
        st.just(FIRST_OF_BOB),
        st.just(SECOND),
    ),
    st.builds(
        Step,
        st.sampled_from(["gina", "fourth"]),
        st.sampled_from(["vote {n} 1", "vote {n} 2", "unvote {n}"]),
        st.just(POLL_OF_BOB),
        st.just(SECOND),
    ),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    _mine,
    _mine,
    _mine,
    *(_friend(who) for who in FRIENDS),
    _hidden,
    _hidden,
    _hidden,
    _hidden,
    st.sampled_from([Wait(), Wait(4 * DAY)]),
    st.sampled_from([Do(lambda v: v.thrown_out.add("gina")), Do(lambda v: v.thrown_out.discard("gina"))]),
)

# In the end she looks everywhere, and tries what could have been used up; more is hidden in between.
LOOK: list[Event] = [
    Wait(),
    Step("bob", "post to private | Hidden", only=SECOND),
    Step("gina", "post Hidden", only=SECOND),
    Step("fifth", f"post to public except {ALICE} | Hidden", only=SECOND),
    Step(ME, "feed"),
    *(
        Step("fourth", text, FIRST_OF_BOB, only=SECOND)
        for text in ("like {n}", "comment {n} Hidden", "comment {n} Hidden", "unlike {n}")
    ),
    Step("fourth", "vote {n} 1", POLL_OF_BOB, only=SECOND),
    *(Step(ME, text) for text in ("feed", "feed more", "moment 1", "moment 2", "moment 3", "friends", "tags")),
    *(
        Step(ME, f"{what} {who}")
        for who in (BOB, GINA, FOURTH, FIFTH)
        for what in ("profile", "album", "feed more", "view as")
    ),
    *(Step(ME, text) for text in ("feed compact", "feed more", f"album {BOB}", "search first")),
    Step(ME, "privacy"),
    *(Step(ME, f"comment {n} Last") for n in (1, 2, 3)),
    *(Step(ME, f"chat {who}") for who in (BOB, CAROL, GINA, FOURTH, FIFTH)),
    Wait(),
    Step("gina", f"block {ALICE}", only=SECOND),  # who was invited meanwhile
    Wait(),
    Step(ME, "feed"),
    Wait(4 * DAY),
    Step(ME, f"friend add {FOURTH}"),
    Step("fourth", f"friend decline {ALICE}", only=SECOND),
    *(Step(ME, f"friend add {who}") for who in (FIFTH, FOURTH, BOB, CAROL, GINA)),
    Step(ME, f"privacy set mine {GINA} off"),
    *(Step(ME, f"friend remove {who}") for who in (BOB, GINA, FOURTH)),
    *(Step(ME, f"{what} {n}") for n in (1, 2, 3) for what in ("like", "delete")),
    *(Step(ME, f"moment {n} copies") for n in (1, 2, 3)),
    Step(ME, "post Last"),
]
