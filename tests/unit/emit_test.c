/* emit_test.c -- emitted C against the interpreter.
 *
 * Each case is a program in the notation of text.h. It goes through the passes, is interpreted, and is emitted in
 * every schedule and precision; each file is compiled without a warning, run on the same values, and compared.
 * Usage: emit_test [NAME [DIR]]: one case only, files kept in DIR. */
#define _GNU_SOURCE
#include "../../compiler/program.h"
#include "../../runtime/ae.h"
#include "interp.h"
#include "text.h"
#include <stdlib.h>
#include <unistd.h>

/* as compiler/toolchain.c has models compiled */
#define FAST "-O2 -ftree-vectorize -fvect-cost-model=dynamic -march=native -fopenmp -fno-math-errno -fno-trapping-math -ffp-contract=fast"

typedef struct {
    const char *name;
    int batch;                  /* examples present, of 5, or of 100 when there are more */
    const char *outputs;        /* tensors compared, apart from gradients and states */
    const char *text;
} Case;

static const Case cases[] = {
    { "dense", 5, "h y loss",
      "in x[5n, 7]  param w[7, 4]  param b[4]  param v[4, 7]  param c[7]\n"
      "temp h[5n, 4]  temp a[5n, 4]  temp y[5n, 7]  temp each[5n]  temp loss\n"
      "h[n, j] = b[j] + sum(i) x[n, i] * w[i, j]\n"
      "a[n, j] = max(h[n, j], 0)\n"
      "y[n, k] = c[k] + sum(j) a[n, j] * v[j, k]\n"
      "each[n] = sum(k) (y[n, k] - x[n, k]) * (y[n, k] - x[n, k])\n"
      "loss = mean(n) each[n]\n" },
    { "dense-short", 3, "h loss",
      "in x[5n, 70]  param w[70, 40]  param b[40]\n"
      "temp h[5n, 40]  temp a[5n, 40]  temp loss\n"
      "h[n, j] = b[j] + sum(i) x[n, i] * w[i, j]\n"
      "a[n, j] = sigmoid(h[n, j]) * tanh(h[n, j])\n"
      "loss = mean(n, j) a[n, j] * a[n, j]\n" },
    { "conv", 4, "y loss",
      "in x[5n, 2, 9, 8]  param f[3, 2, 3, 3]  param b[3]  temp y[5n, 3, 5, 4]  temp r[5n, 3, 5, 4]  temp loss\n"
      "y[n, o, i, j] = b[o] + sum(a, u, v) x[n, a, i * 2 + u - 1, j * 2 + v - 1] * f[o, a, u, v]\n"
      "r[n, o, i, j] = max(y[n, o, i, j], 0)\n"
      "loss = mean(n) sum(o, i, j) r[n, o, i, j] * r[n, o, i, j]\n" },
    { "conv-deep", 4, "z loss",
      "in x[5n, 2, 9, 8]  param f[3, 2, 3, 3]  param g[4, 3, 2, 2]\n"
      "temp y[5n, 3, 9, 8]  temp z[5n, 4, 8, 7]  temp loss\n"
      "y[n, o, i, j] = sum(a, u, v) x[n, a, i + u - 1, j + v - 1] * f[o, a, u, v]\n"
      "z[n, o, i, j] = sum(a, u, v) y[n, a, i + u, j + v] * g[o, a, u, v]\n"
      "loss = mean(n, o, i, j) z[n, o, i, j] * z[n, o, i, j]\n" },
    { "transposed", 5, "y loss",
      "in x[5n, 3, 4, 4]  param f[3, 2, 3, 3]  param b[2]  temp y[5n, 2, 8, 8]  temp loss\n"
      "y[n, o, i, j] = b[o]\n"
      "y[n, o, i * 2 + u - 1, j * 2 + v - 1] += x[n, a, i, j] * f[a, o, u, v]\n"
      "loss = mean(n, o, i, j) y[n, o, i, j] * y[n, o, i, j]\n" },
    { "heads", 5, "q r loss",
      "in x[5n, 6, 8]  param w[8, 4, 16]  param b[4, 16]  param v[8, 16, 4]  param c[16, 4]\n"
      "temp q[5n, 4, 6, 16]  temp r[5n, 4, 6, 16]  temp loss\n"
      "q[n, h, t, d] = b[h, d] + sum(i) x[n, t, i] * w[i, h, d]\n"
      "r[n, h, t, d] = c[d, h] + sum(i) x[n, t, i] * v[i, d, h]\n"
      "loss = mean(n) sum(h, t, d) q[n, h, t, d] * r[n, h, t, d]\n" },
    { "embedding", 5, "h loss",
      "int w[5n, 6] of 9  param e[9, 4]  temp h[5n, 6, 4]  temp got[9]  temp loss\n"
      "h[n, t, j] = e[w[n, t], j]\n"
      "got[v] = 0\n"
      "got[w[n, t]] += 1\n"
      "loss = mean(n) sum(t, j) h[n, t, j] * h[n, t, j]\n" },
    { "embedding-product", 5, "h loss",
      "int w[5n, 6] of 9  param e[9, 4]  param v[4, 3, 5]  temp h[5n, 6, 3, 5]  temp loss\n"
      "h[n, t, q, j] = sum(i) e[w[n, t], i] * v[i, q, j]\n"
      "loss = mean(n) sum(t, q, j) h[n, t, q, j] * h[n, t, q, j]\n" },
    { "divided", 4, "y loss",
      "in x[5n, 7]  param a[7]  temp s[5n]  temp y[5n, 3]  temp loss\n"
      "s[n] = sum(i) a[i] * x[n, i]\n"
      "y[n, j] = sum(i < 4) a[j] * (x[n, j] / (1 + s[n]^2) / (1 + s[n]^2))\n"
      "loss = mean(n) sum(j) y[n, j] * y[n, j]\n" },
    { "recurrent", 4, "h loss",
      "in x[5n, 6, 3]  in z[5n, 4]  param w[3, 4]  param u[4, 4]  param b[4]  temp g[5n, 6, 4]  temp h[5n, 6, 4]  temp loss\n"
      "scan t < 6 {\n"
      "  g[n, t, j] = b[j] + sum(i) x[n, t, i] * w[i, j] + sum(i) h[n, t - 1, i else z[n, i]] * u[i, j]\n"
      "  h[n, t, j] = tanh(g[n, t, j])\n"
      "}\n"
      "loss = mean(n) sum(j) h[n, 5, j] * h[n, 5, j]\n" },
    { "recurrent-down", 5, "h loss",
      "in x[5n, 6, 3]  param w[3, 4]  param u[4, 4]  temp h[5n, 6, 4]  temp loss\n"
      "scan t < 6 down {\n"
      "  h[n, t, j] = tanh(sum(i) x[n, t, i] * w[i, j] + sum(i) h[n, t + 1, i] * u[i, j])\n"
      "}\n"
      "loss = mean(n, t, j) h[n, t, j]\n" },
    { "recurrent-linear", 5, "h loss",           /* backward, the scan only adds onto what it reads */
      "in x[5n, 6, 3]  param w[3, 4]  temp h[5n, 6, 4]  temp loss\n"
      "scan t < 6 {\n"
      "  h[n, t, j] = 0.5 * h[n, t - 1, j] + sum(i) x[n, t, i] * w[i, j]\n"
      "}\n"
      "loss = mean(n, t, j) h[n, t, j] * h[n, t, j]\n" },
    { "recurrent-in-turns", 5, "a b loss",
      "in x[5n, 6]  param w[6]  temp a[5n, 6]  temp b[5n, 6]  temp loss\n"
      "a[n, t] = x[n, t]\n"
      "b[n, t] = 0\n"
      "scan t < 6 {\n"
      "  a[n, t] += b[n, t - 1] * w[t]\n"
      "  b[n, t] += a[n, t] * x[n, t]\n"
      "}\n"
      "loss = mean(n) sum(t) b[n, t] * b[n, t]\n" },
    { "one-row", 1, "h loss",
      "in x[1n, 6]  param w[6]  temp s[6]  temp h[1n]  temp loss\n"
      "h[n] = 2\n"
      "scan t < 6 {\n"
      "  s[t] = sum(n) h[n] * w[t]\n"
      "  h[n] += x[n, t] + s[t]\n"
      "}\n"
      "loss = mean(n) h[n] * x[n, 0]\n" },
    { "choosing", 5, "best least place drawn",
      "in x[5n, 8]  param w[8]  whole best[5n]  whole least[5n]  whole place[5n, 8]  whole drawn[5n]  temp loss\n"
      "best[n] = argmax(j) x[n, j] * w[j]\n"
      "least[n] = argmin(j where x[n, j] > 0) x[n, j]\n"
      "place[n, j] = rank(j) x[n, j]\n"
      "drawn[n] = choice(j) x[n, j] * x[n, j]\n"
      "loss = sum(j) w[j]\n" },
    { "lengths", 4, "y loss",
      "length len[5n]  in x[5n, ..6, 3]  param w[3]  temp y[5n]  temp p[5n, ..6]  temp loss\n"
      "p[n, t] = sum(k) x[n, t, k] * w[k]\n"
      "y[n] = sum(t) p[n, t] * p[n, t]\n"
      "loss = mean(n) y[n]\n" },
    { "attention", 4, "c loss",
      "in x[5n, 6, 8]  param wq[8, 2, 4]  param wk[8, 2, 4]\n"
      "temp q[5n, 2, 6, 4]  temp a[5n, 2, 6, 4]  temp s[5n, 2, 6, 6]  temp e[5n, 2, 6, 6]  temp c[5n, 6, 2, 4]  temp loss\n"
      "q[n, h, t, d] = sum(i) x[n, t, i] * wq[i, h, d]\n"
      "a[n, h, r, d] = sum(i) x[n, r, i] * wk[i, h, d]\n"
      "s[n, h, t, r] = sum(d) q[n, h, t, d] * a[n, h, r, d] / 2\n"
      "e[n, h, t, r] = r <= t ? exp(s[n, h, t, r] - log(sum(u < 6 where u <= t) exp(s[n, h, t, u]))) : 0\n"
      "c[n, t, h, d] = sum(r) e[n, h, t, r] * a[n, h, r, d]\n"
      "loss = mean(n) sum(t, h, d) c[n, t, h, d] * c[n, t, h, d]\n" },
    { "reshape", 5, "y loss",
      "in x[5n, 2, 3, 4]  param w[24, 6]  temp f[5n, 24]  temp h[5n, 6]  temp g[5n, 2, 3]  temp y[5n, 2, 3]  temp loss\n"
      "f = reshape(x)\n"
      "h[n, j] = sum(i) f[n, i] * w[i, j]\n"
      "g = reshape(h)\n"
      "y[n, a, b] = g[n, a, b] * g[n, a, b]\n"
      "loss = mean(n) sum(a, b) y[n, a, b]\n" },
    { "norms", 5, "y loss",
      "in x[5n, 6, 3]  param g[6]  param b[6]  temp mu[6]  temp var[6]  temp y[5n, 6, 3]  temp loss\n"
      "mu[c] = mean(n, i) x[n, c, i]\n"
      "var[c] = mean(n, i) (x[n, c, i] - mu[c]) * (x[n, c, i] - mu[c])\n"
      "y[n, c, i] = b[c] + g[c] * (x[n, c, i] - mu[c]) / sqrt(var[c] + 0.001)\n"
      "loss = mean(n, c, i) y[n, c, i] * y[n, c, i]\n" },
    { "pooling", 5, "y loss",
      "in x[5n, 2, 6, 6]  param w[2]  temp s[5n, 2, 6, 6]  temp y[5n, 2, 3, 3]  temp loss\n"
      "s[n, c, i, j] = x[n, c, i, j] * w[c]\n"
      "y[n, c, i, j] = max(u < 2, v < 2) s[n, c, i * 2 + u, j * 2 + v]\n"
      "loss = mean(n) sum(c, i, j) y[n, c, i, j]\n" },
    { "pairs", 4, "s loss",
      "in x[5n, 8]  param w[8, 6]  temp z[5n, 6]  temp s[5n, 5n]  temp loss\n"
      "z[n, j] = tanh(sum(i) x[n, i] * w[i, j])\n"
      "s[n, m] = sum(j) z[n, j] * z[m, j]\n"
      "loss = mean(n) log(sum(m < 5 where m != n) exp(s[n, m]))\n" },
    { "draws", 5, "z loss",
      "in x[5n, 8]  param w[8]  temp z[5n, 8]  temp k[5n, 8]  temp loss\n"
      "k[n, j] = uniform() < 0.5 ? 1 : 0\n"
      "z[n, j] = x[n, j] * w[j] + 0.1 * normal() * k[n, j]\n"
      "loss = mean(n, j) z[n, j] * z[n, j]\n" },
    { "draws-rows", 4, "z y v loss",            /* rows of one loop and of several, long, odd and crosswise */
      "in x[5n, 3, 7]  in r[5n, 50, 100]  param w[7]  temp z[5n, 3, 7]  temp y[7, 5n]  temp v[5n, 50, 100]  temp t[5n]\n"
      "temp loss\n"
      "z[n, i, j] = normal() * x[n, i, j] * w[j] + uniform()\n"
      "y[j, n] = w[j] * normal()\n"
      "v[n, i, j] = normal() < r[n, i, j] ? uniform() : 0\n"
      "t[n] = uniform() + normal()\n"
      "loss = mean(n) (t[n] * sum(i, j) z[n, i, j] * z[n, i, j] + sum(j) y[j, n] * w[j] + sum(i, j) v[n, i, j])\n" },
    { "threads", 97, "z loss",
      "in x[100n, 64]  param w[64, 96]  param b[96]  param v[96, 24]  param u[24, 64]  state m[96]\n"
      "temp h[100n, 96]  temp r[100n, 96]  temp k[100n, 96]  temp mu[96]  temp a[100n, 96]  temp z[100n, 24]  temp y[100n, 64]  temp loss\n"
      "h[n, j] = b[j] + sum(i) x[n, i] * w[i, j]\n"
      "mu[j] = mean(n) h[n, j]\n"
      "r[n, j] = max(h[n, j] - mu[j], 0)\n"
      "k[n, j] = uniform() < 0.8 ? 1 : 0\n"
      "a[n, j] = r[n, j] * k[n, j] / 0.8\n"
      "z[n, j] = tanh(sum(i) a[n, i] * v[i, j])\n"
      "y[n, j] = sum(i) z[n, i] * u[i, j]\n"
      "loss = mean(n) sum(j) (y[n, j] - x[n, j]) * (y[n, j] - x[n, j])\n" },
    { "threads-conv", 70, "z loss",
      "in x[100n, 3, 12, 12]  param f[8, 3, 3, 3]  param b[8]  param g[8, 3, 4, 4]  int y[100n] of 9  param e[9, 16]\n"
      "temp h[100n, 8, 6, 6]  temp r[100n, 8, 6, 6]  temp z[100n, 3, 12, 12]  temp q[100n, 16]  temp loss\n"
      "h[n, o, i, j] = b[o] + sum(a, u, v) x[n, a, i * 2 + u - 1, j * 2 + v - 1] * f[o, a, u, v]\n"
      "r[n, o, i, j] = max(h[n, o, i, j], 0)\n"
      "z[n, o, i, j] = 0\n"
      "z[n, o, i * 2 + u - 1, j * 2 + v - 1] += r[n, a, i, j] * g[a, o, u, v]\n"
      "q[n, k] = e[y[n], k] * r[n, 0, 0, 0]\n"
      "loss = mean(n) (sum(o, i, j) (z[n, o, i, j] - x[n, o, i, j]) * (z[n, o, i, j] - x[n, o, i, j])) + mean(n, k) q[n, k] * q[n, k]\n" },
    { "threads-margins", 70, "t loss",              /* windows and scatters over the borders of temporaries */
      "in x[100n, 3, 9, 9]  param f[8, 3, 3, 3]  param g[8, 8, 4, 4]  param q[8, 3, 3, 3]\n"
      "temp h[100n, 8, 9, 9]  temp r[100n, 8, 9, 9]  temp z[100n, 8, 4, 4]  temp s[100n, 3, 8, 8]  temp t[100n, 3, 8, 8]  temp loss\n"
      "h[n, o, i, j] = sum(a, u, v) x[n, a, i + u - 1, j + v - 1] * f[o, a, u, v]\n"
      "r[n, o, i, j] = tanh(h[n, o, i, j])\n"
      "z[n, o, i, j] = sum(a, u, v) r[n, a, i * 2 + u - 1, j * 2 + v - 1] * g[o, a, u, v]\n"
      "s[n, o, i, j] = 0\n"
      "s[n, o, i * 2 + u - 1, j * 2 + v - 1] += z[n, a, i, j] * q[a, o, u, v]\n"
      "t[n, o, i, j] = tanh(s[n, o, i, j])\n"
      "loss = mean(n) sum(o, i, j) t[n, o, i, j] * t[n, o, i, j]\n" },
    { "threads-lstm", 60, "h loss",
      "in x[100n, 7, 16]  in z[100n, 24]  param w[16, 24]  param u[24, 24]  param b[24]\n"
      "temp g[100n, 7, 24]  temp h[100n, 7, 24]  temp loss\n"
      "scan t < 7 {\n"
      "  g[n, t, j] = b[j] + sum(i) x[n, t, i] * w[i, j] + sum(i) h[n, t - 1, i else z[n, i]] * u[i, j]\n"
      "  h[n, t, j] = tanh(g[n, t, j])\n"
      "}\n"
      "loss = mean(n, t, j) h[n, t, j] * h[n, t, j]\n" },
    { "threads-lstm-lengths", 60, "y loss",        /* each example as long as it is, some as long as can be */
      "length len[100n]  in x[100n, ..6, 16]  param w[16, 24]  param u[24, 24]  param b[24]  param v[24, 20]\n"
      "temp a[100n, ..6, 24]  temp g[100n, ..6, 24]  temp h[100n, ..6, 24]  temp y[100n, ..6, 20]  temp loss\n"
      "a[n, t, j] = b[j] + sum(i) x[n, t, i] * w[i, j]\n"
      "scan t < 6 {\n"
      "  g[n, t, j] = a[n, t, j] + sum(i) h[n, t - 1, i] * u[i, j]\n"
      "  h[n, t, j] = tanh(g[n, t, j])\n"
      "}\n"
      "y[n, t, k] = sum(j) h[n, t, j] * v[j, k]\n"
      "loss = mean(n) sum(t, k) y[n, t, k] * y[n, t, k]\n" },
    { "threads-attention", 50, "c loss",
      "in x[100n, 12, 16]  param wq[16, 2, 8]  param wk[16, 2, 8]\n"
      "temp q[100n, 2, 12, 8]  temp a[100n, 2, 12, 8]  temp s[100n, 2, 12, 12]  temp e[100n, 2, 12, 12]  temp c[100n, 12, 2, 8]  temp loss\n"
      "q[n, h, t, d] = sum(i) x[n, t, i] * wq[i, h, d]\n"
      "a[n, h, r, d] = sum(i) x[n, r, i] * wk[i, h, d]\n"
      "s[n, h, t, r] = sum(d) q[n, h, t, d] * a[n, h, r, d] / 2\n"
      "e[n, h, t, r] = r <= t ? exp(s[n, h, t, r] - log(sum(u < 12 where u <= t) exp(s[n, h, t, u]))) : 0\n"
      "c[n, t, h, d] = sum(r) e[n, h, t, r] * a[n, h, r, d]\n"
      "loss = mean(n) sum(t, h, d) c[n, t, h, d] * c[n, t, h, d]\n" },
    { "threads-alike", 70, "u y loss",              /* loops that are equal but for their arrays stand in the file once */
      "in x[100n, 40]  param w[40, 40]  param v[40, 40]  param a[40]  param b[40]\n"
      "temp h[100n, 40]  temp u[100n, 40]  temp g[100n, 40]  temp y[100n, 40]  temp z[100n, 40]  temp loss\n"
      "h[n, j] = sum(i) x[n, i] * w[i, j]\n"
      "u[n, j] = a[j] * tanh(h[n, j]) + normal()\n"
      "g[n, j] = sum(i) u[n, i] * v[i, j]\n"
      "y[n, j] = b[j] * tanh(g[n, j]) + normal()\n"
      "z[n, j] = sum(i) y[n, i] * w[i, j]\n"
      "loss = mean(n, j) z[n, j] * z[n, j]\n" },
    { "threads-lengths", 50, "w loss",             /* a sum over what each example has, split along its last axis */
      "length len[100n]  in x[100n, 4, ..12, 8]  in y[100n, ..12, 64]  param v[64]\n"
      "temp z[100n, ..12, 64]  temp w[4, 8, 64]  temp loss\n"
      "z[n, t, k] = y[n, t, k] * v[k]\n"
      "w[h, d, k] = sum(n, t) x[n, h, t, d] * z[n, t, k]\n"
      "loss = sum(h, d, k) w[h, d, k] * w[h, d, k] / 1000\n" },
    { "decay", 5, "loss",
      "in x[5n, 3]  param w[30, 40]  param v[7]  temp loss\n"
      "loss = 0.1 * (sum(i, j) w[i, j] * w[i, j]) + sum(i) abs(v[i])\n" },
};

