/* passes_cases.h -- programs for passes_test.c: name, text, examples present, a line that must come out. */
{ "dense", R"(
in x[7n, 3]  in goal[7n, 4]  param w[3, 4]  param b[4]  temp y[7n, 4]  temp a[7n, 4]  temp loss
y[n, j] = b[j] + sum(i) x[n, i] * w[i, j]
a[n, j] = sigmoid(y[n, j])
loss = mean(n, j) (a[n, j] - goal[n, j])^2
)", 7, "dw[i, j] += dy[n, j] * x[n, i]" },

{ "short-batch", R"(
in x[7n, 3]  in goal[7n, 4]  param w[3, 4]  param b[4]  temp y[7n, 4]  temp a[7n, 4]  temp loss
y[n, j] = b[j] + sum(i) x[n, i] * w[i, j]
a[n, j] = sigmoid(y[n, j])
loss = mean(n, j) (a[n, j] - goal[n, j])^2
)", 5, NULL },

{ "conv", R"(
in x[2n, 3, 6, 5]  param f[4, 3, 2, 3]  param b[4]  temp y[2n, 4, 4, 3]  temp loss
y[n, o, i, j] = b[o] + sum(a, u, v) x[n, a, i*2 + u - 1, j*2 + v - 1] * f[o, a, u, v]
loss = sum(n, o, i, j) y[n, o, i, j]^2
)", 2, NULL },

{ "two-convs", R"(
in x[2n, 3, 6, 5]  param f[4, 3, 2, 3]  param g[2, 4, 3, 2]  temp y[2n, 4, 4, 3]  temp z[2n, 2, 3, 3]  temp loss
y[n, o, i, j] = sum(a, u, v) x[n, a, i*2 + u - 1, j*2 + v - 1] * f[o, a, u, v]
z[n, o, i, j] = sum(a, u, v) max(y[n, a, i + u - 1, j + v - 1], 0) * g[o, a, u, v]
loss = sum(n, o, i, j) z[n, o, i, j]^2
)", 2, NULL },

{ "conv-transpose", R"(
in x[2n, 3, 4, 5]  param k[3, 2]  param f[2, 4, 3, 2]  param b[4]  temp h[2n, 2, 4, 5]  temp y[2n, 4, 7, 9]  temp loss
h[n, a, i, j] = sum(c) x[n, c, i, j] * k[c, a]
y[n, o, i, j] = 0
y[n, o, i, j] += b[o]
y[n, o, i*2 + u - 1, j*2 + v - 1] += h[n, a, i, j] * f[a, o, u, v]
loss = sum(n, o, i, j) y[n, o, i, j]^2 * (i + 1)
)", 1, NULL },

{ "max-pool", R"(
in x[3n, 5, 6]  param w[6, 4]  temp h[3n, 5, 4]  temp y[3n, 3, 2]  temp loss
h[n, i, j] = sum(k) x[n, i, k] * w[k, j]
y[n, i, j] = max(u < 3, v < 2) h[n, i*2 + u - 1, j*3 + v - 1 else -inf]
loss = sum(n, i, j) y[n, i, j]^2
)", 3, NULL },

{ "factor-once", R"(
in x[5n, 6]  param w[6, 7]  param b[7]  temp y[5n, 20, 7]  temp loss
y[n, t, j] = b[j] + sum(i) x[n, i] * w[i, j]
loss = sum(n, t, j) y[n, t, j]^2 * (t + 1)
)", 4, "y[n, t, j] = b[j] + y.once[n, j]" },

{ "factor-first", R"(
in x[5n, 12]  param w[12, 7]  param b[7]  temp y[5n, 20, 7]  temp loss
y[n, t, j] = b[j] + sum(i) x[n, i] * w[i, j]
loss = sum(n, t, j) y[n, t, j]^2 * (t + 1)
)", 4, "dw[i, j] += dy.sum[n, j] * x[n, i]" },

{ "factor-made", R"(
in x[5n, 12]  param w[12, 7]  param b[7]  temp y[5n, 20, 7]  temp loss
y[n, t, j] = b[j] + sum(i) x[n, i] * w[i, j]
loss = sum(n, t, j) y[n, t, j]^2 * (t + 1)
)", 5, "db[j] += dy.sum[n, j]" },

{ "factor-joined", R"(
in x[5n, 6]  param v[6, 12]  param w[12, 7]  temp h[5n, 12]  temp k[5n, 20, 12]  temp y[5n, 20, 7]  temp loss
h[n, i] = sum(j) x[n, j] * v[j, i]
k[n, t, i] = h[n, i]
y[n, t, j] = sum(i) k[n, t, i] * w[i, j]
loss = sum(n, t, j) y[n, t, j]^2 * (t + 1)
)", 5, "dh[n, i] += dy.sum[n, j] * w[i, j]" },

{ "factor-in-place", R"(
in x[5n, 6, 3]  param w[3, 4]  param u[4, 4]  temp a[5n, 6, 4]  temp g[5n, 6, 4]  temp h[5n, 6, 4]  temp loss
a[n, t, j] = sum(i) x[n, t, i] * w[i, j]
scan t < 6 {
  g[n, t, j] = a[n, t, j] + sum(i) h[n, t - 1, i else 0] * u[i, j]
  h[n, t, j] = tanh(g[n, t, j])
}
loss = sum(n, t, j) h[n, t, j]^2
)", 4, "g[n, t, j] += x[n, t, i] * w[i, j]" },

