# Sourced by the other scripts here: Debian packages, and apt with a private
# state for what the running release lacks.
#
# The machine's own apt configuration is never changed.  A private apt has
# its own source list, index files and cache below build/apt/NAME, and uses
# the mirror that the machine is already configured for.

top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
build=${BUILD:-$top/build}
export LC_ALL=C.UTF-8


say() { printf '%s\n' "== $*" >&2; }

die() { printf '%s\n' "error: $*" >&2; exit 1; }


# as_root COMMAND...: run it as root, by sudo if need be

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo -- "$@"
    else
        die "this needs root and there is no sudo: $*"
    fi
}


# missing PACKAGE...: print those that are not installed.  "command:package"
# is satisfied by the command, too, wherever it comes from: node and npm often
# are not Debian's.

missing() {
    have=$(dpkg-query -W -f '/${Package}/${db:Status-Status}/ ' \
           $(printf '%s ' "$@" | sed 's/[^ :]*://g') 2>/dev/null)

    for p in "$@"; do
        case $p in
        *:*) command -v "${p%%:*}" >/dev/null 2>&1 && continue ;;
        esac

        case $have in
        */"${p#*:}"/installed/*) ;;
        *) printf '%s ' "${p#*:}" ;;
        esac
    done
}


# need PACKAGE...: install those that are missing.
#
# Debian starts a server when its package is installed; a build must not open
# port 80 of somebody's machine, nor restart the nginx that runs there.  So
# policy-rc.d(8) says no for as long as apt runs, unless the administrator has
# a policy of his own.

need() {
    todo=$(missing "$@")

    if [ -z "$todo" ]; then
        return 0
    fi

    command -v apt-get >/dev/null 2>&1 \
        || die "apt-get not found: this needs Debian, or install by hand:" \
               "$todo"

    say "installing $todo"

    as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        policy=/usr/sbin/policy-rc.d

        if [ ! -e $policy ]; then
            trap "rm -f $policy" EXIT
            trap "exit 1" HUP INT TERM
            printf "#!/bin/sh\nexit 101\n" > $policy
            chmod 755 $policy
        fi

        set -- "$@"
        apt="apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"

        # the index may be as old as the machine: refresh it first
        $apt update || echo "apt-get update failed; trying with what is there"
        $apt install --no-install-recommends "$@"
    ' sh $todo >"$(logfile apt)" 2>&1 || {
        tail -n 20 "$(logfile apt)" >&2
        die "apt could not install: $todo" \
            "(whole log: build/log/apt.log)"
    }
}


logfile() {
    mkdir -p "$build/log" || exit 1
    printf '%s\n' "$build/log/$1.log"
}


# mirrors LABEL: archive URIs of the running release that apt is configured
# for, whether the source list is in one-line or in deb822 form

mirrors() {
    apt-get indextargets --format \
        '$(LABEL)|$(RELEASE)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -F'|' -v want="$1" '
        # before the first update there is no Release file, hence no label
        { label = $1 }
        label !~ /^Debian/ {
            label = ($2 ~ /-security$|\/updates$/) ? "Debian-Security" \
                  : ($3 ~ /\/debian\/?$/) ? "Debian" : ""
        }
        label == want && !seen[$3]++ { print $3 }
    '
}


mirror() {
    m=$(mirrors Debian | head -n 1)
    [ -n "$m" ] || die "apt is configured for no Debian mirror"
    printf '%s\n' "$m"
}


# private_apt NAME: a private apt that reads its source lines from stdin and
# has fresh index files; afterwards "papt NAME COMMAND..." uses it.  The index
# is taken again once a day, or when the lines have changed.

private_apt() {
    d=$build/apt/$1
    mkdir -p "$d/lists/partial" "$d/cache/archives/partial" "$d/none" || exit 1

    cat > "$d/new.list"

    if [ -f "$d/updated" ] && cmp -s "$d/new.list" "$d/sources.list" \
       && [ -z "$(find "$d/updated" -mtime +0)" ]
    then
        return 0
    fi

    mv "$d/new.list" "$d/sources.list"
    rm -f "$d/updated"

    papt "$1" apt-get -q update >"$(logfile "apt-$1")" 2>&1 || {
        tail -n 5 "$(logfile "apt-$1")" >&2
        die "the Debian mirror in use does not offer what $1 needs:" \
            "$(cat "$d/sources.list")"
    }

    touch "$d/updated"
}


# papt NAME COMMAND...: apt-get or apt-cache on the private state.  As root,
# apt would download as user _apt, who may not read this tree.  Signatures are
# checked; but a mirror that stands still, as a snapshot does, is no fault here.

papt() {
    d=$build/apt/$1
    c=$2
    shift 2

    "$c" -o Dir::Etc::sourcelist="$d/sources.list" \
        -o Dir::Etc::sourceparts=- \
        -o Dir::Etc::preferences=/dev/null \
        -o Dir::Etc::preferencesparts="$d/none" \
        -o Dir::State::lists="$d/lists" \
        -o Dir::Cache="$d/cache" \
        -o APT::Sandbox::User=root \
        -o APT::Get::List-Cleanup=false \
        -o Acquire::Retries=3 \
        -o Acquire::Check-Valid-Until=false \
        -o Acquire::Languages=none \
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled=false \
        "$@"
}
