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
quickly unit unit && ./unit train --quiet --weights w.safetensors --out unit.run > log 2>&1 || bad "train unit" "$(cat log)"
w=$("$tool" get unit.run/model.safetensors encoder.shift1.w)
near "an optimizer's own names: the first weight" "${w% *}" 2.4 1e-6
near "an optimizer's own names: the second" "${w#* }" 3.2 1e-6

# ---- tensors of a scan that are defined by each other --------------------------------------------------------------------
# h = was / 2 + x with x = 1, from 4 and from 0: 3 2.5 2.25, and 1 1.5 1.75
"$tool" npy x.npy 1,3,1 1
cat > turns.ae << 'END'
ae 1
model turns

input x : sequence(3, 1)

data { train = npy("x.npy") }

layer halves {
    in x[n, t, k]
    out y[n, t, 2]
    param m[k] = 4
    scan t {
        was[n, t, j] = h[n, t-1, j else m[j]]
        last[n, t, q < 1] = g[n, t-1, q else 0]
        h[n, t, j] = was[n, t, j] / 2 + x[n, t, j]
        g[n, t, q] = last[n, t, q] / 2 + x[n, t, q]
    }
    y[n, t, v] = v == 0 ? h[n, t, 0] : g[n, t, 0]
}

encoder { halves }
decoder { dense(1) }
reconstruct x by mse
train { epochs = 1 }
END
"$tool" weights w.safetensors encoder.halves1.m 1 4 decoder.dense1.w 2,1 0 decoder.dense1.b 1 0
quickly turns turns && ./turns encode --split train --weights w.safetensors -o z.npy > log 2>&1
if [ "$("$tool" get z.npy)" = "3 1 2.5 1.5 2.25 1.75" ]; then ok; else bad "a scan's tensors that read each other" "$("$tool" get z.npy)"; fi

# ---- a loss of the parameters of two nets ----------------------------------------------------------------------------------
# (1, 2; 3) and (0, 4; 1), the last a bias: 1 + 4 + 4, without the bias 5; the slope by the first is twice the difference
"$tool" npy x.npy 1,2 0
"$tool" weights w.safetensors body.dense1.w 2,1 1,2 body.dense1.b 1 3 near.other.dense1.w 2,1 0,4 near.other.dense1.b 1 1 decoder.dense1.w 1,2 0 decoder.dense1.b 2 0
cat > near.ae << 'END'
ae 1
model near

input x : vector(2)

data { train = npy("x.npy") }

loss apart {
    in a[..], b[..]
    value = sum(..) (a[..] - b[..])^2
}

net body { dense(1) }
encoder { body }
decoder { dense(2) }
reconstruct x by mse

pretext near {
    net other { dense(1) }
    let y = other(x)
    minimize apart(params(body), params(other))
    minimize apart(weights(body), weights(other))
}
END
quickly near near && grad near --weights w.safetensors
near "all parameters of two nets" "$(of loss.near)" 9 1e-6
near "those that are not exempt" "$(of loss.near.2)" 5 1e-6
near "and their slope" "$(of body.dense1.b)" 4 1e-6

# ---- the slope of digamma -----------------------------------------------------------------------------------------------------
# psi'(1) = pi^2 / 6, psi'(2) = pi^2 / 6 - 1
"$tool" npy x.npy 1,1 0
"$tool" weights w.safetensors encoder.dense1.w 1,1 1 encoder.dense1.b 1 2 decoder.dense1.w 1,1 0 decoder.dense1.b 1 0
cat > slope.ae << 'END'
ae 1
model slope

input x : vector(1)

data { train = npy("x.npy") }

loss psi {
    in a[..]
    value = sum(..) digamma(a[..])
}

encoder { dense(1) }
decoder { dense(1) }
reconstruct x by mse
regularize { psi(params(encoder)) }
END
quickly slope slope && grad slope --weights w.safetensors
near "the slope of digamma at 1" "$(of encoder.dense1.w)" 1.6449341 1e-6
near "and at 2" "$(of encoder.dense1.b)" 0.6449341 1e-6

# ---- a scan along an axis that its step tells by standing alone ---------------------------------------------------------------
# y = y / 2 + x of 1, 1, 1: 1 1.5 1.75
"$tool" npy x.npy 1,3 1
cat > alone.ae << 'END'
ae 1
model alone

input x : vector(3)

data { train = npy("x.npy") }

layer running(keep = 0.5) {
    in x[n, k]
    out y[n, k]
    scan f {
        y[n, f] = x[n, f] + keep * y[n, f - 1 else 0]
    }
}

encoder { running }
decoder { dense(3) }
reconstruct x by mse
train { epochs = 1 }
END
"$tool" weights w.safetensors decoder.dense1.w 3,3 0 decoder.dense1.b 3 0
quickly alone alone && ./alone encode --split train --weights w.safetensors -o z.npy > log 2>&1
if [ "$("$tool" get z.npy)" = "1 1.5 1.75" ]; then ok; else bad "a scan by where its step stands alone" "$("$tool" get z.npy)"; fi
