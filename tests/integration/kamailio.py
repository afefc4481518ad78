"""A SIP registrar and proxy: kamailio with digest authentication, on a free loopback port, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from tests.integration.processes import IntegrationCase, Program, free_port

CONFIGURATION = Template("""#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:$port
alias="127.0.0.1:$port"
alias="neon.test:$port"

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

modparam("htable", "htable", "users=>size=4;")
modparam("auth", "qop", "auth")
modparam("auth", "nonce_count", 1)
modparam("auth", "algorithm", "$algorithm")
modparam("auth", "nonce_expire", $nonce_expire)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", $min_expires)
modparam("registrar", "max_expires", 3600)
modparam("rr", "enable_full_lr", 1)

event_route[htable:mod-init] {
    $users
}

request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
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
        xlog("L_NOTICE", "registered $$tU with $$ct\\n");
        save("location");
        exit;
    }
    if (is_method("INVITE|MESSAGE")) {
        if (!pv_proxy_authenticate("$$fd", "$$sht(users=>$$au)", "0")) { proxy_challenge("$$fd", "1"); exit; }
        if ($$au != $$fU) { sl_send_reply("403", "Not Your Number"); exit; }
        consume_credentials();
    }
    record_route();
    if (uri != myself) { t_relay(); exit; }
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay();
}
""")


class Kamailio:
    """A running registrar; numbers are its users, C{domain} (host and port) is what they register at."""

    def __init__(self, program: Program, port: int) -> None:
        self.program = program
        self.port = port
        self.domain = f"127.0.0.1:{port}"

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
) -> Kamailio:
    """Start a registrar that knows C{users} (number to password)."""
    port = free_port()
    folder = test.folder / "kamailio"
    folder.mkdir()
    lines = [f'$sht(users=>{number}) = "{password}";' for number, password in users.items()]
    (folder / "kamailio.cfg").write_text(
        CONFIGURATION.substitute(
            port=port,
            users="\n    ".join(lines),
            algorithm=algorithm,
            nonce_expire=nonce_expire,
            min_expires=min_expires,
        )
    )
    program = test.start(
        "kamailio", "kamailio", "-f", "kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(folder),
        "-P", str(folder / "kamailio.pid"), folder=folder,
    )  # fmt: skip
    await program.says(r"udp: 127\.0\.0\.1|Listening on")
    return Kamailio(program, port)
