#!/bin/sh
# deps.sh -- installs the Debian packages that building and the demo need, if any is missing.
#
# Prints the one apt-get line first.  DEPS=no: installs nothing, only says what is missing.
set -u
packages="gcc make flex bison libopenblas-dev libpng-dev zlib1g-dev libjansson-dev libc6-dev $*"
missing=
for p in $packages; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "${DEPS:-yes}" = no ]; then
    echo "missing packages:$missing  (DEPS=no: not installed)" >&2
    exit 0
fi
as=
[ "$(id -u)" = 0 ] || as=sudo
echo "$as apt-get install -y --no-install-recommends$missing"
$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as apt-get install -y -qq --no-install-recommends $missing