/* ---- a module around a program --------------------------------------------------------------------------- */
static Term the_loss(Program *p)
{
    return (Term) { .name = intern("reconstruct"), .unit = intern("nats"), .value = p->loss };
}

static void add_uses(StmtList *list, int *line)
{
    for (int k = 0; k < list->n; k++, ++*line) {
        Stmt *s = list->at[k];
        Use *u = NEW(Use);
        static Source source = { "test.ae", "", 0, false };
        u->path = format("net.%s", s->target ? s->target->name : "scan");
        u->words = format("%s(\\?""?/ */ 1)", s->target ? s->target->name : "scan");
        u->place = (Place) { &source, *line, 1, *line, 2 };
        s->use = u;
        s->formula = format("%s = ...", s->target ? s->target->name : "scan");
        for (int j = 0; j < s->body.n; j++)
            s->body.at[j]->use = u;
    }
}

static void complete(const Case *c, Text *t)
{
    static Source source = { "test.ae", "model test # \"?\?/\" */\n", 21, false };
    Module *m = t->module;
    Program *p = t->program;
    m->name = intern("test");
    m->source = &source;
    m->batch_max = c->batch > 5 ? 100 : 5;
    t->batch->cname = intern("ae_clock.batch");
    for (int k = 0; k < p->inputs.n; k++) {
        Tensor *x = p->inputs.at[k];
        if (x->role == ROLE_length)
            continue;
        Input in = { .name = x->name, .kind = intern("vector"), .tensor = x, .classes = x->of };
        for (int j = 0; j < x->rank; j++)
            if (x->axis[j].length && x->axis[j].length->role == ROLE_length)
                in.length = x->axis[j].length;
        PUSH(m->inputs, in);
    }
    char *names = strdup(c->outputs);
    for (char *w = strtok(names, " "); w; w = strtok(NULL, " ")) {
        text_tensor(t, w)->external = true;
        PUSH(p->outputs, text_tensor(t, w));
    }
    free(names);
    int line = 1;
    add_uses(&p->body, &line);
    if (p->loss) {
        p->loss->external = true;
        PUSH(p->terms, the_loss(p));
    }
    Phase *f = NEW(Phase);
    f->name = intern("train");
    f->gradient = p;
    p->training = 0;
    PUSH(m->phases, f);
    PUSH(m->programs, p);
}