{ "factor-not-in-place", R"(
in x[5n, 6, 3]  param w[3, 4]  param u[4, 4]  temp a[5n, 6, 4]  temp g[5n, 6, 4]  temp h[5n, 6, 4]  temp loss
a[n, t, j] = sum(i) x[n, t, i] * w[i, j]
scan t < 6 {
  g[n, t, j] = a[n, t, j] + sum(i) h[n, t - 1, i else 0] * u[i, j]
  h[n, t, j] = tanh(g[n, t, j]) * a[n, t, j]
}
loss = sum(n, t, j) h[n, t, j]^2
)", 4, "a[n, t, j] += x[n, t, i] * w[i, j]" },

{ "factor-changes", R"(
in x[5n, 20, 7]  in z[5n, 12]  param w[7]  temp a[5n, 20, 7]  temp u[12, 7]  temp v[12, 7]  temp loss
a[n, t, j] = x[n, t, j]
u[i, j] = sum(n, t) z[n, i] * a[n, t, j]
a[n, t, j] += 1
v[i, j] = sum(n, t) z[n, i] * a[n, t, j]
loss = sum(i, j) u[i, j] * v[i, j] * w[j]
)", 4, "v[i, j] += z[n, i] * a.sum2[n, j]" },

{ "factor-not-joined", R"(
in x[5n, 20, 12]  in w[12, 7]  param b[7]  temp a[5n, 20, 12]  temp y[5n, 20, 7]  temp r[5n, 7]  temp loss
a[n, t, i] = x[n, t, i]
y[n, t, j] = sum(i) a[n, t, i] * w[i, j]
a[n, t, i] += 1
r[n, j] = sum(t) y[n, t, j]
loss = sum(n, j) r[n, j]^2 * b[j] + sum(n, t, i) a[n, t, i]^2 * b[0]
)", 4, "r[n, j] += y[n, t, j]" },

{ "factor-lengths", R"(
length len[5n]  in x[5n, 12]  param w[12, 7]  param b[7]  temp y[5n, ..20, 7]  temp loss
y[n, t, j] = sum(i) x[n, i] * w[i, j]
y[n, t, j] += b[j]
loss = sum(n, t, j) y[n, t, j]^2 * (t + 1)
)", 4, "dw[i, j] += dy.sum[n, j] * x[n, i]" },

{ "softmax", R"(
in x[5n, 3]  int k[5n] of 4  param w[3, 4]  temp l[5n, 4]  temp lse[5n]  temp nll[5n]  temp loss
l[n, j] = sum(i) x[n, i] * w[i, j]
lse[n] = stop(max(-1000, max(j) l[n, j])) + log(sum(j) exp(l[n, j] - stop(max(-1000, max(j) l[n, j]))))
nll[n] = lse[n] - l[n, k[n]]
loss = mean(n) nll[n]
)", 4, NULL },

{ "attention", R"(
in x[2n, 5, 3]  param wq[3, 2, 4]  param wk[3, 2, 4]  param wv[3, 2, 4]
temp q[2n, 2, 5, 4]  temp a[2n, 2, 5, 4]  temp v[2n, 2, 5, 4]  temp s[2n, 2, 5, 5]  temp p[2n, 2, 5, 5]
temp c[2n, 5, 2, 4]  temp loss
q[n, h, t, d] = sum(i) x[n, t, i] * wq[i, h, d]
a[n, h, t, d] = sum(i) x[n, t, i] * wk[i, h, d]
v[n, h, t, d] = sum(i) x[n, t, i] * wv[i, h, d]
s[n, h, t, r] = sum(d) q[n, h, t, d] * a[n, h, r, d] / 2
p[n, h, t, r] = r <= t ? exp(s[n, h, t, r] - (stop(max(-1000, max(u < 5 where u <= t) s[n, h, t, u])) + log(sum(u < 5 where u <= t) exp(s[n, h, t, u] - stop(max(-1000, max(w < 5 where w <= t) s[n, h, t, w])))))) : 0
c[n, t, h, d] = sum(r) p[n, h, t, r] * v[n, h, r, d]
loss = sum(n, t, h, d) c[n, t, h, d]^2 * (d + 1)
)", 2, NULL },

{ "lstm", R"(
in x[3n, 5, 2]  in z[3n, 4]  param w[2, 4, 4]  param u[4, 4, 4]  param b[4, 4]  param start[4]
temp z2[3n, 4]  temp g[3n, 5, 4, 4]  temp c[3n, 5, 4]  temp h[3n, 5, 4]  temp loss
z2[n, j] = z[n, j] * start[j]
scan t < 5 {
    g[n, t, q, j] = b[q, j] + (sum(i) x[n, t, i] * w[i, q, j]) + sum(i) h[n, t-1, i else z2[n, i]] * u[i, q, j]
    c[n, t, j] = sigmoid(g[n, t, 1, j]) * c[n, t-1, j] + sigmoid(g[n, t, 0, j]) * tanh(g[n, t, 2, j])
    h[n, t, j] = sigmoid(g[n, t, 3, j]) * tanh(c[n, t, j])
}
loss = mean(n, t, j) (h[n, t, j] - x[n, t, j % 2])^2
)", 2, NULL },

