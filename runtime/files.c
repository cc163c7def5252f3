/* files.c -- reading plain and gzipped files, writing so that a file is either the
 * old one or the new one.
 *
 * A write goes to a temporary in the same folder: flush, fsync, close checked, read back where a
 * checksum is given, rename, fsync of the folder. */
#define _GNU_SOURCE
#include "runtime.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef AE_HAVE_ZLIB
#include <zlib.h>
#endif

/* ---- reading -------------------------------------------------------------------------------- */
struct InFile {
    char *path;
    FILE *plain;
#ifdef AE_HAVE_ZLIB
    gzFile packed;
#endif
};

InFile *in_open(const char *path)
{
    InFile *const f = need(1, sizeof *f);
    unsigned char first[2] = { 0, 0 };
    struct stat about;
    f->path = form("%s", path);
    if (!(f->plain = fopen(path, "rb")))
        fail("%s: %s", path, strerror(errno));
    if (fstat(fileno(f->plain), &about) == 0 && S_ISDIR(about.st_mode))
        fail("%s: is a folder, not a file", path);
    const size_t got = fread(first, 1, 2, f->plain);
    const size_t name = strlen(path);
    const bool packed = got == 2 && first[0] == 0x1F && first[1] == 0x8B;
    if (!packed && name > 3 && strcmp(path + name - 3, ".gz") == 0 && got && first[0] == '<')
        fail("%s: this is an HTML page, not gzip", path);
    if (packed) {
        fclose(f->plain);
        f->plain = NULL;
#ifdef AE_HAVE_ZLIB
        if (!(f->packed = gzopen(path, "rb")))
            fail("%s: %s", path, strerror(errno));
#else
        fail("%s: is gzip, and this program was built without zlib; unpack it with gunzip", path);
#endif
    } else
        rewind(f->plain);
    return f;
}

size_t in_read(InFile *f, void *at, size_t n)
{
    size_t done = 0;
    if (f->plain) {
        done = fread(at, 1, n, f->plain);
        if (ferror(f->plain))
            fail("%s: %s", f->path, strerror(errno));
        return done;
    }
#ifdef AE_HAVE_ZLIB
    while (done < n) {
        const unsigned part = n - done > 1u << 30 ? 1u << 30 : (unsigned) (n - done);
        const int got = gzread(f->packed, (char *) at + done, part);
        int code = Z_OK;
        const char *const why = gzerror(f->packed, &code);
        if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
            if (code == Z_BUF_ERROR)
                fail("%s: the gzip data ends too early, after %zu bytes of content", f->path,
                     done + (got > 0 ? (size_t) got : 0));
            fail("%s: %s", f->path, why);
        }
        if (got == 0)
            break;
        done += (size_t) got;
    }
#endif
    return done;
}

/* The bytes of the file; -1 where only reading tells. */
long in_size(InFile *f)
{
    struct stat about;
    return f->plain && fstat(fileno(f->plain), &about) == 0 && S_ISREG(about.st_mode)
        ? (long) about.st_size : -1;
}

void in_close(InFile *f)
{
    if (f->plain)
        fclose(f->plain);
#ifdef AE_HAVE_ZLIB
    else
        gzclose(f->packed);
#endif
    free(f->path);
    free(f);
}

char *in_all(const char *path, size_t *n)
{
    InFile *const f = in_open(path);
    size_t room = 1 << 16, got;
    char *bytes = need(room + 1, 1);
    *n = 0;
    while ((got = in_read(f, bytes + *n, room - *n)) > 0) {
        *n += got;
        if (*n == room) {
            room *= 2;
            if (!(bytes = realloc(bytes, room + 1)))
                fail("%s: no memory for %zu bytes", path, room);
        }
    }
    bytes[*n] = 0;
    in_close(f);
    return bytes;
}

/* ---- writing -------------------------------------------------------------------------------- */
static struct { FILE *file; char *path, *temporary; } out;

FILE *out_begin(const char *path)
{
    struct stat about;
    out_drop();
    out.path = form("%s", path);
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {  /* /dev/stdout: nothing to rename */
        if (S_ISDIR(about.st_mode))
            fail("%s: is a folder", path);
        if (!(out.file = fopen(path, "wb")))
            fail("%s: %s", path, strerror(errno));
        return out.file;
    }
    const char *const slash = strrchr(path, '/');
    out.temporary = form("%.*s.%s.XXXXXX", slash ? (int) (slash + 1 - path) : 0, path,
                         slash ? slash + 1 : path);
    const int fd = mkstemp(out.temporary);
    if (fd < 0) {
        free(out.temporary);
        out.temporary = NULL;
        fail("%s: %s", path, strerror(errno));
    }
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    if (!(out.file = fdopen(fd, "wb")))
        fail("%s: %s", path, strerror(errno));
    return out.file;
}

static void sync_folder_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    char *const folder = slash ? form("%.*s", (int) (slash == path ? 1 : slash - path), path) : form(".");
    const int fd = open(folder, O_RDONLY | O_DIRECTORY);
    if (fd >= 0) {
        if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
            fail("%s: %s", folder, strerror(errno));
        close(fd);
    }
    free(folder);
}

static uint32_t crc_of_file(const char *path)
{
    static char part[1 << 16];
    uint32_t crc = 0;
    FILE *const f = fopen(path, "rb");
    for (size_t n; f && (n = fread(part, 1, sizeof part, f)) > 0; )
        crc = crc32_more(crc, part, n);
    if (!f || ferror(f))
        fail("%s: %s", out.path, strerror(errno));
    fclose(f);
    return crc;
}

static void end(bool check, uint32_t crc)
{
    FILE *const f = out.file;
    out_flush(f, out.path);
    if (out.temporary && fsync(fileno(f)) != 0)
        fail("%s: %s", out.path, strerror(errno));
    out.file = NULL;
    if (fclose(f) != 0)
        fail("%s: %s", out.path, strerror(errno));
    if (out.temporary && check && crc_of_file(out.temporary) != crc)
        fail("%s: what was written is not what is read back; the old file stays", out.path);
    if (out.temporary) {
        if (rename(out.temporary, out.path) != 0)
            fail("%s: %s", out.path, strerror(errno));
        free(out.temporary);
        out.temporary = NULL;
        sync_folder_of(out.path);
    }
    free(out.path);
    out.path = NULL;
}

void out_end(void) { end(false, 0); }

void out_end_checked(uint32_t crc) { end(true, crc); }

void out_drop(void)
{
    if (out.temporary)
        unlink(out.temporary);
    out.temporary = NULL;
}

void out_flush(FILE *f, const char *name)
{
    if (fflush(f) != 0 || ferror(f))
        fail("%s: %s", name, errno ? strerror(errno) : "could not be written");
}

/* ---- folders and names ---------------------------------------------------------------------- */
bool folder_is(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

void folder_make(const char *path)
{
    char *const part = form("%s", path);
    for (char *p = part + 1; ; p++) {
        if (*p && *p != '/')
            continue;
        const char kept = *p;
        *p = 0;
        if (mkdir(part, 0777) != 0 && !(errno == EEXIST && folder_is(part)))
            fail("%s: %s", part, errno == EEXIST ? "is a file, not a folder" : strerror(errno));
        *p = kept;
        if (!kept)
            break;
    }
    free(part);
}

char *path_join(const char *folder, const char *name)
{
    if (name[0] == '/' || !folder || !*folder)
        return form("%s", name);
    return form("%s/%s", folder, name);
}
