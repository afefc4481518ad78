#!/bin/bash
# Runs in the root that tests/package.sh made: the installed daemon, as a user, calls the echo of its test service.
set -eu
state=/home/tester/.local/state/neon
tester=(setpriv --reuid=tester --regid=tester --init-groups env -i PATH=/usr/bin:/bin HOME=/home/tester LC_ALL=C.UTF-8)
as_tester() { "${tester[@]}" "$@"; }

# Not by the function: its shell would be the process that the signal goes to.
"${tester[@]}" neon >/tmp/neon.log 2>&1 &
daemon=$!
trap 'status=$?; [ $status -eq 0 ] || cat /tmp/neon.log; exit $status' EXIT

# until_ok SECONDS COMMAND...
until_ok() {
    local left=$1
    shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "never happened: $*"; exit 1; }
        sleep 1
    done
}
until_ok 60 as_tester neonctl status >/dev/null 2>&1
until_ok 10 test -s "$state/access.json"
of() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["sip"][sys.argv[2]])' "$state/access.json" "$1"; }
of password | as_tester sh -c 'umask 077; cat >/home/tester/secret'
as_tester neonctl register "$(of number)@$(of domain)" --password-file /home/tester/secret
as_tester neonctl dial 600 --wait
as_tester neonctl calls | grep -q confirmed
as_tester neonctl hangup

# What an upgrade does to a daemon with a call up: it stays until the call is over, and then ends well.
as_tester neonctl dial 600 --wait
kill -USR1 "$daemon"
sleep 4
as_tester neonctl calls | grep -q confirmed
as_tester neonctl hangup
wait "$daemon"
echo "the daemon waited for the end of its call"
