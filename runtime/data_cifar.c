/* data_cifar.c -- the binary form of CIFAR-10 and CIFAR-100: records of one or two label bytes
 * and 3 x 32 x 32 pixels.
 *
 * Files with two bytes have the coarse label first; the fine one is taken, unless the
 * label is class(20). */
#include "runtime.h"

enum { PIXELS = 3 * 32 * 32 };

void read_cifar(const Source *source, Split *s)
{
    const int x = input_find(false, 0), y = input_find(true, 0);
    const bool class = y >= 0 && strcmp(ae_model.inputs[y].kind, "class") == 0;
    const int classes = class ? ae_model.inputs[y].classes : 10, before = classes == 10 ? 1 : 2;
    const int which = classes == 100;
    if (!source->nfiles)
        fail("cifar needs files, as cifar(\"data_batch_1.bin\", \"data_batch_2.bin\")");
    if (x < 0 || !input_measured(x) || input_width(x) != PIXELS)
        fail("cifar has images of 3 x 32 x 32 pixels, and the model's input takes %ld numbers",
             x < 0 ? 0 : input_width(x));
    if (classes != 10 && classes != 20 && classes != 100)
        fail("cifar has 10 classes, or 20 and 100; %s has %d", ae_model.inputs[y].array.name,
             classes);
    char **const text = need((size_t) source->nfiles, sizeof *text);
    size_t *const size = need((size_t) source->nfiles, sizeof *size);
    size_t each = (size_t) (before + PIXELS);
    long rows = 0;
    for (int k = 0; k < source->nfiles; k++) {
        text[k] = in_all(source->file[k], &size[k]);
        if (size[k] == 0 || size[k] % each != 0)
            fail("%s: has %zu bytes, which are no records of %zu", source->file[k], size[k], each);
        rows += (long) (size[k] / each);
    }
    Column *const images = column_bytes(s, x, rows);
    int32_t *const label = class ? column_new(s, y, rows)->whole : NULL;
    long row = 0;
    for (int k = 0; k < source->nfiles; k++) {
        for (size_t r = 0; r < size[k] / each; r++, row++) {
            const uint8_t *const record = (const uint8_t *) text[k] + r * each;
            if (label) {
                whole_check(y, record[which], source->file[k], "row", (long) r);
                label[row] = record[which];
            }
            for (int e = 0; e < PIXELS; e++)
                column_put(images, x, source->file[k], row, e, record[before + e]);
        }
        free(text[k]);
    }
    free(text);
    free(size);
}
