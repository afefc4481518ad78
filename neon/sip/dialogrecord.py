"""Dialogs as records that survive the process, and back (L{neon.records})."""

from __future__ import annotations

from sippy.SipAddress import SipAddress
from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL

from neon.records import DialogRecord, Party
from neon.sip import messages
from neon.sip.dialog import Dialog
from neon.sip.digest import DigestClient
from neon.sip.stack import Stack
from neon.values import Destination


def record_of(dialog: Dialog) -> DialogRecord:
    """The record of a dialog that was established."""
    return DialogRecord(
        sip_call_id=dialog.call_id,
        local=_party(dialog.local),
        local_tag=dialog.local_tag,
        remote=_party(dialog.remote),
        remote_tag=dialog.remote_tag or "",
        local_cseq=dialog.local_cseq,
        remote_target=str(dialog.remote_target),
        route_set=tuple(str(url) for url in dialog.route_set),
        contact=str(dialog.contact),
        home=dialog.home,
    )


def record_of_invite(request: SipRequest, remote: Destination, contact: SipURL) -> DialogRecord:
    """The record of an INVITE of ours that is on its way."""
    return DialogRecord(
        sip_call_id=messages.call_id_of(request),
        local=_party(request.getHFBody("from").getUri()),
        local_tag=messages.tag_of(request, "from") or "",
        remote=_party(request.getHFBody("to").getUri()),
        remote_tag="",
        local_cseq=messages.cseq_of(request),
        remote_target=str(request.getRURI()),
        route_set=tuple(str(body.getUrl()) for body in request.getHFBodys("route")),
        contact=str(contact),
        home=remote,
        branch=str(request.getHFBody("via").getBranch()),
    )


def dialog_of(record: DialogRecord, stack: Stack, digest: DigestClient | None) -> Dialog:
    """The dialog that a record describes, for requests of ours."""
    return Dialog(
        stack,
        call_id=record.sip_call_id,
        local=address_of(record.local),
        local_tag=record.local_tag,
        remote=address_of(record.remote),
        remote_tag=record.remote_tag,
        local_cseq=record.local_cseq,
        remote_cseq=None,
        remote_target=SipURL(record.remote_target),
        route_set=tuple(SipURL(uri) for uri in record.route_set),
        contact=SipURL(record.contact),
        home=record.home,
        digest=digest,
    )


def request_of(record: DialogRecord, method: str) -> SipRequest:
    """The INVITE that a record tells of, or its CANCEL (RFC 3261, section 9.1): the same branch, number and route."""
    return messages.build_request(
        method,
        SipURL(record.remote_target),
        sender=address_of(record.local),
        sender_tag=record.local_tag,
        to=address_of(record.remote),
        to_tag=None,
        call_id=record.sip_call_id,
        cseq=record.local_cseq,
        remote=record.home,
        routes=[SipURL(uri) for uri in record.route_set],
        branch=record.branch,
    )


def address_of(party: Party) -> SipAddress:
    return SipAddress(name=party.name, url=SipURL(party.uri))


def _party(address: SipAddress) -> Party:
    return Party(address.name or None, str(address.url))
