"""HTTP authentication, with the examples of its RFCs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.operators.authorization import Authorization

URL = "http://www.example.org/dir/index.html"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
PARAMETERS = (
    'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",'
    ' opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
MD5 = f"Digest {PARAMETERS}, algorithm=MD5"
SHA = f"Digest {PARAMETERS}, algorithm=SHA-256"


class DigestTests(SynchronousTestCase):
    def authorization(self, password: str = "Circle of Life") -> Authorization:
        return Authorization("digest", "Mufasa", password, lambda: CNONCE)

    def test_rfc_7616(self) -> None:
        """The example of RFC 7616, section 3.9.1, for both algorithms; of two the stronger one is answered."""
        for challenges, response in (
            ([MD5], "8ca523f5e9506fed4657c9700eebdbec"),
            ([SHA], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ([MD5, SHA], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ([f"{SHA}, {MD5}"], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ):
            authorization = self.authorization()
            self.assertIsNone(authorization.header("GET", URL, b""))
            self.assertTrue(authorization.challenged(challenges))
            header = authorization.header("GET", URL, b"")
            self.assertIn(f'response="{response}"', header)
            self.assertIn('uri="/dir/index.html"', header)

    def test_wrong_password(self) -> None:
        """Refused at once after a fresh nonce: no use asking again. A stale one is worth it."""
        authorization = self.authorization()
        self.assertTrue(authorization.challenged([MD5]))
        authorization.header("GET", URL, b"")
        self.assertFalse(authorization.challenged([MD5]))
        self.assertTrue(authorization.challenged([MD5 + ", stale=true"]))

    def test_nothing_to_answer(self) -> None:
        """Other schemes, unknown algorithms, no challenge at all; and MD5 where SHA-256 was offered before."""
        unknown = MD5.replace("MD5", "MD4")
        for challenges in ([], ["Basic realm=x"], [unknown], ["Digest"], ["\x00", '"'], ["Negotiate"]):
            self.assertFalse(self.authorization().challenged(challenges), challenges)
        authorization = self.authorization()
        authorization.challenged([SHA])
        self.assertFalse(authorization.challenged([MD5]))

    def test_others(self) -> None:
        """RFC 7617, section 2 and 2.1; RFC 6750, section 2.1; and nothing."""
        basic = Authorization("basic", "Aladdin", "open sesame")
        self.assertEqual(basic.header("GET", URL, b""), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        self.assertEqual(Authorization("basic", "test", "123£").header("GET", URL, b""), "Basic dGVzdDoxMjPCow==")
        bearer = Authorization("bearer", "", "mF_9.B5f-4.1JqM")
        self.assertEqual(bearer.header("GET", URL, b""), "Bearer mF_9.B5f-4.1JqM")
        self.assertIsNone(Authorization("none", "a", "b").header("GET", URL, b""))
        self.assertFalse(basic.challenged([MD5]))
