#!/usr/bin/env bash
# refused.sh AEC FOLDER -- data that mean nothing to a model end the run with what is wrong, and where;
# and rows are chosen as they are asked for.
set -u
cd "$(dirname "$0")/../.." || exit 2
aec=$PWD/$1 cc=$PWD/tests/cc work=$PWD/$2/refused
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 2
passed=0 failed=0
try() {             # try STATUS MESSAGE WIDTH LABEL DATA: of a model of so many numbers and this label
    printf 'input x : vector(%s)\nlabel y : %s\ndata { %s }\n' "$3" "$4" "$5" > one.ae
    printf 'encoder { dense(2) }\ndecoder { dense(%s) }\nreconstruct x by mse\ntrain { epochs = 1 }\n' "$3" >> one.ae
    "$aec" build one.ae -o one --cc "$cc" > log 2>&1 && ./one train --out run > log 2>&1
    if [ $? = "$1" ] && grep -qF "$2" log; then passed=$((passed + 1))
    else failed=$((failed + 1)); echo "FAILED $5"; cat log; fi
}
printf 'c,a,b,kind\n1,0,1,cat\n2,1,2,dog\n3,1,1,cat\n' > t.csv
try 1 't.csv: row 1: 2 is no answer of y: yes is 1, and no is 0 or -1' 1 'labels(2)' \
    'train = csv("t.csv", target = ["a", "b"], columns = "c")'
kinds='train = csv("t.csv", target = "kind", columns = "c")'
try 1 'only: the data have no class fox' 1 'class(2)' "$kinds only = [cat, fox]"
try 0 'phase train: 3 rows' 1 'class(2)' "$kinds only = [dog, cat]"
try 0 'phase train: 1438 rows' 64 'class(10)' 'train = digits() only = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]'
echo "$passed passed, $failed failed"
[ $failed = 0 ]