{ "lstm-last", R"(
in x[3n, 5, 2]  param w[2, 3]  param u[3, 3]  temp h[3n, 5, 3]  temp loss
scan t < 5 {
    h[n, t, j] = tanh((sum(i) x[n, t, i] * w[i, j]) + sum(i) h[n, t-1, i] * u[i, j])
}
loss = sum(n, j) h[n, 4, j]^2
)", 3, NULL },

{ "scan-down", R"(
in x[3n, 5, 2]  param w[2, 4]  param u[4, 4]  temp h[3n, 5, 4]  temp loss
scan t < 5 down {
    h[n, t, j] = tanh((sum(i) x[n, t, i] * w[i, j]) + sum(i) h[n, t+1, i else 0.5] * u[i, j])
}
loss = sum(n, t, j) h[n, t, j]^3 * (t + 1)
)", 3, NULL },

{ "scan-crossed", R"(
in x[3n, 5]  param w[3]  temp a[3n, 5]  temp b[3n, 5]  temp loss
scan t < 5 {
    a[n, t] = sin(w[0] * x[n, t] + b[n, t-1 else 0.3])
    b[n, t] = cos(w[1] * a[n, t] + w[2] * b[n, t-2 else x[n, t]])
}
loss = sum(n) b[n, 3] * x[n, 0]
)", 3, NULL },

{ "scan-in-scan", R"(
in x[2n, 3, 4]  param w[3]  temp a[2n, 3, 4]  temp b[2n, 3]  temp loss
scan s < 3 {
    scan t < 4 {
        a[n, s, t] = sin(w[0] * x[n, s, t] + w[1] * a[n, s, t-1 else b[n, s-1 else 0.2]])
    }
    b[n, s] = w[2] * a[n, s, 3] + a[n, s, 0]
}
loss = sum(n, s) b[n, s]^2
)", 2, NULL },

{ "scan-max", R"(
in x[3n, 5, 4]  param w[4]  temp h[3n, 5]  temp loss
scan t < 5 {
    h[n, t] = sin(h[n, t-1]) + max(j) x[n, t, j] * w[j]
}
loss = sum(n, t) h[n, t]^2
)", 3, NULL },

{ "lengths", R"(
length len[4n]  in x[4n, ..6, 3]  param w[3, 2]  temp y[4n, ..6, 2]  temp m[4n, 2]  temp top[4n, 2]  temp loss
y[n, t, j] = sum(i) x[n, t, i] * w[i, j]
m[n, j] = mean(t) y[n, t, j]^2
top[n, j] = max(t) y[n, t, j] * (1 + t)
loss = sum(n, j) (m[n, j] + (top[n, j] > -1000 ? top[n, j] : 0))
)", 3, NULL },

{ "length-shift", R"(
length len[4n]  in x[4n, ..6, 3]  param w[3, 2]  param s  temp y[4n, ..6, 2]  temp loss
y[n, t, j] = sum(i) x[n, t, i] * w[i, j]
loss = sum(n, t, j) y[n, t, j] * y[n, t+1, j else s] * y[n, t-1, j else 2]
)", 3, NULL },

{ "embedding", R"(
int k[4n, 5] of 6  in x[4n, 3]  param e[6, 3]  temp v[4n, 5, 3]  temp got[6]  temp sums[6, 3]  temp loss
v[n, t, j] = e[k[n, t], j]
got[c] = 0
got[k[n, t]] += 1
sums[c, j] = 0
sums[k[n, t], j] += v[n, t, j] * x[n, j]
loss = sum(c, j) sums[c, j]^2 * got[c]
)", 4, NULL },

{ "embedding-outside", R"(
int k[5n] of 6  in x[5n, 3]  param e[6, 3]  param o[3]  temp v[5n, 3]  temp sums[5, 3]  temp loss
v[n, j] = e[k[n] * 3 - 2, j else o[j]]
sums[c, j] = 0
sums[k[n] + 1, j] += v[n, j] * x[n, j]
loss = sum(c, j) sums[c, j]^2
)", 4, NULL },

{ "prod", R"(
in x[3n, 4, 2]  param w[4, 2]  temp y[3n]  temp z[3n]  temp loss
y[n] = prod(i, j) (w[i, j] + x[n, i, j])
z[n] = prod(i where i != 2) w[i, 0]
loss = sum(n) (y[n]^2 + z[n] * x[n, 0, 0])
)", 3, NULL },

{ "prod-zeros", R"(
in x[3n, 4]  param w[4]  temp y[3n]  temp loss
y[n] = prod(i) w[i] * (i == n ? 0 : 1) + x[n, 0] * w[1]
loss = sum(n) (y[n] + prod(i) (i == 2 ? w[i] : x[n, i]) * w[2])
)", 3, NULL },

