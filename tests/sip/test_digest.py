"""Digest authentication: the RFCs' own examples, tolerant reading, client and server behaviour."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sippy.SipAddress import SipAddress
from sippy.SipFrom import SipFrom
from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.challenge import Algorithm, Answer, choose_qop, parse, quote, unescape
from neon.sip.digest import Checked, DigestClient, DigestServer, Verdict

RFC_7616_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
RFC_7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def request(method: str = "REGISTER", uri: str = "sip:example.com") -> SipRequest:
    url = SipURL(uri)
    sender = SipFrom(address=SipAddress(url=SipURL("sip:alice@example.com")))
    sender.setTag("1")
    return SipRequest(method=method, ruri=url, fr0m=sender, cseq=1, target=(("192.0.2.1", 5060), "udp"))


def challenge(*values: str, code: int = 401) -> SipResponse:
    response = request().genResponse(code, "Unauthorized")
    name = "Proxy-Authenticate" if code == 407 else "WWW-Authenticate"
    for value in values:
        response.appendHeader(SipHeader(f"{name}: {value}"))
    return SipResponse(str(response))


def credentials(authorized: SipRequest, name: str = "authorization") -> list[dict[str, str]]:
    """What the far end reads from the wire."""
    again = SipRequest(str(authorized))
    return [one.parameters for header in again.getHFs(name) for one in parse(header.body.body)]


class ArithmeticTests(SynchronousTestCase):
    def test_rfc_2617(self) -> None:
        """RFC 2617, section 3.5."""
        answer = Answer(
            Algorithm.MD5, "Mufasa", "testrealm@host.com", "Circle Of Life", "GET", "/dir/index.html",
            "dcd98b7102dd2f0e8b11d0f600bfb0c093", "auth", "0a4f113b",
        )  # fmt: skip
        self.assertEqual(answer.response, "6629fae49393a05397450978507c4ef1")

    def test_rfc_7616_md5_and_sha_256(self) -> None:
        """RFC 7616, section 3.9.1, both algorithms."""
        for algorithm, expected in (
            (Algorithm.MD5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm.SHA_256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ):
            answer = Answer(
                algorithm, "Mufasa", "http-auth@example.org", "Circle of Life", "GET", "/dir/index.html",
                RFC_7616_NONCE, "auth", RFC_7616_CNONCE,
            )  # fmt: skip
            self.assertEqual(answer.response, expected)

    def test_rfc_7616_sha_512_256(self) -> None:
        """RFC 7616, section 3.9.2, with the value of erratum 4897 (the RFC printed a draft's hash)."""
        answer = Answer(
            Algorithm.SHA_512_256, "Jäsøn Doe", "api@example.org", "Secret, or not?", "GET", "/doe.json",
            "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "auth", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        )  # fmt: skip
        self.assertEqual(answer.response, "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5")

    def test_session_algorithms_depend_on_the_cnonce(self) -> None:
        """MD5-sess mixes nonce and cnonce into A1 (RFC 7616, section 3.4.2), written out here step by step."""
        md5 = Algorithm.MD5.digest
        a1 = md5(md5("u", "r", "p"), "n", "c")
        expected = md5(a1, "n", "00000001", "c", "auth", md5("REGISTER", "sip:x"))
        answer = Answer(Algorithm.MD5_SESS, "u", "r", "p", "REGISTER", "sip:x", "n", "auth", "c")
        self.assertEqual(answer.response, expected)

    def test_auth_int_covers_the_body(self) -> None:
        """With auth-int another body makes another response (RFC 7616, section 3.4.3)."""

        def of(body: str) -> str:
            return Answer(Algorithm.MD5, "u", "r", "p", "INVITE", "sip:x", "n", "auth-int", "c", body=body).response

        md5 = Algorithm.MD5.digest
        a2 = md5("INVITE", "sip:x", md5("v=0"))
        self.assertEqual(of("v=0"), md5(md5("u", "r", "p"), "n", "00000001", "c", "auth-int", a2))
        self.assertNotEqual(of("v=0"), of("v=1"))


class ParserTests(SynchronousTestCase):
    def test_several_challenges_in_one_header(self) -> None:
        """Commas separate parameters and challenges alike; a quoted comma separates nothing."""
        found = parse('Digest realm="a, b", nonce="1", Basic realm="x",Digest realm="c",nonce="2",qop="auth,auth-int"')
        self.assertEqual([one.scheme for one in found], ["digest", "basic", "digest"])
        self.assertEqual(found[0].parameters, {"realm": "a, b", "nonce": "1"})
        self.assertEqual(found[2].get("qop"), "auth,auth-int")

    def test_sloppy_spellings(self) -> None:
        """Missing commas, bare lists, spaces around the equals sign, any case of names: all read."""
        found = parse('DIGEST Realm = "r" NONCE="n" qop=auth,auth-int, Algorithm=md5, x-new=7')
        self.assertEqual(len(found), 1)
        self.assertEqual(
            found[0].parameters,
            {"realm": "r", "nonce": "n", "qop": "auth,auth-int", "algorithm": "md5", "x-new": "7"},
        )

    def test_unterminated_quote_ends_with_the_line(self) -> None:
        """A missing closing quote takes the rest of the line and nothing else."""
        self.assertEqual(parse('Digest nonce="abc, d')[0].get("nonce"), "abc, d")

    def test_escapes_stay_as_written(self) -> None:
        """Escapes are kept for hashing and echoing; L{unescape} is the inverse of L{quote}."""
        self.assertEqual(parse(r'Digest realm="a\"b"')[0].get("realm"), r"a\"b")
        self.assertEqual(unescape(quote('a"\\b')[1:-1]), 'a"\\b')

    def test_overlong_text_is_not_read(self) -> None:
        """More than 8 KiB is nothing."""
        self.assertEqual(parse("Digest realm=" + "x" * 9000), [])

    @given(st.text(alphabet='Digest abc=",\\\t\x00é;', max_size=200))
    def test_anything_is_survived(self, text: str) -> None:
        """No text makes the parser raise or hang."""
        for one in parse(text):
            self.assertEqual(one.scheme, one.scheme.lower())

    def test_qop_choice(self) -> None:
        """auth before auth-int, none where none is offered, unusable where only unknown ones are."""
        self.assertEqual(choose_qop("auth-int, AUTH"), (True, "auth"))
        self.assertEqual(choose_qop("auth-int"), (True, "auth-int"))
        self.assertEqual(choose_qop(None), (True, None))
        self.assertEqual(choose_qop("auth-conf"), (False, None))


class ClientTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client = DigestClient("alice", "secret", make_cnonce=lambda: "c0ffee")

    def authorized(self, method: str = "REGISTER") -> SipRequest:
        fresh = request(method)
        self.client.authorize(fresh)
        return fresh

    def test_strongest_algorithm_wins(self) -> None:
        """Of the challenges of one realm the strongest is answered, whatever their order."""
        self.assertTrue(
            self.client.challenged(
                challenge(
                    'Digest realm="r",nonce="n1",algorithm=MD5,qop="auth"',
                    'Digest realm="r",nonce="n2",algorithm=SHA-256,qop="auth"',
                    'Digest realm="r",nonce="n3",algorithm=SHA-512-256,qop="auth",opaque="o"',
                )
            )
        )
        (sent,) = credentials(self.authorized())
        self.assertEqual((sent["nonce"], sent["algorithm"], sent["opaque"]), ("n3", "SHA-512-256", "o"))
        expected = Answer(
            Algorithm.SHA_512_256, "alice", "r", "secret", "REGISTER", "sip:example.com", "n3", "auth", "c0ffee"
        )
        self.assertEqual(sent["response"], expected.response)

    def test_nc_counts_per_nonce(self) -> None:
        """Every request under one nonce has the next nc; a new nonce starts again at one."""
        self.client.challenged(challenge('Digest realm="r",nonce="n1",qop="auth"'))
        counted = [credentials(self.authorized())[0]["nc"] for _ in range(3)]
        self.assertEqual(counted, ["00000001", "00000002", "00000003"])
        self.client.challenged(challenge('Digest realm="r",nonce="n2",qop="auth",stale=true'))
        self.assertEqual(credentials(self.authorized())[0]["nc"], "00000001")

    def test_refused_credentials_are_not_sent_again(self) -> None:
        """A second challenge right after our credentials means that they are wrong."""
        self.assertTrue(self.client.challenged(challenge('Digest realm="r",nonce="n1",qop="auth"')))
        self.authorized()
        self.assertFalse(self.client.challenged(challenge('Digest realm="r",nonce="n2",qop="auth"')))

    def test_old_nonce_is_replaced_without_stale(self) -> None:
        """A nonce that had been accepted and is refused later has expired, even if the server forgets to say so."""
        self.client.challenged(challenge('Digest realm="r",nonce="n1",qop="auth"'))
        self.authorized()
        self.authorized()
        self.assertTrue(self.client.challenged(challenge('Digest realm="r",nonce="n2",qop="auth"')))
        self.assertEqual(credentials(self.authorized())[0]["nonce"], "n2")

    def test_stale_for_ever_is_not_believed(self) -> None:
        """A server that calls every fresh nonce stale does not get a loop."""
        tries = 0
        while self.client.challenged(challenge(f'Digest realm="r",nonce="n{tries}",qop="auth",stale=TRUE')):
            self.authorized()
            tries += 1
            self.assertLess(tries, 10)
        self.assertEqual(tries, 3)

    def test_downgrade_is_refused(self) -> None:
        """Once a realm has offered SHA-256, its MD5 challenge is not answered, unless the setting allows it."""
        for refuse, worth in ((True, False), (False, True)):
            self.client = DigestClient("alice", "secret", refuse_downgrade=refuse)
            self.client.challenged(challenge('Digest realm="r",nonce="n1",algorithm=SHA-256,qop="auth"'))
            self.authorized()
            self.authorized()
            weaker = challenge('Digest realm="r",nonce="n2",algorithm=MD5,qop="auth",stale=true')
            self.assertEqual(self.client.challenged(weaker), worth)

    def test_downgrade_inside_one_answer_is_no_choice(self) -> None:
        """MD5 beside SHA-256 of the same realm is passed over even when it comes first."""
        self.client.challenged(
            challenge('Digest realm="r",nonce="n1",qop=auth, Digest realm="r",nonce="n2",algorithm=sha-256,qop=auth')
        )
        self.assertEqual(credentials(self.authorized())[0]["nonce"], "n2")

    def test_proxy_and_registrar_both_answered(self) -> None:
        """407 of a proxy and 401 of the server behind it are answered together, each in its own header."""
        self.assertTrue(self.client.challenged(challenge('Digest realm="p",nonce="n1",qop="auth"', code=407)))
        self.authorized()
        self.assertTrue(self.client.challenged(challenge('Digest realm="s",nonce="n2",qop="auth"')))
        sent = self.authorized("INVITE")
        self.assertEqual([one["realm"] for one in credentials(sent, "proxy-authorization")], ["p"])
        self.assertEqual([one["realm"] for one in credentials(sent)], ["s"])

    def test_without_qop_there_is_no_nc(self) -> None:
        """A challenge of RFC 2069's kind gets an answer of that kind."""
        self.client.challenged(challenge('Digest realm="r", nonce="n"'))
        (sent,) = credentials(self.authorized())
        self.assertFalse({"qop", "nc", "cnonce"} & set(sent))
        expected = Answer(Algorithm.MD5, "alice", "r", "secret", "REGISTER", "sip:example.com", "n")
        self.assertEqual(sent["response"], expected.response)

    def test_unusable_challenges(self) -> None:
        """Unknown schemes, algorithms and qop, missing realm or nonce, -sess without qop: not worth a request."""
        for text in (
            'Basic realm="r"',
            'Digest realm="r",nonce="n",algorithm=SHA-1',
            'Digest realm="r",nonce="n",qop="auth-conf"',
            'Digest nonce="n"',
            'Digest realm="r"',
            'Digest realm="r",nonce="n",algorithm=MD5-sess',
            "",
        ):
            self.assertFalse(self.client.challenged(challenge(text)), text)
        self.assertEqual(credentials(self.authorized()), [])

    def test_realms_are_bounded(self) -> None:
        """A server that invents realms does not collect credentials for all of them."""
        worth = [self.client.challenged(challenge(f'Digest realm="{n}",nonce="n",qop="auth"')) for n in range(8)]
        self.assertEqual(worth.count(True), 4)

    def test_ack_and_cancel_are_left_alone(self) -> None:
        """An ACK repeats its INVITE's credentials and a CANCEL has none: the nonce count does not move."""
        self.client.challenged(challenge('Digest realm="r",nonce="n",qop="auth"'))
        self.assertEqual(credentials(self.authorized("ACK")), [])
        self.assertEqual(credentials(self.authorized("INVITE"))[0]["nc"], "00000001")


class ServerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.server = DigestServer("neon", {"alice": "secret"}.get, self.clock, nonce_lifetime=60, maximum_nonces=2)
        self.client = DigestClient("alice", "secret")

    def challenge_client(self, client: DigestClient | None = None, *, stale: bool = False) -> bool:
        response = request().genResponse(401, "Unauthorized")
        self.server.challenge(response, stale=stale)
        return (client or self.client).challenged(SipResponse(str(response)))

    def send(self, client: DigestClient | None = None, uri: str = "sip:example.com") -> SipRequest:
        fresh = request(uri=uri)
        (client or self.client).authorize(fresh)
        return SipRequest(str(fresh))

    def test_good_credentials(self) -> None:
        """Our client satisfies our server, request after request."""
        self.assertEqual(self.server.verify(self.send()), Checked(Verdict.ABSENT))
        self.challenge_client()
        for _ in range(3):
            self.assertEqual(self.server.verify(self.send()), Checked(Verdict.ACCEPTED, "alice"))

    def test_every_algorithm_offered_is_accepted(self) -> None:
        """Whichever of the offered algorithms a client picks, it gets in."""
        for algorithm in Algorithm:
            self.server = DigestServer("neon", {"alice": "secret"}.get, self.clock, algorithms=[algorithm])
            client = DigestClient("alice", "secret")
            self.challenge_client(client)
            self.assertEqual(self.server.verify(self.send(client)).verdict, Verdict.ACCEPTED, algorithm)

    def test_wrong_password_and_unknown_user(self) -> None:
        """Both are refused, alike."""
        for client in (DigestClient("alice", "guess"), DigestClient("bob", "secret")):
            self.challenge_client(client)
            self.assertEqual(self.server.verify(self.send(client)), Checked(Verdict.REFUSED))

    def test_replayed_nc(self) -> None:
        """The same credentials a second time are not accepted."""
        self.challenge_client()
        sent = self.send()
        self.assertEqual(self.server.verify(sent).verdict, Verdict.ACCEPTED)
        self.assertEqual(self.server.verify(sent).verdict, Verdict.STALE)

    def test_credentials_for_another_target(self) -> None:
        """Credentials made for one Request-URI do not open another."""
        self.challenge_client()
        good = self.send()
        other = SipRequest(str(good).replace("REGISTER sip:example.com", "REGISTER sip:600@example.com"))
        self.assertEqual(self.server.verify(other).verdict, Verdict.REFUSED)

    def test_expired_nonce_is_stale(self) -> None:
        """After its lifetime a nonce is stale, and the client goes on with the new one without asking anybody."""
        self.challenge_client()
        self.assertEqual(self.server.verify(self.send()).verdict, Verdict.ACCEPTED)
        self.clock.advance(61)
        self.assertEqual(self.server.verify(self.send()).verdict, Verdict.STALE)
        self.assertTrue(self.challenge_client(stale=True))
        self.assertEqual(self.server.verify(self.send()).verdict, Verdict.ACCEPTED)

    def test_forged_nonce_is_stale(self) -> None:
        """A nonce that this server did not sign is never accepted."""
        self.client.challenged(challenge('Digest realm="neon",nonce="' + "0" * 64 + '",algorithm=MD5,qop="auth"'))
        self.assertEqual(self.server.verify(self.send()).verdict, Verdict.STALE)

    def test_memory_is_bounded_and_forgetting_opens_nothing(self) -> None:
        """When nonces have to be forgotten, a replay under a forgotten one is still refused."""
        self.challenge_client()
        old = self.send()
        self.assertEqual(self.server.verify(old).verdict, Verdict.ACCEPTED)
        for _ in range(3):
            self.clock.advance(1)
            client = DigestClient("alice", "secret")
            self.challenge_client(client)
            self.assertEqual(self.server.verify(self.send(client)).verdict, Verdict.ACCEPTED)
        self.assertEqual(self.server.verify(old).verdict, Verdict.STALE)

    def test_junk_credentials(self) -> None:
        """Whatever stands in the header, the answer is a verdict."""
        foreign = 'Digest realm="neon",nonce="é",response="é",nc=zz,qop=auth'
        for text in ('Digest username="alice"', "Digest", foreign, ""):
            junk = request()
            junk.appendHeader(SipHeader(name="authorization", bodys=text))
            self.assertNotEqual(self.server.verify(junk).verdict, Verdict.ACCEPTED, text)

    def test_old_style_credentials_serve_once(self) -> None:
        """Without qop there is no nc to count, so the nonce is good for one request."""
        response = request().genResponse(401, "Unauthorized")
        self.server.challenge(response)
        text = str(response).replace(', qop="auth"', "").replace("algorithm=SHA-", "algorithm=X-")
        self.client.challenged(SipResponse(text))
        sent = self.send()
        self.assertNotIn("nc=", str(sent))
        self.assertEqual(self.server.verify(sent).verdict, Verdict.ACCEPTED)
        self.assertEqual(self.server.verify(self.send()).verdict, Verdict.STALE)
