"""A SIP registrar and proxy: kamailio with digest authentication, on a free loopback port, without a database."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from tests.integration.netns import Namespace
from tests.integration.processes import IntegrationCase, Program, free_port

CONFIGURATION = Template("""#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
$streams
auto_aliases=no
dns=no
rev_dns=no
listen=udp:$host:$port
alias=neon.test:$port
$aliases

loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "htable.so"
loadmodule "auth.so"
loadmodule "xlog.so"
loadmodule "kex.so"

$modules
modparam("htable", "htable", "users=>size=4;")
modparam("auth", "qop", "auth")
modparam("auth", "nonce_count", 1)
modparam("auth", "algorithm", "$algorithm")
modparam("auth", "nonce_expire", $nonce_expire)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", $min_expires)
modparam("registrar", "max_expires", 3600)
modparam("rr", "enable_full_lr", 1)

$presence_modules

event_route[htable:mod-init] {
    $users
}

request_route {
    # Over UDP it is done for whoever asks.
    if (proto != UDP) { force_rport(); }
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
    $presence_route
    if (has_totag()) {
        if (loose_route()) { t_relay(); exit; }
        if (is_method("ACK") && t_check_trans()) { t_relay(); exit; }
        if (!is_method("ACK")) { sl_send_reply("404", "Not Here"); }
        exit;
    }
    t_check_trans();
    if (is_method("OPTIONS") && uri == myself) { sl_send_reply("200", "OK"); exit; }
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("$$fd", "$$sht(users=>$$au)", "0")) { www_challenge("$$fd", "1"); exit; }
        if ($$au != $$tU) { sl_send_reply("403", "Not Your Number"); exit; }
        xlog("L_NOTICE", "registered $$tU with $$ct over $$proto\\n");
        save("location");
        exit;
    }
    if (is_method("INVITE|MESSAGE")) {
        if (!pv_proxy_authenticate("$$fd", "$$sht(users=>$$au)", "0")) { proxy_challenge("$$fd", "1"); exit; }
        if ($$au != $$fU) { sl_send_reply("403", "Not Your Number"); exit; }
        consume_credentials();
        xlog("L_NOTICE", "called $$rU over $$proto\\n");
    }
    record_route();
    $presence_call
    if (uri != myself) { t_relay(); exit; }
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay();
}
""")

PRESENCE_MODULES = Template("""
loadmodule "db_text.so"
loadmodule "dialog.so"
loadmodule "presence.so"
loadmodule "presence_dialoginfo.so"
loadmodule "presence_mwi.so"
loadmodule "pua.so"
loadmodule "pua_dialoginfo.so"
modparam("presence", "db_url", "text://$folder")
modparam("presence", "server_address", "sip:127.0.0.1:$port")
modparam("presence", "max_expires", 600)
modparam("pua", "db_url", "text://$folder")
modparam("pua", "outbound_proxy", "sip:127.0.0.1:$port")
modparam("pua_dialoginfo", "use_pubruri_avps", 0)
modparam("dialog", "db_mode", 0)
""")

PRESENCE_ROUTE = """
    if (is_method("PUBLISH")) { handle_publish(); exit; }
    if (is_method("SUBSCRIBE") && (uri == myself || has_totag())) {
        if (!pv_www_authenticate("$fd", "$sht(users=>$au)", "0")) { www_challenge("$fd", "1"); exit; }
        xlog("L_NOTICE", "subscribed $fU to $hdr(Event) of $rU for $hdr(Expires)\\n");
        handle_subscribe();
        exit;
    }
