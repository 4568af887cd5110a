# Sourced after apt.sh: configure and compile nginx and the module.

# What the module must compile without.  nginx's headers are clean under these,
# its sources are not: for the module alone, then.

warnings="-W -Wall -Wextra -Wpointer-arith -Wno-unused-parameter -Wshadow
 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
 -Werror"
warnings=$(echo $warnings)

# clang does not take a comment for an answer in C
case ${CC:-gcc} in
*clang*) ;;
*) warnings="$warnings -Wimplicit-fallthrough=3" ;;
esac

jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}


# quiet LOG COMMAND...: output to the log, and its end if the command fails

quiet() {
    log=$(logfile "$1")
    shift

    "$@" >>"$log" 2>&1 || {
        grep -E 'error:|warning:|undefined reference|not found$' "$log" \
            | grep -v '^checking for' | head -n 30 >&2 || true
        tail -n 5 "$log" >&2
        die "failed: $* (whole log: build/log/${log##*/})"
    }
}


# configured DIR SRC ARGUMENTS...: DIR is a configured copy of the nginx
# source SRC.  It is made anew when the arguments, the addon's "config" or its
# list of files, or nginx itself has changed; else make finds what is stale.

configured() {
    dir=$1
    src=$2
    shift 2

    key=$({
        printf '%s\n' "$dir" "$@"
        cat "$top/config" "$src/src/core/nginx.h"
        ls "$top/ngx_chat_module"
        dpkg-query -W -f '${Version}\n' nginx-dev libssl-dev libjansson-dev
    } 2>/dev/null | cksum)

    if [ "$(cat "$dir/configured" 2>/dev/null)" = "$key" ]; then
        return 0
    fi

    rm -rf "$dir"
    mkdir -p "$dir" || exit 1
    cp -R "$src/." "$dir" || exit 1

    name=${dir#"$build"/}
    name=$(echo "$name" | tr / -)
    : > "$(logfile "$name")"

    # Debian's copy and nginx's tarball both have an executable here
    (cd "$dir" && quiet "$name" ./configure "$@") || exit 1

    echo "$key" > "$dir/configured"
}


# compile DIR TARGET: one target of nginx's makefile

compile() {
    name=${1#"$build"/}
    name=$(echo "$name" | tr / -)
    quiet "$name" make -C "$1" -f objs/Makefile -j "$jobs" "$2"
}