{ "prod-one-zero", R"(
in x[3n, 4]  param w[4]  param zero[3]  temp loss
loss = sum(n) x[n, 0] * (prod(i) (i == n ? zero[n] : w[i])) + prod(i < 3) zero[i] + sum(i) w[i]
)", 3, NULL },

{ "select-inf", R"(
in x[3n, 4]  param w[4]  temp y[3n, 4]  temp s[3n]  temp loss
y[n, i] = x[n, i] > 0 ? log(x[n, i] + w[i] * 0 + w[i]^2) : 0 < w[i] ? sqrt(w[i]) : 1
s[n] = x[n, 0] > 3 ? sum(i) log(w[i] - w[i]) * x[n, i] : sum(i) w[i]
loss = sum(n, i) y[n, i] + sum(n) s[n]
)", 3, NULL },

{ "select-inf-further", R"(
in x[3n, 4]  param w[4]  temp y[3n, 4]  temp z[3n, 4]  temp h[3n, 4]  temp loss
y[n, i] = x[n, i] > 3 ? (sum(j) log(w[j] - w[j]) * x[n, j]) + sum(j) sqrt(w[j] - w[j] - 1) : w[i]
z[n, i] = x[n, i] > 0 ? (sum(j) exp(w[j] * x[n, j])) + mean(j) w[j]^2 : i < n ? prod(j) w[j] : 1
scan t < 4 {
    h[n, t] = x[n, t] > 3 ? sum(j) log(w[j] - w[j]) * h[n, t-1] : tanh(w[t] + h[n, t-1 else 0.2])
}
loss = sum(n, i) (y[n, i]^2 + z[n, i] + h[n, i]^2)
)", 3, "\nz.sum2 += w[j]^2  where z.any2\n" },

{ "guard", R"(
in x[3n, 4]  param w[4]  temp d[3n, 4]  temp y[3n]  temp loss
d[n, i] = x[n, i] > 0 ? w[i] : w[i] - w[i]
y[n] = all(i) x[n, i] > -2 ? sum(i) sqrt(abs(d[n, i]) * 2) : max(i) 1 / d[n, i]
loss = sum(n) y[n]
)", 3, NULL },

{ "guard-in-scan", R"(
in x[3n, 4]  param w[4]  temp h[3n, 5]  temp loss
scan t < 5 {
    h[n, t] = tanh(h[n, t - 1]) + (max(i) x[n, i] * (t - 1) > 0.1 ? sum(i) x[n, i] * w[i] : w[t])
}
loss = sum(n, t) h[n, t]^2
)", 3, NULL },

{ "scalars", R"(
in x[2n, 3]  param w[3]  temp y[2n, 3]  temp loss
y[n, i] = exp(w[i]) * log(w[i]^2 + 1.5) + sqrt(abs(w[i]) + 0.2) / (2 + sin(w[i] * x[n, i])) - cos(w[i]) * acos(w[i] / 2) + tanh(w[i] + x[n, i]) * sigmoid(2 * w[i]) + softplus(w[i]) * erf(w[i]) + lgamma(w[i] + 2) + (w[i] + 2)^(x[n, i] + 0.5 * w[i]) + bessel_ratio(1.5, w[i] + 3) + log_bessel(2, w[i] + 2) + rsqrt0(w[i] + 2) + (3 * w[i]) % 0.7
loss = sum(n, i) y[n, i] * (x[n, i] + 2)
)", 2, NULL },

{ "max-min", R"(
in x[5n, 3]  param w[3]  param v[3]  temp y[5n, 3]  temp loss
y[n, i] = max(w[i] * x[n, i], 0) + 2 * min(w[i], v[i]) + max(v[i], w[i] * x[n, i]) + min(0.1, v[i])
loss = sum(n, i) y[n, i]^2
)", 4, NULL },

{ "byhand", R"(
in x[5n, 3]  param w[3]  temp y[5n, 3]  temp loss
y[n, i] = byhand(log(1 + exp(w[i] * x[n, i])), w[i] * x[n, i], sigmoid(w[i] * x[n, i]))
loss = sum(n, i) y[n, i]^2
)", 4, NULL },

{ "batchnorm", R"(
in x[5n, 3, 4]  param g[3]  param b[3]  param k[3, 3]  temp u[5n, 3, 4]  temp mu[3]  temp var[3]  temp y[5n, 3, 4]  temp loss
u[n, c, i] = sum(a) x[n, a, i] * k[a, c]
mu[c] = mean(n, i) u[n, c, i]
var[c] = mean(n, i) (u[n, c, i] - mu[c])^2
y[n, c, i] = b[c] + g[c] * (u[n, c, i] - mu[c]) / sqrt(var[c] + 0.00001)
loss = sum(n, c, i) y[n, c, i]^3 * x[n, 0, i]
)", 4, NULL },

{ "triplet", R"(
in x[6n, 3]  int y[6n] of 3  param w[3, 2]  temp a[6n, 2]  temp d[6n, 6n]  temp far[6n]  temp near[6n, 6n]  temp gap[6n, 6n]  temp loss
a[n, j] = sum(i) x[n, i] * w[i, j]
d[n, m] = sum(j) (a[n, j] - a[m, j])^2
far[n] = max(q < 5 where y[q] != y[n]) d[n, q]
near[n, p] = min(q < 5 where y[q] != y[n] and d[n, q] > d[n, p]) d[n, q]
gap[n, p] = d[n, p] - (near[n, p] < inf ? near[n, p] : far[n])
loss = mean(n, p < 5 where p != n and y[p] == y[n] and far[n] > -inf) max(0, gap[n, p] + 2)
)", 5, NULL },

