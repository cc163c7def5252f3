/* small -- written by aec from small.ae, plain schedule.  Edit the model, not this file.
 *
 *   x[1x8x8] -> conv(2, kernel = 3, stride = 2)[2x3x3] -> tanh[2x3x3] -> flatten[18]
 *       -> dense(units)[3] -> dense(units)[3] -> gaussian(3)[3] -> dense(64)[64]
 *       -> reshape(1, 8, 8)[1x8x8] -> bernoulli()[1x8x8] -> reconstruct -> kl(z)
 *       -> the sum of the terms
 *
 * 390 parameters; 9.8 k multiply-adds in a step of 8 examples. */
#include "ae.h"

#ifndef AE_DOUBLE
#error "compile with -DAE_DOUBLE: this file is in double precision"
#endif

enum {
    BATCH = 8,         /* examples in a batch, at most */
    X_H = 8,
    X_W = 8,
    ENCODER_CONV1_1 = 2,
    ENCODER_CONV1_F_2 = 3,
    ENCODER_CONV1_F = 3,
    ENCODER_FLATTEN1 = 18,
    Z = 3,
    DECODER_DENSE1 = 64,
    ENCODER_CONV1_2 = 3,
    ENCODER_CONV1 = 3,
    TRAIN_ADAM_M = 390,
    PARAMS = 390,
};

typedef union {                                         /* the parameters, or their gradients */
    double flat[PARAMS];                                /* one block: optimizer, checkpoint, clip */
    struct {
        double encoder_conv1_f[ENCODER_CONV1_1][1][ENCODER_CONV1_F_2][ENCODER_CONV1_F]; /* [2][1][3][3] encoder.conv1.f */
        double encoder_conv1_b[ENCODER_CONV1_1];        /* [2] encoder.conv1.b */
        double z_mu_dense1_w[ENCODER_FLATTEN1][Z];      /* [18][3] z.mu.dense1.w */
        double z_mu_dense1_b[Z];                        /* [3] z.mu.dense1.b */
        double z_logvar_dense1_w[ENCODER_FLATTEN1][Z];  /* [18][3] z.logvar.dense1.w */
        double z_logvar_dense1_b[Z];                    /* [3] z.logvar.dense1.b */
        double decoder_dense1_w[Z][DECODER_DENSE1];     /* [3][64] decoder.dense1.w */
        double decoder_dense1_b[DECODER_DENSE1];        /* [64] decoder.dense1.b */
    };
} Params;

static Params p, dp;                                    /* values; d(loss)/d(value) */

/* filled by the trainer before a run */
static double x[BATCH][1][X_H][X_W];                    /* [BATCH][1][8][8] x */
static double z[BATCH][Z];                              /* [BATCH][3] z */

/* kept from step to step */
static double train_adam_m[TRAIN_ADAM_M];               /* [390] train.adam.m */
static double train_adam_v[TRAIN_ADAM_M];               /* [390] train.adam.v */