/* ---- values ----------------------------------------------------------------------------------------------- */
static double value_of(const Tensor *t, long k)
{
    const unsigned h = (unsigned) (k * 2654435761u + (unsigned) strlen(t->name) * 97u + (unsigned char) t->name[0] * 7919u);
    if (t->role == ROLE_length)
        return 1 + (h >> 7) % 6;
    if (t->elem == ELEM_int)
        return (h >> 7) % (unsigned) t->of;
    return (double) ((int) ((h >> 8) % 256) - 128) / 128;
}

static void put_values(FILE *f, Machine *m, Tensor *t)
{
    double *at = interp_at(m, t);
    fprintf(f, "set %s", t->name);
    for (long k = 0; k < tensor_count(t); k++) {
        at[k] = value_of(t, k);
        fprintf(f, " %.17g", at[k]);
    }
    fprintf(f, "\n");
}

static double draw(bool normal, unsigned stream, uint64_t element)
{
    return normal ? ae_normal(stream, element) : ae_uniform(stream, element);
}

/* ---- one emitted file --------------------------------------------------------------------------------------- */
static int wrong;

static double *expected(Text *t, Machine *m, const char *name, long *n)
{
    Program *p = t->program;
    for (int k = 0; k < p->outputs.n; k++)
        if (!strcmp(p->outputs.at[k]->name, name)) {
            *n = tensor_count(p->outputs.at[k]);
            return interp_at(m, p->outputs.at[k]);
        }
    for (int k = 0; k < p->trained.n && k < p->grads.n; k++)
        if (name[0] == 'd' && !strcmp(p->trained.at[k]->name, name + 1)) {
            *n = tensor_count(p->trained.at[k]);
            return interp_at(m, p->grads.at[k]);
        }
    return NULL;
}

