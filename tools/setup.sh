# Sourced by ./run and ./test: finds or installs what NEON needs, and makes its virtualenv.
# shellcheck shell=bash
#
# Needs are tested by use (does the header compile, does the module import), never by package name, so that
# any Python that works is taken as it is. apt-get is asked only for what the tests found missing.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=$(basename "$0")

say() { printf '%s: %s\n' "$me" "$*" >&2; }
die() { say "$*"; exit 1; }

# apt_install LOG PACKAGE...: install by apt-get as root or through sudo; say so in one line.
apt_install() {
    local log=$1 root=()
    shift
    command -v apt-get >/dev/null || die "missing: $*. This machine has no apt-get: please install them by hand."
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "missing: $*. Please install them as root: apt-get install $*"
        root=(sudo)
        # Nobody is there to type a password.
        [ -t 0 ] || root=(sudo -n)
    fi
    say "installing by apt-get: $*"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120
        --no-install-recommends install "$@")
    "${root[@]}" "${apt[@]}" </dev/null >>"$log" 2>&1 && return
    # No package lists yet, or lists too old to find the files: fetch them once and try again.
    say "apt-get update"
    "${root[@]}" apt-get -q -o DPkg::Lock::Timeout=120 update </dev/null >>"$log" 2>&1 || true
    "${root[@]}" "${apt[@]}" </dev/null >>"$log" 2>&1 && return
    tail -n 5 "$log" >&2
    die "apt-get could not install: $*. The whole story is in $log"
}

python_is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Can it make a virtualenv with pip, and compile an extension?
python_is_complete() {
    "$1" - 2>/dev/null <<'PYTHON'
import ensurepip, os, sysconfig, venv
assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
PYTHON
}

c_compiles() { printf '#include <stdio.h>\n%s\nint main(void) { return 0; }\n' "$1" | cc -x c -fsyntax-only - 2>/dev/null; }

# real_python COMMAND: the executable behind a link or a version manager's shim.
real_python() { "$1" -c 'import os, sys; print(os.path.realpath(sys.executable))' 2>/dev/null; }

# find_python: sets $python to a complete interpreter, or else to one that is at least new enough.
find_python() {
    local candidate
    python=
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        candidate=$(command -v "$candidate") && candidate=$(real_python "$candidate") || continue
        python_is_new_enough "$candidate" || continue
        if python_is_complete "$candidate"; then
            python=$candidate
            return 0
        fi
        : "${python:=$candidate}"
    done
    return 1
}

# need_build_tools LOG: everything that building NEON takes; sets $python.
need_build_tools() {
    local log=$1 missing=() spandsp
    spandsp=$(printf "#include <%s>\n" stdint.h spandsp/telephony.h spandsp/g722.h)
    find_python || {
        [ -n "$python" ] || die "NEON needs Python 3.11 or newer; none was found (Debian 12 has it: apt-get install python3)"
        missing+=(python3-venv python3-dev)
    }
    { command -v cc >/dev/null && c_compiles ''; } || missing+=(gcc libc6-dev)
    c_compiles '#include <portaudio.h>' || missing+=(portaudio19-dev)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    c_compiles '#include <srtp2/srtp.h>' || missing+=(libsrtp2-dev)
    c_compiles "$spandsp" || missing+=(libspandsp-dev)
    c_compiles '#include <opus/opus.h>' || missing+=(libopus-dev)
    [ ${#missing[@]} -eq 0 ] && return
    apt_install "$log" "${missing[@]}"
    find_python || die "$python can still not make a virtualenv or has no headers: it needs the modules venv and ensurepip, and Python.h"
    c_compiles '#include <portaudio.h>' || die "portaudio.h can still not be compiled; see $log"
    c_compiles '#include <srtp2/srtp.h>' || die "srtp2/srtp.h can still not be compiled; see $log"
    c_compiles "$spandsp" || die "spandsp/g722.h can still not be compiled; see $log"
    c_compiles '#include <opus/opus.h>' || die "opus/opus.h can still not be compiled; see $log"
}

# What a build depends on, relative to the checkout: an editable one, and a regular one.
build_sources() { find setup.py setup.cfg pyproject.toml neon/media/_engine neon/media/_codecs -type f; }
all_sources() {
    find setup.py setup.cfg pyproject.toml README.rst LICENSE docs/neonctl.1 neon twisted -type f \
        ! -name '*.pyc' ! -name '*.so' ! -name dropin.cache
}

# fingerprint LISTER VENV: one line that changes when the sources, the interpreter or the place change.
fingerprint() {
    (cd "$checkout" && { printf '%s\n' "$2"; readlink -f "$2/bin/python"; "$1" | LC_ALL=C sort | xargs sha256sum; } |
        sha256sum | cut -d' ' -f1)
}

is_current() { [ -x "$1/bin/twistd" ] && [ "$(cat "$1/$2" 2>/dev/null)" = "$3" ]; }

# fresh_venv VENV LOG: an empty virtualenv, unless there is a working one for the same Python.
fresh_venv() {
    [ -x "$1/bin/pip" ] && [ "$(real_python "$1/bin/python")" = "$python" ] && return
    "$python" -m venv --clear "$1" >>"$2" 2>&1 || die "could not make the virtualenv $1; see $2"
}

pip_install() {
    local venv=$1 log=$2
    shift 2
    "$venv/bin/python" -m pip install --disable-pip-version-check "$@" </dev/null >>"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        die "pip could not build or install NEON; the whole story is in $log"
    }
    # twistd writes down the plugins it finds; once here, so that no later start has to.
    "$venv/bin/twistd" --help >>"$log" 2>&1
}

# editable_venv VENV LOG [EXTRA]: an editable installation, for working in the checkout. A stamp made of what it
# was built from lets a second run start at once.
editable_venv() {
    local venv=$1 log=$2 extra=${3:-} stamp=neon-stamp${3:+-$3}
    is_current "$venv" "$stamp" "$(fingerprint build_sources "$venv")" && return
    need_build_tools "$log"
    say "building NEON in $venv (about a minute the first time)"
    fresh_venv "$venv" "$log"
    rm -f "$venv"/neon-stamp*
    # compat: the newer editable hooks hide the namespace package twisted.plugins from twistd.
    pip_install "$venv" "$log" --config-settings editable_mode=compat -e "$checkout${extra:+[$extra]}"
    fingerprint build_sources "$venv" | tee "$venv/neon-stamp" >"$venv/$stamp"
}

# separate_venv VENV LOG COPY: a regular installation from a copy of the sources; the checkout is only read.
separate_venv() {
    local venv=$1 log=$2 copy=$3
    is_current "$venv" neon-stamp "$(fingerprint all_sources "$venv")" && return
    need_build_tools "$log"
    say "building NEON in $venv (about a minute the first time)"
    fresh_venv "$venv" "$log"
    rm -f "$venv/neon-stamp"
    rm -rf "$copy"
    mkdir -p "$copy"
    (cd "$checkout" && all_sources | tar -cf - -T -) | tar -xf - -C "$copy"
    pip_install "$venv" "$log" "$copy"
    fingerprint all_sources "$venv" >"$venv/neon-stamp"
}
