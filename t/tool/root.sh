# shellcheck shell=sh
# Sourced after apt.sh: whole Debian systems below build/, by debootstrap, to
# build and to install in.
#
# They are root's, and nothing is ever started in them by installing it.

need debootstrap

# a package's name can't hide in there, and apt must not ask
in_root() {
    root=$1
    shift

    as_root chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@" \
        </dev/null
}


# the same without any network but a loopback of its own: port 80 is free there

in_root_alone() {
    root=$1
    shift

    # shellcheck disable=SC2016
    as_root unshare --net --pid --fork --kill-child sh -c '
        ip link set lo up || exit 1
        exec chroot "$@"
    ' sh "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@" \
        </dev/null
}


# make_root DIR SUITE: a debootstrap of a suite, with its security updates and
# an index of packages, unless it is there

make_root() {
    [ -f "$1/ready" ] && return 0

    say "making a debootstrap of $2"

    m=$(mirror) || exit 1
    log=$(logfile "root-$2")
    as_root rm -rf "$1"
    mkdir -p "$1" || exit 1

    as_root debootstrap --variant=minbase "$2" "$1" "$m" >"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        die "debootstrap of $2 failed (whole log: build/log/root-$2.log)"
    }

    for s in $(mirrors Debian-Security); do
        echo "deb $s $2-security main"
    done | as_root tee "$1/etc/apt/sources.list.d/security.list" >/dev/null

    as_root tee "$1/usr/sbin/policy-rc.d" >/dev/null <<END
#!/bin/sh
exit 101
END
    as_root chmod 755 "$1/usr/sbin/policy-rc.d" || exit 1

    in_root "$1" apt-get -q -o Acquire::Check-Valid-Until=false update \
        >>"$log" 2>&1 || die "no index of $2 (whole log: build/log/root-$2.log)"

    as_root touch "$1/ready"
}


# copy_root FROM TO: another one, while FROM stays as it is

copy_root() {
    as_root rm -rf "$2" || exit 1
    as_root cp -a "$1" "$2" || exit 1
}
