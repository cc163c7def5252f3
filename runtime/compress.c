/* compress.c -- codes in few bits: what a split's cost and reach, a file of them, and back.
 *
 * A unit has 2^bits steps between its least and its largest value: value = low + step * number.
 * What the table tells of so many bits is told of codes that were packed and unpacked, so it is
 * what the file gives. */
#include "runtime.h"

typedef struct { long rows, width; int bits; ae_real *low, *step; } Steps;

static Steps steps_new(long rows, long w, int bits)
{
    return (Steps) { rows, w, bits, need((size_t) w, sizeof(ae_real)), need((size_t) w, sizeof(ae_real)) };
}

static Steps steps_of(const ae_real *z, long rows, long w, int bits)
{
    const Steps s = steps_new(rows, w, bits);
    for (long k = 0; k < w; k++) {
        ae_real most = s.low[k] = z[k];
        for (long r = 1; r < rows; r++) {
            s.low[k] = (ae_real) fmin(s.low[k], z[r * w + k]);
            most = (ae_real) fmax(most, z[r * w + k]);
        }
        s.step[k] = (ae_real) (((double) most - s.low[k]) / (pow(2, bits) - 1));
    }
    return s;
}

static long packed_bits(const Steps *s) { return s->rows * s->width * s->bits; }
static long packed_bytes(const Steps *s) { return (packed_bits(s) + 7) / 8; }

/* One number behind the other, its lowest bit first, into the bits of bytes, the lowest
 * first; 0 behind the last. */
static uint8_t *pack_codes(const Steps *s, const ae_real *z)
{
    uint8_t *const to = need((size_t) packed_bytes(s), 1);
    for (long k = 0, at = 0; k < s->rows * s->width; k++) {
        const double step = s->step[k % s->width];
        const double v = step > 0 ? fmin(rint((z[k] - s->low[k % s->width]) / step), pow(2, s->bits) - 1) : 0;
        for (int b = 0; b < s->bits; b++, at++)
            to[at / 8] |= (uint8_t) (((unsigned) v >> b & 1) << at % 8);
    }
    return to;
}

static void unpack_codes(const Steps *s, const uint8_t *from, ae_real *z)
{
    for (long k = 0, at = 0; k < s->rows * s->width; k++) {
        unsigned v = 0;
        for (int b = 0; b < s->bits; b++, at++)
            v |= (from[at / 8] >> at % 8 & 1u) << b;
        z[k] = s->low[k % s->width] + s->step[k % s->width] * (ae_real) v;
    }
}

static void write_codes(const Steps *s, const uint8_t *packed)
{
    const int32_t size[3] = { (int32_t) s->rows, (int32_t) s->width, s->bits };
    const Tensor t[] = {
        { "low", AE_REAL_NAME, s->low, 1, { s->width } },
        { "step", AE_REAL_NAME, s->step, 1, { s->width } },
        { "size", "I32", size, 1, { 3 } },
        { "codes", "U8", packed, 1, { packed_bytes(s) } },
    };
    store_write(opt.output, t, 4, NULL, 0);
}

/* What write_codes left, as codes. */
ae_real *codes_read(const char *path, long *rows)
{
    const Store f = store_read(path);
    const Tensor *const t = store_find(&f, "codes"), *const low = store_find(&f, "low");
    const Tensor *const step = store_find(&f, "step");
    const Tensor *const size = store_find(&f, "size");
    int32_t n[3];
    if (!t || !low || !step || !size || strcmp(t->dtype, "U8") != 0 || tensor_count(size) != 3)
        fail("%s: has no codes as compress writes them", path);
    tensor_copy(&f, size, n, AE_INT, 3);
    if (n[1] != code_width())
        fail("%s: has %d numbers a row, where a code of %s has %ld", path, n[1], ae_model.name,
             code_width());
    const Steps s = steps_new(n[0], n[1], n[2]);
    if (n[0] < 1 || n[2] < 1 || n[2] > 16 || tensor_count(t) != packed_bytes(&s)
        || tensor_count(low) != s.width || tensor_count(step) != s.width)
        fail("%s: %ld bytes, %ld lows and %ld steps are not those of %d rows of %d numbers of %d bits", path,
             tensor_count(t), tensor_count(low), tensor_count(step), n[0], n[1], n[2]);
    const uint8_t *const packed = t->at;
    if (packed_bits(&s) % 8 && packed[packed_bytes(&s) - 1] >> packed_bits(&s) % 8)
        fail("%s: there are bits behind the last code", path);
    tensor_copy(&f, low, s.low, AE_REAL, s.width);
    tensor_copy(&f, step, s.step, AE_REAL, s.width);
    ae_real *const z = need((size_t) (s.rows * s.width), sizeof *z);
    unpack_codes(&s, packed, z);
    for (long k = 0; k < s.rows * s.width; k++)
        if (!isfinite(z[k]))
            fail("%s: row %ld, element %ld is %g", path, k / s.width, k % s.width, (double) z[k]);
    *rows = s.rows;
    return z;
}