{ "argmax", R"(
in x[4n, 5]  param w[5, 3]  temp s[4n, 5, 3]  whole near[4n]  whole m[4n]  temp q[4n]  temp loss
s[n, c, j] = x[n, c] * w[c, j]
near[n] = argmin(c) sum(j) s[n, c, j]^2
m[n] = argmax(c, j) s[n, c, j]
q[n] = s[n, near[n], 1] + s[n, m[n] / 3, m[n] % 3]
loss = sum(n) q[n]^2
)", 3, NULL },

{ "rank", R"(
in x[4n, 5]  param w[5]  temp s[4n, 5]  whole place[4n, 5]  temp top[4n, 5]  temp loss
s[n, j] = x[n, j] * w[j]
place[n, j] = rank(j) s[n, j]
top[n, j] = place[n, j] < 2 or (rank(j) uniform()) == 3 ? s[n, j] : 0
loss = sum(n, j) top[n, j]^2 * (j + 1)
)", 3, NULL },

{ "choice", R"(
in x[4n, 5]  param w[5]  temp p[4n, 5]  whole c[4n]  temp loss
p[n, j] = x[n, j]^2
c[n] = choice(j) p[n, j]
loss = sum(n) w[c[n]]^2 * (choice(j < 3) (j + n + 1))
)", 3, NULL },

{ "search", R"(
in x[4n, 3]  param w[20]  temp q[20]  whole c[4n, 3]  temp loss
q[v] = v % 3 == 0 ? 0 : (w[v] + 1.5)^2
c[n, t] = choice(v) q[v]^0.75
loss = sum(n, t) w[c[n, t]]^2 * x[n, t]
)", 3, NULL },

{ "draws", R"(
in x[4n, 3]  param w[3]  param v[3]  temp z[4n, 3]  temp loss
z[n, j] = w[j] * x[n, j] + exp(v[j] / 2) * normal()
loss = sum(n, j) z[n, j]^2 * (uniform() < 0.5 ? 1 : 2)
)", 3, NULL },

{ "straight-through", R"(
in x[4n, 3]  param e[5, 3]  param w[3]  temp u[4n, 3]  whole near[4n]  temp z[4n, 3]  temp loss
u[n, j] = x[n, j] * w[j]
near[n] = argmin(c) sum(j) (e[c, j]^2 - 2 * u[n, j] * e[c, j])
z[n, j] = u[n, j] * e[near[n], j]
loss = sum(n, j) (z[n, j] - x[n, j])^2
)", 3, NULL },

{ "second", R"(
in x[3n, 4]  param w[4, 2]  temp h[3n, 2]  temp z[3n, 2]  temp unit[2]  temp jac[2, 3n, 4]  temp loss
h[n, j] = sum(i) x[n, i] * w[i, j]
z[n, j] = sigmoid(h[n, j])
unit[j] = sum(n) z[n, j]
jac[j, n, i] = gradient(unit, x)
loss = sum(j, n, i) jac[j, n, i]^2
)", 2, NULL },

{ "second-scalar", R"(
in x[3n, 4]  param w[4]  temp e[3n]  temp all  temp g[3n, 4]  temp loss
e[n] = sum(i) tanh(x[n, i] * w[i])^2 * w[0]
all = sum(n) e[n]
g[n, i] = gradient(all, x)
loss = sum(n, i) (g[n, i] - 1)^2
)", 3, NULL },

{ "second-scan", R"(
in x[3n, 4]  param w[2]  temp h[3n, 4]  temp all  temp g[3n, 4]  temp loss
scan t < 4 {
    h[n, t] = tanh(w[0] * x[n, t] + w[1] * h[n, t-1 else 0.4])
}
all = sum(n, t) h[n, t]^2
g[n, t] = gradient(all, x)
loss = sum(n, t) (g[n, t] - 1)^2
)", 3, NULL },

{ "second-max", R"(
in x[3n, 5]  param w[5]  temp y[3n, 2]  temp all  temp g[3n, 5]  temp loss
y[n, i] = (max(u < 3) x[n, i*2 + u] * w[u])^2 * prod(u < 3) (x[n, u] + w[u])
all = sum(n, i) y[n, i]
g[n, t] = gradient(all, x)
loss = sum(n, t) (g[n, t] - 1)^2
)", 3, NULL },

{ "gradient-of-inner", R"(
in x[3n, 4]  param w[4]  temp u[3n, 4]  temp all  temp g[3n, 4]  temp loss
u[n, i] = x[n, i] * w[i]
all = sum(n, i) u[n, i]^3
g[n, i] = gradient(all, u)
loss = sum(n, i) g[n, i]^2
)", 3, NULL },

