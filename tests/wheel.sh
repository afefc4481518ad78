#!/bin/bash
# What pip installs: the source distribution is complete, a wheel is built of it without the checkout, and in an empty
# virtualenv the wheel places a call; the unit tests pass from the source distribution. For every Python that NEON
# takes and that is here. ./test --wheel starts it.
#
# usage: tests/wheel.sh [PYTHON...]     as in 3.12; default: 3.11 3.12 3.13
set -u
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../tools/setup.sh"

work=$(mktemp -d /var/tmp/neon-wheel.XXXXXX) || exit 1
daemon=''
trap '[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

step() { printf '%s  %s\n' "$(date +%T)" "$*"; }
fail() { step "FAILED: $*"; tail -n 40 "$work/log"; exit 1; }
# quietly SECONDS COMMAND...: what it prints is in the log.
quietly() { timeout -k 10 "$1" "${@:2}" >"$work/log" 2>&1 </dev/null; }
pip() { local python=$1; shift; quietly 900 "$python" -m pip --disable-pip-version-check --no-input "$@"; }
environment() { "$1" -m venv "$2" >"$work/log" 2>&1 || fail "no virtualenv with $1"; }

# until_true SECONDS COMMAND...
until_true() {
    local left=$1
    shift
    until "$@" >"$work/log" 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { cat "$work/daemon.log" >>"$work/log"; fail "never happened: $*"; }
        sleep 1
    done
}