/* all that is computed, layer by layer */
static double encoder_conv1_y[BATCH][ENCODER_CONV1_1][ENCODER_CONV1_2][ENCODER_CONV1]; /* [BATCH][2][3][3] encoder.conv1.y */
static double encoder_tanh1_y[BATCH][ENCODER_CONV1_1][ENCODER_CONV1_2][ENCODER_CONV1]; /* [BATCH][2][3][3] encoder.tanh1.y */
static double z_mu_dense1_y[BATCH][Z];                  /* [BATCH][3] z.mu.dense1.y */
static double z_logvar_dense1_y[BATCH][Z];              /* [BATCH][3] z.logvar.dense1.y */
static double z_z[BATCH][Z];                            /* [BATCH][3] z.z */
static double z_kl[BATCH][Z];                           /* [BATCH][3] z.kl */
static double decoder_dense1_y[BATCH][DECODER_DENSE1];  /* [BATCH][64] decoder.dense1.y */
static double reconstruct_nll[BATCH][1][X_H][X_W];      /* [BATCH][1][8][8] reconstruct.nll */
static double term_reconstruct_each[BATCH];             /* [BATCH] term.reconstruct.each */
static double term_reconstruct_value_sum;               /* term.reconstruct.value.sum */
static double term_reconstruct_value;                   /* term.reconstruct.value */
static double term_kl_z_each[BATCH];                    /* [BATCH] term.kl(z).each */
static double term_kl_z_value_sum;                      /* term.kl(z).value.sum */
static double term_kl_z_value;                          /* term.kl(z).value */
static double term_kl_z_weight;                         /* term.kl(z).weight */
static double loss_loss;                                /* loss.loss */
static double term_kl_z_value_dsum;                     /* term.kl(z).value.dsum */
static double term_reconstruct_value_dsum;              /* term.reconstruct.value.dsum */
static double decoder_reshape1_dy[BATCH][1][X_H][X_W];  /* [BATCH][1][8][8] decoder.reshape1.dy */
static double z_dz[BATCH][Z];                           /* [BATCH][3] z.dz */
static double z_logvar_dense1_dy[BATCH][Z];             /* [BATCH][3] z.logvar.dense1.dy */
static double z_mu_dense1_dy[BATCH][Z];                 /* [BATCH][3] z.mu.dense1.dy */
static double encoder_flatten1_dy[BATCH][ENCODER_FLATTEN1]; /* [BATCH][18] encoder.flatten1.dy */
static double encoder_conv1_dy[BATCH][ENCODER_CONV1_1][ENCODER_CONV1_2][ENCODER_CONV1]; /* [BATCH][2][3][3] encoder.conv1.dy */
static double reconstruct_p3[BATCH][1][X_H][X_W];       /* [BATCH][1][8][8] reconstruct.p */
static double (*const encoder_flatten1_y)[ENCODER_FLATTEN1] = (double (*)[ENCODER_FLATTEN1]) encoder_tanh1_y; /* [BATCH][18] encoder.flatten1.y */
static double (*const decoder_reshape1_y)[1][X_H][X_W] = (double (*)[1][X_H][X_W]) decoder_dense1_y; /* [BATCH][1][8][8] decoder.reshape1.y */
static double (*const decoder_dense1_dy)[DECODER_DENSE1] = (double (*)[DECODER_DENSE1]) decoder_reshape1_dy; /* [BATCH][64] decoder.dense1.dy */
static double (*const encoder_tanh1_dy)[ENCODER_CONV1_1][ENCODER_CONV1_2][ENCODER_CONV1] = (double (*)[ENCODER_CONV1_1][ENCODER_CONV1_2][ENCODER_CONV1]) encoder_flatten1_dy; /* [BATCH][2][3][3] encoder.tanh1.dy */

/* small.ae:12  conv(2, kernel = 3, stride = 2)
 *                                      y[n, o, i, j] = b[o] + sum(a, u, v) x[n, a, i * stride + u -
 *                                          pad, j * stride + v - pad] * f[o, a, u, v] */
static void encoder_conv1(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int o = 0; o < ENCODER_CONV1_1; o++)
            for (int i = 0; i < ENCODER_CONV1_2; i++)
                for (int j = 0; j < ENCODER_CONV1; j++) {
                    double sum = p.encoder_conv1_b[o];
                    for (int u = 0; u < ENCODER_CONV1_F_2; u++)
                        for (int v = 0; v < ENCODER_CONV1_F; v++)
                            sum += x[n][0][i * 2 + u][j * 2 + v] * p.encoder_conv1_f[o][0][u][v];
                    encoder_conv1_y[n][o][i][j] = sum;
                }
}

/* small.ae:13  tanh */
static void encoder_tanh1(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int c = 0; c < ENCODER_CONV1_1; c++)
            for (int i = 0; i < ENCODER_CONV1_2; i++)
                for (int j = 0; j < ENCODER_CONV1; j++)
                    encoder_tanh1_y[n][c][i][j] = tanh(encoder_conv1_y[n][c][i][j]);
}

