# Sourced by tests/package.sh: a Debian in a folder, started with its own systemd by systemd-nspawn.
# shellcheck shell=bash disable=SC2154  # suite, work and root are the script's.
#
# It has a network of its own with nothing but loopback. On a machine that systemd did not start, it gets a control
# group of its own, so that it takes no other process for one of its services.

machine=''
groups=()

halt_all() {
    [ -z "$machine" ] || { kill "$machine" && wait "$machine"; } 2>/dev/null
    machine=''
    local group
    for group in "${groups[@]}"; do find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; done
    groups=()
}

# boot: start $root; sets $machine to the process that halts it, $first to that of its systemd.
boot() {
    local keep=() hierarchy left=60
    if [ ! -d /run/systemd/system ]; then
        keep=(--keep-unit)
        for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
            [ -e "$hierarchy/cgroup.procs" ] && mkdir "$hierarchy/neon-package-$$" && groups+=("$hierarchy/neon-package-$$")
        done
    fi
    : >"$work/console"
    # shellcheck disable=SC2016
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 bash -c '
        for ((; $1; )); do echo $$ >"$2/cgroup.procs" || exit; set -- $(($1 - 1)) "${@:3}"; done
        shift
        exec "$@"
    ' boot ${#groups[@]} "${groups[@]}" systemd-nspawn --quiet "${keep[@]}" --register=no --directory="$root" \
        --private-network --link-journal=no --boot --console=pipe -- systemd.show_status=yes \
        </dev/null >"$work/console" 2>&1 &
    machine=$!
    until first=$(pgrep -P "$machine" -f systemd) && nsenter -t "$first" -a systemctl is-system-running >"$work/log" 2>&1; do
        left=$((left - 1))
        if [ "$left" -le 0 ] || ! kill -0 "$machine" 2>/dev/null; then
            cat "$work/console" >>"$work/log"
            fail "systemd does not start in a folder here"
        fi
        sleep 1
    done
}

# booted SCRIPT: have a script that is in $root's /srv run under $root's systemd.
booted() {
    step "starting $suite with its systemd"
    boot
    timeout -k 10 600 nsenter -t "$first" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive bash "/srv/$1" >"$work/log" 2>&1 </dev/null || fail "the units: $(tail -n 1 "$work/log")"
    cat "$work/log"
    halt_all
}
