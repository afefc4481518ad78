"""The calls of one endpoint: routes requests to their dialogs, takes new ones in, makes calls. Knows no accounts.

The phone's agent and the testbed stand on it. What it needs from them is one function that takes or refuses an
incoming call; what they may add is a look at requests out of dialog that it would refuse (REGISTER).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.internet.defer import Deferred

from neon.ports import CallListener, SignallingCall, Timer
from neon.sip import extensions, messages, replaces, sdp
from neon.sip.answerer import refusal_of
from neon.sip.digest import DigestClient
from neon.sip.relocation import ContactOf
from neon.sip.session import Session
from neon.sip.stack import CallSettings, ServerTransaction, Stack
from neon.sip.uac import Caller, UacCall
from neon.sip.uas import UasCall, unacceptable
from neon.srtp import SrtpPolicy
from neon.values import NO_OPTIONS, AccountOptions, Codec, Destination, LocalMedia

LINGER = 32.0
"""Seconds (64*T1) that a call is remembered after its end: for late 2xx of other forks, and merged requests."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An INVITE as it asks to be taken: plain values, checked.

    C{user} is the Request-URI's user part, C{called} the To header's URI, C{caller} the From header's: both bare.
    C{request} is for whoever wants to know more. C{replaced} is the call of ours whose place it wants (RFC 3891).
    """

    user: str
    domain: str
    called: str
    called_user: str
    caller: str
    display_name: str | None
    source: Destination
    request: SipRequest = field(repr=False)
    replaced: SignallingCall | None = None


Taken: TypeAlias = tuple[CallListener, LocalMedia] | int | None
TakeCall: TypeAlias = Callable[[Invitation, SignallingCall], Taken]
"""Says who listens to an incoming call and which media it has, or with which status it is refused.

