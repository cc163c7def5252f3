/* png.c -- writes 8-bit grey and RGB images as PNG with stored blocks: larger than need be,
   and without any library. */
#include "runtime.h"

static void put32(Text *t, uint32_t v)
{
    const uint8_t b[4] = { (uint8_t) (v >> 24), (uint8_t) (v >> 16), (uint8_t) (v >> 8),
                           (uint8_t) v };
    text_bytes(t, b, 4);
}

static void put_chunk(Text *t, const char *kind, const void *at, size_t n)
{
    put32(t, (uint32_t) n);
    text_bytes(t, kind, 4);
    text_bytes(t, at, n);
    put32(t, crc32_more(crc32_more(0, kind, 4), at, n));
}

static uint32_t adler32(const uint8_t *p, size_t n)
{
    uint32_t a = 1, b = 0;
    for (size_t k = 0; k < n; k++) {
        a = (a + p[k]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* zlib's frame around blocks of at most 65,535 bytes that stand as they are. */
static void put_stored(Text *t, const uint8_t *p, size_t n)
{
    text_bytes(t, "\x78\x01", 2);
    for (size_t done = 0; done < n; ) {
        const size_t part = n - done < 65535 ? n - done : 65535;
        const uint8_t h[5] = { done + part == n, (uint8_t) part, (uint8_t) (part >> 8),
                               (uint8_t) ~part, (uint8_t) (~part >> 8) };
        text_bytes(t, h, 5);
        text_bytes(t, p + done, part);
        done += part;
    }
    put32(t, adler32(p, n));
}

void png_encode(Text *t, const uint8_t *pixels, int width, int height, int channels)
{
    Text head = { 0 }, lines = { 0 }, packed = { 0 };
    const size_t line = (size_t) width * (size_t) channels;
    put32(&head, (uint32_t) width);
    put32(&head, (uint32_t) height);
    text_bytes(&head, (const uint8_t[]) { 8, channels == 3 ? 2 : 0, 0, 0, 0 }, 5);
    for (int y = 0; y < height; y++) {
        text_bytes(&lines, "", 1);          /* filter 0: none */
        text_bytes(&lines, pixels + (size_t) y * line, line);
    }
    put_stored(&packed, (const uint8_t *) lines.at, lines.n);
    text_bytes(t, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(t, "IHDR", head.at, head.n);
    put_chunk(t, "IDAT", packed.at, packed.n);
    put_chunk(t, "IEND", "", 0);
    free(head.at);
    free(lines.at);
    free(packed.at);
}

void png_write(const char *path, const uint8_t *pixels, int width, int height, int channels)
{
    Text t = { 0 };
    png_encode(&t, pixels, width, height, channels);
    FILE *const f = out_begin(path);
    fwrite(t.at, 1, t.n, f);
    out_end();
    free(t.at);
}
