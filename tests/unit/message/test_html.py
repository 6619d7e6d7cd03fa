"""HTML: visible text, links, images, hidden elements."""

from __future__ import annotations

import pytest

from filter_engine.message.css import Sheet, parse_colour, parse_declarations
from filter_engine.message.html import parse_html


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("text <b>bold</b>  and   <i>it</i>&nbsp;x&amp;y &lt;z&gt;", "text bold and it x&y <z>\n"),
        ("<p>one<br>two</p><p>three</p>", "one\ntwo\nthree\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b \nc \n"),
        ("<head><title>t</title><style>p{}</style></head><script>s</script>b", "b\n"),
        ("<a href=x>l <img alt='a picture' src=y></a>z", "l a picture z\n"),
        ("<div style='display:none'>aa<p>bb</p></div>cc", "cc\n"),
        ("<div style='font-size:0'>aa<span style='font-size:12px'>bb</span></div>", "bb\n"),
        ("<font color=white>aa</font>bb", "bb\n"),
        ("<body bgcolor=black><font color=#fff>aa</font><font color=#010101>bb</font>", "aa\n"),
        ("<span style='opacity:0'>a</span><span hidden>b</span>c", "c\n"),
        ("", ""),
    ],
)
def test_visible_text(source: str, text: str) -> None:
    assert parse_html(source).text == text


def test_links_and_images() -> None:
    content = parse_html(
        "<base href='http://base.com/'><a href='http://a.com/'>text <img src='cid:1' width=300 "
        "style='height: 100px'></a><form action='http://f.com/'></form>"
        "<iframe src=//i.com></iframe>"
        "<link rel=stylesheet href='http://c.com/x.css'><meta http-equiv=refresh "
        "content='3; url=http://m.com/'><img src='data:image/gif;base64,R0lGODlhFwAcAA=='>"
    )
    assert [(link.tag, link.target, link.text) for link in content.links] == [
        ("a", "http://a.com/", "text"),
        ("form", "http://f.com/", None),
        ("iframe", "//i.com", None),
        ("link", "http://c.com/x.css", None),
    ]
    assert [(i.source[:5], i.width, i.height, i.in_link) for i in content.images] == [
        ("cid:1", 300, 100, True),
        ("data:", 23, 28, False),
    ]
    assert (content.base, content.refresh) == ("http://base.com/", "http://m.com/")
    assert content.images[0].content_id == "1"
    assert content.images[0].embedded
    assert (content.has_data_urls, content.forms) == (True, 1)


@pytest.mark.parametrize("end", ["</iframe>", "</IFRAME >", ""])
def test_what_stands_in_a_frame_is_read_as_any_other_markup(end: str) -> None:
    """Rspamd's ``mime urls`` and ``mime extract`` show link and text, the script not."""
    content = parse_html(
        "<p>hello</p><IFrame src=http://f.com/><p>at <a href='http://a.com/'>our shop</a>"
        f"<script>var a = 1</script></p>{end}"
    )
    assert content.text == "hello\nat our shop\n"
    assert [(link.tag, link.target) for link in content.links] == [
        ("iframe", "http://f.com/"),
        ("a", "http://a.com/"),
    ]
    assert "iframe" in content.tags


@pytest.mark.parametrize(
    ("source", "hidden"),
    [
        ("<p style='display:none'>aa</p>", [("p", 2, False, False)]),
        ("<p style='DISPLAY: NONE !important'>aa</p>", [("p", 2, False, False)]),
        ("<div style='visibility:hidden'>a<b>b</b></div>", []),
        ("<td style='font-size:0.4px'>x</td>", []),
        ("<span style='font-size:0px'>aa</span>", [("span", 2, False, True)]),
        ("<font color=#fefefe>abc</font>", [("font", 3, True, False)]),
        ("<p style='color:rgba(0,0,0,0)'>a</p>", [("p", 1, True, False)]),
        ("<table bgcolor=red><tr><td><font color=white>a</font></table>", []),
        ("<style>.h,#i{display:none}</style><p class='a h'>a</p><p id=i>b</p><p>c</p>", [
            ("p", 1, False, False), ("p", 1, False, False)]),
        ("<p>all seen</p>", []),
    ],
)  # fmt: skip
def test_hidden(source: str, hidden: list[tuple[str, int, bool, bool]]) -> None:
    found = parse_html(source).hidden
    assert [(i.tag, i.length, i.transparent, i.zero_size) for i in found] == hidden


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("White", (255, 255, 255, 1.0)),
        ("#f00", (255, 0, 0, 1.0)),
        ("00ff00", (0, 255, 0, 1.0)),
        ("rgb(1, 2,3)", (1, 2, 3, 1.0)),
        ("rgb(100% 0% 0% / 50%)", (255, 0, 0, 0.5)),
        ("hsl(0,0%,100%)", (255, 255, 255, 1.0)),
        ("transparent", (0, 0, 0, 0.0)),
        ("#12", None),
        ("rgb(", None),
        ("no colour", None),
    ],
)
def test_colours(text: str, colour: tuple[int, int, int, float] | None) -> None:
    assert parse_colour(text) == colour


def test_declarations() -> None:
    style = parse_declarations("color:red; background: url(x) #fff; font: 700 10pt Arial; x")
    assert style.colour == (255, 0, 0, 1.0)
    assert style.background == (255, 255, 255, 1.0)
    assert style.font_size == pytest.approx(10 * 4 / 3)
    assert style.hidden is None
    assert parse_declarations("margin:0") == parse_declarations("")


def test_more_particular_rules_win() -> None:
    sheet = Sheet()
    sheet.add("p{color:red} /* p{color:green} */ .a{color:blue} p.a{color:white} #i{color:black}")
    assert sheet.style_of("p", None, None).colour == (255, 0, 0, 1.0)
    assert sheet.style_of("b", "a", None).colour == (0, 0, 255, 1.0)
    assert sheet.style_of("p", "x a", None).colour == (255, 255, 255, 1.0)
    assert sheet.style_of("p", "a", "i").colour == (0, 0, 0, 1.0)
