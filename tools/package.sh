#!/bin/bash
# Builds the Debian package from the checkout, for the Debian release that this runs on.
set -u
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/setup.sh"
. "$checkout/tools/debian.sh"

usage() {
    cat <<'TEXT'
usage: tools/package.sh [--output DIR] [--version VERSION] [--cache DIR] [--fetch]

Builds neon_VERSION_ARCH.deb. What Debian lacks is fetched once by pip, from the index that pip is configured for,
checked against the hashes in debian/vendor.txt, and kept in the cache; dpkg-buildpackage then needs no network. The
checkout is only read.

  --output DIR       where the package goes (default: dist)
  --version VERSION  another version than that of debian/changelog with the Debian release, as in 0.1.0+deb12
  --cache DIR        the fetched files (default: ~/.cache/neon/vendor)
  --fetch            only fetch them, so that the package can be built where there is no network
TEXT
}

output=$checkout/dist
version=''
fetch_only=''
cache=$(vendor_cache)
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --fetch) fetch_only=yes ;;
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

# shellcheck disable=SC2046
need_packages "$log" build-essential fakeroot $(control_packages Build-Depends)
fetch_vendored "$cache" "$log" "$debian_python" -m pip
[ -z "$fetch_only" ] || exit 0

mkdir "$work/neon" || exit 1
(cd "$checkout" && { all_sources; find debian desktop docs etc NEWS.rst -type f; } | LC_ALL=C sort -u | tar -cf - -T -) |
    tar -xf - -C "$work/neon" || die "cannot copy the sources"
mkdir "$work/neon/debian/wheels"
# Only what is pinned: the cache may keep more.
"$debian_python" -m pip --no-input download --quiet --no-deps --no-build-isolation --disable-pip-version-check --no-index \
    --require-hashes --requirement "$checkout/debian/vendor.txt" --find-links "$cache" --dest "$work/neon/debian/wheels" \
    >>"$log" 2>&1 || die "$cache lacks what debian/vendor.txt pins"
cd "$work/neon" || exit 1
# Compiled for one release and one Python: the version says so, and that of the next release is later.
: "${version:=$(dpkg-parsechangelog -S Version)+deb$(. /etc/os-release && echo "${VERSION_ID:-0}")}"
sed -i "1s/(.*)/($version)/" debian/changelog
say "building neon $(dpkg-parsechangelog -S Version)"
dpkg-buildpackage -us -uc -b </dev/null >>"$log" 2>&1 || { tail -n 25 "$log" >&2; die "the build failed; see $log"; }
mv "$work"/neon*.deb "$work"/neon_*.buildinfo "$work"/neon_*.changes "$output/" || exit 1
ls "$output"/neon_"$(dpkg-parsechangelog -S Version)"_*.deb "$output"/neon-panel_"$(dpkg-parsechangelog -S Version)"_all.deb