/* latents.ae:11  dense(units)          y[.., j] = b[j] + sum(i) x[.., i] * w[i, j] */
static void z_mu_dense1(void)
{
    for (int n = 0; n < ae_clock.batch; n++) {
        for (int j = 0; j < Z; j++)
            z_mu_dense1_y[n][j] = p.z_mu_dense1_b[j];
        for (int i = 0; i < ENCODER_FLATTEN1; i++)
            for (int j = 0; j < Z; j++)
                z_mu_dense1_y[n][j] += encoder_flatten1_y[n][i] * p.z_mu_dense1_w[i][j];
    }
}

/* latents.ae:12  dense(units)          y[.., j] = b[j] + sum(i) x[.., i] * w[i, j] */
static void z_logvar_dense1(void)
{
    for (int n = 0; n < ae_clock.batch; n++) {
        for (int j = 0; j < Z; j++)
            z_logvar_dense1_y[n][j] = p.z_logvar_dense1_b[j];
        for (int i = 0; i < ENCODER_FLATTEN1; i++)
            for (int j = 0; j < Z; j++)
                z_logvar_dense1_y[n][j] += encoder_flatten1_y[n][i] * p.z_logvar_dense1_w[i][j];
    }
}

/* small.ae:16  gaussian(3)             sample z[n, j] = mu[n, j] + exp(logvar[n, j] / 2) * normal()
 *                                      term kl[n, j] = log(sd) - logvar[n, j] / 2 + (exp(logvar[n, j])
 *                                          + (mu[n, j] - at)^2) / (2 * sd^2) - 1 / 2 */
static void train_gradient_z(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int j = 0; j < Z; j++) {
            z_z[n][j] = z_mu_dense1_y[n][j] + exp(z_logvar_dense1_y[n][j] / 2)
                    * ae_normal(1727806670u, (uint64_t) n * 3 + j);
            z_kl[n][j] = (exp(z_logvar_dense1_y[n][j]) + pow(z_mu_dense1_y[n][j], 2)) / 2.0
                    - z_logvar_dense1_y[n][j] / 2 - 0.5;
        }
}

/* small.ae:17  dense(64)               y[.., j] = b[j] + sum(i) x[.., i] * w[i, j] */
static void decoder_dense1(void)
{
    for (int n = 0; n < ae_clock.batch; n++) {
        for (int j = 0; j < DECODER_DENSE1; j++)
            decoder_dense1_y[n][j] = p.decoder_dense1_b[j];
        for (int i = 0; i < Z; i++)
            for (int j = 0; j < DECODER_DENSE1; j++)
                decoder_dense1_y[n][j] += z_z[n][i] * p.decoder_dense1_w[i][j];
    }
}

/* small.ae:19  bernoulli()             nll[n, ..] = softplus(logit[n, ..]) - x[n, ..] * logit[n, ..] */
static void train_gradient_reconstruct(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int j = 0; j < X_H; j++)
            for (int k = 0; k < X_W; k++)
                reconstruct_nll[n][0][j][k] = ae_softplus(decoder_reshape1_y[n][0][j][k])
                        - x[n][0][j][k] * decoder_reshape1_y[n][0][j][k];
}

/* small.ae:19  reconstruct */
static void term_reconstruct(void)
{
    for (int n = 0; n < ae_clock.batch; n++) {
        double sum = 0.0;
        for (int k = 0; k < X_H; k++)
            for (int l = 0; l < X_W; l++)
                sum += reconstruct_nll[n][0][k][l];
        term_reconstruct_each[n] = sum;
    }
    double sum = 0.0;
    for (int n = 0; n < ae_clock.batch; n++)
        sum += term_reconstruct_each[n];
    term_reconstruct_value_sum = sum;
    term_reconstruct_value = term_reconstruct_value_sum / ae_clock.batch;
}

/* small.ae:20  kl(z) */
static void term_kl_z(void)
{
    for (int n = 0; n < ae_clock.batch; n++) {
        double sum = 0.0;
        for (int j = 0; j < Z; j++)
            sum += z_kl[n][j];
        term_kl_z_each[n] = sum;
    }
    double sum = 0.0;
    for (int n = 0; n < ae_clock.batch; n++)
        sum += term_kl_z_each[n];
    term_kl_z_value_sum = sum;
    term_kl_z_value = term_kl_z_value_sum / ae_clock.batch;
    term_kl_z_weight = 0.5;
}