None: whoever was asked has answered it already.
"""


@dataclass(frozen=True, slots=True)
class Callee:
    """Who is called: the Contact of our responses, and what our requests in the dialog are signed with.

    C{options}: what it wants otherwise than the settings say.
    """

    contact: SipURL
    digest: DigestClient | None = None
    options: AccountOptions = NO_OPTIONS


CalleeFor: TypeAlias = Callable[[Invitation], Callee]

HandleOther: TypeAlias = Callable[[SipRequest, ServerTransaction], bool]
"""Looks at a request out of dialog other than INVITE; True if it was answered."""

_ALL_CODECS: Final = tuple(Codec)

_MergeKey: TypeAlias = tuple[str, str | None, int]


class UserAgent:
    """Every call of one endpoint, from its INVITE until nothing of it is left.

    Give L{receive} to the endpoint as its C{on_request}, L{stray} as its C{on_stray_response} and L{knows} as its
    C{knows_dialog}. C{callee_for} says as whom we answer an invitation (by default as the called user at our address);
    C{handle_other} may answer requests out of dialog.
    """

    def __init__(
        self,
        stack: Stack,
        take_call: TakeCall,
        *,
        callee_for: CalleeFor | None = None,
        handle_other: HandleOther | None = None,
    ) -> None:
        self._stack = stack
        self._take_call = take_call
        self._callee_for = callee_for or self._plain_callee
        self._handle_other = handle_other
        self._sessions: dict[tuple[str, str], Session] = {}
        self._live: set[Session] = set()
        self._call_ids: dict[str, int] = {}
        self._merge: set[_MergeKey] = set()
        self._to_forget: deque[tuple[float, Callable[[], None]]] = deque()
        self._sweeper: Timer | None = None
        self._stopping: list[Deferred[None]] | None = None

    @property
    def live_calls(self) -> int:
        """How many calls have not ended on the network."""
        return len(self._live)

    @property
    def remembered_calls(self) -> int:
        """How many are in the table, the lately ended ones included."""
        return len(self._sessions)

    def knows(self, call_id: str) -> bool:
        """Whether a Call-ID belongs to a call of ours."""
        return call_id in self._call_ids

    # Calls that we make

    def call(self, caller: Caller, target: SipURL, media: LocalMedia, listener: CallListener) -> UacCall:
        """Call C{target}; what happens is heard by the listener, later."""
        call = UacCall(self._stack.of_account(caller.options), caller, target, media, listener, self._over)
        self._remember(call)
        call.start()
        return call

    def relocate(self, contact_of: ContactOf) -> None:
        """Our address may have changed: every far end that knows another one is told."""
        for session in list(self._live):
            session.relocate(contact_of)

    # Requests

    def receive(self, request: SipRequest, transaction: ServerTransaction) -> None:
        """Serve a request: every one gets exactly one final response, at once or from its call later."""
        tag = messages.tag_of(request, "to")
        if tag is not None:
            session = self._sessions.get((messages.call_id_of(request), tag))
            if session is None or session.over:
                transaction.respond(messages.build_response(request, 481))
            else:
                session.receive(request, transaction)
        elif request.getMethod() == "INVITE":
            self._invited(request, transaction)
        elif self._handle_other is None or not self._handle_other(request, transaction):
            transaction.respond(answer_out_of_dialog(request, self._stack.settings))

    def _invited(self, request: SipRequest, transaction: ServerTransaction) -> None:
        key = (messages.call_id_of(request), messages.tag_of(request, "from"), messages.cseq_of(request))
        if key in self._merge:
            # The same request by another way (RFC 3261, section 8.2.2.2).
            transaction.respond(messages.build_response(request, 482, reason="Loop Detected (merged request)"))
            return
        if self._stopping is not None:
            transaction.respond(messages.build_response(request, 480))
            return
        if len(self._live) >= self._stack.settings.max_calls:
            transaction.respond(messages.build_response(request, 486))
            return
        try:
            body = messages.description_of(request)
            offer = None if body is None else sdp.parse(body)
            if offer is not None:
                sdp.find_audio(offer, _ALL_CODECS, SrtpPolicy.OPTIONAL)
        except sdp.SdpError as error:
            transaction.respond(refusal_of(request, error))
            return
        replaced = replaces.find(request, lambda call_id, tag: self._sessions.get((call_id, tag)))
        if isinstance(replaced, int):
            transaction.respond(messages.build_response(request, replaced))
            return
        place = replaced if isinstance(replaced, (UacCall, UasCall)) else None
        invitation = read_invitation(request, transaction.source, place)
        try:
            callee = self._callee_for(invitation)
            stack = self._stack.of_account(callee.options)
            refusal = unacceptable(request, stack.settings)
            if refusal is not None:
                transaction.respond(refusal)
                return
            if offer is not None and stack.settings.srtp is not SrtpPolicy.OPTIONAL:
                # Nobody is rung up for a call that must not be.
                sdp.find_audio(offer, _ALL_CODECS, stack.settings.srtp)
            call = UasCall(stack, request, transaction, callee.contact, self._over, digest=callee.digest)
        except sdp.SdpError as error:
            transaction.respond(refusal_of(request, error))
            return
        except ValueError as error:
            transaction.respond(messages.build_response(request, 400, reason=f"Bad Request ({error})"))
            return
        self._remember(call)
        self._merge.add(key)
        self._later(partial(self._merge.discard, key))
        try:
            taken = self._take_call(invitation, call)
        except Exception:
            call.reject(500)
            raise
        if isinstance(taken, int):
            call.reject(taken)
        elif taken is not None:
            call.take(*taken)
        if transaction.silent:
            # Needed only where nothing better is said at once (RFC 3261, section 17.2.1): mostly it rings by now.
            transaction.respond(messages.build_response(request, 100))

    def _plain_callee(self, invitation: Invitation) -> Callee:
        local = self._stack.endpoint.local_address(invitation.source)
        return Callee(messages.contact_url(invitation.user or None, local))

    def stray(self, response: SipResponse, source: Destination) -> None:
        """A 2xx to an INVITE that belongs to no transaction: its call, if we still know it, ACKs it."""
        tag = messages.tag_of(response, "from")
        session = self._sessions.get((messages.call_id_of(response), tag or ""))
        if session is not None:
            session.stray(response)

    # The table

    def _remember(self, session: Session) -> None:
        self._sessions[session.call_id, session.local_tag] = session
        self._call_ids[session.call_id] = self._call_ids.get(session.call_id, 0) + 1
        self._live.add(session)

    def _over(self, session: Session) -> None:
        self._live.discard(session)
        self._later(partial(self._forget, session))
        self._check_stopped()

    def _forget(self, session: Session) -> None:
        self._sessions.pop((session.call_id, session.local_tag), None)
        self._call_ids[session.call_id] -= 1
        if not self._call_ids[session.call_id]:
            del self._call_ids[session.call_id]
        session.forget()

    def _later(self, forget: Callable[[], None]) -> None:
        """Do this when L{LINGER} is over; one timer serves all, however many calls there are."""
        self._to_forget.append((self._stack.clock.seconds() + LINGER, forget))
        if self._sweeper is None:
            self._sweeper = self._stack.clock.callLater(LINGER, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = self._stack.clock.seconds()
        while self._to_forget and self._to_forget[0][0] <= now:
            self._to_forget.popleft()[1]()
        if self._to_forget:
            self._sweeper = self._stack.clock.callLater(self._to_forget[0][0] - now, self._sweep)

    # The end

    def close(self) -> None:
        """Forget everything at once: the endpoint is closed, nothing can arrive any more."""
        for session in list(self._live):
            session.abandon()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for table in (self._sessions, self._call_ids, self._merge, self._to_forget, self._live):
            table.clear()

    def shutdown(self, within: float) -> Deferred[None]:
        """End every call: CANCEL, BYE or 480. Fires when all are gone, after C{within} seconds at the latest."""
        waiter: Deferred[None] = Deferred()
        if self._stopping is not None:
            self._stopping.append(waiter)
            self._check_stopped()
            return waiter
        self._stopping = [waiter]
        limit = self._stack.clock.callLater(within, self._give_up)
        waiter.addCallback(lambda _: limit.cancel() if limit.active() else None)
        for session in list(self._live):
            if isinstance(session, UasCall):
                session.reject(480)
            if isinstance(session, (UasCall, UacCall)):
                session.hang_up()
        self._check_stopped()
        return waiter

    def _check_stopped(self) -> None:
        if self._stopping and not self._live:
            self._give_up()

    def _give_up(self) -> None:
        waiters, self._stopping = self._stopping or [], []
        for waiter in waiters:
            waiter.callback(None)


def read_invitation(
    request: SipRequest, source: Destination, replaced: SignallingCall | None = None
) -> Invitation:
    """What an INVITE says about itself."""
    ruri, called, caller = request.getRURI(), request.getHFBody("to").getUri(), request.getHFBody("from").getUri()
    return Invitation(
        user=messages.user_of(ruri),
        domain=str(ruri.host),
        called=messages.bare(called.url),
        called_user=messages.user_of(called.url),
        caller=messages.bare(caller.url),
        display_name=messages.display_name(caller),
        source=source,
        request=request,
        replaced=replaced,
    )


def answer_out_of_dialog(request: SipRequest, settings: CallSettings) -> SipResponse:
    """The answer to a request that wants no dialog and that nobody else has answered (RFC 3261, section 8.2)."""
    method = request.getMethod()
    if method == "OPTIONS":
        return messages.build_response(request, 200, headers=extensions.capabilities(settings))
    if method in ("BYE", "INFO", "UPDATE", "PRACK", "NOTIFY"):
        return messages.build_response(request, 481)
    if method == "REFER":
        return messages.build_response(request, settings.refer_status)
    status = 405 if method in messages.KNOWN_METHODS else 501
    return messages.build_response(request, status, headers=messages.ALLOW)


