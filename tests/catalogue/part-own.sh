# part-own.sh -- read by run.sh: definitions that a file brings along, each with a closed form.

# ---- an optimizer that names what it computes -----------------------------------------------------------------------
# |y - x|^2 at x = 0 and y = w = (3, 4) has the slope (6, 8); a step of length 1 along it ends at (2.4, 3.2).
"$tool" npy x.npy 1,2 0
"$tool" weights w.safetensors encoder.shift1.w 2 3,4
cat > unit.ae << 'END'
ae 1
model unit

input x : vector(2)

data { train = npy("x.npy") }

layer shift {
    in x[n, k]
    out y[n, k]
    param w[k] = 0
    y[n, j] = x[n, j] + w[j]
}

optimizer along(lr = 1) {
    param p[..]
    grad g[..]
    length = sqrt(sum(..) g[..]^2)
    way[..] = g[..] / length
    p[..] := p[..] - lr * way[..]
}

encoder { shift }
decoder { linear }
reconstruct x by sse

train {
    optimizer = along(lr = 1)
    epochs = 1
}
END
build unit unit --cc "$work/cc" && ./unit train --quiet --weights w.safetensors --out unit.run > log 2>&1 || bad "train unit" "$(cat log)"
w=$("$tool" get unit.run/model.safetensors encoder.shift1.w)
near "an optimizer's own names: the first weight" "${w% *}" 2.4 1e-6
near "an optimizer's own names: the second" "${w#* }" 3.2 1e-6
