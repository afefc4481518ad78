"""Who gets our credentials within a dialog, and for which requests (RFC 3261, section 22)."""

from __future__ import annotations

from neon.sip.digest import DigestClient
from neon.sip.uac import UacCall
from tests.sip.calls import SDP, WITH_SDP, Ear, WireCase
from tests.sip.messages import OURS, PEER, response_text
from tests.sip.network import Datagram

PROXY = ("127.0.0.7", 5060)
RECORDED = "Record-Route: <sip:127.0.0.7;lr>"
UPDATES = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, INFO, REFER"


def challenge(realm: str = "neon", nonce: str = "one") -> str:
    return f'Proxy-Authenticate: Digest realm="{realm}", nonce="{nonce}", qop="auth", algorithm=MD5'


class CredentialCase(WireCase):
    """Alice, who has an account, has called somebody through PEER; another proxy has put itself into the route."""

    def talk(self, *extra: str) -> tuple[UacCall, Ear]:
        self.alice.digest = DigestClient("1000", "secret", realms=("neon",))
        call, ear = self.alice.call(PEER)
        self.respond(200, *extra, UPDATES, *WITH_SDP, body=SDP)
        ear.heard.clear()
        return call, ear

    def refuse(self, request: Datagram, *extra: str, status: int = 407) -> None:
        """Whoever got the request challenges it."""
        self.network.deliver(response_text(request, status, extra=extra), request.target, OURS)

    def signed(self, method: str) -> list[bool]:
        """For each request of that name, whether it bore credentials."""
        found = {one.header("CSeq"): one for one in self.sent(method)}
        return [one.header("Proxy-Authorization") is not None for one in found.values()]


class EveryRequestTests(CredentialCase):
    def test_methods(self) -> None:
        """INFO, REFER, UPDATE, re-INVITE and BYE are all sent again with credentials when they are challenged."""
        call, ear = self.talk("Session-Expires: 600;refresher=uac")
        call.send_digit("5", 100)
        call.refer("sip:carol@example.org")
        call.hold(True)
        for count, method in enumerate(("INFO", "REFER", "INVITE")):
            self.refuse(self.sent(method)[-1], challenge(nonce=f"nonce{count}"))
            self.assertEqual(self.signed(method)[-1], True, method)
            self.respond(200 if method != "REFER" else 202, *WITH_SDP, body=SDP, request=self.sent(method)[-1])
        self.assertEqual(ear.heard, ["hold answered"])

    def test_refresh_and_end(self) -> None:
        """UPDATE and BYE as well."""
        call, _ = self.talk("Session-Expires: 600;refresher=uac")
        self.wait(301)
        self.refuse(self.sent("UPDATE")[-1], challenge())
        self.assertEqual(self.signed("UPDATE"), [False, True])
        self.respond(200, *WITH_SDP, request=self.sent("UPDATE")[-1])
        call.hang_up()
        self.assertEqual(self.signed("BYE"), [True])
        self.refuse(self.sent("BYE")[-1], challenge(nonce="two"))
        self.assertEqual(self.signed("BYE"), [True, True])


class OtherProxyTests(CredentialCase):
    def test_own_realm(self) -> None:
        """A proxy of the route set that asks for the account's realm gets credentials, then and from then on."""
        call, _ = self.talk(RECORDED)
        call.hold(True)
        hold = self.sent("INVITE")[-1]
        self.assertEqual((hold.target, self.signed("INVITE")), (PROXY, [False, False]))
        self.refuse(hold, challenge())
        self.assertEqual(self.signed("INVITE"), [False, False, True])
        self.respond(200, *WITH_SDP, body=SDP, request=self.sent("INVITE")[-1])
        call.hang_up()
        self.assertEqual(self.signed("BYE"), [True])

    def test_realm_that_the_registrar_asked_for(self) -> None:
        """So does one that asks for the realm that the INVITE was challenged with."""
        self.alice.digest = DigestClient("1000", "secret")
        call, _ = self.alice.call(PEER)
        self.respond(407, challenge("pbx"))
        self.respond(200, RECORDED, *WITH_SDP, body=SDP)
        call.hang_up()
        self.assertEqual(self.signed("BYE"), [False])
        self.refuse(self.sent("BYE")[-1], challenge("pbx", "two"))
        self.assertEqual(self.signed("BYE"), [False, True])

    def test_other_realm(self) -> None:
        """One that asks for anything else gets nothing."""
        call, ear = self.talk(RECORDED)
        call.hold(True)
        self.refuse(self.sent("INVITE")[-1], challenge("elsewhere"))
        self.assertEqual((self.signed("INVITE"), ear.heard), ([False, False], ["hold refused 407"]))

    def test_far_end(self) -> None:
        """The far end itself, reached without a proxy, gets nothing, whatever realm it asks for."""
        self.alice.digest = DigestClient("1000", "secret", realms=("neon",))
        call, _ = self.alice.call(PEER)
        self.respond(200, "Contact: <sip:eve@127.0.0.66>", "Content-Type: application/sdp", body=SDP)
        call.hang_up()
        self.assertEqual(self.sent("BYE")[0].target, ("127.0.0.66", 5060))
        self.refuse(self.sent("BYE")[0], challenge())
        self.assertEqual(self.signed("BYE"), [False])

    def test_somebody_else(self) -> None:
        """A challenge from where the request did not go is not answered."""
        call, _ = self.talk(RECORDED)
        call.hang_up()
        self.respond(407, challenge(), request=self.sent("BYE")[0])
        self.assertEqual(self.signed("BYE"), [False])
