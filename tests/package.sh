#!/bin/bash
# The Debian package in a clean Debian: built, installed, run, upgraded, removed, purged. ./test --package starts it.
#
# Needs root, debootstrap and Debian's mirror. The bare root, and the packages that apt fetched, are kept in
# ~/.cache/neon/package; everything else goes at the end. What runs in the root lives in namespaces that end with it.
set -u
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../tools/setup.sh"
[ "$(id -u)" -eq 0 ] || exec sudo -n --preserve-env=HOME "$0" "$@"

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
# NEON_DEBIAN_MIRROR: another mirror than debootstrap's own.
mirror=(${NEON_DEBIAN_MIRROR:+"$NEON_DEBIAN_MIRROR"})
cache=${XDG_CACHE_HOME:-$HOME/.cache}/neon/package
work=$(mktemp -d /var/tmp/neon-package.XXXXXX) || exit 1
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' INT TERM
root=$work/root
mkdir -p "$cache/archives/partial"

step() { printf '%s  %s\n' "$(date +%T)" "$*"; }
fail() { step "FAILED: $*"; [ ! -s "$work/log" ] || tail -n 30 "$work/log"; exit 1; }

# inside SECONDS [--net] COMMAND...: in the root, in namespaces that take processes and mounts away when it ends;
# --net for one without a network but loopback. What it prints is in the log.
inside() {
    local seconds=$1 net=()
    shift
    [ "$1" = --net ] && { net=(--net); shift; }
    # shellcheck disable=SC2016
    timeout -k 10 "$seconds" unshare --mount --pid --ipc --uts "${net[@]}" --fork --kill-child -- bash -c '
        set -e
        root=$1 archives=$2 net=$3
        shift 3
        mount -t proc proc "$root/proc"
        mount --bind "$archives" "$root/var/cache/apt/archives"
        [ -z "$net" ] || ip link set lo up
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive "$@"
    ' inside "$root" "$cache/archives" "${net[*]}" "$@" >"$work/log" 2>&1 </dev/null
}
apt() { inside 900 apt-get -q -y -o APT::Keep-Downloaded-Packages=true -o Dpkg::Options::=--force-confold "$@"; }

# What a package may leave nothing of. Caches that Debian's own programs write are no matter.
listing() {
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./tmp -o -path ./run -o -path ./home -o -path ./root -o -path ./srv \
        -o -path ./var/cache -o -path ./var/log -o -path ./var/lib/apt -o -path './var/lib/dpkg/*-old' \
        -o -name __pycache__ -path './usr/lib/python3*/dist-packages/twisted/*' \) -prune -o -print | LC_ALL=C sort)
}

step "building the package"
"$checkout/tools/package.sh" --output "$work/built" >"$work/log" 2>&1 || fail "the build"
package=$(ls "$work"/built/neon_*.deb)
version=$(dpkg-deb -f "$package" Version)
if command -v lintian >/dev/null; then
    step "lintian"
    lintian --allow-root --fail-on error,warning "$work"/built/neon_*.changes >"$work/log" 2>&1 || fail "lintian complains"
else
    step "lintian is not installed: not asked"
fi

# A later version of the same, with a default of its own in the configuration.
step "making a later version"
later=$version+later1
dpkg-deb -R "$package" "$work/later" && sed -i "s/^Version: .*/Version: $later/" "$work/later/DEBIAN/control" &&
    echo "# A later remark." >>"$work/later/etc/neon/neon.conf" &&
    dpkg-deb --root-owner-group -b "$work/later" "$work/built/later.deb" >"$work/log" 2>&1 || fail "the later version"

if [ ! -e "$cache/$suite/.complete" ]; then
    step "making a bare $suite"
    command -v debootstrap >/dev/null || apt_install "$work/apt.log" debootstrap
    rm -rf --one-file-system "${cache:?}/$suite"
    timeout -k 10 900 debootstrap --variant=minbase "$suite" "$cache/$suite" "${mirror[@]}" >"$work/log" 2>&1 || fail "debootstrap"
    touch "$cache/$suite/.complete"
fi
cp -a "$cache/$suite" "$root" || fail "copying the root"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "$package" "$root/srv/neon.deb"
cp "$work/built/later.deb" "$root/srv/"
cp "$checkout/tests/package-call.sh" "$root/srv/"

step "apt-get update"
apt update || fail "apt-get update"
step "installing what the package depends on"
apt --no-install-recommends satisfy "$(dpkg-deb -f "$package" Depends)" || fail "the dependencies"
inside 60 useradd --create-home --shell /bin/bash tester || fail "a user"
listing >"$work/before"

step "installing"
apt --no-install-recommends install /srv/neon.deb || fail "apt-get install"
inside 60 twistd3 --help || fail "twistd3"
grep -q '^ *neon ' "$work/log" || fail "twistd3 does not know neon"
for manual in neon neonctl; do [ -e "$root/usr/share/man/man1/$manual.1.gz" ] || fail "no manual page of $manual"; done

# Somebody's settings: in a file of their own, and in the package's.
printf '\n[sip]\nmax-calls = 7\n' >>"$root/etc/neon/neon.conf"
cat >"$root/etc/neon/conf.d/test.conf" <<'TEXT'
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
sum() { sha256sum "$root/etc/neon/neon.conf" "$root/etc/neon/conf.d/test.conf"; }
settings=$(sum)

step "a call from the installed daemon"
inside 180 --net bash /srv/package-call.sh || fail "the call"
cat "$work/log"

step "upgrading"
apt --no-install-recommends install /srv/later.deb || fail "apt-get install of the later version"
[ "$(sum)" = "$settings" ] || fail "the upgrade changed settings"
inside 60 dpkg-query -W -f '${Version}' neon && [ "$(cat "$work/log")" = "$later" ] || fail "the later version is not installed"
step "a call after the upgrade"
inside 180 --net bash /srv/package-call.sh || fail "the call after the upgrade"

step "removing"
apt remove neon || fail "apt-get remove"
[ "$(sum)" = "$settings" ] || fail "removing the package took settings"
for left in usr/bin/neon usr/lib/neon usr/lib/python3/dist-packages/neon; do
    [ ! -e "$root/$left" ] || fail "/$left is left: $(find "$root/$left" | head -n 5)"
done
inside 60 twistd3 --help || fail "twistd3 after removal"
! grep -q '^ *neon ' "$work/log" || fail "twistd3 still knows neon"

step "purging"
apt purge neon || fail "apt-get purge"
listing >"$work/after"
diff "$work/before" "$work/after" >"$work/log" || fail "the package left something, or took something"
step "nothing is left"
