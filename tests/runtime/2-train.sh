# Training: the same bits for any number of threads, after a resume, and what a run leaves.
strip() { sed 's/,"seconds":[0-9.]*//' "$1/metrics.jsonl"; }

./hand train --quiet --out one --threads 1 || bad "trains"
for t in 2 3 5; do
    ./hand train --quiet --out threads$t --threads $t
    same "$t threads give the bits of one" one/model.safetensors threads$t/model.safetensors
done
is "a line an epoch and one at the end of each phase" "$(wc -l < one/metrics.jsonl)" 8
./tool lines < one/metrics.jsonl && ok || bad "metrics.jsonl is JSON"
has "metrics are named split/term" "$(tail -n 1 one/metrics.jsonl)" '"test/digit.accuracy":'
ls -A one | sort | tr '\n' ' ' > files; is "files of a run" "$(cat files)" "checkpoint.safetensors metrics.jsonl model.safetensors report.html "

# stopped after any step and resumed: the same bits as not stopped
./hand train --quiet --out whole --epochs 40
for wait in 0.05 0.15 0.3; do
    for signal in INT TERM; do
        rm -rf cut
        ./hand train --quiet --out cut --epochs 40 --threads 1 & pid=$!
        for _ in $(seq 500); do [ -e cut/metrics.jsonl ] && break; sleep 0.02; done     # it catches signals by then
        sleep $wait; kill -$signal $pid 2>/dev/null; wait $pid; status=$?
        case $signal-$status in INT-130|TERM-143) ok;; *-0) continue;; *) bad "stopped by $signal" "status $status";; esac
        ./hand train --quiet --out cut --epochs 40 --resume || bad "resumes"
        same "stopped by $signal after $wait s, then resumed: weights" whole/model.safetensors cut/model.safetensors
        is "stopped by $signal after $wait s, then resumed: log" "$(strip cut)" "$(strip whole)"
    done
done
fails "going on with another seed" 1 'the run was begun with the seed' ./hand train --out whole --resume --seed 77
fails "going on with another phase" 1 'is of the phase train, and another cannot go on from it' ./hand train --out whole --resume --phase pretrain
./hand train --quiet --out more --epochs 3 && ./hand train --quiet --out more --epochs 3 --resume && ok || bad "resuming what is done"
./hand train --quiet --out gathered && ok
./gather train --quiet --out gathered && ok || bad "accumulates"
./gather train --quiet --out gathered3 --threads 3 && same "accumulated, 3 threads" gathered/model.safetensors gathered3/model.safetensors
./early train --quiet --out stopped --epochs 30 && ok || bad "stops early"
[ "$(wc -l < stopped/metrics.jsonl)" -lt 50 ] && ok || bad "early_stop stops" "$(wc -l < stopped/metrics.jsonl) lines"

./hand train --quiet --out seed5 --seed 5; cmp -s one/model.safetensors seed5/model.safetensors && bad "another seed" || ok
./hand train --quiet --out only --phase pretrain --epochs 1 && is "one phase alone" "$(wc -l < only/metrics.jsonl)" 2
./hand train --quiet --out tuned --phase train --weights only && ok || bad "starts from other weights"
fails "a phase misspelt" 2 'the model has no phase pretrian; did you mean pretrain?' ./hand train --phase pretrian
fails "diverges" 1 'phase pretrain, epoch 1, step 8: the term reconstruct (hand.ae:11) is nan; nothing was updated, and the last checkpoint stays' ./diverge train --out nan

# what it prints
./hand train --out shown --epochs 1 > shown.txt
has "a head with terms" "$(sed -n 2p shown.txt)" "digit  l2(weights)  validation"
has "a head with units" "$(sed -n 3p shown.txt)" "mean over elements  nats per example"
grep -q $'[\r\033]' shown.txt && bad "no terminal codes in a file" || ok
./hand train --out shown --epochs 1 --log json | ./tool lines && ok || bad "--log json"
script -qc './hand train --out shown --epochs 60' /dev/null > terminal.txt 2>/dev/null </dev/null
grep -q 'rows/s' terminal.txt && ok || bad "a live line on a terminal"
NO_COLOR=1 script -qc './hand train --out shown --epochs 2' /dev/null 2>/dev/null </dev/null | grep -q $'\033\\[1m' && bad "NO_COLOR" || ok

# ---- a folder takes one trainer at a time, and a file may not grow
./hand train --epochs 100000 --out both > both.log 2>&1 & first=$!
for k in $(seq 100); do [ -s both/metrics.jsonl ] && break; sleep 0.1; done
fails "two in one folder" 1 'error: both: another trainer is at work there' ./hand train --quiet --epochs 1 --out both
kill -TERM $first; wait $first
has "stopped" "$(cat both.log)" 'the same command with --resume goes on'
./hand train --quiet --epochs 1 --out both && ok || bad "the folder is free again"
little() (ulimit -f 1; exec "$@")
fails "a file that may not grow" 1 'error: little.safetensors: File too large' little ./hand grad -o little.safetensors