{ "reshape", R"(
in x[3n, 2, 4]  param w[2, 4]  param v[8]  temp u[3n, 2, 4]  temp f[3n, 8]  temp loss
u[n, a, b] = x[n, a, b] * w[a, b]
f = reshape(u)
loss = sum(n, k) (f[n, k] * v[k])^2 + sum(n, a, b) u[n, a, b]^3
)", 2, NULL },

{ "mean-where", R"(
in x[5n, 3]  int k[5n] of 3  param w[3]  temp y[5n]  temp loss
y[n] = mean(i where x[n, i] > 0) exp(w[i] * x[n, i])
loss = mean(n where k[n] == 1) y[n]^2
)", 4, NULL },

{ "shared-seed", R"(
in x[3n, 4]  param a[4]  param b[4]  param c[3]  temp y[3n, 4]  temp loss
y[n, j] = tanh(a[j] * x[n, j] + b[j] + c[1])
loss = sum(n, j) exp(y[n, j] * a[j])
)", 3, "da[j] += dy.in[n, j] * x[n, j]" },

{ "reduced-everywhere", R"(
in x[3n, 4]  param w[4, 2]  temp y[3n]  temp loss
y[n] = x[n, argmax(i) x[n, i]] * (sum(j) w[2, j]) / (1 + sum(i, j) w[i, j]^2) * 2 - 3 * (sum(i) x[n, i] * w[i, 0]) / 4 where any(i) x[n, i] > -5
loss = sum(n) y[n]^2
)", 3, NULL },

{ "stop", R"(
in x[4n, 3]  param e[5, 3]  param w[3]  temp u[4n, 3]  whole near[4n]  temp z[4n, 3]  temp c[4n, 3]  temp loss
u[n, j] = x[n, j] * w[j]
near[n] = argmin(c) sum(j) (e[c, j]^2 - 2 * u[n, j] * e[c, j])
z[n, j] = stop(e[near[n], j]) + (u[n, j] - stop(u[n, j]))
c[n, j] = 0.25 * (u[n, j] - e[near[n], j])^2
loss = sum(n, j) (z[n, j] - x[n, j])^2 + sum(n, j) c[n, j]
)", -3, "\nz[n, j] = e[near[n], j]\n" },

{ "stop-product", R"(
in x[4n, 3]  param w[3]  temp k[4n]  temp slope[4n]  temp v[4n]  temp q  temp loss
k[n] = sum(j) exp(x[n, j] * w[j])
slope[n] = sin(k[n])
v[n] = stop(cos(k[n])) + stop(slope[n]) * (k[n] - stop(k[n]))
q = 3 + mean(n) (k[n] - stop(k[n]))
loss = sum(n) v[n]^2 * x[n, 0] + q^2
)", -3, "\nv[n] = cos(k[n])\n" },

{ "stop-scan", R"(
in x[3n, 5]  param w[2]  temp h[3n, 5]  temp loss
scan t < 5 {
    h[n, t] = tanh(w[0] * x[n, t] + w[1] * h[n, t-1 else 0.3]) * (1 + stop(h[n, t-1]^2))
}
loss = sum(n, t) h[n, t]^2
)", -3, NULL },

{ "until", R"(
in x[3n]  param w[2]  temp k[3n]  temp v[3n, 9]  whole ok[3n, 9]  whole left[3n]  temp r[3n]  temp loss
k[n] = exp(w[0] * x[n])
left[n] = 9
scan r < 9 {
    v[n, r] = uniform() * k[n]
    ok[n, r] = v[n, r] < 0.5 * k[n] or (r > 0 and ok[n, r-1])
    left[n] min= ok[n, r] ? r + 1 : 9
} until left
r[n] = stop(v[n, left[n] - 1]) * w[1] + k[n]
loss = sum(n) r[n]^2
)", -2, NULL },

{ "whole-sums", R"(
in x[4n, 3]  int k[4n] of 6  param w[7]  whole c  whole m[4n]  temp loss
c = sum(n where x[n, 1] > 0) k[n]
m[n] = max(j < 3) (x[n, j] > 0 ? j + 1 : 0)
loss = w[c % 7]^2 + sum(n) w[m[n]]^3 * (max(n where x[n, 0] > 5) k[n] < 0 ? 1 : 2) * w[0] * (1 + w[3]^2 + w[1]^2 + w[2]^2 + w[4]^2 + w[5]^2 + w[6]^2)
)", 3, NULL },

{ "count-lengths", R"(
length len[4n]  in x[4n, ..6, 3]  param w[3]  temp y[4n, ..6]  temp m  temp q[4n]  temp loss
y[n, t] = sum(j) x[n, t, j] * w[j]
m = mean(n, t) y[n, t]^2
q[n] = mean(t where x[n, t, 0] > 0) y[n, t]
loss = m + sum(n) q[n]^3
)", 3, NULL },

{ "shared-reductions", R"(
in x[4n, 3]  param w[3, 5]  temp l[4n, 5]  temp a[4n]  temp b[4n]  temp p[5, 4n]  temp loss
l[n, j] = sum(i) x[n, i] * w[i, j]
a[n] = log(sum(j) exp(l[n, j]))
b[n] = sum(k) exp(l[n, k])
p[j, m] = exp(l[m, j]) / (sum(i) exp(l[m, i])) + log(1 + b[m])
loss = sum(n) a[n] * b[n] + sum(j, n) p[j, n]^2
)", 3, "p[j, m] = exp(l[m, j]) / a.sum[m] + log(1 + a.sum[m])" },

