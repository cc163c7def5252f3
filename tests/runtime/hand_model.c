/* hand_model.c -- what a compiler would emit, by hand: a denoising autoencoder on digits with a class head.
 *
 *   x[64] --(+ noise in training) dense(32) relu--> h --dense(8)--> z --dense(32) relu--> g --dense(64)--> r
 *   z --dense(10)--> logits          loss: mean over elements of (r - x)^2  +  0.1 * class  +  1e-4 * l2(weights) */
#include "ae.h"
#ifdef _OPENMP
#define PARALLEL _Pragma("omp parallel for")
#else
#define PARALLEL
#endif

enum { BATCH = 64, X = 64, H = 32, Z = 8, K = 10 };

typedef union {
    struct { ae_real w1[X][H], b1[H], w2[H][Z], b2[Z], w3[Z][H], b3[H], w4[H][X], b4[X], w5[Z][K], b5[K]; } at;
    ae_real flat[X * H + H + H * Z + Z + Z * H + H + H * X + X + Z * K + K];
} Params;
enum { PARAMS = sizeof(Params) / sizeof(ae_real) };

static Params p, d, m, v;
static ae_real x[BATCH][X];
static int32_t y[BATCH], has[BATCH];
static ae_real e[BATCH][X], h[BATCH][H], z[BATCH][Z], g[BATCH][H], r[BATCH][X], logit[BATCH][K];
static ae_real each[BATCH], right[BATCH], nll[BATCH], mse, accuracy, class_nll, l2, loss;
static const ae_real weight_class = (ae_real) 0.1, weight_l2 = (ae_real) 1e-4;
static int32_t seen;        /* a state: rows trained on so far */
static int32_t digit[BATCH];

static void dense(int b, const ae_real *in, int n, const ae_real *w, const ae_real *bias, ae_real *out, int k, int relu)
{
    (void) b;
    for (int j = 0; j < k; j++) {
        ae_real s = bias[j];
        for (int i = 0; i < n; i++)
            s += in[i] * w[i * k + j];
        out[j] = relu && s < 0 ? 0 : s;
    }
}

static void encode_row(int b, ae_real noise)
{
    for (int i = 0; i < X; i++)
        e[b][i] = x[b][i] + (noise > 0 ? noise * (ae_real) ae_normal(7, (uint64_t) b * X + (uint64_t) i) : 0);
    dense(b, e[b], X, p.at.w1[0], p.at.b1, h[b], H, 1);
    dense(b, h[b], H, p.at.w2[0], p.at.b2, z[b], Z, 0);
}

static void decode_row(int b)
{
    dense(b, z[b], Z, p.at.w3[0], p.at.b3, g[b], H, 1);
    dense(b, g[b], H, p.at.w4[0], p.at.b4, r[b], X, 0);
}

static void forward(ae_real noise)
{
    const int n = ae_clock.batch;
PARALLEL
    for (int b = 0; b < n; b++) {
        encode_row(b, noise);
        decode_row(b);
        dense(b, z[b], Z, p.at.w5[0], p.at.b5, logit[b], K, 0);
        ae_real s = 0, most = logit[b][0], sum = 0;
        for (int i = 0; i < X; i++)
            s += (r[b][i] - x[b][i]) * (r[b][i] - x[b][i]);
        each[b] = s / X;
        digit[b] = 0;
        for (int k = 1; k < K; k++)
            if (logit[b][k] > most) {
                most = logit[b][k];
                digit[b] = k;
            }
        for (int k = 0; k < K; k++)
            sum += (ae_real) exp(logit[b][k] - most);
        nll[b] = has[b] ? most + (ae_real) log(sum) - logit[b][y[b]] : 0;
        right[b] = has[b] && digit[b] == y[b];
    }
    int labelled = 0;
    mse = class_nll = accuracy = l2 = 0;
    for (int b = 0; b < n; b++) {
        mse += each[b] / n;
        class_nll += nll[b];
        accuracy += right[b];
        labelled += has[b];
    }
    class_nll /= labelled ? labelled : 1;
    accuracy /= labelled ? labelled : 1;
    for (int k = 0; k < PARAMS; k++)
        l2 += p.flat[k] * p.flat[k];
    loss = mse + weight_class * class_nll + weight_l2 * l2;
}

/* dw[i][k] = sum over b of in[b][i] dout[b][k], rows of the batch in order, split over i. */
static void dense_back(const ae_real *in, int n, int in_at, const ae_real *dout, int k, int out_at, ae_real *dw, ae_real *db)
{
    const int rows = ae_clock.batch;
PARALLEL
    for (int i = 0; i < n; i++)
        for (int b = 0; b < rows; b++)
            for (int j = 0; j < k; j++)
                dw[i * k + j] += in[b * in_at + i] * dout[b * out_at + j];
    for (int b = 0; b < rows; b++)
        for (int j = 0; j < k; j++)
            db[j] += dout[b * out_at + j];
}