static void compare(const Case *c, Text *t, Machine *m, const char *file, double tolerance, const char *what)
{
    FILE *f = fopen(file, "r");
    char *line = NULL;
    size_t room = 0;
    int seen = 0;
    while (f && getline(&line, &room, f) > 0) {
        long n;
        char *at = strchr(line, ' ');
        if (!at)
            continue;
        *at++ = 0;
        double *want = expected(t, m, line, &n);
        for (long k = 0; want && k < n; k++) {
            const double v = strtod(at, &at);
            if (isnan(want[k]))             /* beyond a length: anything */
                continue;
            seen++;
            if (!(fabs(v - want[k]) <= tolerance * (1 + fabs(want[k])))) {
                printf("%s %s: %s[%ld] is %.9g, not %.9g\n", c->name, what, line, k, v, want[k]);
                wrong++;
                break;
            }
        }
    }
    free(line);
    if (f)
        fclose(f);
    if (!seen) {
        printf("%s %s: nothing came out\n", c->name, what);
        wrong++;
    }
}

static bool shell(const char *command)
{
    if (system(command) == 0)
        return true;
    printf("failed: %s\n", command);
    wrong++;
    return false;
}

/* t is emitted; what it should give stands in m, which has interpreted the same text as known. */
static void try(const Case *c, Text *t, Text *known, Machine *m, EmitOptions how, const char *dir)
{
    Str what = format("%s-%s%s", how.fast ? "fast" : "plain", how.f64 ? "f64" : "f32", how.fast && how.openblas ? "-blas" : "");
    Str base = format("%s/%s-%s", dir, c->name, what);
    Buf text = { 0 };
    emit(&text, t->module, how);
    if (how.fast && strstr(c->name, "alike") && !strstr(text.at, "AE_APART"))
        printf("%s %s: no loops are shared\n", c->name, what), wrong++;
    FILE *f = fopen(format("%s.c", base), "w");
    if (!f || fwrite(text.at, 1, text.n, f) != text.n || fclose(f))
        bug("cannot write %s.c", base);
    const int bits = how.f64 ? 64 : 32;
    Str objects = format("%s/drive%d.o %s/draws%d.o %s/contract%d.o %s/philox.o %s/special.o", dir, bits, dir, bits, dir, bits, dir, dir);
    if (!shell(format("gcc -std=gnu11 -Wall -Wextra -Wpedantic -Werror %s %s -Iruntime -o %s %s.c %s -lm%s",
                      how.fast ? FAST : "-O1 -ffp-contract=off", how.f64 ? "-DAE_DOUBLE" : "", base, base, objects,
                      how.fast && how.openblas ? " -lopenblas" : "")))
        return;
    for (int threads = 1; threads <= (how.fast ? 5 : 1); threads += threads < 3 ? 1 : 2) {
        if (!shell(format("OMP_NUM_THREADS=%d %s < %s/%s.in > %s.%d", threads, base, dir, c->name, base, threads)))
            return;
        if (threads == 1)
            compare(c, known, m, format("%s.1", base), how.f64 ? 1e-6 : 2e-4, what);
        else
            shell(format("cmp %s.1 %s.%d", base, base, threads));
    }
}