{ "full-under-length", R"(
length len[4n]  in x[4n, ..6]  param w[6]  temp u[4n, 6]  temp y[4n, ..6]  temp loss
u[n, k] = w[k] * (n + 1)
y[n, t] = u[n, t] * x[n, t]
loss = sum(n, t) y[n, t]^2
)", 4, NULL },

{ "two-writes", R"(
in x[4n]  param w[2]  temp y[4n]  temp loss
y[n] = exp(w[0] * x[n])
y[n] += w[1] * x[n]
loss = sum(n) y[n]^2
)", 4, NULL },

{ "minus", R"(
in x[4n, 3]  param w[3, 2]  param b[2]  temp y[4n, 2]  temp loss
y[n, j] = -(b[j] - (sum(i) x[n, i] * w[i, j]) * 2) - (sum(i) x[n, i]^2 * w[i, 1]) / 3 - 1
loss = sum(n, j) y[n, j]^2
)", 4, NULL },

{ "scan-late-share", R"(
in x[3n, 5]  param w[3]  temp g[3n, 5]  temp h[3n, 5]  temp loss
scan t < 5 {
    g[n, t] = w[0] * h[n, t-1 else 0.2]
    g[n, t] += x[n, t] * w[1]
    h[n, t] = tanh(g[n, t]) + w[2]
}
loss = sum(n, t) h[n, t]^2
)", 2, NULL },

{ "rank-where", R"(
in x[4n, 5]  param w[5]  whole place[4n, 5]  temp loss
place[n, j] = rank(j where x[n, j] > -0.2) x[n, j]^2
loss = sum(n, j where place[n, j] < 2) (w[j] * x[n, j])^2 + sum(j) w[j]
)", 3, NULL },

{ "changed-between", R"(
in x[4n]  param w[3]  temp s[3]  temp q  temp out
s[c] = w[c]
q = 2 * exp(-(sum(c) s[c]^2))
s[c] += x[0] * w[1]
out = q + log(sum(c) s[c]^2)
)", 4, NULL },

{ "copies", R"(
in x[4n, 3]  param w[3]  temp u[3, 4n]  temp k[4n, 3]  temp v[3, 4n]  temp a[4n, 3]  temp b[4n, 3]  temp loss
k[n, j] = x[n, j] * w[j]
u[j, n] = k[n, j]
v[j, n] = u[j, n]
a[n, j] = v[j + 1, n else 7] * x[n, j] + u[j - 1, n]
b[n, j] = a[n, j]
a[n, j] += w[j]
loss = sum(n, j) a[n, j]^2 + sum(n, j) b[n, j]^3
)", 3, "\na[n, j] = k[n, j + 1 else 7] * x[n, j] + k[n, j - 1]\n" },

{ "held-tie", R"(
in x[4n, 3]  param zero[3]  param w[3]  whole near[4n]  temp loss
near[n] = argmax(i) zero[i] * x[n, i]
loss = sum(n) w[near[n]]^2 * (1 + zero[near[n]])
)", -3, NULL },

{ "held-winner", R"(
length len[4n]  in x[4n, 6]  param zero[3]  param w[3]  temp y[4n]  temp h[4n, 6]  temp loss
y[n] = (max(i) zero[i] * (i + 1)) + (min(i < 6, j where i < len[n]) zero[j] * (i + 1)) + w[2]
scan t < 6 {
    h[n, t] = (max(i) zero[i] * x[n, t]) + sin(h[n, t-1 else 0.3])
}
loss = sum(n) (y[n] > 1000 ? 0 : (y[n] - 1)^2) + sum(n, t) h[n, t]^2
)", -3, NULL },

{ "other-active", R"(
in x[4n, 3]  param w[3]  param v[3]  temp h[4n, 3]  temp y[4n, 3]  temp loss
h[n, j] = x[n, j] * w[j]
y[n, j] = h[n, j + 1 else v[j] * h[n, 0]]^2 * h[n, j]
loss = sum(n, j) y[n, j]
)", 3, NULL },

{ "diagonal", R"(
in x[4n, 3]  param w[3, 3]  temp y[4n, 3]  temp loss
y[n, j] = x[n, j] * w[j, j] + w[j, 0]
loss = sum(n, j) y[n, j]^2
)", 3, NULL },

{ "scan-of-scans", R"(
in x[3n, 5, 2]  param w[2, 3]  param u[3, 3]  param v[3, 3]  temp h[3n, 5, 3]  temp k[3n, 5, 3]  temp loss
scan t < 5 {
    h[n, t, j] = tanh((sum(i) x[n, t, i] * w[i, j]) + sum(i) h[n, t-1, i] * u[i, j])
}
scan t < 5 {
    k[n, t, j] = tanh((sum(i) h[n, 4 - t, i] * v[i, j]) + k[n, t-1, j else h[n, 4, j]])
}
loss = sum(n, t, j) k[n, t, j]^2
)", 3, NULL },

