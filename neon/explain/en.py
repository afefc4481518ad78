"""The words in English: what happened, and what to do."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    # Calls that go on, or ended as they should
    "calling": ("The call was sent and has not been answered yet.", ""),
    "ringing": ("The call is ringing here.", "Answer it or hang up."),
    "up": ("The call is up.", ""),
    "by-us": ("The call was ended on this side.", ""),
    "by-them": ("The other side hung up.", ""),
    "cancelled": ("The call was given up on this side before anybody answered.", ""),
    "caller-gave-up": ("The caller gave up before the call was answered here.", "Call back if you missed it."),
    "refused-by-us": ("The call was refused here, or this phone had no free line.", ""),
    "transferred": ("The other side was passed on to somebody else, and the call ended here.", ""),
    "moved-on": ("The other side connected you with somebody else, in a call of its own; this one ended with it.", ""),
    "answered-elsewhere": ("The call was answered at another phone of yours.", ""),
    "deflected": ("The call was passed on to somebody else before it was answered here.", ""),
    "transfer-failed": (
        "The call could not be passed on; it goes on here.",
        "Check whom it was to be passed on to, and whether the provider allows transfers.",
    ),
    "stopping": ("NEON was stopped during the call.", ""),
    "account-given-up": ("The account of this call was given up, and its calls ended with it.", ""),
    # What the other side says
    "busy": ("The other side is busy.", "Try again later."),
    "declined": ("The other side declined the call.", "Try again later, or write to them."),
    "unavailable": (
        "Nobody can be reached at that number now: the phone is switched off or not registered.",
        "Try again later.",
    ),
    "unanswered": ("It rang, and nobody answered.", "Try again later."),
    "no-such-number": ("The number does not exist at the provider.", "Check the number and its prefix."),
    "gone": ("The number has been given up.", "Ask for the new number."),
    "incomplete": ("The number is not complete.", "Dial it with its area code or prefix."),
    "ambiguous": ("The number fits several lines.", "Dial the complete number."),
    "moved": ("The number has moved to another address.", "Dial the new address that the messages below name."),
    "unwanted": ("The other side marked calls from you as unwanted.", "Reach them in another way."),
    "blocked": ("The provider's filter blocked the call.", "Ask the provider why."),
    # What the provider says
    "password": (
        "The provider did not accept the account's user name or password.",
        "Check the number, the user name and the password of the account.",
    ),
    "payment": ("The provider wants to be paid first.", "Check the balance of the account."),
    "forbidden": (
        "The provider does not allow this call.",
        "Check the balance and what the account may dial, or ask the provider.",
    ),
    "no-codec": (
        "The two sides found no sound format in common.",
        "Switch on G.711 (PCMA, PCMU) at the other side, and switch off its encryption (SRTP).",
    ),
    "not-encrypted": (
        "This account only makes encrypted calls, and the other side offered none.",
        "Switch on SRTP with keys in SDP (SDES) at the other side, or set srtp = optional for the account here.",
    ),
    "encryption-differs": (
        "Both sides would encrypt the call, but not in the same way.",
        "Switch on AES_CM_128_HMAC_SHA1_80 with keys in SDP (SDES) at the other side.",
    ),
    "incompatible": (
        "The other side does not understand something in the request.",
        "Give the provider the messages below.",
    ),
    "too-big": ("The other side found the request too long.", "Give the provider the messages below."),
    "bad-request": (
        "The other side could not read the request.",
        "Check the number for odd characters; else give the provider the messages below.",
    ),
    "loop": ("The call went round in a circle at the provider.", "Check the call forwarding of that number."),
    "forgotten-there": ("The other side had forgotten the call.", "Call again."),
    "crossed": ("Two requests of the call crossed each other.", "Call again."),
    "gateway": (
        "The provider could not reach the network of that number.",
        "Try again later; if it stays so, tell the provider.",
    ),
    "overloaded": ("The provider is overloaded or under maintenance.", "Try again in some minutes."),
    "server-broken": ("The provider's server failed.", "Try again; if it stays so, tell the provider."),
    "refused": ("The other side refused the call.", "Give the provider the messages below."),
    "unknown": ("The call ended with a status that means nothing in SIP.", "Give the provider the messages below."),
    "timeout": (
        "The server answered at first, and then said no more.",
        "Try again; if it stays so, look at the network and the firewall.",
    ),
    "certificate-expired": (
        "The certificate of the server has expired, so no secure connection was made.",
        "Ask the provider to renew it. Check the date of this computer too.",
    ),
    "certificate-early": (
        "The certificate of the server is not valid yet, so no secure connection was made.",
        "Check the date of this computer.",
    ),
    "certificate-issuer": (
        "The certificate of the server is by an authority that this computer does not trust.",
        "If the server is your own, name its authority's file in tls-ca-file; else somebody may be in between.",
    ),
    "certificate-revoked": (
        "The certificate of the server was revoked by its authority.",
        "Ask the provider; do not try another way.",
    ),
    "certificate-name": (
        "The server has a certificate for another name than the account's domain or proxy.",
        "Write the domain as the provider does. The whole name must stand in the certificate: * does not count.",
    ),
    "certificate-bad": (
        "The certificate of the server is not good for a secure connection.",
        "Ask the provider, with the time of this attempt.",
    ),
    "certificate-wanted": (
        "The server takes nobody without a certificate, and NEON has none.",
        "Ask the provider for a certificate and its key, and name the files in tls-certificate and tls-key.",
    ),
    "certificate-refused": (
        "The server does not accept the certificate that NEON showed it.",
        "Look whether the file in tls-certificate is the provider's, and not expired; its chain belongs in it too.",
    ),
    "no-tls": (
        "The server and NEON could not agree on a secure connection.",
        "Check the port (TLS: mostly 5061), and whether the server wants a certificate of yours (tls-certificate).",
    ),
    "connection-refused": (
        "Nobody takes connections at the server's address and port.",
        "Check the port and the transport; the server may also be down.",
    ),
    "no-connection": (
        "No connection to the server could be made.",
        "Check the network, the firewall (TCP) and the address of the server.",
    ),
    "connection-lost": (
        "The connection to the server broke.",
        "NEON connects and registers again by itself; if it happens often, look at the network.",
    ),
    "no-server": (
        "No answer at all came from the server.",
        "Check the network, the firewall (UDP) and the address of the server.",
    ),
    "no-address": (
        "The server's name has no address in the DNS.",
        "Check the spelling of the address, and the DNS of this machine.",
    ),
    # What happened here
    "silent": (
        "No sound arrived for a long time, so the call was ended.",
        "Check that firewall and router let the audio ports (UDP) through.",
    ),
    "no-ack": ("The caller never confirmed our answer.", "Check that the firewall lets SIP (UDP) through both ways."),
    "no-prack": (
        "The caller never confirmed that it rings here.",
        "Check that the firewall lets SIP through both ways; the caller may be told not to require 100rel.",
    ),
    "session-expired": (
        "The other side vanished during the call: it gave no more signs of life.",
        "If calls end like this always after the same time, give the provider the messages below.",
    ),
    "interrupted": (
        "NEON ended without warning (a crash, a power cut) while this call was there, and ended it when it was back.",
        "Call again. If nobody killed NEON, its log may hold the reason: please report it.",
    ),
    "unfinished": ("The other side never confirmed the end of the call.", ""),
    "no-audio-address": (
        "The address that audio is bound to is not one of this computer's at present.",
        "Bring its network up again, or change bind in [media]; * is every address.",
    ),
    "no-port": ("No audio port was free.", "End some calls, or widen the range of ports in [media]."),
    "incoming-failed": ("The incoming call failed before it could be answered.", "Give the caller the messages below."),
    "internal": ("Something in NEON broke.", "The log holds the details: please report them."),
    # Accounts
    "account-registering": ("The account is being registered.", "Wait some seconds."),
    "account-registered": ("The account is registered: calls can be made and received.", ""),
    "account-unregistered": ("The account was given up.", "Register it again to use it."),
    "account-cancelled": ("The account was given up before it was registered.", "Register it again to use it."),
    "account-password": (
        "The provider did not accept the user name or the password.",
        "Check the number, the user name (some providers have one beside the number) and the password.",
    ),
    "account-403": (
        "The provider does not allow this account to register.",
        "Ask the provider whether the account is active, and whether it may be used from here.",
    ),
    "account-404": ("The provider does not know this number.", "Check the number and the domain."),
    "account-423": (
        "The provider wants registrations to last longer than it was asked for.",
        "Raise 'expires' of the account.",
    ),
    "account-refused": ("The provider refused the registration.", "Give the provider the messages below."),
    "account-broken": ("The provider's server failed; NEON keeps trying.", "Wait; if it stays so, tell the provider."),
    "account-expired": (
        "The server stopped answering and the registration ran out; NEON keeps trying.",
        "Check the network; if others work, tell the provider.",
    ),
    "account-silent": (
        "No answer came from the server; NEON keeps trying.",
        "Check the network, the firewall (UDP), the domain and the port.",
    ),
    "account-name": (
        "The server's name could not be found, or the network could not be used; NEON keeps trying.",
        "Check the spelling of the domain, the network, and the DNS of this machine.",
    ),
    "account-malformed": ("The account's domain or proxy is not well formed.", "Correct it and register again."),
    # The sound of a call that is up (neon.values.MediaProblem)
    "no-audio": (
        "No sound arrives from the other side.",
        "Check that firewall and router let the audio ports (UDP) through.",
    ),
    "one-way": (
        "The other side receives you, but no sound arrives from it.",
        "Check that firewall and router let the audio ports (UDP) in; ask whether the other side is muted.",
    ),
    "high-loss": (
        "Much of the sound is lost on the way.",
        "Use a cable instead of Wi-Fi, and pause downloads and videos; if it stays so, tell the provider.",
    ),
    "silent-microphone": (
        "Your microphone gives no sound at all.",
        "Check whether it is muted, at the headset or in the system, and whether the right one is chosen.",
    ),
    "device-gone": (
        "The sound card or headset does not work.",
        "Plug it in again, or choose another one; the call goes on meanwhile.",
    ),
    "audio-heard": (
        "The microphone heard the speaker, at {decibels} dB: both work.",
        "",
    ),
    "audio-not-heard": (
        "The microphone works, but did not hear the speaker.",
        "With a headset that is normal if you heard the tone. Else turn the speaker up, or choose another one.",
    ),
    "audio-silent-microphone": (
        "The microphone gives no sound at all.",
        "Check whether it is muted, at the headset or in the system, and whether the right one is chosen.",
    ),
    "audio-no-microphone": (
        "There is no microphone that works.",
        "Plug one in, or choose another one.",
    ),
    "audio-no-speaker": (
        "There is no speaker that works.",
        "Plug one in, or choose another one.",
    ),
    "audio-no-device": (
        "There is no sound device that works.",
        "Plug a headset in, and check that the sound of the system works.",
    ),
}