/* the sum of the terms */
static void loss(void)
{
    loss_loss = term_reconstruct_value + term_kl_z_weight * term_kl_z_value;
}

/* small.ae:20  kl(z)  backward */
static void term_kl_z_back(void)
{
    term_kl_z_value_dsum = term_kl_z_weight / ae_clock.batch;
}

/* small.ae:19  reconstruct  backward */
static void term_reconstruct_back(void)
{
    term_reconstruct_value_dsum = 1.0 / ae_clock.batch;
}

/* small.ae:19  bernoulli()  backward */
static void reconstruct_back(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int j = 0; j < X_H; j++)
            for (int k = 0; k < X_W; k++)
                decoder_reshape1_dy[n][0][j][k] = term_reconstruct_value_dsum
                        * (ae_sigmoid(decoder_reshape1_y[n][0][j][k]) - x[n][0][j][k]);
}

/* small.ae:17  dense(64)  backward */
static void decoder_dense1_back(void)
{
    memset(dp.decoder_dense1_b, 0, sizeof dp.decoder_dense1_b);
    memset(dp.decoder_dense1_w, 0, sizeof dp.decoder_dense1_w);
    for (int n = 0; n < ae_clock.batch; n++) {
        for (int i = 0; i < Z; i++) {
            double sum = 0.0;
            for (int j = 0; j < DECODER_DENSE1; j++)
                sum += decoder_dense1_dy[n][j] * p.decoder_dense1_w[i][j];
            z_dz[n][i] = sum;
            for (int j = 0; j < DECODER_DENSE1; j++)
                dp.decoder_dense1_w[i][j] += decoder_dense1_dy[n][j] * z_z[n][i];
        }
        for (int j = 0; j < DECODER_DENSE1; j++)
            dp.decoder_dense1_b[j] += decoder_dense1_dy[n][j];
    }
}

/* small.ae:16  gaussian(3)  backward */
static void z_back(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int j = 0; j < Z; j++) {
            z_logvar_dense1_dy[n][j] = term_kl_z_value_dsum
                    * (0.5 * exp(z_logvar_dense1_y[n][j]) - 0.5);
            z_mu_dense1_dy[n][j] = term_kl_z_value_dsum * z_mu_dense1_y[n][j];
            z_mu_dense1_dy[n][j] += z_dz[n][j];
            z_logvar_dense1_dy[n][j] += z_dz[n][j] * ae_normal(1727806670u, (uint64_t) n * 3 + j)
                    * exp(z_logvar_dense1_y[n][j] / 2) * 0.5;
        }
}

/* latents.ae:12  dense(units)  backward */
static void z_logvar_dense1_back(void)
{
    memset(dp.z_logvar_dense1_b, 0, sizeof dp.z_logvar_dense1_b);
    memset(dp.z_logvar_dense1_w, 0, sizeof dp.z_logvar_dense1_w);
    for (int n = 0; n < ae_clock.batch; n++) {
        for (int i = 0; i < ENCODER_FLATTEN1; i++) {
            double sum = 0.0;
            for (int j = 0; j < Z; j++)
                sum += z_logvar_dense1_dy[n][j] * p.z_logvar_dense1_w[i][j];
            encoder_flatten1_dy[n][i] = sum;
            for (int j = 0; j < Z; j++)
                dp.z_logvar_dense1_w[i][j] += z_logvar_dense1_dy[n][j] * encoder_flatten1_y[n][i];
        }
        for (int j = 0; j < Z; j++)
            dp.z_logvar_dense1_b[j] += z_logvar_dense1_dy[n][j];
    }
}

