#!/bin/sh
# uWebSockets as a peer: builds build/bench/uws of uws.cc from checkouts of
# uNetworking/uWebSockets and uNetworking/uSockets, without TLS.
#
#     bench/peers/uws.sh FOLDER_WITH_BOTH

set -e

here=$(cd "$(dirname "$0")" && pwd)
out=${BUILD:-$here/../../build}/bench
from=${1:?folder with uWebSockets and uSockets}
flags='-O3 -march=native -flto -DLIBUS_NO_SSL'

mkdir -p "$out/uws.o"
for c in "$from"/uSockets/src/*.c "$from"/uSockets/src/eventing/*.c; do
    # shellcheck disable=SC2086
    ${CC:-gcc} -std=c11 $flags -I"$from/uSockets/src" \
        -o "$out/uws.o/$(basename "$c" .c).o" -c "$c"
done
# shellcheck disable=SC2086
${CXX:-g++} -std=c++20 -w $flags -I"$from/uSockets/src" \
    -I"$from/uWebSockets/src" -o "$out/uws" "$here/uws.cc" "$out"/uws.o/*.o -lz
