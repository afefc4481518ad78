#!/bin/bash
# The Debian packages in clean Debians: built, asked about by lintian and piuparts, installed, run, upgraded, removed,
# purged, and their units under a real systemd. ./test --package starts it.
#
# usage: tests/package.sh [RELEASE...]      default: bookworm trixie
#
# Needs root, debootstrap and Debian's mirror. Bare roots, and the packages that apt fetched, are kept in
# ~/.cache/neon/package; everything else goes at the end. What runs in a root lives in namespaces that end with it.
set -u
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../tools/setup.sh"
. "$checkout/tools/debian.sh"
. "$checkout/tests/package/roots.sh"
. "$checkout/tests/package/boot.sh"
[ "$(id -u)" -eq 0 ] || exec sudo -n --preserve-env=HOME "$0" "$@"

[ $# -gt 0 ] || set -- bookworm trixie
# NEON_DEBIAN_MIRROR: another mirror than debootstrap's own.
mirror=(${NEON_DEBIAN_MIRROR:+"$NEON_DEBIAN_MIRROR"})
cache=${XDG_CACHE_HOME:-$HOME/.cache}/neon/package
top=$(mktemp -d /var/tmp/neon-package.XXXXXX) || exit 1
work=$top
trap 'halt_all; rm -rf --one-file-system "$top"' EXIT
trap 'exit 1' INT TERM
mkdir -p "$cache"

# What a package may leave nothing of. Caches that Debian's own programs write are no matter.
listing() {
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./tmp -o -path ./run -o -path ./home -o -path ./root -o -path ./srv \
        -o -path ./var/cache -o -path ./var/log -o -path ./var/lib/apt -o -path './var/lib/dpkg/*-old' \
        -o -name __pycache__ -path './usr/lib/python3*/dist-packages/twisted/*' \
        -o -name mimeinfo.cache -o -name icon-theme.cache \) -prune -o -print | LC_ALL=C sort)
}

# built: the packages of $suite, built in a clean one without a network, in $work/built.
build() {
    bare_root
    building_root
    step "building the packages in a clean $suite"
    mkdir "$work/built"
    inside 1800 --net --root "$cache/$suite-building" --bind "$checkout" /srv/neon --bind "$work/built" /srv/built \
        --bind "$(vendor_cache)" /srv/vendor \
        /srv/neon/tools/package.sh --output /srv/built --cache /srv/vendor || fail "the build"
    package=$(ls "$work"/built/neon_*.deb)
    panel=$(ls "$work"/built/neon-panel_*.deb)
    version=$(dpkg-deb -f "$package" Version)
    step "licences"
    dpkg-deb -x "$package" "$work/unpacked" && "$debian_python" "$checkout/tests/copyrights.py" "$work/unpacked" \
        >"$work/log" 2>&1 || fail "debian/copyright is not complete"
    step "lintian"
    inside 300 --net --root "$cache/$suite-building" --bind "$work/built" /srv/built \
        bash -c 'lintian --allow-root --fail-on error,warning /srv/built/neon_*.changes' || fail "lintian complains"
    step "piuparts"
    # What the panel depends on brings an init, which apt takes for essential and would never remove again.
    mapfile -t packages < <(find "$work/built" -name '*.deb' ! -name '*-dbgsym_*')
    timeout -k 30 1800 piuparts --tmpdir "$work" --existing-chroot "$cache/$suite" --distribution "$suite" \
        --keep-sources-list --no-eatmydata --fake-essential-packages systemd-sysv "${packages[@]}" >"$work/log" 2>&1 </dev/null || fail "piuparts complains"
    grep -q 'PASS: All tests' "$work/log" || fail "piuparts tested nothing"
}

# later_version: the same again with a later version, and with a default of its own in the configuration.
later_version() {
    later=$version+later1
    dpkg-deb -R "$package" "$work/later" && sed -i "s/^Version: .*/Version: $later/" "$work/later/DEBIAN/control" &&
        echo "# A later remark." >>"$work/later/etc/neon/neon.conf" &&
        dpkg-deb --root-owner-group -b "$work/later" "$work/built/later.deb" >"$work/log" 2>&1 || fail "the later version"
}

# call: the packages' autopkgtest, as an ordinary user.
call() { inside 180 --net setpriv --reuid=tester --regid=tester --init-groups /srv/call; }

sum() { sha256sum "$root/etc/neon/neon.conf" "$root/etc/neon/conf.d/test.conf"; }

release() {
    work=$top/$suite root=$top/$suite/root
    mkdir -p "$work" "$cache/archives/$suite/partial"
    build
    later_version

    copy_root "$cache/$suite" "$root"
    cp "$package" "$root/srv/neon.deb"
    cp "$panel" "$root/srv/neon-panel.deb"
    cp "$work/built/later.deb" "$checkout/debian/tests/call" "$checkout/tests/package/units.sh" "$root/srv/"
    step "apt-get update"
    apt update || fail "apt-get update"
    step "installing what the package depends on"
    apt satisfy "$(dpkg-deb -f "$package" Depends)" || fail "the dependencies"
    inside 60 useradd --create-home --shell /bin/bash tester || fail "a user"
    listing >"$work/before"

    step "installing"
    apt install /srv/neon.deb || fail "apt-get install"
    inside 60 twistd3 --help || fail "twistd3"
    grep -q '^ *neon ' "$work/log" || fail "twistd3 does not know neon"
    for manual in neon neonctl; do [ -e "$root/usr/share/man/man1/$manual.1.gz" ] || fail "no manual page of $manual"; done
    # Somebody's settings: in a file of their own, and in the package's.
    printf '\n[sip]\nmax-calls = 7\n' >>"$root/etc/neon/neon.conf"
    printf '[api]\nmax-connections = 32\n' >"$root/etc/neon/conf.d/test.conf"
    settings=$(sum)
    step "a call from the installed daemon"
    call || fail "the call"
    cat "$work/log"

    step "upgrading"
    apt install /srv/later.deb || fail "apt-get install of the later version"
    [ "$(sum)" = "$settings" ] || fail "the upgrade changed settings"
    inside 60 dpkg-query -W -f '${Version}' neon && [ "$(cat "$work/log")" = "$later" ] || fail "the later version is not installed"
    step "a call after the upgrade"
    call || fail "the call after the upgrade"

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

    step "installing what the panel's window depends on"
    apt satisfy "$(dpkg-deb -f "$panel" Depends | sed 's/neon ([^)]*), *//')" || fail "the panel's dependencies"
    listing >"$work/before"
    step "installing both packages"
    apt install /srv/neon.deb /srv/neon-panel.deb || fail "apt-get install of both"
    # Without a display it says so: then Python, GTK and WebKit were found.
    inside 60 sh -c 'neon-panel; [ $? -eq 1 ]' && grep -q -i display "$work/log" || fail "neon-panel"
    apt purge neon-panel neon || fail "apt-get purge of both"
    listing >"$work/after"
    diff "$work/before" "$work/after" >"$work/log" || fail "the packages left something, or took something"
    step "nothing is left of both"

    step "installing systemd"
    apt install systemd dbus dbus-user-session libpam-systemd || fail "systemd"
    booted units.sh
    rm -rf --one-file-system "$work"
}

need_packages "$work/apt.log" debootstrap piuparts systemd-container python3-pip python3-setuptools python3-wheel
fetch_vendored "$(vendor_cache)" "$work/log" "$debian_python" -m pip
for suite; do
    step "== $suite"
    release
done
