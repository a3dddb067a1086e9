"""What leaves for a client: the whole text in the body, safe HTML, bounded size."""

import json

from bridge.chat.catalogue import Catalogue
from bridge.chat.render import MAX_CONTENT, relate, render
from bridge.chat.reply import Button, Lines, Message, Picture, Text, Written
from bridge.ids import EventId

CATALOGUE = Catalogue(
    {
        "en": [
            (
                "t.ftl",
                "plain = Hello { $name }\nbold = **{ $name }** says `help`\ninner = [{ $text }]\n"
                "two =\n    one\n    two\n",
            )
        ]
    },
    strict=True,
)
A, B = EventId("$a"), EventId("$b")


def show(*blocks: Text | Written | Lines, picture: Picture | None = None) -> dict[str, object]:
    return render(Message(blocks, picture=picture), "en", "UTC", CATALOGUE)


def test_a_plain_text_has_no_html_and_pings_nobody() -> None:
    assert show(Text("plain", {"name": "a < b"})) == {"msgtype": "m.text", "body": "Hello a < b", "m.mentions": {}}
    assert show(Text("two"))["body"] == "one\ntwo"
    assert "formatted_body" not in show(Lines((Text("two"), Text("two"))))


def test_marks_work_in_texts_and_never_in_arguments() -> None:
    content = show(Text("bold", {"name": "**x** `y` <b>z</b>"}))
    assert content["body"] == "**x** `y` <b>z</b> says `help`"
    assert content["formatted_body"] == ("<strong>**x** `y` &lt;b&gt;z&lt;/b&gt;</strong> says <code>help</code>")
    nested = show(Text("inner", {"text": Text("bold", {"name": "`<i>`"})}))
    assert nested["formatted_body"] == "[<strong>`&lt;i&gt;`</strong> says <code>help</code>]"
    tokens = show(Text("bold", {"name": "\ue0000\ue001"}))
    assert tokens["body"] == "\ue0000\ue001 says `help`"


def test_a_persons_text_is_quoted_beside_lines_of_the_bot() -> None:
    content = show(Text("plain", {"name": "bob"}), Written("hi *you*\n\nHello admin"), Text("two"))
    assert content["body"] == "Hello bob\n\nhi *you*\n\nHello admin\n\none\ntwo"
    assert content["formatted_body"] == (
        "<p>Hello bob</p><blockquote><p>hi <em>you</em></p>\n<p>Hello admin</p></blockquote><p>one<br>two</p>"
    )


def test_html_pictures_and_bad_links_of_a_person_do_nothing() -> None:
    html = str(
        show(
            Written(
                "<script>alert(1)</script><img src=x> ![i](https://x.example/i.png) [j](javascript:alert(1)) "
                "[d](data:text/html,x) [ok](https://x.example) **b**\n[ref]: https://x.example"
            )
        )["formatted_body"]
    )
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert '<a href="https://x.example">ok</a>' in html
    assert "[ref]: https://x.example" in html


def test_huge_and_deep_texts_stay_small_and_whole_json() -> None:
    for text in ("x" * 65_536, "中" * 65_536, "😀" * 30_000, ">" * 10_000, "> " * 10_000, "<" * 65_536, '"' * 65_536):
        content = show(Text("bold", {"name": text}), Written(text))
        full = relate(content, A, B)
        assert len(json.dumps(full)) <= MAX_CONTENT + 400
        edit = relate(content, replaces=A)
        assert len(json.dumps(edit)) * 4 / 3 < 62_000
        assert str(content["body"]).strip()
        assert json.loads(json.dumps(full)) == full
    long = show(Written("x" * 65_536))
    assert "formatted_body" not in long
    assert str(long["body"]).endswith("x…")


def test_buttons_stand_beside_the_text_and_once_in_an_edit() -> None:
    shown = Message((Text("two"),), buttons=(Button("Tea\n\u202e<b>", "t1"), Button("😀" * 80, "t2")))
    content = render(shown, "en", "UTC", CATALOGUE)
    choices = [{"label": "Tea <b>", "token": "t1"}, {"label": "😀" * 80, "token": "t2"}]
    assert content["chat.courtyard.choices"] == {"v": 1, "choices": choices}
    edit = relate(content, replaces=A)
    assert edit["m.new_content"]["chat.courtyard.choices"] == content["chat.courtyard.choices"]
    assert "chat.courtyard.choices" not in edit
    most = Message((Written("中" * 65_536),), buttons=tuple(Button("😀" * 80, "x" * 22) for _ in range(12)))
    full = render(most, "en", "UTC", CATALOGUE)
    assert len(full["chat.courtyard.choices"]["choices"]) == 12
    assert len(json.dumps(relate(full, replaces=A))) * 4 / 3 < 62_000


def test_a_picture_has_its_caption_in_the_body() -> None:
    picture = Picture({"url": "mxc://x/y", "v": "v2"}, {"w": 1}, "picture.png")
    content = show(Text("bold", {"name": "bob"}), picture=picture)
    assert content["msgtype"] == "m.image"
    assert content["filename"] == "picture.png"
    assert content["body"] == "bob says `help`"
    assert content["file"] == {"url": "mxc://x/y", "v": "v2"}
    assert content["info"] == {"w": 1}
    assert show(picture=picture)["body"] == "picture.png"


def test_relations() -> None:
    content = {"msgtype": "m.text", "body": "x", "format": "f", "formatted_body": "<b>x</b>", "m.mentions": {}}
    assert relate(content) == content
    assert relate(content, A)["m.relates_to"] == {"m.in_reply_to": {"event_id": A}}
    assert relate(content, A, B)["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": B,
        "is_falling_back": False,
        "m.in_reply_to": {"event_id": A},
    }
    assert relate(content, None, B)["m.relates_to"]["is_falling_back"] is True
    edit = relate(relate(content, A, B), A, B, replaces=B)
    assert edit["m.relates_to"] == {"rel_type": "m.replace", "event_id": B}
    assert edit["m.new_content"] == content
    assert edit["body"] == "* x"
    assert edit["m.mentions"] == {}
    assert "formatted_body" not in edit