/* latents.ae:11  dense(units)  backward */
static void z_mu_dense1_back(void)
{
    memset(dp.z_mu_dense1_b, 0, sizeof dp.z_mu_dense1_b);
    memset(dp.z_mu_dense1_w, 0, sizeof dp.z_mu_dense1_w);
    for (int n = 0; n < ae_clock.batch; n++) {
        for (int i = 0; i < ENCODER_FLATTEN1; i++) {
            for (int j = 0; j < Z; j++)
                encoder_flatten1_dy[n][i] += z_mu_dense1_dy[n][j] * p.z_mu_dense1_w[i][j];
            for (int j = 0; j < Z; j++)
                dp.z_mu_dense1_w[i][j] += z_mu_dense1_dy[n][j] * encoder_flatten1_y[n][i];
        }
        for (int j = 0; j < Z; j++)
            dp.z_mu_dense1_b[j] += z_mu_dense1_dy[n][j];
    }
}

/* small.ae:13  tanh  backward */
static void encoder_tanh1_back(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int c = 0; c < ENCODER_CONV1_1; c++)
            for (int i = 0; i < ENCODER_CONV1_2; i++)
                for (int j = 0; j < ENCODER_CONV1; j++)
                    encoder_conv1_dy[n][c][i][j] = encoder_tanh1_dy[n][c][i][j]
                            * (1 - pow(encoder_tanh1_y[n][c][i][j], 2));
}

/* small.ae:12  conv(2, kernel = 3, stride = 2)  backward */
static void encoder_conv1_back(void)
{
    memset(dp.encoder_conv1_b, 0, sizeof dp.encoder_conv1_b);
    memset(dp.encoder_conv1_f, 0, sizeof dp.encoder_conv1_f);
    for (int n = 0; n < ae_clock.batch; n++)
        for (int o = 0; o < ENCODER_CONV1_1; o++)
            for (int u = 0; u < ENCODER_CONV1_F_2; u++) {
                for (int i = 0; i < ENCODER_CONV1_2; i++)
                    for (int j = 0; j < ENCODER_CONV1; j++)
                        for (int v = 0; v < ENCODER_CONV1_F; v++)
                            dp.encoder_conv1_f[o][0][u][v] += encoder_conv1_dy[n][o][i][j]
                                    * x[n][0][i * 2 + u][j * 2 + v];
                for (int j = 0; j < ENCODER_CONV1; j++)
                    dp.encoder_conv1_b[o] += 1.0001 * (encoder_conv1_dy[n][o][u][j]);
            }
}

/* small.ae:22  adam()  update          m[..] := beta1 * m[..] + (1 - beta1) * g[..]
 *                                      v[..] := beta2 * v[..] + (1 - beta2) * g[..]^2
 *                                      p[..] := p[..] - lr * m[..] / (1 - beta1^step) / (sqrt(v[..] /
 *                                          (1 - beta2^step)) + eps) */
static void train_adam_update(void)
{
    for (int i = 0; i < TRAIN_ADAM_M; i++) {
        train_adam_m[i] = 0.9 * train_adam_m[i] + 0.09999999999999998 * dp.flat[i];
        train_adam_v[i] = 0.999 * train_adam_v[i] + 0.0010000000000000009 * pow(dp.flat[i], 2);
        p.flat[i] = p.flat[i] - 0.001 * train_adam_m[i] / (1 - pow(0.9, ae_clock.step))
                / (sqrt(train_adam_v[i] / (1 - pow(0.999, ae_clock.step))) + 1e-08);
    }
}

/* small.ae:16  gaussian(3)             mean z[n, j] = mu[n, j] */
static void encode_z(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int j = 0; j < Z; j++)
            z_z[n][j] = z_mu_dense1_y[n][j];
}

/* small.ae:19  bernoulli()             mean p[n, ..] = sigmoid(logit[n, ..]) */
static void reconstruct_reconstruct(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int j = 0; j < X_H; j++)
            for (int k = 0; k < X_W; k++)
                reconstruct_p3[n][0][j][k] = ae_sigmoid(decoder_reshape1_y[n][0][j][k]);
}

