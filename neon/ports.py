"""What the phone needs from the world, and what the world tells it: the seams between the floors.

Requests go down through L{Signalling}, L{SignallingCall}, L{Media} and L{MediaStream}; they return at once.
What happens comes back through the listeners, always on the reactor's thread and never from inside the
request that caused it (an implementation that knows the outcome at once uses C{clock.callLater(0, ...)}).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from twisted.internet.defer import Deferred

from neon.details import NO_DETAILS, CallDetails, Headers, Referral
from neon.operatorvalues import Balance, Licence, Provisioned, SignupForm
from neon.records import DialogRecord
from neon.values import (
    AccountSettings,
    AccountSnapshot,
    Cause,
    LocalMedia,
    MediaAgreement,
    MediaStatistics,
)
from neon.watched import ExtensionStatus, MessageSummary


class Timer(Protocol):
    """What L{Clock.callLater} gives back (Twisted's IDelayedCall, as far as we use it)."""

    def active(self) -> bool: ...

    def cancel(self) -> None: ...

    def reset(self, secondsFromNow: float) -> None: ...


class Clock(Protocol):
    """Twisted's IReactorTime in terms that a type checker understands: the reactor, or C{task.Clock} in tests."""

    def seconds(self) -> float: ...

    # Any: Twisted declares a zope interface here, which is no type to mypy. Annotate what you keep as Timer.
    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> Any: ...


class RegistrationListener(Protocol):
    """Hears how the registration of one account goes (spec section 2, "Registration").

    The signalling side reports facts; which events they become is the model's decision.
    """

    def registered(self, renewed: bool) -> None:
        """A 2xx carried our binding. C{renewed} is True for a refresh of a binding that never lapsed."""

    def refused(self, cause: Cause) -> None:
        """401, 403, 404 or 6xx after the credentials were tried."""

    def failed(self, cause: Cause) -> None:
        """DNS, network or 5xx: tried again by the registrar client, with back-off."""

    def timed_out(self, cause: Cause) -> None:
        """No answer in time (408): tried again by the registrar client, with back-off."""

    def lapsed(self, cause: Cause) -> None:
        """Refreshes failed until the binding ran out; tried again by the registrar client."""

    def unregistered(self, cause: Cause) -> None:
        """The binding is gone because L{Signalling.unregister} was asked; nothing more follows.

        Also reported when the registrar did not answer the un-REGISTER: C{cause} then says so.
        """


class CallListener(Protocol):
    """Hears what the far end of one call does. Every input may come late, twice or in any order."""

    def ringing(self, status: int, early: MediaAgreement | None) -> None:
        """A provisional response (180-183), with early media where it carried an answer."""

    def answered(self, agreement: MediaAgreement) -> None:
        """The dialog is confirmed: a 2xx came (UAC), or the ACK for ours (UAS)."""

    def media_changed(self, agreement: MediaAgreement) -> None:
        """A re-INVITE of the far end moved or changed the media; it has been answered already."""

    def hold_answered(self, agreement: MediaAgreement) -> None:
        """Our L{SignallingCall.hold} was accepted; the agreement says what is sent from now on."""

    def hold_refused(self, cause: Cause) -> None:
        """Our L{SignallingCall.hold} was not accepted; the session is as it was before."""

    def digit_received(self, digit: str) -> None:
        """The far end sent one of C{0-9 * # A-D} by INFO."""

    def digits_refused(self, digits: str) -> None:
        """The far end takes no digits by INFO; these were not sent."""

    def transferred(self) -> None:
        """What L{SignallingCall.refer} asked for was done. The call is still there."""

    def transfer_failed(self, cause: Cause) -> None:
        """What L{SignallingCall.refer} asked for was refused, or the far end could not do it."""

    def referred(self, wish: Referral) -> None:
        """The far end asks us to call somebody else (REFER).

        L{SignallingCall.notify_referral} tells it how that goes.
        """

    def located(self) -> LocalMedia | None:
        """Where our audio is reached now that the network has changed; None: as it was told at first."""

    def ended(self, cause: Cause) -> None:
        """Refused, timed out, cancelled, hung up by the far end, or our CANCEL or BYE is done.

        The last input of every call: the dialog is gone, nothing more can be sent.
        C{cause.status} is the SIP status of a failure (486, 408, 487...), 0 for an ordinary BYE.
        """


class SignallingCall(Protocol):
    """One call as the SIP side carries it. Every request is legal in any state; a senseless one does nothing."""

    @property
    def call_id(self) -> str:
        """The SIP Call-ID: what finds this call again in a trace, here and at the provider."""

    on_changed: Callable[[], None]
    """Called, from anywhere, when L{record} says something else than before."""

    def record(self) -> DialogRecord | None:
        """What has to be known to end this call without this object; None while, or once, there is nothing to end."""

    def ring(self, *, waiting: bool = False) -> None:
        """Send 180 to an incoming call; C{waiting}: somebody else is being talked to (RFC 7462)."""

    def accept(self) -> None:
        """Send 200 to an incoming call, with the answer (or the offer, if the INVITE had none)."""

    def reject(self, status: int) -> None:
        """Send a final failure (486, 603, 480...) to an incoming call that was not accepted."""

    def deflect(self, uri: str, reason: str = "deflection") -> None:
        """Send the caller of an incoming call that was not accepted to another SIP URI (302).

        C{reason} is a word of RFC 5806, for whoever is called there.
        """

    def hang_up(self) -> None:
        """End the call from our side: CANCEL, or BYE, or both after each other when the 200 crossed the CANCEL."""

    def hold(self, on: bool) -> None:
        """Send a re-INVITE that holds or resumes; one at a time, C{hold_answered} or C{hold_refused} follows."""

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Send one of C{0-9 * # A-D} by INFO; several leave one after the other."""

    def refer(self, uri: str, other: SignallingCall | None = None) -> None:
        """Ask the far end to call C{uri}, or the far end of C{other} in place of us (RFC 3515, RFC 3891).

        One at a time; C{transferred} or C{transfer_failed} follows.
        """

    def notify_referral(self, status: int, reason: str) -> None:
        """Tell the far end how what it asked for (L{CallListener.referred}) goes; 200 and above is the last word."""


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """An INVITE that passed the door and whose offer, if any, can be answered.

    C{caller} and C{callee} are bare SIP URIs, C{connection_id} the account that was called. C{replaced} is the call of
    ours whose place it wants, C{trusted} whether it came by one of our registrars or outbound proxies.
    """

    connection_id: int
    caller: str
    callee: str
    display_name: str | None
    details: CallDetails = NO_DETAILS
    replaced: SignallingCall | None = None
    trusted: bool = True


class IncomingCallListener(Protocol):
    """Whoever takes incoming calls: the phone."""

    def incoming(self, call: IncomingCall, signalling: SignallingCall) -> tuple[CallListener, LocalMedia] | int | None:
        """Take the call: return its listener and the media to answer with; or a status to refuse it with.

        None: it has been answered already, by L{SignallingCall.deflect}.
        """


class Signalling(Protocol):
    """SIP, as the phone sees it."""

    def register(self, connection_id: int, account: AccountSettings, listener: RegistrationListener) -> None:
        """Register the account and keep it registered until L{unregister}.

        A second call with the same C{connection_id} replaces the settings and registers anew.
        """

    def unregister(self, connection_id: int) -> None:
        """Give up: cancel what is under way, or remove the binding (Expires: 0). Unknown ids are ignored."""

    def invite(
        self, connection_id: int, target: str, media: LocalMedia, listener: CallListener, headers: Headers = ()
    ) -> SignallingCall:
        """Send an INVITE on behalf of a registered account to C{target}, a SIP URI or a number of its domain.

        C{headers} are further header fields, well formed and none that the signalling side writes itself.
        """

    def target_uri(self, connection_id: int, target: str) -> str:
        """The bare SIP URI that L{invite} would call for C{target}."""

    def watch(self, connection_id: int, extension: str) -> None:
        """Hear of an extension, a number of the account's domain or C{user@host}, from now on (L{WatchListener}).

        @raise NotRegistered: there is no such account.
        @raise InvalidArgument: it is no extension, or there are too many.
        """

    def unwatch(self, connection_id: int, extension: str) -> bool:
        """Hear of it no more; whether it was watched."""


class WatchListener(Protocol):
    """Hears what the PBX of an account tells without a call."""

    def messages_waiting(self, connection_id: int, summary: MessageSummary) -> None:
        """The registrar tells of the account's voice messages."""

    def extension_changed(self, connection_id: int, extension: str, status: ExtensionStatus) -> None:
        """The PBX tells of an extension that is watched, or nothing is known of it any more."""


class MediaStream(Protocol):
    """The RTP side of one call. C{has_audio}: it is one."""

    has_audio: bool

    @property
    def local(self) -> LocalMedia:
        """What goes into our offer or answer."""

    def start(self, agreement: MediaAgreement) -> None:
        """Send and receive as agreed; called again when the agreement changes."""

    def silence(self, on: bool) -> None:
        """Send silence instead of what the source gives, until C{silence(False)}."""

    def mix(self, on: bool) -> None:
        """Let the far end hear, and be heard by, those of every other call of which this was said, until it is not."""

    def set_volume(self, percent: int) -> None:
        """Play what it says here at 0 to 200 percent of its amplitude."""

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Send one of C{0-9 * # A-D}: as a telephone event where that was agreed, else as two tones."""

    def beep(self) -> None:
        """Let whoever is at this end hear a beep, and the far end nothing of it."""

    def statistics(self) -> MediaStatistics:
        """The counters so far."""

    def close(self) -> None:
        """Stop, and give the ports back. May be called twice."""


class Media(Protocol):
    """The media side, as the phone sees it."""

    def open(self, call_id: int) -> MediaStream:
        """Reserve ports and a stream for a call.

        @raise MediaUnavailable: no port or descriptor is left.
        """


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording is over. C{path} is the complete file, empty if there is none; C{problem} is why it ended early."""

    path: str
    seconds: float
    problem: str = ""


class Recording(Protocol):
    """What one call says and hears, into a file."""

    began: Deferred[str]
    """Fires with the path that the complete file will have, or fails with L{CannotRecord}, and that is the end."""

    over: Deferred[Recorded]
    """Fires when the file is complete: the call ended, the recording did, or it could not go on."""

    def pause(self, on: bool) -> None:
        """Record silence, or the call again."""

    def stop(self) -> None:
        """Record no more; L{over} fires soon."""


class Recordings(Protocol):
    """Where recordings are made."""

    def record(self, call_id: int, name: str) -> Recording:
        """Record a call that is up, both sides, from now on; C{name} is the file's, relative, without a suffix.

        @raise CannotRecord: there is no such call, or it has no audio.
        """


class Ids(Protocol):
    """Numbers for calls and accounts: positive, increasing, never given twice, also over restarts (spec section 2)."""

    def next_call_id(self) -> int:
        """A number no call has had."""

    def next_connection_id(self) -> int:
        """A number no account has had."""


SaveRules: TypeAlias = Callable[[str, Mapping[str, Any]], None]
"""Keeps what was said about the calls to an account (its address of record), in JSON's terms; empty: forget it."""


class Operators(Protocol):
    """The desk of the VoIP operators: their web services, as commands see them (spec section 6).

    C{operator} is the name of an operator's file; None is the only one that offers what is asked for. C{language} is
    that of the sentences in failures, C{pt}, C{es} or C{en}; None is the operator's own. A Deferred fails with
    L{neon.errors.InvalidArgument} where the operator says no, with L{neon.errors.OperatorFailed} where it does not
    work.
    """

    def signup(self, operator: str | None, form: SignupForm, language: str | None) -> Deferred[Provisioned]:
        """Become a customer; the account that comes of it is kept and registered."""

    def provision(
        self, operator: str | None, login: str, password: str, language: str | None
    ) -> Deferred[Provisioned]:
        """Fetch the SIP account of a customer; it is kept and registered."""

    def balance(self, operator: str | None, connection_id: int | None, language: str | None) -> Deferred[Balance]:
        """What is left to spend on an account: the one named, or the operator's only one."""

    def activate(self, operator: str | None, key: str | None, language: str | None) -> Deferred[Licence]:
        """Check the licence now; a C{key} is kept for the checks to come."""

    def admit(self, account: AccountSnapshot, target: str | None) -> tuple[str, ...]:
        """A call is about to be made with an account, or one to be answered (C{target} None).

        Returns sentences that the user should see; C{target} is as L{neon.dialling.parse} returns it.

        @raise NotAuthorised: the licence does not allow it, in words for the user.
        """


class Screen(Protocol):
    """The panel that a person can use, if this machine has one."""

    def show(self, visible: bool) -> Deferred[bool]:
        """Bring it up or put it away; fires with whether there is a panel at all."""


class MediaUnavailable(Exception):
    """The media side has no room for one more call, or not the address that it is bound to; C{str(error)} says it."""


ADDRESS_GONE: Final = "the address that audio is bound to is gone"
"""How the reason begins of a call without audio: C{[media] bind} names what is not this machine's at present."""


class CannotRecord(Exception):
    """A call cannot be recorded; C{str(error)} says why."""