"""
TABLES = ("active_watchers", "dialog", "dialog_vars", "presentity", "pua", "version", "watchers", "xcap")
SCHEMAS = Path("/usr/share/kamailio/dbtext/kamailio")


class Kamailio:
    """A running registrar; numbers are its users, C{domain} (host and port) is what they register at.

    C{tls_ports} are those of its certificates, in their order.
    """

    def __init__(self, program: Program, host: str, port: int, tls_ports: Sequence[int] = ()) -> None:
        self.program = program
        self.port = port
        self.domain = f"{host}:{port}"
        self.tls_ports = tuple(tls_ports)

    async def has_registered(self, number: str, times: int = 1) -> None:
        """Wait until that user has registered (so often)."""
        await self.program.says(rf"(?s)(registered {number} .*){{{times}}}")


async def start_kamailio(
    test: IntegrationCase,
    users: Mapping[str, str],
    *,
    algorithm: str = "MD5",
    nonce_expire: int = 300,
    min_expires: int = 1,
    presence: bool = False,
    host: str = "127.0.0.1",
    tcp: bool = False,
    certificates: Sequence[bytes] = (),
    clients: bytes | None = None,
    known_as: Sequence[str] = (),
    port: int | None = None,
    namespace: Namespace | None = None,
    name: str = "kamailio",
) -> Kamailio:
    """Start a registrar that knows C{users} (number to password); with C{presence} it also takes subscriptions.

    An IPv6 C{host} stands in brackets; with a C{namespace} it is one of that.
    C{tcp}: it takes connections on the same port. C{certificates}, each with its key: it takes TLS connections for
    each of them on a port of its own; with C{clients}, an authority, from those only who show a certificate of it.
    C{known_as}: other names (C{host} or C{host:port}) of its domain.
    """
    port = port or free_port()
    folder = test.folder / name
    folder.mkdir()
    tls_ports = [free_port() for _ in certificates]
    streams = ["disable_tcp=yes"]
    if tcp or certificates:
        streams = ["tcp_children=1", "tcp_connection_lifetime=3605", f"listen=tcp:{host}:{port}"]
    modules: list[str] = []
    if certificates:
        streams += ["enable_tls=yes", *(f"listen=tls:{host}:{tls_port}" for tls_port in tls_ports)]
        modules = ['loadmodule "tls.so"', f'modparam("tls", "config", "{folder / "tls.cfg"}")']
        _write_tls(folder, host, tls_ports, certificates, clients)
    aliases = [f'alias={name}' for name in (*known_as, *(f"{host}:{tls_port}" for tls_port in tls_ports))]
    lines = [f'$sht(users=>{number}) = "{password}";' for number, password in users.items()]
    if presence:
        for table in TABLES:
            shutil.copy(SCHEMAS / table, folder / table)
    (folder / "kamailio.cfg").write_text(
        CONFIGURATION.substitute(
            host=host,
            port=port,
            streams="\n".join(streams),
            modules="\n".join(modules),
            aliases="\n".join(aliases),
            users="\n    ".join(lines),
            algorithm=algorithm,
            nonce_expire=nonce_expire,
            min_expires=min_expires,
            presence_modules=PRESENCE_MODULES.substitute(folder=folder, port=port) if presence else "",
            presence_route=PRESENCE_ROUTE if presence else "",
            presence_call="dlg_manage();" if presence else "",
        )
    )
    argv: tuple[str, ...] = (
        "kamailio", "-f", "kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "16", "-Y", str(folder),
        "-P", str(folder / "kamailio.pid"),
    )  # fmt: skip
    program = test.start(name, *(argv if namespace is None else namespace.argv(*argv)), folder=folder)
    await program.says(r"udp: [0-9\[]|Listening on")
    return Kamailio(program, host, port, tls_ports)


def _write_tls(
    folder: Path, host: str, ports: Sequence[int], certificates: Sequence[bytes], clients: bytes | None
) -> None:
    sections: list[str] = []
    asks = ""
    if clients is not None:
        (folder / "clients.pem").write_bytes(clients)
        asks = f"verify_certificate = yes\nrequire_certificate = yes\nca_list = {folder / 'clients.pem'}\n"
    for port, pem in zip(ports, certificates, strict=True):
        path = folder / f"{port}.pem"
        path.write_bytes(pem)
        certificate = f"method = TLSv1.2+\ncertificate = {path}\nprivate_key = {path}\n{asks}"
        if not sections:
            sections.append(f"[server:default]\n{certificate}")
        sections.append(f"[server:{host}:{port}]\n{certificate}")
    (folder / "tls.cfg").write_text("\n".join(sections))
