# Commands: what they write, and that what belongs together agrees.
W="--weights one"
./hand encode $W -o z.npy && ./hand decode $W z.npy -o d.npy && ./hand reconstruct $W -o r.npy && same "decode after encode is reconstruct" d.npy r.npy
./hand encode $W -o z.csv && ./hand decode $W z.csv -o d.npy && same "through csv as well" d.npy r.npy
./hand64 train --quiet --out one64 && ./hand64 encode --weights one64 -o z64.npy && ./hand64 decode --weights one64 z64.npy -o d64.npy \
    && ./hand64 reconstruct --weights one64 -o r64.npy && same "in double as well" d64.npy r64.npy
for end in npy csv png; do ./hand sample $W -n 10 -o s.$end && ok || bad "sample to $end"; done
./hand sample $W -n 100 -o s1.npy; ./hand sample $W -n 100 -o s2.npy; same "samples repeat" s1.npy s2.npy
./hand sample $W -n 100 -o s3.npy --seed 9; cmp -s s1.npy s3.npy && bad "another seed samples anew" || ok
./hand interpolate $W 0 5 -n 7 -o i.npy && has "interpolate -n 7" "$(head -c 120 i.npy | strings | head -n 2 | tr '\n' ' ')" "(7, 1, 8, 8,)"
./hand predict $W -o p.csv && is "predict's columns" "$(head -n 1 p.csv | cut -d, -f1-3)" "y,logit0,logit1"
./hand predict $W -o p.npy --name logit && ok || bad "--name"
fails "a name misspelt" 2 'there is no output logits; did you mean logit?' ./hand predict $W -o p.npy --name logits
tail -n 1 one/metrics.jsonl > last.json
logged=$(./tool get test/reconstruct < last.json)
# the mean of a column of a CSV file on stdin
column() { awk -F, -v name="$1" 'NR == 1 { for (k = 1; k <= NF; k++) if ($k == name) c = k } NR > 1 && c { s += $c } END { printf "%.17g", s / (NR - 1) }'; }
./hand score $W -o sc.csv --json > sc.json && near "$(./tool get mean < sc.json)" "$logged" 1e-7 \
    && near "$(column score < sc.csv)" "$logged" 1e-6 && ok || bad "mean of scores is the logged loss"
./hand eval $W --json > ev.json && ./tool among ev.json < last.json && ok || bad "eval is what train logged"
has "--pca" "$(./hand eval $W --pca)" "test/pca.mse"
has "--split" "$(./hand eval $W --split validation)" "validation/reconstruct"
fails "a split misspelt, of eval" 2 '--split is train, validation or test, not tset' ./hand eval $W --split tset
has "grad --json" "$(./hand grad -o g.safetensors --json)" ", \"gradients\": "
fails "a split misspelt" 2 '--split is train, validation or test, not tset' ./hand encode $W --split tset -o z.npy
./hand grad -o g.safetensors --quiet && ./hand64 grad -o g64.safetensors --quiet \
    && ./tool tensors g.safetensors g64.safetensors loss encoder.dense1.w && ok || bad "grad in float is grad in double"
has "gradcheck" "$(./hand64 gradcheck)" ": good"
fails "gradcheck in float" 1 'aec run hand.ae -- gradcheck' ./hand gradcheck
./hand bench --seconds 0.2 --json > bench.json \
    && ./tool json threads steps samples_per_s step_ms_median gflops machine_gflops share_of_peak first_step_s peak_rss_mb \
        loss_first loss_last windows < bench.json \
    && awk -v rate="$(./tool get samples_per_s < bench.json)" 'BEGIN { exit !(rate + 0 > 0) }' && ok || bad "bench --json"
# what a core can do is between 2 and 500 GFLOP/s: sums left out, or one lane of many, would be far outside
awk -v peak="$(./hand bench --seconds 0.1 --threads 1 --json | ./tool get machine_gflops)" \
    'BEGIN { exit !(peak > 2 && peak < 500) }' && ok || bad "bench measures the machine"
fails "profile of another build" 1 'aec run hand.ae -- bench --profile' ./hand bench --profile
is "bench -n" "$(./hand bench -n 7 --json | ./tool get steps)" 7
is "bench --windows" "$(./hand bench --seconds 0.1 --windows 4 --json | grep -o '"windows": .*' | tr -cd , | wc -c)" 3
./hand info --json | ./tool json && ok || bad "info --json"
mkdir -p fresh/runs/hand fresh/runs/hand-2 && cp one/model.safetensors fresh/runs/hand/ && sleep 0.02 && cp seed5/model.safetensors fresh/runs/hand-2/
(cd fresh && ../hand encode -o z.npy) && ./hand encode --weights seed5 -o z5.npy && same "the newest run's weights" fresh/z.npy z5.npy
mkdir -p empty && fails "no weights yet" 1 'there are no weights yet: run' sh -c 'cd empty && ../hand eval'