{ "nll-merge", R"(
in x[4n, 3]  in q[4n, 2]  param w[3, 2]  temp l[4n, 2]  temp loss
l[n, j] = sum(i) x[n, i] * w[i, j]
loss = mean(n) sum(j) (softplus(l[n, j]) - q[n, j] * l[n, j])
)", 3, "dl[n, j] = loss.dsum2 * (sigmoid(l[n, j]) - q[n, j])" },

{ "scan-lengths", R"(
length len[4n]  in x[4n, ..6, 3]  param w[3, 2, 4]  param u[4, 2, 4]  param b[2, 4]  param z[4]
temp g[4n, ..6, 2, 4]  temp h[4n, ..6, 4]  temp y[4n, 4]  temp loss
scan t < 6 {
    g[n, t, q, j] = b[q, j] + (sum(i) x[n, t, i] * w[i, q, j]) + sum(i) h[n, t-1, i else z[i]] * u[i, q, j] where t < len[n]
    h[n, t, j] = sigmoid(g[n, t, 0, j]) * tanh(g[n, t, 1, j]) + 0.5 * h[n, t-1, j] where t < len[n]
}
y[n, j] = h[n, len[n] - 1, j]
loss = sum(n, j) y[n, j]^2 + mean(n, t, j) h[n, t, j]^2
)", 3, NULL },

{ "scan-lengths-down", R"(
length len[4n]  in x[4n, ..6, 3]  param w[3, 4]  param u[4, 4]  temp h[4n, ..6, 4]  temp loss
scan t < 6 down {
    h[n, t, j] = tanh((sum(i) x[n, t, i] * w[i, j]) + sum(i) h[n, t+1, i else 0.5] * u[i, j]) where t < len[n]
}
loss = sum(n, j) h[n, 0, j]^2
)", 4, NULL },

{ "max-of-many", R"(
in x[4n, 5, 3]  param w[5]  param v[3]  param u[4]  temp y[4n]  temp loss
y[n] = max(i, j where x[n, i, j] > -0.5) tanh(w[i] * x[n, i, j] + v[j] + sin(u[1] + w[0]))
loss = sum(n) y[n]^2
)", 3, NULL },

{ "prod-of-many", R"(
in x[4n, 5]  param w[5]  param v[5]  temp y[4n]  temp loss
y[n] = prod(i) tanh(w[i] * x[n, i] + v[i])
loss = sum(n) exp(30 * y[n])
)", 3, "\nscan i < 5 down {\n    y.prod.after[n, i] = y.prod.after[n, i + 1 else 1] * y.prod.factors[n, i + 1 else 1]" },

{ "prod-lengths", R"(
length len[3n]  in x[3n, 4]  param w[4]  param v[2]  temp y[3n]  temp loss
y[n] = prod(i < 4, j < 2 where i < len[n] and i != j) (x[n, i] * v[j] + w[i] * (j + 1))
loss = sum(n) y[n] * x[n, 0]
)", 3, NULL },

{ "second-prod-zeros", R"(
in x[3n, 4]  param w[4]  param zero[2]  temp y[3n]  temp all  temp g[2]  temp loss
y[n] = prod(i) (i < 2 ? zero[i] : x[n, i] + w[i])
all = sum(n) y[n] * x[n, 0]
g[i] = gradient(all, zero)
loss = sum(i) (g[i] - 1 - i)^2 + sum(i) w[i]
)", 3, NULL },

{ "prod-in-scan", R"(
in x[3n, 5]  param w[3]  temp h[3n, 5]  temp loss
scan t < 5 {
    h[n, t] = prod(i) tanh(w[i] * x[n, t] + i * h[n, t-1 else 0.3])
}
loss = sum(n, t) h[n, t]^2
)", 3, NULL },

{ "second-lead-scan", R"(
in x[3n, 5]  param w[2]  temp h[3n, 5]  temp unit[5]  temp jac[5, 3n, 5]  temp loss
scan t < 5 {
    h[n, t] = tanh(w[0] * x[n, t] + w[1] * h[n, t-1 else 0.4])
}
unit[t] = sum(n) h[n, t]
jac[j, n, t] = gradient(unit, x)
loss = sum(j, n, t) (jac[j, n, t] - 0.1 * j)^2
)", 2, NULL },

{ "residual", R"(
in x[4n, 3]  param w[3, 3]  param v[3, 3]  temp h[4n, 3]  temp y[4n, 3]  temp loss
h[n, j] = x[n, j] + sum(i) x[n, i] * w[i, j]
y[n, j] = h[n, j] + tanh(sum(i) h[n, i] * v[i, j])
loss = mean(n, j) max(y[n, j] - 0.2, -(y[n, j])) + 0.01 * (sum(i, j) w[i, j]^2)
)", 3, NULL },

{ "fill-then-add", R"(
in x[3n, 2]  param b[4]  param w[2, 3]  temp y[3n, 4]  temp loss
y[n, i] = 0
y[n, i] += b[i]
y[n, i + k] += x[n, i] * w[i, k]
loss = sum(n, i) tanh(y[n, i])
)", 2, "\ny[n, i] = b[i]" },
