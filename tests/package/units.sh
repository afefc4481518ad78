#!/bin/bash
# Runs under the systemd of a root that tests/package.sh started: the package's units, from installation to removal.
set -uE
exec 3>&1
log=/var/tmp/units.log
state=/home/tester/.local/state/neon
socket=/run/user/$(id -u tester)/neon/ctl.sock

step() { printf '          %s\n' "$*" >&3; }
fail() {
    journalctl --no-pager -n 60 -o short-precise
    tail -n 40 "$log"
    echo "FAILED: $*"
    exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
: >"$log"

as_tester() {
    setpriv --reuid=tester --regid=tester --init-groups env -i PATH=/usr/bin:/bin HOME=/home/tester LC_ALL=C.UTF-8 \
        XDG_RUNTIME_DIR="/run/user/$(id -u tester)" "$@"
}
# of_user and of_system: systemctl about the one unit or the other.
of_user() { as_tester systemctl --user "$@"; }
of_system() { systemctl "$@"; }
# until_true SECONDS COMMAND...
until_true() {
    local left=$(($1 * 5))
    shift
    until "$@" >>"$log" 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "never happened: $*"
        sleep 0.2
    done
}
property() { "$1" show --property="$2" --value neon.service; }
is_up() { [ "$(property "$1" ActiveState)/$(property "$1" SubState)" = active/running ]; }
# not COMMAND...: it fails, as it should. ("! COMMAND" never stops a script.)
not() { if "$@" >>"$log" 2>&1; then fail "should have failed: $*"; fi; }
is_down() { [ "$(property "$1" ActiveState)" = inactive ]; }
is_another() { is_up "$1" && [ "$(property "$1" MainPID)" != "$2" ]; }
apt_get() { apt-get -q -y --no-install-recommends --allow-downgrades -o Dpkg::Options::=--force-confold "$@" >>"$log" 2>&1; }
of_access() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["sip"][sys.argv[2]])' "$1" "$2"; }

# place_call STATE NEONCTL...: register at the test service and call its echo.
place_call() {
    local access=$1/access.json
    shift
    of_access "$access" password >/srv/secret
    "$@" register "$(of_access "$access" number)@$(of_access "$access" domain)" --password-file /dev/stdin </srv/secret >>"$log" 2>&1
    "$@" dial 600 --wait >>"$log" 2>&1
    "$@" calls | grep -q confirmed
}

# waits_for_call UNIT NEONCTL...: an upgrade leaves the daemon with a call alone until the call is over.
waits_for_call() {
    local unit=$1 package=$2 before
    shift 2
    before=$(property "$unit" MainPID)
    apt_get install "$package"
    sleep 3
    "$@" calls | grep -q confirmed
    [ "$(property "$unit" MainPID)" = "$before" ]
    "$@" hangup >>"$log" 2>&1
    until_true 30 is_another "$unit" "$before"
}

# watched UNIT: the manager notices that the daemon hangs.
watched() {
    local before killed
    before=$(property "$1" MainPID)
    killed="neon.service: Killing process $before .* with signal SIGABRT"
    not grep_journal "$killed"
    kill -STOP "$before"
    until_true 60 is_another "$1" "$before"
    grep_journal "$killed" >>"$log"
}
grep_journal() { journalctl --no-pager -o cat | grep -E "$1"; }

mkdir -p /etc/neon/conf.d /etc/systemd/{system,user}/neon.service.d
cat >/etc/neon/conf.d/test.conf <<'TEXT'
[testbed]
enabled = yes
port = 0
[sip]
bind = 127.0.0.1
port = 0
[media]
bind = 127.0.0.1
capture = tone:440:-20
playback = null
TEXT
# What hangs is noticed sooner, so that the test need not take as long.
printf '[Service]\nWatchdogSec=5\nRestartSec=1\n' | tee /etc/systemd/{system,user}/neon.service.d/test.conf >/dev/null

