#!/bin/bash
# Builds the Debian package from the checkout, for the Debian release that this runs on.
set -u
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/setup.sh"

usage() {
    cat <<'TEXT'
usage: tools/package.sh [--output DIR] [--version VERSION] [--cache DIR]

Builds neon_VERSION_ARCH.deb. What Debian lacks is fetched once by pip, from the index that pip is configured for,
checked against the hashes in debian/vendor.txt, and kept in the cache; dpkg-buildpackage then needs no network. The
checkout is only read.

  --output DIR       where the package goes (default: dist)
  --version VERSION  another version than that of debian/changelog with the Debian release, as in 0.1.0+deb12
  --cache DIR        the fetched files (default: ~/.cache/neon/vendor)
TEXT
}

output=$checkout/dist
version=''
cache=${XDG_CACHE_HOME:-$HOME/.cache}/neon/vendor
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --output | --version | --cache)
            [ -n "${2:-}" ] || die "$1 needs a value"
            printf -v "${1#--}" %s "$2"
            shift
            ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
work=$(mktemp -d) || die "cannot make a temporary directory"
trap 'rm -rf "$work"' EXIT
mkdir -p "$output" "$cache" || die "cannot write to $output and $cache"
output=$(realpath "$output")
log=$output/build.log
: >"$log" || die "cannot write $log"
# The interpreter that the package is for, whatever else comes first in PATH.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 PIP_BREAK_SYSTEM_PACKAGES=1

missing=()
while read -r package _; do
    case $package in debhelper-compat) package=debhelper ;; esac
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done < <(sed -n '/^Build-Depends:/,/^$/{/^ /{s/[ ,]/ /g;p}}' "$checkout/debian/control")
for package in build-essential fakeroot; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] || apt_install "$log" "${missing[@]}"

pip=(/usr/bin/python3 -m pip --disable-pip-version-check --no-input download --quiet --no-deps --no-build-isolation
    --require-hashes --requirement "$checkout/debian/vendor.txt" --dest "$work/wheels")
# What the cache has is not fetched again; pip checks the hashes of both.
if ! "${pip[@]}" --no-index --find-links "$cache" >>"$log" 2>&1; then
    say "fetching what Debian lacks"
    "${pip[@]}" --find-links "$cache" >>"$log" 2>&1 || { tail -n 15 "$log" >&2; die "pip could not fetch debian/vendor.txt"; }
    cp -f "$work/wheels"/* "$cache/" || die "cannot write to $cache"
fi

mkdir "$work/neon" || exit 1
(cd "$checkout" && { all_sources; find debian docs etc NEWS.rst -type f; } | LC_ALL=C sort -u | tar -cf - -T -) |
    tar -xf - -C "$work/neon" || die "cannot copy the sources"
mv "$work/wheels" "$work/neon/debian/wheels"
cd "$work/neon" || exit 1
# Compiled for one release and one Python: the version says so, and that of the next release is later.
: "${version:=$(dpkg-parsechangelog -S Version)+deb$(. /etc/os-release && echo "${VERSION_ID:-0}")}"
sed -i "1s/(.*)/($version)/" debian/changelog
say "building neon $(dpkg-parsechangelog -S Version)"
dpkg-buildpackage -us -uc -b </dev/null >>"$log" 2>&1 || { tail -n 25 "$log" >&2; die "the build failed; see $log"; }
mv "$work"/neon*.deb "$work"/neon_*.buildinfo "$work"/neon_*.changes "$output/" || exit 1
ls "$output"/neon_"$(dpkg-parsechangelog -S Version)"_*.deb
