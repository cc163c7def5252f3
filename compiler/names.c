/* names.c -- identifiers of the emitted file: always distinct, never a word
 * that C or its library has.
 *
 * A tensor has an identifier from when it is made; functions and extents get theirs in the
 * end. Indices and locals are named as they come into force, so that no letter of the
 * user's hides a variable. */
#include "emit.h"

static const char *const words[] = {
#include "words.def"
}, *const forms[] = { "", "f", "l", "_r", "_unlocked" };

typedef VEC(Str) Taken;    /* an open hash; room is a power of two, n the number in it */
static Taken tensors, emitted;    /* given to tensors as they are made; used in the emitted file */

static Str *slot_of(const Taken *t, Str name)
{
    size_t h = (size_t) (((uintptr_t) name >> 3) * 2654435761u);
    while (t->at[h & (size_t) (t->room - 1)] && t->at[h & (size_t) (t->room - 1)] != name)
        h++;
    return &t->at[h & (size_t) (t->room - 1)];
}

static void take(Taken *t, Str name)
{
    if (t->n * 2 >= t->room) {
        const Taken old = *t;
        *t = (Taken) { .room = old.room ? 2 * old.room : 8192 };
        t->at = alloc((size_t) t->room * sizeof *t->at);
        for (int k = 0; k < old.room; k++)
            if (old.at[k])
                take(t, old.at[k]);
        for (int k = 0; !old.room && k < COUNT(words) * COUNT(forms); k++)
            take(t, format("%s%s", words[k / COUNT(forms)], forms[k % COUNT(forms)]));
    }
    Str *at = slot_of(t, name);
    t->n += !*at;
    *at = name;
}

/* What the runtime, the libraries and the compiler keep for themselves. */
static bool reserved(Str name)
{
    static const char *const starts[] = {
        "ae_", "Ae", "AE_", "cblas_", "Cblas", "openblas_", "omp_", "INT", "UINT", "PRI", "SCN",
        "_",
    };
    const size_t n = strlen(name);
    return (n > 2 && !strcmp(name + n - 2, "_t"))
        || ANY(k, COUNT(starts), !strncmp(name, starts[k], strlen(starts[k])));
}

void names_reset(void)
{
    emitted = (Taken) { 0 };
}

static bool is_taken(Taken *t, Str name)
{
    if (!t->at)
        take(t, intern("main"));
    return *slot_of(t, name) || reserved(name);
}

bool names_taken(Str name)
{
    return is_taken(&emitted, name);
}

static Str claim(Taken *t, Str wish)
{
    if (reserved(wish))
        wish = format("m_%s", wish);
    Str name = wish;
    const char last = wish[strlen(wish) - 1];
    for (int k = 2; is_taken(t, name); k++)
        name = format(last >= '0' && last <= '9' ? "%s_%d" : "%s%d", wish, k);
    take(t, name);
    return name;
}

Str names_claim(Str wish)
{
    return claim(&emitted, wish);
}

Str fresh_cname(Str base)
{
    return claim(&tensors, names_lower(base));
}

static Str plain_name(Str name, bool upper)
{
    char text[200];
    size_t n = 0;
    for (const char *c = name ? name : ""; *c && n < sizeof text - 2; c++) {
        const bool low = *c >= 'a' && *c <= 'z', high = *c >= 'A' && *c <= 'Z';
        const bool digit = *c >= '0' && *c <= '9';
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

/* ---- the scope of a function ---------------------------------------------------------------- */
Str scope_enter(Emit *e, Str wish)
{
    static const char *const letters[] = { "i", "j", "k", "q", "r", "s", "u", "v", "w" };
    Str name = wish ? names_lower(wish) : NULL;
    EACH_ROW(letter, letters)
        if (!name && !HAS(e->scope, intern(*letter)) && !names_taken(intern(*letter)))
            name = intern(*letter);
    if (!name)
        name = intern("i");
    Str base = name;
    for (int k = 2; HAS(e->scope, name) || names_taken(name); k++)
        name = format("%s%d", base, k);
    PUSH(e->scope, name);
    return name;
}

void scope_leave(Emit *e, int depth)
{
    e->scope.n = depth;
}