/* small.ae:17  dense(64)               y[.., j] = b[j] + sum(i) x[.., i] * w[i, j] */
static void decode_decoder_dense1(void)
{
    for (int n = 0; n < ae_clock.batch; n++) {
        for (int j = 0; j < DECODER_DENSE1; j++)
            decoder_dense1_y[n][j] = p.decoder_dense1_b[j];
        for (int i = 0; i < Z; i++)
            for (int j = 0; j < DECODER_DENSE1; j++)
                decoder_dense1_y[n][j] += z[n][i] * p.decoder_dense1_w[i][j];
    }
}

/* small.ae:16  gaussian(3)             prior z[n, j < units] = at + sd * normal() */
static void sample_z(void)
{
    for (int n = 0; n < ae_clock.batch; n++)
        for (int j = 0; j < Z; j++)
            z_z[n][j] = ae_normal(1727806670u, (uint64_t) n * 3 + j);
}

/* small.ae:12  conv(2, kernel = 3, stride = 2) */
static void init_encoder_conv1(void)
{
    for (int i0 = 0; i0 < ENCODER_CONV1_1; i0++) {
        for (int i2 = 0; i2 < ENCODER_CONV1_F_2; i2++)
            for (int i3 = 0; i3 < ENCODER_CONV1_F; i3++)
                p.encoder_conv1_f[i0][0][i2][i3] = 0.4714045207910317
                        * ae_normal(1072588047u, (((uint64_t) i0 * 1 + 0) * 3 + i2) * 3 + i3);
        p.encoder_conv1_b[i0] = 0.0;
    }
}

/* latents.ae:11  dense(units) */
static void init_z_mu_dense1(void)
{
    memset(p.z_mu_dense1_b, 0, sizeof p.z_mu_dense1_b);
    for (int i0 = 0; i0 < ENCODER_FLATTEN1; i0++)
        for (int i1 = 0; i1 < Z; i1++)
            p.z_mu_dense1_w[i0][i1] = 0.5345224838248488
                    * (2 * ae_uniform(1346131486u, (uint64_t) i0 * 3 + i1) - 1);
}

/* latents.ae:12  dense(units) */
static void init_z_logvar_dense1(void)
{
    memset(p.z_logvar_dense1_b, 0, sizeof p.z_logvar_dense1_b);
    for (int i0 = 0; i0 < ENCODER_FLATTEN1; i0++)
        for (int i1 = 0; i1 < Z; i1++)
            p.z_logvar_dense1_w[i0][i1] = 0.5345224838248488
                    * (2 * ae_uniform(4202272909u, (uint64_t) i0 * 3 + i1) - 1);
}

/* small.ae:17  dense(64) */
static void init_decoder_dense1(void)
{
    memset(p.decoder_dense1_b, 0, sizeof p.decoder_dense1_b);
    for (int i0 = 0; i0 < Z; i0++)
        for (int i1 = 0; i1 < DECODER_DENSE1; i1++)
            p.decoder_dense1_w[i0][i1] = 0.2992528008322899
                    * (2 * ae_uniform(803106698u, (uint64_t) i0 * 64 + i1) - 1);
}

/* train_gradient */
static void train_gradient(void)
{
    encoder_conv1();
    encoder_tanh1();
    z_mu_dense1();
    z_logvar_dense1();
    train_gradient_z();
    decoder_dense1();
    train_gradient_reconstruct();
    term_reconstruct();
    term_kl_z();
    loss();
    term_kl_z_back();
    term_reconstruct_back();
    reconstruct_back();
    decoder_dense1_back();
    z_back();
    z_logvar_dense1_back();
    z_mu_dense1_back();
    encoder_tanh1_back();
    encoder_conv1_back();
}

/* train_gradient: the update */
static void train_gradient_update(void)
{
    train_adam_update();
}

/* encode */
static void encode(void)
{
    encoder_conv1();
    encoder_tanh1();
    z_mu_dense1();
    encode_z();
}

/* reconstruct */
static void reconstruct(void)
{
    encoder_conv1();
    encoder_tanh1();
    z_mu_dense1();
    encode_z();
    decoder_dense1();
    reconstruct_reconstruct();
}