static ae_real dr[BATCH][X], dg[BATCH][H], dz[BATCH][Z], dh[BATCH][H], dl[BATCH][K];

static void into(const ae_real *dout, int k, const ae_real *w, ae_real *din, int n)     /* din += w dout */
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < k; j++)
            din[i] += w[i * k + j] * dout[j];
}

static void backward(void)
{
    const int n = ae_clock.batch;
    int labelled = 0;
    for (int b = 0; b < n; b++)
        labelled += has[b];
    for (int k = 0; k < PARAMS; k++)
        d.flat[k] = 2 * weight_l2 * p.flat[k];
    memset(dg, 0, sizeof dg);
    memset(dz, 0, sizeof dz);
    memset(dh, 0, sizeof dh);
PARALLEL
    for (int b = 0; b < n; b++) {
        ae_real most = logit[b][digit[b]], sum = 0;
        for (int i = 0; i < X; i++)
            dr[b][i] = 2 * (r[b][i] - x[b][i]) / (X * n);
        for (int k = 0; k < K; k++)
            sum += dl[b][k] = (ae_real) exp(logit[b][k] - most);
        for (int k = 0; k < K; k++)
            dl[b][k] = has[b] ? weight_class * (dl[b][k] / sum - (k == y[b])) / labelled : 0;
        into(dr[b], X, p.at.w4[0], dg[b], H);
        for (int j = 0; j < H; j++)
            dg[b][j] = g[b][j] > 0 ? dg[b][j] : 0;
        into(dg[b], H, p.at.w3[0], dz[b], Z);
        into(dl[b], K, p.at.w5[0], dz[b], Z);
        into(dz[b], Z, p.at.w2[0], dh[b], H);
        for (int j = 0; j < H; j++)
            dh[b][j] = h[b][j] > 0 ? dh[b][j] : 0;
    }
    dense_back(g[0], H, H, dr[0], X, X, d.at.w4[0], d.at.b4);
    dense_back(z[0], Z, Z, dg[0], H, H, d.at.w3[0], d.at.b3);
    dense_back(z[0], Z, Z, dl[0], K, K, d.at.w5[0], d.at.b5);
    dense_back(h[0], H, H, dz[0], Z, Z, d.at.w2[0], d.at.b2);
    dense_back(e[0], X, X, dh[0], H, H, d.at.w1[0], d.at.b1);
}

static void run_gradient(void) { forward((ae_real) 0.1); backward(); }
static void run_evaluate(void) { forward(0); }
static void run_encode(void) { for (int b = 0; b < ae_clock.batch; b++) encode_row(b, 0); }
static void run_decode(void) { for (int b = 0; b < ae_clock.batch; b++) decode_row(b); }
static void run_reconstruct(void) { run_encode(); run_decode(); }
static void run_sample(void)
{
    for (int b = 0; b < ae_clock.batch; b++)
        for (int j = 0; j < Z; j++)
            z[b][j] = (ae_real) ae_normal(9, (uint64_t) b * Z + (uint64_t) j);
    run_decode();
}
static void run_predict(void) { forward(0); }

static void run_init(void)
{
    static const struct { long at; int in, out; } w[] = {
        { 0, X, H }, { X * H + H, H, Z }, { X * H + H + H * Z + Z, Z, H }, { X * H + H + H * Z + Z + Z * H + H, H, X },
        { X * H + H + H * Z + Z + Z * H + H + H * X + X, Z, K } };
    memset(&p, 0, sizeof p);
    for (int l = 0; l < 5; l++)
        for (int k = 0; k < w[l].in * w[l].out; k++)
            p.flat[w[l].at + k] = (ae_real) ((2 * ae_uniform(100 + (uint32_t) l, (uint64_t) k) - 1) * sqrt(6.0 / (w[l].in + w[l].out)));
}

static void update(void)
{
    const ae_real lr = (ae_real) 1e-3, c1 = (ae_real) (1 - pow(0.9, ae_clock.step)), c2 = (ae_real) (1 - pow(0.999, ae_clock.step));
    for (int k = 0; k < PARAMS; k++) {
        m.flat[k] = (ae_real) 0.9 * m.flat[k] + (ae_real) 0.1 * d.flat[k];
        v.flat[k] = (ae_real) 0.999 * v.flat[k] + (ae_real) 0.001 * d.flat[k] * d.flat[k];
        p.flat[k] -= lr * (m.flat[k] / c1) / ((ae_real) sqrt(v.flat[k] / c2) + (ae_real) 1e-8);
#ifdef HAND_DIVERGE
        p.flat[k] *= ae_clock.step == HAND_DIVERGE ? (ae_real) NAN : 1;
#endif
    }
    seen += ae_clock.batch;
}