/* ---- one case ----------------------------------------------------------------------------------------------- */
static void interpret(const Case *c, Text *t, Machine *m, const char *dir)
{
    FILE *f = fopen(format("%s/%s.in", dir, c->name), "w");
    for (int j = 0; j < t->program->inputs.n; j++)
        put_values(f, m, t->program->inputs.at[j]);
    for (int j = 0; j < t->module->params.n; j++)
        put_values(f, m, t->module->params.at[j]);
    fprintf(f, "clock %d 1\nrun test\n", c->batch);
    fclose(f);
    ae_clock.step = 1;
    *interp_at(m, t->batch) = c->batch;
    interp_run(m, &t->program->body);
}

static void run_case(const Case *c, const char *dir)
{
    static const EmitOptions hows[] = {
        { .f64 = false }, { .f64 = true }, { .fast = true, .openblas = true }, { .fast = true, .f64 = true, .openblas = true },
        { .fast = true }, { .fast = true, .f64 = true },
    };
    Text *known = NULL;
    Machine m;
    for (size_t k = 0; k < sizeof hows / sizeof *hows; k++) {
        if (getenv("ONLY_PLAIN") && hows[k].fast)
            continue;
        Text *t = text_read(c->text);
        complete(c, t);
        split(t->module, t->program);
        search(t->module, t->program);
        if (t->program->loss)
            differentiate(t->module, t->program);
        simplify(t->module, t->program);
        if (hows[k].fast)
            factor(t->module, t->program);
        if (k == 0 && getenv("SHOW")) {
            Buf b = { 0 };
            program_print(&b, t->program);
            puts(b.at);
        }
        if (k == 0 || hows[k].fast != hows[k - 1].fast) {      /* the same program again gives the same values */
            known = t;
            m = (Machine) { .draw = draw };
            interpret(c, t, &m, dir);
        }
        try(c, t, known, &m, hows[k], dir);
    }
}