# source_distribution PYTHON: sets $sdist, made of a copy of what git knows, or would.
source_distribution() {
    step "the source distribution"
    mkdir "$work/copy" "$work/dist"
    (cd "$checkout" && git ls-files -z --cached --others --exclude-standard | LC_ALL=C sort -zu |
        xargs -0 sh -c 'for file; do [ ! -f "$file" ] || printf "%s\0" "$file"; done' sh | tee "$work/git" | tar -cf - --null -T -) |
        tar -xf - -C "$work/copy" || fail "cannot copy the checkout"
    environment "$1" "$work/build"
    pip "$work/build/bin/python" install 'setuptools >= 66' wheel || fail "setuptools"
    (cd "$work/copy" && quietly 300 "$work/build/bin/python" -c "
import setuptools.build_meta, sys
print(setuptools.build_meta.build_sdist(sys.argv[1]))" "$work/dist") || fail "the source distribution"
    sdist=$(ls "$work"/dist/*.tar.gz)
    # All that is in git but what is git's or continuous integration's; nothing else but what setuptools adds.
    tr '\0' '\n' <"$work/git" | grep -vE '^\.(ci/|git)' | LC_ALL=C sort >"$work/wanted"
    tar -tzf "$sdist" | sed 's,^[^/]*/,,' | grep -vE '/$|^$|^PKG-INFO$|^neon_softphone\.egg-info/' | LC_ALL=C sort >"$work/got"
    diff "$work/wanted" "$work/got" >"$work/log" || fail "the source distribution and git differ; MANIFEST.in says what goes there"
    mkdir "$work/source" && tar -xzf "$sdist" -C "$work/source" --strip-components=1 || fail "tar"
}

# call VENV: the installed daemon, its plugin, and a call to the echo of its test service.
call() {
    local bin=$1/bin state=$1/state number domain
    cat >"$1/neon.conf" <<'TEXT'
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
[websocket]
port = 0
[http]
port = 0
TEXT
    (cd "$1" && quietly 60 "$bin/twistd" --help) || fail "twistd"
    grep -q '^ *neon ' "$work/log" || fail "twistd does not know neon"
    (cd "$1" && exec "$bin/twistd" -n --pidfile= neon --config "$1/neon.conf" --state-dir "$state") >"$work/daemon.log" 2>&1 &
    daemon=$!
    until_true 90 "$bin/neonctl" --state-dir "$state" status
    of() { "$bin/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["sip"][sys.argv[2]])' "$state/access.json" "$1"; }
    number=$(of number) domain=$(of domain)
    of password >"$1/secret"
    quietly 60 "$bin/neonctl" --state-dir "$state" register "$number@$domain" --password-file "$1/secret" || fail "register"
    quietly 60 "$bin/neonctl" --state-dir "$state" dial 600 --wait || fail "dial"
    quietly 60 "$bin/neonctl" --state-dir "$state" calls && grep -q confirmed "$work/log" || fail "calls"
    quietly 60 "$bin/neonctl" --state-dir "$state" hangup || fail "hangup"
    kill -TERM "$daemon" && wait "$daemon"
    daemon=''
    # Nothing a browser asks the daemon for stayed behind: the pages are data of the package.
    ! grep -E 'Traceback|Unhandled' "$work/daemon.log" || fail "the daemon complains"
}

# try_python PYTHON NAME
try_python() {
    local venv=$work/$2 wheel modules
    step "$2: a wheel from the source distribution, in an empty virtualenv"
    environment "$1" "$venv"
    pip "$venv/bin/python" wheel --no-deps --wheel-dir "$work/wheels-$2" "$sdist" || fail "the wheel"
    wheel=$(ls "$work/wheels-$2"/neon_softphone-*.whl)
    # All of the package but what is compiled, and what the next release's news are written in.
    (cd "$work/source" && find neon twisted -type f ! -path 'neon/newsfragments/*' ! -name '*.[ch]') |
        LC_ALL=C sort >"$work/wanted"
    "$venv/bin/python" -m zipfile -l "$wheel" | awk '$1 ~ "^(neon|twisted)/" && $1 !~ /[.]so$/ { print $1 }' |
        LC_ALL=C sort >"$work/got"
    diff "$work/wanted" "$work/got" >"$work/log" || fail "the wheel lacks something; setup.cfg's package_data says what goes there"
    (cd "$work" && pip "$venv/bin/python" install "$wheel") || fail "installing the wheel"
    pip "$venv/bin/python" check || fail "pip check"
    step "$2: $(basename "$wheel"): a call"
    call "$venv"
    step "$2: the unit tests, from the source distribution"
    pip "$venv/bin/python" uninstall --yes neon-softphone || fail "uninstalling"
    (cd "$venv" && find . -path './lib/*/neon/*' -o -name 'neon_plugin*' -o -path './bin/neon*' -o -name 'neon*.1') >"$work/log"
    [ ! -s "$work/log" ] || fail "uninstalling left something"
    rm -rf "$work/tested"
    cp -r "$work/source" "$work/tested"
    (cd "$work/tested" && pip "$venv/bin/python" install --config-settings editable_mode=compat -e '.[test]') || fail "the tests' needs"
    mapfile -t modules < <(cd "$work/tested" && find tests -name 'test_*.py' ! -path 'tests/integration/*' | LC_ALL=C sort |
        sed 's/\.py$//; s,/,.,g')
    (cd "$work/tested" && quietly 1200 "$venv/bin/python" -m twisted.trial -j 2 --temp-directory "$work/trial-$2" "${modules[@]}") ||
        fail "the unit tests"
    step "$2: $(tail -n 1 "$work/log")"
}

# python_of NAME: a complete Python of that version, in PATH or among those that pyenv has but does not offer.
python_of() {
    local candidate
    for candidate in "$(command -v "python$1")" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python3; do
        candidate=$(real_python "$candidate") && python_is_complete "$candidate" || continue
        printf '%s\n' "$candidate"
        return
    done
    return 1
}

need_build_tools "$work/apt.log"
source_distribution "$python"
tried=''
[ $# -gt 0 ] || set -- 3.11 3.12 3.13
for name; do
    found=$(python_of "$name") || continue
    try_python "$found" "$name"
    tried="$tried $name"
done
[ -n "$tried" ] || fail "no Python that NEON takes is here"
step "fine with$tried"
