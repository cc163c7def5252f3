#!/bin/sh
# golden.sh -- runs a command over every .ae file of a folder and compares what it says.
#
#     tests/golden.sh FOLDER COMMAND...
#
# The command gets the file's name as its last argument and runs in the folder, so that places read
# `name.ae:3:5`.  FILE.expected holds its output, both streams, and its exit status.  A file may name
# further options on a line `# options: ...`.  UPDATE=1 writes the .expected files anew.
if [ $# -lt 2 ]; then
    echo "usage: golden.sh FOLDER COMMAND..." >&2
    exit 2
fi
folder=$1
shift
case $1 in
    */*) program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") ;;
    *)   program=$1 ;;
esac
shift
cd "$folder" || exit 2
got=$(mktemp) || exit 2
trap 'rm -f "$got"' EXIT
passed=0 failed=0
for file in *.ae; do
    [ -e "$file" ] || continue
    options=$(sed -n 's/^# options: //p' "$file" | tr -d '\000' | head -n 1)
    NO_COLOR=1 "$program" "$@" $options "$file" > "$got" 2>&1
    echo "exit $?" >> "$got"
    if [ -n "$UPDATE" ]; then
        cp "$got" "${file%.ae}.expected"
    fi
    if cmp -s "$got" "${file%.ae}.expected"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$folder/$file: $(diff "$got" "${file%.ae}.expected" 2>&1 | sed -n 2p)"
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