/* What codes decode to, beside the rows themselves: the mean of the squares. */
static double decoded_error(const AeProgram *decode, const ae_real *codes, const Split *s,
                            int input)
{
    const long n = s->rows * input_width(input);
    Result *const r = run_codes(decode, codes, s->rows);
    double sum = 0;
    for (long k = 0; k < n; k++)
        sum += pow(((ae_real *) r[0].at)[k] - amount_at(&s->column[input], k), 2) / (double) n;
    free(r[0].at);
    free(r);
    return sum;
}

static void tell_bits(int bits, double each, long w, double mse, bool first)
{
    if (!opt.json) {
        printf("%14d %14ld %17.4g %12.6g %5.2f\n", bits, bits * w, each, mse, psnr_of(mse));
        return;
    }
    Text t = { 0 };
    text_add(&t, "%s{\"bits\": %d, \"bits_per_element\": %.6g, \"mse\": ", first ? "" : ", ", bits,
             each);
    text_number(&t, mse);
    text_add(&t, ", \"psnr\": ");
    text_number(&t, psnr_of(mse));
    printf("%s}", t.at);
    free(t.at);
}

/* A row for each number of bits: for what the codes are, for these and for what is asked; the file
 * has what its row tells. */
void command_compress(void)
{
    enum { WHOLE = 8 * sizeof(ae_real) };
    static const bool told[WHOLE + 1] = { [WHOLE] = true, [16] = true, [8] = true, [6] = true, [4] = true, [2] = true };
    const int bits = opt.bits ? opt.bits : 8;
    if (bits > 16)
        usage("--bits is 1 to 16");
    if (opt.output && !has_ending(opt.output, ".safetensors"))
        usage("-o %s: the name ends in .safetensors", opt.output);
    weights_start(false);
    const Split *const s = chosen_split();
    const int x = input_find(false, 0);
    const AeProgram *const decode = program_need("decode");
    const long w = code_width(), width = x >= 0 ? input_width(x) : 0;
    if (x < 0 || !column_real(&s->column[x]) || row_count(&decode->outputs[0]) != width)
        fail("compress needs reconstructions of an input of real numbers");
    const Result z = codes_of("encode", s, 0, s->rows);
    ae_real *const less = need((size_t) (s->rows * w), sizeof *less);
    printf(opt.json ? "["
                    : "bits of a unit  bits of a row  bits per element          mse  psnr\n");
    for (int b = WHOLE; b; b--) {
        const ae_real *codes = z.at;
        if (!told[b] && b != bits)
            continue;
        if (b < WHOLE) {
            const Steps steps = steps_of(z.at, s->rows, w, b);
            uint8_t *const packed = pack_codes(&steps, z.at);
            unpack_codes(&steps, packed, less);
            codes = less;
            if (opt.output && b == bits)
                write_codes(&steps, packed);
            free(packed);
        }
        tell_bits(b, (double) (b * w) / (double) width, w, decoded_error(decode, codes, s, x),
                  b == WHOLE);
    }
    printf(opt.json ? "]\n" : "");
    if (opt.output && !opt.json)
        printf("%ld codes of %ld bits in %s\n", s->rows, bits * w, opt.output);
}