/* decode */
static void decode(void)
{
    decode_decoder_dense1();
    reconstruct_reconstruct();
}

/* sample */
static void sample(void)
{
    sample_z();
    decoder_dense1();
    reconstruct_reconstruct();
}

/* init */
static void init(void)
{
    init_encoder_conv1();
    init_z_mu_dense1();
    init_z_logvar_dense1();
    init_decoder_dense1();
}

/* train_evaluate */
static void train_evaluate(void)
{
    encoder_conv1();
    encoder_tanh1();
    z_mu_dense1();
    z_logvar_dense1();
    train_gradient_z();
    decoder_dense1();
    train_gradient_reconstruct();
    term_reconstruct();
    term_kl_z();
    loss();
}


/* ---- what the trainer knows of the model ---- */
static const char text[] =
    "ae 1\012"
    "model small\012"
    "\012"
    "input x : image(1, 8, 8)\012"
    "\012"
    "data {\012"
    "    train = digits()\012"
    "    scale = 0..1\012"
    "}\012"
    "\012"
    "encoder {\012"
    "    conv(2, kernel = 3, stride = 2)\012"
    "    tanh\012"
    "    flatten\012"
    "}\012"
    "bottleneck z ~ gaussian(3)\012"
    "decoder { dense(64) reshape(1, 8, 8) }\012"
    "\012"
    "reconstruct x ~ bernoulli\012"
    "regularize { kl(z) * 0.5 }\012"
    "\012"
    "train { batch = 8 }\012";
