/* data_png.c -- png(folder): a folder of images for each class, classes and files in sorted order.
 *
 * Every image must have the input's height and width; nothing is resized. Grey,
 * coloured and transparent images become the input's one or three channels; a
 * transparent one is laid on black. */
#include "runtime.h"
#include <dirent.h>
#include <errno.h>

typedef struct { char **at; int n; } Names;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static Names list(const char *folder, bool folders)
{
    Names l = { 0 };
    DIR *const d = opendir(folder);
    const struct dirent *e;
    if (!d)
        fail("%s: %s", folder, strerror(errno));
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        char *const path = path_join(folder, e->d_name);
        if (folders ? folder_is(path)
                    : has_ending(e->d_name, ".png") || has_ending(e->d_name, ".PNG")) {
            if (!(l.at = realloc(l.at, (size_t) (l.n + 1) * sizeof *l.at)))
                fail("%s: no memory for its list", folder);
            l.at[l.n++] = form("%s", e->d_name);
        }
        free(path);
    }
    closedir(d);
    if (l.n)
        qsort(l.at, (size_t) l.n, sizeof *l.at, by_name);
    return l;
}

#ifdef AE_HAVE_PNG
#include <png.h>

/* libpng's simplified interface: it checks the file and gives 8-bit rows. */
static void read_image(const char *path, uint8_t *pixels, int channels, int height, int width)
{
    png_image image = { .version = PNG_IMAGE_VERSION };
    const png_color black = { 0, 0, 0 };
    if (!png_image_begin_read_from_file(&image, path))
        fail("%s: %s", path, image.message);
    if ((int) image.width != width || (int) image.height != height)
        fail("%s: is %u x %u pixels (height x width), and the input takes %d x %d", path,
             image.height, image.width, height, width);
    image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    if (!png_image_finish_read(&image, &black, pixels, width * channels, NULL))
        fail("%s: %s", path, image.message);
}
#else
static void read_image(const char *path, uint8_t *pixels, int channels, int height, int width)
{
    (void) pixels, (void) channels, (void) height, (void) width;
    fail("%s: this program was built without libpng, which reads PNG", path);
}
#endif

static void put_image(Column *c, int input, const char *path, long row, const uint8_t *pixels,
                      int channels, long area)
{
    /* pixels: [area][channels], the input: [channels][area] */
    for (long e = 0; e < channels * area; e++) {
        const uint8_t v = pixels[e % area * channels + e / area];
        column_put(c, input, path, row, e, v);
    }
}

static void keep_names(const Source *source, int input, const Names *classes, const char *folder)
{
    Learnt *const l = &learnt[input];
    if (classes->n > ae_model.inputs[input].classes)
        fail("%s: has %d folders, and %s has %d classes", folder, classes->n,
             ae_model.inputs[input].array.name, ae_model.inputs[input].classes);
    if (source->train && !l->nclasses) {
        l->classes = classes->at;
        l->nclasses = classes->n;
    }
}

static int class_of(int input, const char *name, const char *folder)
{
    const Learnt *const l = &learnt[input];
    for (int k = 0; k < l->nclasses; k++)
        if (strcmp(l->classes[k], name) == 0)
            return k;
    fail("%s: the class %s is not in the training data", folder, name);
}

void read_png(const Source *source, Split *s)
{
    const int x = input_find(false, 0), y = input_find(true, 0);
    const char *const folder = source->nfiles ? source->file[0] : ".";
    if (x < 0 || strcmp(ae_model.inputs[x].kind, "image") != 0)
        fail("png gives images, and the model has no input that is an image");
    const int *const shape = ae_model.inputs[x].array.shape, channels = shape[1];
    if (channels != 1 && channels != 3)
        fail("png gives images of 1 or 3 channels, and %s has %d", ae_model.inputs[x].array.name,
             channels);
    Names classes = list(folder, true);
    const bool labelled = y >= 0 && strcmp(ae_model.inputs[y].kind, "class") == 0;
    if (!classes.n)
        fail("%s: has no folders; each class is a folder of .png files", folder);
    if (labelled)
        keep_names(source, y, &classes, folder);
    Names *const files = need((size_t) classes.n, sizeof *files);
    long rows = 0, r = 0;
    for (int k = 0; k < classes.n; k++) {
        files[k] = list(path_join(folder, classes.at[k]), false);
        rows += files[k].n;
    }
    if (!rows)
        fail("%s: has no .png files in its folders", folder);
    uint8_t *const pixels = need((size_t) input_width(x), 1);
    Column *const images = column_bytes(s, x, rows);
    if (labelled)
        column_new(s, y, rows);
    for (int k = 0; k < classes.n; k++)
        for (int f = 0; f < files[k].n; f++, r++) {
            char *const path = form("%s/%s/%s", folder, classes.at[k], files[k].at[f]);
            read_image(path, pixels, channels, shape[2], shape[3]);
            put_image(images, x, path, r, pixels, channels, (long) shape[2] * shape[3]);
            if (labelled)
                s->column[y].whole[r] = class_of(y, classes.at[k], folder);
            free(path);
        }
    free(pixels);
    free(files);
}
