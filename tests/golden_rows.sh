#!/bin/sh
# golden_rows.sh -- fails when a row of diag.def has no golden test that shows its code, or no explanation.
#
# Rows that no file can reach yet are listed here with the reason.
cd "$(dirname "$0")/.." || exit 2
unreached="AE0407 the parser says AE0121 first
"
failed=0
for code in $(sed -n 's/^DIAG([a-z_]*, "\(AE[0-9]*\)".*/\1/p' compiler/diag.def); do
    case $unreached in *"$code"*) continue ;; esac
    if ! grep -q "$code" tests/golden/*/*.expected; then
        echo "$code: no golden test shows it"
        failed=1
    fi
done
twice=$(sed -n 's/^DIAG([a-z_]*, "\(AE[0-9]*\)".*/\1/p' compiler/diag.def | sort | uniq -d)
if [ -n "$twice" ]; then
    echo "given twice: $twice"
    failed=1
fi
for code in $(sed -n 's/^DIAG([a-z_]*, "\(AE[0-9]*\)".*/\1/p' compiler/diag.def); do
    if ! build/aec explain "$code" | grep -q ...; then
        echo "$code: docs/errors.md does not explain it"
        failed=1
    fi
done
if [ "$(build/aec explain 0101)" != "$(build/aec explain AE0101)" ] || build/aec explain AE01010 2> /dev/null; then
    echo "aec explain: 0101 is AE0101, and AE01010 is nothing"
    failed=1
fi
echo "$((1 - failed)) passed, $failed failed"
exit $failed