# The model learnt on digits of 0..16. Bytes are scaled by their own type, numbers as the digits, and --scaled ones not.
for f in "x.npy" "sixteen.npy" "real.npy --scaled" "real.npy"; do ./hand encode $W --test $f -o "z $f.npy" 2> "said $f" || bad "encode --test $f"; done
same "bytes are scaled by their type" "z x.npy.npy" "z real.npy --scaled.npy"
same "numbers without a type are scaled as the training rows were" "z sixteen.npy.npy" "z real.npy --scaled.npy"
has "what was scaled before is scaled again, and it is said" "$(cat "said real.npy")" \
    'real.npy: all numbers of x are within 0..1, and are scaled to it from 0..16 nevertheless; with --scaled they are taken as they are'
if cmp -s "z real.npy.npy" "z real.npy --scaled.npy"; then bad "real.npy is scaled without --scaled"; else ok; fi
for f in "x.npy" "sixteen.npy" "real.npy --scaled"; do is "and nothing where $f is right" "$(cat "said $f")" ""; done
fails "--scaled of nothing" 2 '--scaled needs --test beside it' ./hand encode $W --scaled -o z.npy

fails "no command"      2 ''  ./hand
fails "unknown command" 2 'there is no command trian; did you mean train?' ./hand trian
fails "unknown flag"    2 'train knows no option --epoch; did you mean --epochs?' ./hand train --epoch 3
fails "flag of others"  2 'encode knows no option --epochs' ./hand encode --epochs 3 -o z.npy
fails "not a number"    2 '--epochs takes a whole number up to 1073741824, not "ten"' ./hand train --epochs ten
# what would be ignored is a mistake
fails "a split misspelt, of score" 2 '--split is train, validation or test, not tset' ./hand score $W --split tset
is "score -n" "$(./hand score $W -n 7 --json | ./tool get rows)" 7
fails "an output of reconstruct misspelt" 2 'there is no output meen' ./hand reconstruct $W --name meen -o r.png
fails "a flag without its other"   2 '--within needs --around beside it' ./hand sample $W --within 2 -o s.npy
fails "a flag without a picture"   2 '--across needs .png beside it' ./hand encode $W --across 3 -o z.npy
fails "a flag of other pictures"   2 '--pca needs filters or codes or map beside it' ./hand show lattice $W --pca -o l.png
fails "two flags against another"  2 '--around and --mixture do not go together' ./hand sample $W --around 1 --mixture 3 -o s.npy
fails "a flag twice"               2 '--epochs is given twice' ./hand train --epochs 1 --epochs 2
fails "a flag with empty text"     2 '--out needs DIR after it' ./hand train --out ''
fails "an ending, before the work" 2 '-o groups.txt: the name ends in' ./hand cluster 3 $W -o groups.txt
fails "more groups than rows"      1 '360 groups need at least as many rows, and there are 359' ./hand cluster 360 $W

fails "zero"            2 '--threads takes a number from 1' ./hand train --threads 0
fails "no value"        2 '--out needs DIR after it' ./hand train --out
fails "no output"       2 'encode needs -o FILE' ./hand encode
fails "odd output"      2 '-o z.txt: the name ends in .npy, .csv or .png' ./hand encode -o z.txt
fails "too many"        2 'eval takes options alone, and "more" is none' ./hand eval more
fails "too few"         2 'usage: ./hand decode CODES -o FILE' ./hand decode -o z.npy
fails "none of -n"      2 'error: -n takes a number from 1' ./hand encode $W -n 0 -o z.npy
fails "row outside"     1 'there is no row 999: the split has rows 0 to 358' ./hand interpolate $W 0 999 -o i.npy
fails "codes do not fit" 1 's1.npy: 6400 numbers in 100 rows, where the model' ./hand decode $W s1.npy -o d.npy
for c in "" train eval encode decode reconstruct sample interpolate predict score grad gradcheck bench info; do
    ./hand $c --help | grep -q . && ok || bad "help of $c"
done
if grep -q 'http\|<script' one/report.html; then bad "the report fetches nothing"; else ok; fi
has "the source is escaped" "$(cat one/report.html)" '# &lt;b&gt;by hand&lt;/b&gt;'
./tool html one/report.html && ok || bad "the report is well formed"
