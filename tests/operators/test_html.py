"""HTML of operators: text, structure and links are left, and nothing that runs, loads or hides."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.operators.html import ATTRIBUTES, LONGEST, TAGS, sanitised

ATTACKS = (
    "<script>alert(1)</script>", "<scr<script>ipt>alert(1)</scr</script>ipt>", "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<math><mtext><style><img onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>", "<a href='java\tscript:alert(1)'>x</a>",
    "<a href=' &#106;avascript:x'>x</a>", "<a href='/Command?action=x'>x</a>", "<a href='#x'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "<a href='vbscript:x'>x</a>", "<a href='//evil'>x</a>",
    "<iframe src='https://evil'></iframe>", "<object data=x></object>", "<embed src=x>", "<base href='https://evil/'>",
    "<form action='https://evil'><input name=password><button>", "<meta http-equiv=refresh content='0;url=https://evil'>",
    "<link rel=stylesheet href=x>", "<style>*{background:url(x)}</style>", "<p style='background:url(x)'>x</p>",
    "<div onclick=alert(1) id=x class=y>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>x</script></template>", "<!--><script>alert(1)</script>-->", "<![CDATA[<script>x</script>]]>",
    "<video src=x onerror=alert(1)>", "<audio src=x>", "<table background=x><td background='javascript:x'>",
    "<title><a title='</title><script>x</script>'>", "<textarea><script>x</script>",
    "<xmp><p title='</xmp><img onerror=x>'>",
    "<details open ontoggle=alert(1)>", "<a href='https://x' target=_blank onmouseover=x>y</a>", "\x00<scr\x00ipt>x",
    "<p lang=x title=y>x</p>", "<p>" * 20_000, "<" * 60_000, "&" * 60_000, "<a href='" * 5_000,
)
_TAG = re.compile(r"</?([a-z0-9]+)((?:\s+[a-z-]+=\"[^\"]*\")*)\s*/?>")


class SanitisedTests(SynchronousTestCase):
    def check(self, html: str) -> None:
        clean = sanitised(html)
        rest = _TAG.sub("", clean)
        self.assertNotIn("<", rest, html[:60])
        for name, attributes in _TAG.findall(clean):
            self.assertIn(name, TAGS, html[:60])
            for attribute, value in re.findall(r"([a-z-]+)=\"([^\"]*)\"", attributes):
                self.assertIn(attribute, ATTRIBUTES.get(name, set()) | {"rel"}, html[:60])
                if attribute == "href":
                    self.assertRegex(value, r"(?i)\A\s*(https?|mailto|tel):")

    def test_attacks(self) -> None:
        """Every way in that we know of."""
        for html in ATTACKS:
            self.check(html)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.one_of(st.sampled_from(ATTACKS[:-4]), st.text(max_size=20)), max_size=6))
    def test_mixed(self, parts: list[str]) -> None:
        """And any of them inside of each other."""
        self.check("".join(parts))

    def test_kept(self) -> None:
        """What a welcome needs is left."""
        html = '<h1>Olá</h1><p>Seu número: <b>31</b><br><a href="https://acme.com/ajuda">Ajuda</a></p><ul><li>1</li></ul>'
        wanted = html.replace('/ajuda"', '/ajuda" rel="noopener noreferrer nofollow"')
        self.assertEqual(sanitised(html), wanted)

    def test_long(self) -> None:
        """What is longer than a welcome is cut."""
        self.assertLessEqual(len(sanitised("x" * (LONGEST * 2))), LONGEST)