# As a login would, for as long as the test takes. loginctl enable-linger says the same, but not in every container.
mkdir -p /var/lib/systemd/linger
touch /var/lib/systemd/linger/tester
systemctl restart systemd-logind
until_true 30 systemctl is-active "user@$(id -u tester).service"

step "installed: a daemon for who is logged in, ready when systemd says so"
apt_get install /srv/neon.deb
of_user start neon.service
is_up of_user
[ "$(property of_user Type)" = notify ]
as_tester neonctl status >>"$log"
[ -S "$socket" ]
is_down of_system
not of_system --quiet is-enabled neon.service

step "the units are sound; what the system's is exposed to: $(systemd-analyze security --no-pager neon.service | tail -n 1 |
    tr -cd '[:print:]')"
systemd-analyze verify --man=no neon.service >>"$log" 2>&1
as_tester systemd-analyze verify --man=no --user neon.service neon.socket >>"$log" 2>&1
systemd-analyze security --threshold=20 neon.service >>"$log" 2>&1

step "a call; an upgrade waits for its end; the journal has fields"
place_call "$state" as_tester neonctl
waits_for_call of_user /srv/later.deb as_tester neonctl
journalctl _SYSTEMD_USER_UNIT=neon.service NEON_SOURCE=neon.retirepart -o json >/var/tmp/entries
python3 - <<'PYTHON' >>"$log"
import json
entries = [json.loads(line) for line in open("/var/tmp/entries")]
assert entries, "no entry about the upgrade"
assert all(entry["SYSLOG_IDENTIFIER"] == "neon" and entry["PRIORITY"] == "6" for entry in entries), entries
PYTHON

step "a daemon that hangs is started again"
watched of_user

step "a connection starts it"
of_user disable --now neon.service 2>>"$log"
of_user enable --now neon.socket 2>>"$log"
is_down of_user
python3 - <<'PYTHON' >>"$log"
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:15060/metrics", timeout=30).read().decode())
PYTHON
is_up of_user
of_user stop neon.socket neon.service 2>>"$log"

step "the system's daemon, with a password as an encrypted credential"
mkdir -m 700 /etc/neon/credentials
printf '[account crm]\ndomain = 127.0.0.1:5999\nnumber = 77\npassword = not-to-be-seen\n' |
    systemd-creds encrypt --with-key=host --name=neon.conf - /etc/neon/credentials/neon.conf 2>>"$log"
not grep -q not-to-be-seen /etc/neon/credentials/neon.conf
printf '[Service]\nLoadCredentialEncrypted=neon.conf:/etc/neon/credentials/neon.conf\n' \
    >/etc/systemd/system/neon.service.d/credentials.conf
systemctl daemon-reload
of_system start neon.service
is_up of_system
neonctl accounts >>"$log"
neonctl accounts | grep -q 77
user=$(stat -c %u "/proc/$(property of_system MainPID)")
[ "$user" -ge 61184 ] && [ "$user" -le 65519 ]

step "a call; an upgrade waits for its end; a daemon that hangs is started again"
place_call /var/lib/neon neonctl
waits_for_call of_system /srv/neon.deb neonctl
watched of_system

step "nothing that failed, no secret in the journal"
journalctl --no-pager -o cat >/var/tmp/journal
not grep -E 'Traceback|Unhandled|not-to-be-seen' /var/tmp/journal

step "removed: no daemon is left"
# Both at once: the user's on other ports.
install -d -o tester -g tester /home/tester/.config/neon
printf '[websocket]\nport = 0\n[http]\nport = 0\n' >/home/tester/.config/neon/neon.conf
of_user start neon.service
is_up of_user
is_up of_system
apt_get remove neon
is_down of_system
not grep -sl 'bin[/]neon' /proc/[0-9]*/cmdline
apt_get purge neon
[ ! -e /var/lib/private/neon ] && [ ! -e /var/lib/neon ] && [ ! -e /etc/neon ]
step "done"
