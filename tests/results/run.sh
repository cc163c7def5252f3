#!/usr/bin/env bash
# run.sh AEC FOLDER [RUN...] -- trains the runs of list.txt one after another and writes docs/results.md.
#
# What is done is kept in FOLDER/results/RUN and not done again while the file and its flags stay as they are; a run
# that was stopped goes on from its checkpoint. Rows of runs that were not made here stay in the page as they are.
# THREADS=N takes N cores. Exits with 1 when a number misses its bar, and with 130 when stopped.
set -u
cd "$(dirname "$0")/../.." || exit 2
aec=$PWD/$1 work=$PWD/$2/results list=$PWD/tests/results/list.txt page=$PWD/docs/results.md
shift 2
export OMP_WAIT_POLICY=passive
mkdir -p "$work"

rows() { grep -v '^#' "$list" | grep '|' | sed 's/ *| */|/g; s/^ *//; s/ *$//'; }
column() { echo "$1" | cut -d'|' -f"$2"; }

number() {          # number FILE KEY: what stands behind "KEY": in JSON
    awk -v key="\"$2\":" '{ i = index($0, key); if (i) { s = substr($0, i + length(key)); sub(/^ */, "", s); sub(/[,}].*/, "", s); print s; exit } }' "$1"
}

look_up() {         # look_up DIR KEY: loss@3 is of epoch 3, score/.. and info/.. are of those commands
    local dir=$1 key=$2
    case $key in
    *@*) grep "\"epoch\":${key#*@}," "$dir/run/metrics.jsonl" | grep "\"${key%@*}\":" > "$dir/line"; number "$dir/line" "${key%@*}";;
    score/*|info/*) "$dir/trainer" "${key%%/*}" --json --weights "$dir/run" > "$dir/said.json" 2>> "$dir/log"; number "$dir/said.json" "${key#*/}";;
    *) number "$dir/eval.json" "$key";;
    esac
}

key_of() { (grep -v '^ *#' "$1"; echo "$2 | $3") | cksum; }        # comments may change

missing() {         # the first file of data that is not in place
    grep -oE '"[^"]*data/[^"]*"' "$1" | tr -d '"' | while read -r f; do
        [ -e "$(dirname "$1")/$f" ] || { echo "$f"; break; }
    done
}

make_run() {        # make_run NAME FILE BUILD-FLAGS TRAIN-FLAGS
    local dir=$work/$1 file=$2 key resume= status
    key=$(key_of "$file" "$3" "$4")
    [ "$(cat "$dir/done" 2> /dev/null)" = "$key" ] && return 0
    [ -z "$(missing "$file")" ] || { echo "$1: skipped, $(missing "$file") is missing; \`make data\` brings it"; return 1; }
    mkdir -p "$dir"
    if [ "$(cat "$dir/key" 2> /dev/null)" = "$key" ] && [ -e "$dir/run/checkpoint.safetensors" ]; then resume=--resume
    else rm -rf "$dir"; mkdir -p "$dir"; echo "$key" > "$dir/key"; fi
    "$aec" build "$file" $3 -o "$dir/trainer" > "$dir/log" 2>&1 || { echo "$1: does not build, see $dir/log"; return 1; }
    echo "$1: ${resume:+resumed, }training since $(date +%H:%M)"
    TIMEFORMAT='%U %S'
    { time "$dir/trainer" train --quiet $4 $resume ${THREADS:+--threads $THREADS} --out "$dir/run" >> "$dir/log" 2>&1; } 2>> "$dir/cpu"
    status=$?
    [ $status = 130 ] || [ $status = 143 ] && { echo "stopped; \`make results\` goes on from here"; exit 130; }
    [ $status = 0 ] || { echo "$1: training failed, see $dir/log"; return 1; }
    tail -n 1 "$dir/run/metrics.jsonl" > "$dir/eval.json"        # what `eval` says
    echo "$key" > "$dir/done"
}

names=$(rows | cut -d'|' -f2 | awk '!seen[$0]++')
for name in ${*:-$names}; do
    line=$(rows | awk -F'|' -v n="$name" '$2 == n' | head -n 1)
    [ -n "$line" ] || { echo "tests/results/list.txt has no run $name"; exit 2; }
    make_run "$name" "$(column "$line" 3)" "$(column "$line" 4)" "$(column "$line" 5)"
done

{
    cat << 'HEAD'
# Results

Runs that take minutes: what was published, and what comes out here. `make results` trains those of
[tests/results/list.txt](../tests/results/list.txt) one after another, each once, and writes this page; stopped, it goes
on from where it was. `make results RUNS=NAME` takes one. CPU-minutes are of the training, over all cores.

| item | run | number | published | ours | held to | CPU-minutes |
| --- | --- | --- | --- | --- | --- | --- |
HEAD
    rows | while IFS='|' read -r item name file build train key bar published; do
        dir=$work/$name row="| $item | [$name](../$file) | \`$key\` |"
        key_now=$(key_of "$file" "$build" "$train")
        if [ "$(cat "$dir/done" 2> /dev/null)" = "$key_now" ]; then
            got=$(look_up "$dir" "$key")
            minutes=$(awk '{ s += $1 + $2 } END { printf "%.1f", s / 60 }' "$dir/cpu")
            verdict=
            [ "$bar" = - ] || awk -v a="$got" -v op="${bar% *}" -v b="${bar#* }" \
                'BEGIN { exit !(a != "" && (op == "<" ? a + 0 < b + 0 : op == ">" ? a + 0 > b + 0 : a + 0 == b + 0)) }' || verdict=' (missed)'
            echo "$row $published | $(printf '%.6g' "${got:-nan}")$verdict | $bar | $minutes |"
        else
            awk -v row="$row" 'index($0, row) == 1 { print; found = 1; exit } END { exit !found }' "$page" 2> /dev/null \
                || echo "$row $published | not run | $bar | |"
        fi
    done
} > "$work/page" && cp "$work/page" "$page"
grep '(missed)' "$page" && exit 1
exit 0