int main(int argc, char **argv)
{
    char made[] = "/tmp/emit_test.XXXXXX";
    const char *dir = argc > 2 ? argv[2] : mkdtemp(made);
    static const struct { const char *object, *source, *flags; } parts[] = {
        { "drive32", "tests/unit/emit_drive", "-O1" },      { "drive64", "tests/unit/emit_drive", "-O1 -DAE_DOUBLE" },
        { "draws32", "runtime/draws", "-O1" },              { "draws64", "runtime/draws", "-O1 -DAE_DOUBLE" },
        { "contract32", "runtime/contract", FAST },         { "contract64", "runtime/contract", FAST " -DAE_DOUBLE" },
        { "philox", "runtime/philox", "-O1" },              { "special", "runtime/special", "-O1" },
    };
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        if (!shell(format("gcc -std=gnu11 %s -c -o %s/%s.o %s.c", parts[k].flags, dir, parts[k].object, parts[k].source)))
            return 1;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        if (argc < 2 || !strcmp(argv[1], cases[k].name) || !strcmp(argv[1], "all"))
            run_case(&cases[k], dir);
    if (argc < 3)
        shell(format("rm -r %s", dir));
    printf(wrong ? "%d wrong\n" : "emit: all right\n", wrong);
    return wrong != 0;
}
