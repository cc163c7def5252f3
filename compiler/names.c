/* names.c -- identifiers of the emitted file: always distinct, never a word that C or its library has.
 *
 * Tensors come with an identifier from the module; functions and extents get theirs here. Indices and
 * locals are named as they come into force, so that no letter of the user's hides a variable. */
#include "emit.h"

static const char *const words[] = {
#include "words.def"
};

static struct { Str *at; int n, room; } taken;      /* open hash; room is a power of two */

static Str *slot_of(Str name)
{
    size_t h = (size_t) (((uintptr_t) name >> 3) * 2654435761u);
    while (taken.at[h & (size_t) (taken.room - 1)] && taken.at[h & (size_t) (taken.room - 1)] != name)
        h++;
    return &taken.at[h & (size_t) (taken.room - 1)];
}

static void take(Str name)
{
    if (taken.n * 2 >= taken.room) {
        Str *old = taken.at;
        const int had = taken.room;
        taken.room = had ? 2 * had : 4096;
        taken.at = alloc((size_t) taken.room * sizeof *taken.at);
        for (int k = 0; k < had; k++)
            if (old[k])
                *slot_of(old[k]) = old[k];
        if (!had)
            for (size_t k = 0; k < sizeof words / sizeof *words; k++)
                take(intern(words[k]));
    }
    Str *at = slot_of(name);
    taken.n += !*at;
    *at = name;
}

/* What the runtime, the libraries and the compiler keep for themselves. */
static bool reserved(Str name)
{
    static const char *const starts[] = {
        "ae_", "Ae", "AE_", "cblas_", "Cblas", "openblas_", "omp_", "INT", "UINT", "PRI", "SCN", "_",
    };
    const size_t n = strlen(name);
    if (n > 2 && !strcmp(name + n - 2, "_t"))
        return true;
    for (size_t k = 0; k < sizeof starts / sizeof *starts; k++)
        if (!strncmp(name, starts[k], strlen(starts[k])))
            return true;
    return false;
}

void names_reset(void)
{
    taken.at = NULL;
    taken.n = taken.room = 0;
}

bool names_taken(Str name)
{
    if (!taken.at)
        take(intern("main"));
    return *slot_of(name) || reserved(name);
}

Str names_claim(Str wish)
{
    if (reserved(wish))
        wish = format("m_%s", wish);
    Str name = wish;
    const char last = wish[strlen(wish) - 1];
    for (int k = 2; names_taken(name); k++)
        name = format(last >= '0' && last <= '9' ? "%s_%d" : "%s%d", wish, k);
    take(name);
    return name;
}

static Str plain_name(Str name, bool upper)
{
    char text[200];
    size_t n = 0;
    for (const char *c = name ? name : ""; *c && n < sizeof text - 2; c++) {
        const bool low = *c >= 'a' && *c <= 'z', high = *c >= 'A' && *c <= 'Z', digit = *c >= '0' && *c <= '9';
        if (digit && n == 0)
            text[n++] = upper ? 'N' : 'n';
        if (low || high || digit)
            text[n++] = (char) (low && upper ? *c - 32 : *c);
        else if (n > 0 && text[n - 1] != '_')
            text[n++] = '_';
    }
    while (n > 0 && text[n - 1] == '_')
        n--;
    return n ? intern_n(text, n) : intern(upper ? "SIZE" : "it");
}

Str names_upper(Str name)
{
    return plain_name(name, true);
}

Str names_lower(Str name)
{
    return plain_name(name, false);
}

/* ---- the scope of a function ------------------------------------------------------------------ */
static bool in_scope(Emit *e, Str name)
{
    for (int k = 0; k < e->scope.n; k++)
        if (e->scope.at[k] == name)
            return true;
    return false;
}

Str scope_enter(Emit *e, Str wish)
{
    static const char *const letters[] = { "i", "j", "k", "q", "r", "s", "u", "v", "w" };
    Str name = wish ? names_lower(wish) : NULL;
    for (size_t k = 0; !name && k < sizeof letters / sizeof *letters; k++)
        if (!in_scope(e, intern(letters[k])) && !names_taken(intern(letters[k])))
            name = intern(letters[k]);
    if (!name)
        name = intern("i");
    Str base = name;
    for (int k = 2; in_scope(e, name) || names_taken(name); k++)
        name = format("%s%d", base, k);
    PUSH(e->scope, name);
    return name;
}

void scope_leave(Emit *e, int depth)
{
    e->scope.n = depth;
}

bool has_word(const char *text, Str word)
{
    const size_t n = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        const char before = at == text ? ' ' : at[-1], after = at[n];
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", before)
            && (!after || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", after)))
            return true;
    }
    return false;
}