#define R(name, a, ...) { name, a, AE_REAL, (int) (sizeof (int[]) { __VA_ARGS__ } / sizeof(int)), { __VA_ARGS__ } }
#define PARTS(u) { R("encoder.dense1.w", u.at.w1, X, H), R("encoder.dense1.b", u.at.b1, H), \
    R("encoder.dense2.w", u.at.w2, H, Z), R("encoder.dense2.b", u.at.b2, Z), R("decoder.dense1.w", u.at.w3, Z, H), \
    R("decoder.dense1.b", u.at.b3, H), R("decoder.dense2.w", u.at.w4, H, X), R("decoder.dense2.b", u.at.b4, X), \
    R("digit.head.dense1.w", u.at.w5, Z, K), R("digit.head.dense1.b", u.at.b5, K) }
static const AeArray param[] = PARTS(p), grad[] = PARTS(d);
static const AeArray state[] = { { "seen", &seen, AE_INT, 0, { 0 } } };
static const AeArray adam[] = { R("adam.m", m.flat, PARAMS), R("adam.v", v.flat, PARAMS) };
static const AeRange trained[] = { { 0, PARAMS } };

static const AeInput inputs[] = {
    { R("x", x, BATCH, 1, 8, 8), "image", NULL, NULL, 0, false },
    { { "y", y, AE_INT, 1, { BATCH } }, "class", NULL, has, K, true },
};
static const int both[] = { 0, 1 };

static const AeTerm terms[] = {
    { "reconstruct", "mean over elements", &mse, each, NULL, false, NULL, NULL, 0, "hand.ae:11", NULL },
    { "digit", "nats per example", &class_nll, nll, &weight_class, false, has, NULL, 0, "hand.ae:12", NULL },
    { "l2(weights)", "sum", &l2, NULL, &weight_l2, false, NULL, NULL, 0, "hand.ae:13", NULL },
    { "digit.accuracy", "share right", &accuracy, right, NULL, true, has, NULL, 0, "hand.ae:14", NULL },
};
static const AeArray codes[] = { R("z", z, BATCH, Z) }, images[] = { R("x", r, BATCH, 1, 8, 8) };
static const AeArray predicted[] = { { "y", digit, AE_INT, 1, { BATCH } }, R("logit", logit, BATCH, K) };
static const AeProgram gradient = { "train", run_gradient, both, 2, NULL, 0, NULL, 0, terms, 3, &loss };
static const AeProgram evaluate = { "evaluate", run_evaluate, both, 2, NULL, 0, NULL, 0, terms, 4, &loss };
static const AeProgram programs[] = {
    { "init", run_init, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL },
    { "encode", run_encode, both, 1, NULL, 0, codes, 1, NULL, 0, NULL },
    { "decode", run_decode, NULL, 0, codes, 1, images, 1, NULL, 0, NULL },
    { "reconstruct", run_reconstruct, both, 1, NULL, 0, images, 1, NULL, 0, NULL },
    { "sample", run_sample, NULL, 0, NULL, 0, images, 1, NULL, 0, NULL },
    { "predict", run_predict, both, 2, NULL, 0, predicted, 2, NULL, 0, NULL },
};

#ifndef HAND_SCALE
#define HAND_SCALE NULL, { 0, 1 }, 2
#endif
#ifndef HAND_STOP
#define HAND_STOP 0
#endif
#ifndef HAND_ACCUMULATE
#define HAND_ACCUMULATE 1
#endif
#ifndef HAND_LABELS
#define HAND_LABELS 300
#endif
#ifndef HAND_KIND
#define HAND_KIND "digits"
#define HAND_FILES NULL, 0
#define HAND_ARGS NULL, 0
#endif
#define PHASE .gradient = &gradient, .update = update, .evaluate = &evaluate, .states = adam, .nstates = 2, \
    .trained = trained, .ntrained = 1, .seed = 1
static const AePhase phases[] = {
    { .name = "pretrain", PHASE, .batch = 64, .epochs = 2, .accumulate = 1 },
    { .name = "train", PHASE, .batch = 50, .epochs = 4, .labels = HAND_LABELS, .accumulate = HAND_ACCUMULATE,
      .early_stop = HAND_STOP, .clip = 1.0 },
};
static const AeSetting settings[] = { { "scale", HAND_SCALE }, { "validation", NULL, { 0.1 }, 1 } };
static const AeSource sources[] = { { "train", HAND_KIND, HAND_FILES, HAND_ARGS } };
static const AeSetting metrics[] = { { "psnr", NULL, { 0 }, 0 }, { "knn", NULL, { 5 }, 1 }, { "linear_probe", NULL, { 0 }, 0 } };

const AeModel ae_model = {
    "hand", "hand.ae", "model hand\n# <b>by hand</b>\n", ".", BATCH, inputs, 2, p.flat, d.flat, PARAMS, param, 10, grad,
    state, 1, programs, 6, phases, 2, sources, 1, settings, 2, metrics, 3, true, 2ull * 3 * BATCH * (2 * X * H + 2 * H * Z + Z * K), NULL, 0, NULL,
};
