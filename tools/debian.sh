# Sourced after tools/setup.sh by what works with Debian's own Python and libraries instead of a virtualenv's.
# shellcheck shell=bash
#
# What debian/control and debian/vendor.txt say is not said again here.
# shellcheck disable=SC2154  # checkout

debian_python=/usr/bin/python3

# control_packages FIELD [PACKAGE]: the names in a field of debian/control, of its source or of one of its packages.
control_packages() {
    awk -v field="$1:" -v package="${2:-}" '
        /^Package:/ { in_package = $2 }
        /^[^ ]/ { in_field = ($1 == field && in_package == package) }
        in_field && /^ / && $1 !~ /^\$/ { sub(/,$/, "", $1); sub(/^debhelper-compat$/, "debhelper", $1); print $1 }
    ' "$checkout/debian/control"
}

# need_packages LOG PACKAGE...: have apt-get install those that are not.
need_packages() {
    local log=$1 package missing=()
    shift
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] || apt_install "$log" "${missing[@]}"
}

# fetch_vendored CACHE LOG PIP...: what Debian lacks, from pip's index into CACHE. What is there is not fetched again;
# pip checks the hashes of both.
fetch_vendored() {
    local cache=$1 log=$2 wheels status
    shift 2
    mkdir -p "$cache" || die "cannot write to $cache"
    wheels=$(mktemp -d) || die "cannot make a temporary directory"
    local download=("$@" --no-input download --quiet --no-deps --no-build-isolation --disable-pip-version-check
        --require-hashes --requirement "$checkout/debian/vendor.txt" --dest "$wheels" --find-links "$cache")
    "${download[@]}" --no-index >>"$log" 2>&1
    status=$?
    if [ "$status" -ne 0 ]; then
        say "fetching what Debian lacks"
        "${download[@]}" >>"$log" 2>&1 && cp -f "$wheels"/* "$cache/"
        status=$?
    fi
    rm -rf "$wheels"
    [ "$status" -eq 0 ] || { tail -n 15 "$log" >&2; die "pip could not fetch debian/vendor.txt"; }
}

# pip_quietly LOG VENV ARGUMENT...: pip install.
pip_quietly() {
    local log=$1 venv=$2
    shift 2
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" </dev/null >>"$log" 2>&1 && return
    tail -n 15 "$log" >&2
    die "pip failed; the whole story is in $log"
}

vendor_cache() { printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/neon/vendor"; }

debian_sources() { build_sources; printf '%s\n' debian/control debian/vendor.txt tools/debian.sh; }

# debian_venv VENV LOG: an editable installation on exactly the libraries that the package has: Debian's from apt-get,
# the vendored ones, and nothing else but what only tests need. No version of Debian's is hidden by another.
debian_venv() {
    local venv=$1 log=$2 purelib
    [ "$(cat "$venv/neon-stamp" 2>/dev/null)" = "$(fingerprint debian_sources "$venv")" ] && return
    # shellcheck disable=SC2046
    need_packages "$log" python3-venv build-essential $(control_packages Build-Depends) \
        $(control_packages Depends neon | grep '^python3-')
    say "building NEON in $venv, on Debian's libraries"
    "$debian_python" -m venv --clear --system-site-packages "$venv" >>"$log" 2>&1 || die "could not make $venv; see $log"
    purelib=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    fetch_vendored "$(vendor_cache)" "$log" "$venv/bin/python" -m pip
    pip_quietly "$log" "$venv" --no-index --find-links "$(vendor_cache)" --no-deps --no-build-isolation --require-hashes \
        --requirement "$checkout/debian/vendor.txt"
    cp -r "$checkout/debian/Crypto" "$purelib/"
    # compat: the newer editable hooks hide the namespace package twisted.plugins from twistd.
    pip_quietly "$log" "$venv" --config-settings editable_mode=compat --no-deps --no-build-isolation -e "$checkout"
    # What tests need may bring what Debian has not, but no other version of what it has.
    "$venv/bin/python" -m pip freeze --disable-pip-version-check --path /usr/lib/python3/dist-packages 2>>"$log" |
        grep '==' >"$venv/debian.txt"
    "$venv/bin/python" "$checkout/tools/libraries.py" --extra test >"$venv/test.txt" || die "cannot read setup.cfg"
    pip_quietly "$log" "$venv" --constraint "$venv/debian.txt" --requirement "$venv/test.txt"
    # This one is only run, and wants newer libraries than Debian's.
    "$debian_python" -m venv --clear "$venv/schemathesis" >>"$log" 2>&1 || die "could not make $venv/schemathesis; see $log"
    pip_quietly "$log" "$venv/schemathesis" 'schemathesis >= 4.0'
    ln -sf ../schemathesis/bin/schemathesis "$venv/bin/schemathesis"
    fingerprint debian_sources "$venv" >"$venv/neon-stamp"
}
