# Sourced by tests/package.sh: bare Debians in folders, and what runs in them.
# shellcheck shell=bash disable=SC2154  # checkout, work and cache are the script's.

step() { printf '%s  %s\n' "$(date +%T)" "$*"; }
fail() { step "FAILED: $*"; [ ! -s "$work/log" ] || tail -n 40 "$work/log"; exit 1; }

# inside SECONDS [--net] [--root DIR] [--bind FROM TO]... COMMAND...: in $root or another, in namespaces that take
# processes and mounts away when it ends; --net for one without a network but loopback. What it prints is in $work/log.
inside() {
    local seconds=$1 net=() in=$root binds=("$cache/archives/$suite" /var/cache/apt/archives)
    shift
    while :; do
        case $1 in
            --net) net=(--net) ;;
            --root) in=$2; shift ;;
            --bind) binds+=("$2" "$3"); shift 2 ;;
            *) break ;;
        esac
        shift
    done
    # shellcheck disable=SC2016
    timeout -k 10 "$seconds" unshare --mount --pid --ipc --uts "${net[@]}" --fork --kill-child -- bash -c '
        set -e
        root=$1 net=$2 binds=$3
        shift 3
        mount -t proc proc "$root/proc"
        for _ in $(seq "$binds"); do
            mkdir -p "$root$2"
            mount --bind "$1" "$root$2"
            shift 2
        done
        [ -z "$net" ] || ip link set lo up
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive "$@"
    ' inside "$in" "${net[*]}" $((${#binds[@]} / 2)) "${binds[@]}" "$@" >"$work/log" 2>&1 </dev/null
}

# apt [--root DIR] ARGUMENT...: without what is only recommended; a package that was fetched once is kept.
apt() {
    local where=()
    [ "$1" != --root ] || { where=(--root "$2"); shift 2; }
    inside 900 "${where[@]}" apt-get -q -y --no-install-recommends -o APT::Keep-Downloaded-Packages=true \
        -o Dpkg::Options::=--force-confold "$@"
}

# bare_root: the release as debootstrap makes it, in $cache/$suite.
bare_root() {
    [ ! -e "$cache/$suite/.complete" ] || return 0
    step "making a bare $suite"
    rm -rf --one-file-system "${cache:?}/$suite"
    timeout -k 10 900 debootstrap --variant=minbase "$suite" "$cache/$suite" "${mirror[@]}" >"$work/log" 2>&1 || fail "debootstrap"
    touch "$cache/$suite/.complete"
}

# copy_root FROM TO
copy_root() {
    cp -a "$1" "$2" || fail "copying $1"
    cp /etc/resolv.conf "$2/etc/resolv.conf"
}

# building_root: the same with what building takes and lintian, in $cache/$suite-building, as long as debian/control
# asks for the same.
building_root() {
    local place=$cache/$suite-building wanted
    wanted="build-essential fakeroot lintian $(control_packages Build-Depends | tr '\n' ' ')"
    [ "$(cat "$place/.complete" 2>/dev/null)" != "$wanted" ] || return 0
    step "making a $suite to build in"
    rm -rf --one-file-system "$place"
    copy_root "$cache/$suite" "$place"
    rm -f "$place/.complete"
    apt --root "$place" update || fail "apt-get update"
    # shellcheck disable=SC2086
    apt --root "$place" install $wanted || fail "what building takes"
    printf '%s\n' "$wanted" >"$place/.complete"
}
