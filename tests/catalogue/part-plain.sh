# part-plain.sh -- read by run.sh: plain autoencoders, what they know by heart, what keeps them from copying.

# ---- 14, 15: capacity, and the gap that the trainer flags -----------------------------------------------------
"$tool" npy z.npy 32,16 0; "$tool" noise z.npy 1 rows.npy
"$tool" npy z.npy 200,16 0; "$tool" noise z.npy 1 fresh.npy
build random random && ./random train --out random.run > log 2> flagged && {
    holds "14: one number in the middle, and 32 random rows are known by heart" "$(last train/loss random.run) < 0.05"
    holds "14: fresh rows are not" "$(last test/loss random.run) > 0.8"
    if grep -q '^test/reconstruct .* mean over elements' log && grep -q '^ *test  *train$' log; then ok; else bad "14: both errors side by side" "$(cat log)"; fi
    if grep -q 'times worse than training rows' flagged; then ok; else bad "15: the gap is flagged" "$(cat flagged)"; fi
}
build "$here/../../examples/dense" dense --cc "$work/cc" && ./dense train --epochs 10 --out dense.run > log 2> flagged && {
    if grep -q 'times worse' flagged; then bad "15: no gap is flagged where there is none" "$(cat flagged)"; else ok; fi
    holds "1: better than half of the variance" "$(last test/loss dense.run) < 0.5 * 0.0733"
}