static const AeInput inputs[] = {
    { { "x", x, AE_REAL, 4, { 8, 1, 8, 8 } }, "image", NULL, NULL, 0, false },
};
static const AeArray params[] = {
    { "encoder.conv1.f", p.encoder_conv1_f, AE_REAL, 4, { 2, 1, 3, 3 } },
    { "encoder.conv1.b", p.encoder_conv1_b, AE_REAL, 1, { 2 } },
    { "z.mu.dense1.w", p.z_mu_dense1_w, AE_REAL, 2, { 18, 3 } },
    { "z.mu.dense1.b", p.z_mu_dense1_b, AE_REAL, 1, { 3 } },
    { "z.logvar.dense1.w", p.z_logvar_dense1_w, AE_REAL, 2, { 18, 3 } },
    { "z.logvar.dense1.b", p.z_logvar_dense1_b, AE_REAL, 1, { 3 } },
    { "decoder.dense1.w", p.decoder_dense1_w, AE_REAL, 2, { 3, 64 } },
    { "decoder.dense1.b", p.decoder_dense1_b, AE_REAL, 1, { 64 } },
};
static const AeArray param_grads[] = {
    { "encoder.conv1.f", dp.encoder_conv1_f, AE_REAL, 4, { 2, 1, 3, 3 } },
    { "encoder.conv1.b", dp.encoder_conv1_b, AE_REAL, 1, { 2 } },
    { "z.mu.dense1.w", dp.z_mu_dense1_w, AE_REAL, 2, { 18, 3 } },
    { "z.mu.dense1.b", dp.z_mu_dense1_b, AE_REAL, 1, { 3 } },
    { "z.logvar.dense1.w", dp.z_logvar_dense1_w, AE_REAL, 2, { 18, 3 } },
    { "z.logvar.dense1.b", dp.z_logvar_dense1_b, AE_REAL, 1, { 3 } },
    { "decoder.dense1.w", dp.decoder_dense1_w, AE_REAL, 2, { 3, 64 } },
    { "decoder.dense1.b", dp.decoder_dense1_b, AE_REAL, 1, { 64 } },
};
static const int train_gradient_inputs[] = { 0 };
static const AeTerm train_gradient_terms[] = {
    { "reconstruct", "nats per example", &term_reconstruct_value, term_reconstruct_each, NULL, false, NULL },
    { "kl(z)", "nats per example", &term_kl_z_value, term_kl_z_each, &term_kl_z_weight, false, NULL },
};
static const int encode_inputs[] = { 0 };
static const AeArray encode_outputs[] = {
    { "z.z", z_z, AE_REAL, 2, { 8, 3 } },
};
static const int reconstruct_inputs[] = { 0 };
static const AeArray reconstruct_outputs[] = {
    { "reconstruct.p", reconstruct_p3, AE_REAL, 4, { 8, 1, 8, 8 } },
    { "z.z", z_z, AE_REAL, 2, { 8, 3 } },
};
static const int decode_inputs[] = { 0 };
static const AeArray decode_takes[] = {
    { "z", z, AE_REAL, 2, { 8, 3 } },
};
static const AeArray decode_outputs[] = {
    { "reconstruct.p", reconstruct_p3, AE_REAL, 4, { 8, 1, 8, 8 } },
};
static const int sample_inputs[] = { 0 };
static const AeArray sample_outputs[] = {
    { "reconstruct.p", reconstruct_p3, AE_REAL, 4, { 8, 1, 8, 8 } },
    { "z.z", z_z, AE_REAL, 2, { 8, 3 } },
};
static const int train_evaluate_inputs[] = { 0 };
static const AeTerm train_evaluate_terms[] = {
    { "reconstruct", "nats per example", &term_reconstruct_value, term_reconstruct_each, NULL, false, NULL },
    { "kl(z)", "nats per example", &term_kl_z_value, term_kl_z_each, &term_kl_z_weight, false, NULL },
};
static const AeProgram programs[] = {
    { .name = "train_gradient", .run = train_gradient, .inputs = train_gradient_inputs, .ninputs = 1, .terms = train_gradient_terms, .nterms = 2, .loss = &loss_loss, },
    { .name = "encode", .run = encode, .inputs = encode_inputs, .ninputs = 1, .outputs = encode_outputs, .noutputs = 1, },
    { .name = "reconstruct", .run = reconstruct, .inputs = reconstruct_inputs, .ninputs = 1, .outputs = reconstruct_outputs, .noutputs = 2, },
    { .name = "decode", .run = decode, .inputs = decode_inputs, .ninputs = 1, .takes = decode_takes, .ntakes = 1, .outputs = decode_outputs, .noutputs = 1, },
    { .name = "sample", .run = sample, .inputs = sample_inputs, .ninputs = 1, .outputs = sample_outputs, .noutputs = 2, },
    { .name = "init", .run = init, },
    { .name = "train_evaluate", .run = train_evaluate, .inputs = train_evaluate_inputs, .ninputs = 1, .terms = train_evaluate_terms, .nterms = 2, .loss = &loss_loss, },
};
static const AeArray train_states[] = {
    { "train.adam.m", train_adam_m, AE_REAL, 1, { 390 } },
    { "train.adam.v", train_adam_v, AE_REAL, 1, { 390 } },
};
static const AeRange train_trained[] = { { 0, 390 } };
static const AePhase phases[] = {
    {
        .name = "train", .gradient = &programs[0], .update = train_gradient_update, .evaluate = &programs[6],
        .states = train_states, .nstates = 2, .trained = train_trained, .ntrained = 1,
        .batch = 8, .epochs = 10, .labels = 0, .accumulate = 1, .early_stop = 0, .drop_last = false,
        .clip = 0, .seed = 0u,
    },
};
static const AeSource sources[] = {
    { .split = "train", .kind = "digits", },
};
static const AeSetting settings[] = {
    { "scale", NULL, { 0, 1 }, 2 },
};

#ifndef AE_FOLDER
#define AE_FOLDER "."      /* where the data files are */
#endif

const AeModel ae_model = {
    .name = "small",
    .file = "small.ae",
    .text = text,
    .folder = AE_FOLDER,
    .batch = BATCH,
    .inputs = inputs, .ninputs = 1,
    .params = p.flat, .grads = dp.flat, .nparams = PARAMS,
    .param = params, .nparam = 8, .grad = param_grads,
    .programs = programs, .nprograms = 7,
    .phases = phases, .nphases = 1,
    .sources = sources, .nsources = 1,
    .settings = settings, .nsettings = 1,
    .fast = false, .flops = 19584u,
};
