/* data_digits.c -- digits(): 1,797 real handwritten digits, 8x8, values 0 to 16.
 *
 * The table is in digits.c. */
#include "runtime.h"

enum { DIGITS = 1797, PIXELS = 64 };
extern const char ae_digits[DIGITS][PIXELS + 2];

void read_digits(const Source *source, Split *s)
{
    const int x = input_find(false, 0), y = input_find(true, 0);
    (void) source;
    if (x < 0 || input_width(x) != PIXELS)
        fail("digits() gives 8x8 = 64 numbers a row; the model's %s takes %ld",
             x < 0 ? "input" : ae_model.inputs[x].array.name, x < 0 ? 0 : input_width(x));
    Column *const images = column_new(s, x, DIGITS);
    images->low = 0;
    images->high = 16;
    Column *const labels = y >= 0 && strcmp(ae_model.inputs[y].kind, "class") == 0 ? column_new(s, y, DIGITS) : NULL;
    for (long r = 0; r < DIGITS; r++) {
        const char *const line = ae_digits[r];
        for (long e = 0; e < PIXELS; e++)
            column_put(images, x, "digits()", r, e, line[e] - 'a');
        if (labels) {
            whole_check(y, line[PIXELS] - '0', "digits()", "row", r);
            labels->whole[r] = line[PIXELS] - '0';
        }
    }
}
