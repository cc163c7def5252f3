/* ae.y -- the grammar of .ae files.
 *
 * Takes the tokens as tokens.c has settled them and leaves the tree of syntax.h.  A mistake is reported
 * once, in the user's words; then the rest of its statement is passed over and reading goes on. */
%define api.pure full
%define api.location.type {Place}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {Reader *r}

%code requires {
#include "syntax.h"
#include "tokens.h"

typedef struct Reader {
    Tokens tokens;
    File *file;
    int at;                     /* the next token to hand out */
    bool gave_end;              /* the NL before it has been handed out */
    bool library;
    bool said_deep;
} Reader;

typedef struct { ArgList list; Syn *where; } Args;
typedef struct { SynList list; Syn *other; Place other_place; } Subs;    /* [list else other] */
}

%code {
#define YYMAXDEPTH 100000
#define YYLLOC_DEFAULT(Cur, Rhs, N) \
    ((Cur) = (N) ? place_join(YYRHSLOC(Rhs, 1), YYRHSLOC(Rhs, N)) : place_after(YYRHSLOC(Rhs, 0)))

static Place place_after(Place p);
static int yylex(YYSTYPE *value, Place *place, Reader *r);
static void yyerror(Place *place, Reader *r, const char *text);

static Syn *new_syn(SynKind kind, Place place);
static Syn *binary(Reader *r, Syn *a, Token *op, Syn *b);
static Syn *compare(Reader *r, Syn *a, Token *op, Syn *b);
static Syn *unary(Reader *r, Token *op, Syn *a, Place place);
static Syn *join(Reader *r, SynKind kind, Syn *a, Syn *b, Place place);
static Syn *condition(Reader *r, Syn *c, Syn *a, Syn *b);
static Syn *call(Reader *r, Token *name, Args args, Place place);
static Syn *subscripted(Reader *r, Syn *e, Subs subs, Place place);
static Syn *reduction(Reader *r, Token *name, Args args, Syn *body, Place place);
static Syn *list(Reader *r, SynList items, Place place);
static Call *layer(Token *name, ArgList args, Place place);
static void give_blocks(Call *c, Call *gathered);
static Block *take_layers(Call *gathered);
static void check_args(ArgList args, bool where, Place place);
static Decl *new_decl(Token *word, Place place);
static Decl *named(Token *word, Token *name, Place place);
static Decl *likely(Token *word, Token *name, Token *op, Syn *value, Place place);
static Decl *network(Token *word, Token *name, Call *gathered, Place place);
static Decl *definition(Token *word, Token *name, ArgList args, Place place);
static Decl *task(Reader *r, Token *word, Token *name, ArgList args, bool braced, Place place);
static Stat *new_stat(Token *word, Place place);
static Stat *assign(Token *role, Syn *left, Token *op, Syn *value, Place place);
static Stat *sweep(Token *word, Args args, StatList body, Place place);
static Function *function(Token *word, Token *name, EntryList params, Token *operand, Syn *body, Syn *slope, Place place);
static SynList shape(Subs subs);
static Entry entry(Token *name, Syn *init);
}

%union {
    Token *token;
    Syn *syn;
    SynList syns;
    Subs subs;
    Arg arg;
    Args args;
    ArgList list;
    Entry entry;
    EntryList entries;
    NameList names;
    SettingList settings;
    LineList lines;
    Call *call;
    Stat *stat;
    StatList stats;
    Decl *decl;
    Function *function;
}

%token NL "the end of the line"
%token BAD "a slip"
%token <token> NAME "a name" LAYER "a layer name" KEY "a setting" NUM "a number" STRING "a text in quotes"
%token <token> DOTS ".." UPDATE ":=" ADD "+=" EQ "==" NE "!=" LE "<=" GE ">=" ARROW "->"
%token <token> '+' '-' '*' '/' '%' '^' '?' ':' '<' '>' '=' '(' ')' '[' ']' '{' '}' ',' '.' '~'
%token <token> WHERE "where" ELSE "else" AND "and" OR "or" NOT "not" EXEMPT "exempt" GRAD "grad" UNTIL "until"
%token <token> AS "as" AS_IN "as " BY "by" DOWN "down" OF "of"
%token <token> AE "ae" MODEL "model" SET "set" USE "use" INPUT "input" LABEL "label" DATA "data" ENCODER "encoder"
%token <token> DECODER "decoder" NET "net" BOTTLENECK "bottleneck" RECONSTRUCT "reconstruct" CORRUPT "corrupt"
%token <token> REGULARIZE "regularize" AUGMENT "augment" TRAIN "train" EVALUATE "evaluate" TASK "pretext"
%token <token> DEFINE "layer" DEF "def"
%token <token> ENTRY "in" REQUIRE "require" MIRROR "mirror" TIED "tied" SCAN "scan" SWEEP "sweep" ROLE "sample"
%token <token> LET "let" PREDICT "predict" MINIMIZE "minimize"

%type <syn> value range expr either both negation compare total product signed tight body power atom reduction
%type <syn> target optional_of optional_init optional_else optional_bound optional_slope optional_until
%type <syns> values
%type <subs> subs
%type <arg> arg
%type <list> some_args
%type <args> args
%type <args> optional_args
%type <token> compare_sign assign_sign optional_name optional_as optional_exempt optional_down optional_role optional_text
%type <entry> entry formal
%type <entries> entries formals some_formals
%type <names> names
%type <settings> settings setting_items
%type <lines> lines line_items
%type <call> layer layers block
%type <stat> stat
%type <stats> stats stat_items
%type <decl> decl
%type <function> function

/* A product goes on while it can; a block belongs to the call before it. */
%precedence ENDS
%precedence '*' '/' '%' '{'

%%

file:
    %empty
|   file NL
|   file decl NL            { PUSH(r->file->decls, $decl); }
|   file error NL           { yyerrok; }
|   file DEFINE error NL        { yyerrok; }
|   file DEFINE error stats NL  /* a slip in the head; what stands in the braces is read all the same */
|   file TASK error NL          { yyerrok; }
|   file TASK error stats NL
;

/* ---- declarations ------------------------------------------------------------------------------ */
decl:
    AE value                        { $$ = new_decl($1, @$); $$->value = $2; }
|   MODEL NAME                      { $$ = named($1, $2, @$); }
|   SET NAME '=' value              { $$ = named($1, $2, @$); $$->value = $4; }
|   USE STRING                      { $$ = named($1, $2, @$); }
|   INPUT NAME ':' value            { $$ = named($1, $2, @$); $$->value = $4; }
|   LABEL NAME ':' value            { $$ = named($1, $2, @$); $$->value = $4; }
|   DATA settings                   { $$ = new_decl($1, @1); $$->settings = $2; $$->braced = true; }
|   TRAIN optional_name settings    { $$ = $2 ? named($1, $2, place_join(@1, @2)) : new_decl($1, @1);
                                      $$->settings = $3; $$->braced = true; }
|   REGULARIZE lines                { $$ = new_decl($1, @1); $$->lines = $2; $$->braced = true; }
|   ENCODER block                   { $$ = network($1, NULL, $2, @1); }
|   DECODER block                   { $$ = network($1, NULL, $2, @1); }
|   DECODER MIRROR optional_args    { $$ = new_decl($1, @$); $$->call = layer($2, $3.list, place_join(@2, @3)); }
|   NET NAME block                  { $$ = network($1, $2, $3, place_join(@1, @2)); }
|   NET NAME '=' value              { $$ = named($1, $2, @$); $$->value = $4; }
|   BOTTLENECK NAME '~' value       { $$ = likely($1, $2, $3, $4, @$); }
|   BOTTLENECK NAME '=' value       { $$ = likely($1, $2, $3, $4, @$); }
|   BOTTLENECK NAME '=' block       { $$ = network($1, $2, $4, place_join(@1, @3)); $$->op = intern("="); }
|   RECONSTRUCT NAME '~' value      { $$ = likely($1, $2, $3, $4, @$); }
|   RECONSTRUCT NAME BY value       { $$ = likely($1, $2, $3, $4, @$); }
|   CORRUPT NAME block              { $$ = network($1, $2, $3, place_join(@1, @2)); }
|   AUGMENT NAME block              { $$ = network($1, $2, $3, place_join(@1, @2)); }
|   EVALUATE block                  { $$ = network($1, NULL, $2, @1); }
|   TASK NAME optional_args         { $$ = task(r, $1, $2, $3.list, false, @$); }
|   TASK NAME optional_args stats   { $$ = task(r, $1, $2, $3.list, true, place_join(@1, @3)); $$->body = $4; }
|   DEFINE NAME optional_args stats { $$ = definition($1, $2, $3.list, place_join(@1, @3)); $$->body = $4;
                                      $$->braced = true; }
|   function                        { $$ = NEW(Decl); $$->kind = DECL_function; $$->function = $1; $$->place = @1;
                                      $$->name = $1->name; $$->name_place = @1; $$->doc = $1->doc; }
;

settings:
    '{' setting_items '}'           { $$ = $2; }
;
setting_items:
    %empty                          { $$ = (SettingList) { 0 }; }
|   setting_items NL
|   setting_items KEY '=' value     { $$ = $1; PUSH($$, ((Setting) { $2->name, $4, @2 })); }
|   setting_items error NL          { $$ = $1; yyerrok; }
;

lines:
    '{' line_items '}'              { $$ = $2; }
;
line_items:
    %empty                          { $$ = (LineList) { 0 }; }
|   line_items NL
|   line_items expr optional_as NL  { $$ = $1; PUSH($$, ((Line) { $2, $3 ? $3->name : NULL, place_join(@2, @3) })); }
|   line_items error NL             { $$ = $1; yyerrok; }
;

/* ---- networks: the calls are gathered in a Call that stands for the braces ----------------------- */
block:
    '{' layers '}'                  { $$ = $2; }
|   '{' layers error '}'            { $$ = $2; yyerrok; }
;
layers:
    %empty                          { $$ = NEW(Call); PUSH($$->blocks, NEW(Block)); }
|   layers NL
|   layers layer                    { $$ = $1; PUSH(*$$->blocks.at[0], $2); }
|   layers block                    { $$ = $1; PUSH($$->blocks, take_layers($2)); $$->as_place = @2; }
|   layers error NL                 { $$ = $1; yyerrok; }
;
layer:
    LAYER optional_args optional_as %prec ENDS
                                    { $$ = layer($1, $2.list, place_join(@1, @2));
                                      if ($3) { $$->as = $3->name; $$->as_place = @3; } }
|   LAYER optional_args block optional_as
                                    { $$ = layer($1, $2.list, place_join(@1, @2));
                                      give_blocks($$, $3);
                                      if ($4) { $$->as = $4->name; $$->as_place = @4; } }
;

/* ---- statements -------------------------------------------------------------------------------- */
stats:
    '{' stat_items '}'              { $$ = $2; }
;
stat_items:
    %empty                          { $$ = (StatList) { 0 }; yyerrok; }
|   stat_items NL
|   stat_items stat NL              { $$ = $1; PUSH($$, $2); }
|   stat_items error NL             { $$ = $1; yyerrok; }
;
stat:
    ENTRY entries                   { $$ = new_stat($1, @$); $$->entries = $2; }
|   SET NAME '=' value              { $$ = new_stat($1, @$); $$->name = $2->name; $$->value = $4; }
|   REQUIRE expr optional_text      { $$ = new_stat($1, @$); $$->value = $2; $$->name = $3 ? $3->name : NULL; }
|   MIRROR NAME optional_args       { $$ = new_stat($1, @$); $$->call = layer($2, $3.list, place_join(@2, @3)); }
|   TIED target '=' expr            { $$ = new_stat($1, @$); $$->left = $2; $$->value = $4; $$->op = intern("="); }
|   function                        { $$ = NEW(Stat); $$->kind = STAT_def; $$->place = @$; $$->function = $1;
                                      $$->name = $1->name; }
|   NET NAME block                  { $$ = new_stat($1, @$); $$->name = $2->name; $$->block = take_layers($3); }
|   NET NAME '(' NAME ')' block     { $$ = new_stat($1, @$); $$->name = $2->name; $$->of = $4->name;
                                      $$->block = take_layers($6); }
|   NET NAME '=' value              { $$ = new_stat($1, @$); $$->name = $2->name; $$->value = $4; }
|   SCAN NAME optional_bound optional_down stats optional_until
                                    { $$ = new_stat($1, place_join(@1, @4)); $$->name = $2->name; $$->bound = $3;
                                      $$->down = $4 != NULL; $$->body = $5; $$->until = $6; }
|   SWEEP '(' args ')' stats        { $$ = sweep($1, $3, $5, place_join(@1, @4)); }
|   SWEEP '(' args ')' stat         { StatList one = { 0 }; PUSH(one, $5);
                                      $$ = sweep($1, $3, one, place_join(@1, @4)); }
|   optional_role target assign_sign expr
                                    { $$ = assign($1, $2, $3, $4, $1 ? @$ : place_join(@2, @4)); }
|   LET names '=' value             { $$ = new_stat($1, @$); $$->names = $2; $$->value = $4; }
|   PREDICT target '~' value optional_as
                                    { $$ = new_stat($1, @$); $$->left = $2; $$->op = intern("~"); $$->value = $4;
                                      $$->as = $5 ? $5->name : NULL; }
|   PREDICT target BY value optional_as
                                    { $$ = new_stat($1, @$); $$->left = $2; $$->op = intern("by"); $$->value = $4;
                                      $$->as = $5 ? $5->name : NULL; }
|   MINIMIZE value optional_as      { $$ = new_stat($1, @$); $$->value = $2; $$->as = $3 ? $3->name : NULL; }
;

entries:
    entry                           { $$ = (EntryList) { 0 }; PUSH($$, $1); }
|   entries ',' entry               { $$ = $1; PUSH($$, $3); }
;
entry:
    NAME optional_of optional_init optional_exempt
                                    { $$ = entry($1, $3); $$.of = $2; $$.exempt = $4 != NULL; }
|   NAME '[' subs ']' optional_of optional_init optional_exempt
                                    { $$ = entry($1, $6); $$.of = $5; $$.exempt = $7 != NULL;
                                      $$.scalar = false; $$.shape = shape($3); $$.place = place_join(@1, @4); }
;

function:
    DEF NAME '(' formals ')' optional_name '=' expr optional_slope
                                    { $$ = function($1, $2, $4, $6, $8, $9, @$); }
;
formals:
    %empty                          { $$ = (EntryList) { 0 }; }
|   some_formals
;
some_formals:
    formal                          { $$ = (EntryList) { 0 }; PUSH($$, $1); }
|   some_formals ',' formal         { $$ = $1; PUSH($$, $3); }
;
formal:
    NAME optional_init              { $$ = entry($1, $2); }
|   NAME '[' subs ']'               { $$ = entry($1, NULL); $$.scalar = false; $$.shape = shape($3); $$.place = @$; }
;

optional_args:
    %empty                          { $$ = (Args) { 0 }; }
|   '(' args ')'                    { $$ = $2; check_args($2.list, $2.where != NULL, @2); }
;
optional_name:  %empty { $$ = NULL; }   |   NAME ;
optional_as:    %empty %prec ENDS { $$ = NULL; }   |   AS NAME { $$ = $2; } ;
optional_exempt: %empty { $$ = NULL; }  |   EXEMPT ;
optional_down:  %empty { $$ = NULL; }   |   DOWN ;
optional_role:  %empty { $$ = NULL; }   |   ROLE ;
optional_text:  %empty { $$ = NULL; }   |   STRING ;
optional_of:    %empty { $$ = NULL; }   |   OF total { $$ = $2; } ;
optional_init:  %empty { $$ = NULL; }   |   '=' expr { $$ = $2; } ;
optional_else:  %empty { $$ = NULL; }   |   ELSE expr { $$ = $2; } ;
optional_bound: %empty { $$ = NULL; }   |   '<' total { $$ = $2; } ;
optional_slope: %empty { $$ = NULL; }   |   GRAD expr { $$ = $2; } ;
optional_until: %empty { $$ = NULL; }   |   UNTIL expr { $$ = $2; } ;
assign_sign:    '=' | ADD | UPDATE ;
names:
    NAME                            { $$ = (NameList) { 0 }; PUSH($$, $1->name); }
|   names ',' NAME                  { $$ = $1; PUSH($$, $3->name); }
;

/* ---- values: what a setting or an argument may be ------------------------------------------------ */
value:
    range
|   STRING                          { $$ = new_syn(SYN_string, @$); $$->name = $1->name; }
|   '[' ']'                         { $$ = new_syn(SYN_list, @$); }
|   '[' values ']'                  { $$ = list(r, $2, @$); }
|   DOTS                            { $$ = new_syn(SYN_dots, @$); }
;
range:
    expr
|   expr DOTS expr                  { $$ = join(r, SYN_pair, $1, $3, @$); }
|   DOTS expr                       { $$ = join(r, SYN_pair, NULL, $2, @$); }
|   expr ARROW expr                 { $$ = join(r, SYN_arrow, $1, $3, @$); }
;
values:
    value                           { $$ = (SynList) { 0 }; PUSH($$, $1); }
|   values ',' value                { $$ = $1; PUSH($$, $3); }
;
args:
    %empty                          { $$ = (Args) { 0 }; }
|   some_args                       { $$ = (Args) { $1, NULL }; }
|   some_args WHERE expr            { $$ = (Args) { $1, $3 }; }
;

some_args:
    arg                             { $$ = (ArgList) { 0 }; PUSH($$, $1); }
|   some_args ',' arg               { $$ = $1; PUSH($$, $3); }
;
arg:
    value                           { $$ = (Arg) { NULL, $1, @$ }; }
|   NAME '=' value                  { $$ = (Arg) { $1->name, $3, @1 }; }
;
subs:
    values optional_else            { $$ = (Subs) { $1, $2, @2 }; }
;

/* ---- expressions ------------------------------------------------------------------------------- */
expr:
    either
|   either '?' expr ':' expr        { $$ = condition(r, $1, $3, $5); }
;
either:
    both
|   either OR both                  { $$ = binary(r, $1, $2, $3); }
;
both:
    negation
|   both AND negation               { $$ = binary(r, $1, $2, $3); }
;
negation:
    compare
|   NOT negation                    { $$ = unary(r, $1, $2, @$); }
;
compare:
    total
|   compare compare_sign total      { $$ = compare(r, $1, $2, $3); }
;
compare_sign: '<' | '>' | LE | GE | EQ | NE ;
total:
    product
|   total '+' product               { $$ = binary(r, $1, $2, $3); }
|   total '-' product               { $$ = binary(r, $1, $2, $3); }
;
product:
    signed
|   product '*' signed              { $$ = binary(r, $1, $2, $3); }
|   product '/' signed              { $$ = binary(r, $1, $2, $3); }
|   product '%' signed              { $$ = binary(r, $1, $2, $3); }
;
signed:
    tight
|   '-' signed                      { $$ = unary(r, $1, $2, @$); }
;
tight:
    power
|   reduction
;
power:
    atom
|   atom '^' signed                 { $$ = binary(r, $1, $2, $3); }
;
atom:
    NUM                             { $$ = new_syn(SYN_num, @$); $$->num = $1->num; }
|   NAME                            { $$ = new_syn(SYN_name, @$); $$->name = $1->name; }
|   NAME '.' NAME                   { $$ = new_syn(SYN_attr, @$); $$->name = $1->name; $$->field = $3->name; }
|   NAME '[' subs ']'               { $$ = new_syn(SYN_ref, @$); $$->name = $1->name; $$ = subscripted(r, $$, $3, @$); }
|   NAME '(' args ')'               { $$ = call(r, $1, $3, @$); }
|   NAME '(' args ')' '[' subs ']'  { $$ = subscripted(r, call(r, $1, $3, @$), $6, @$); }
|   NAME '(' args ')' AS_IN NAME    { $$ = call(r, $1, $3, @$); $$->as = $6->name; }
|   '(' range ')'                   { $$ = join(r, SYN_paren, $2, NULL, @$); }
;
/* A call followed by an operand takes the product to its right. */
reduction:
    NAME '(' args ')' body %prec ENDS   { $$ = reduction(r, $1, $3, $5, @$); }
;
body:
    tight
|   body '*' signed                 { $$ = binary(r, $1, $2, $3); }
|   body '/' signed                 { $$ = binary(r, $1, $2, $3); }
|   body '%' signed                 { $$ = binary(r, $1, $2, $3); }
;

target:
    NAME                            { $$ = new_syn(SYN_name, @$); $$->name = $1->name; }
|   NAME '[' subs ']'               { $$ = new_syn(SYN_ref, @$); $$->name = $1->name; shape($3);
                                      $$ = subscripted(r, $$, $3, @$); }
|   NAME '(' args ')' '[' subs ']'  { shape($6); $$ = subscripted(r, call(r, $1, $3, @$), $6, @$); }
;

%%

/* ---- the tree ---------------------------------------------------------------------------------- */
enum { DEEP = 1000 };

static Place place_after(Place p)
{
    return (Place) { p.source, p.end_line, p.end_col, p.end_line, p.end_col };
}

static Syn *new_syn(SynKind kind, Place place)
{
    Syn *e = NEW(Syn);
    e->kind = kind;
    e->place = place;
    e->depth = 1;
    return e;
}

static void say_deep(Reader *r, Place place)
{
    if (!r->said_deep) {
        report(place, DIAG_too_deep);
        report_help("give a part of it a name of its own");
    }
    r->said_deep = true;
}

/* Takes account of a new part; what grows too deep is cut off, so that later stages may recur. */
static void hold(Reader *r, Syn *e, Syn *part)
{
    if (!part)
        return;
    if (part->depth >= e->depth)
        e->depth = part->depth + 1;
    if (e->depth <= DEEP)
        return;
    say_deep(r, (Place) { e->place.source, e->place.line, e->place.col, e->place.line, e->place.col + 1 });
    *part = (Syn) { .kind = SYN_num, .place = part->place, .depth = 1 };
    e->depth = 2;
}

static Syn *join(Reader *r, SynKind kind, Syn *a, Syn *b, Place place)
{
    Syn *e = new_syn(kind, place);
    e->a = a;
    e->b = b;
    hold(r, e, a);
    hold(r, e, b);
    return e;
}

static Syn *binary(Reader *r, Syn *a, Token *op, Syn *b)
{
    Syn *e = join(r, SYN_binary, a, b, place_join(a->place, b->place));
    e->op = intern_n(op->text, (size_t) op->length);
    if (op->kind == AND || op->kind == OR || op->kind == '^')       /* `&&` is written in place of `and` */
        e->op = op->kind == AND ? intern("and") : op->kind == OR ? intern("or") : intern("^");
    return e;
}

static bool compares(const Syn *e)
{
    return e->kind == SYN_binary && (strchr("<>", e->op[0]) || strcmp(e->op, "==") == 0 || strcmp(e->op, "!=") == 0);
}

static Syn *compare(Reader *r, Syn *a, Token *op, Syn *b)
{
    if (compares(a)) {
        report(op->place, DIAG_chained);
        report_help("write `a < b and b < c`, or put brackets around one of them");
    }
    return binary(r, a, op, b);
}

static Syn *unary(Reader *r, Token *op, Syn *a, Place place)
{
    Syn *e = join(r, SYN_unary, a, NULL, place);
    e->op = intern(op->kind == NOT ? "not" : "-");
    return e;
}

static Syn *condition(Reader *r, Syn *c, Syn *a, Syn *b)
{
    Syn *e = join(r, SYN_cond, a, b, place_join(c->place, b->place));
    e->c = c;
    hold(r, e, c);
    return e;
}

static Syn *list(Reader *r, SynList items, Place place)
{
    Syn *e = new_syn(SYN_list, place);
    e->list = items;
    for (int i = 0; i < items.n; i++)
        hold(r, e, items.at[i]);
    return e;
}

static void check_args(ArgList args, bool where, Place place)
{
    if (where) {
        report(place, DIAG_where_alone);
        report_help("`where` belongs to a reduction: `sum(i where c) x[i]`");
    }
    for (int i = 1; i < args.n; i++)
        if (!args.at[i].name && args.at[i - 1].name) {
            report(args.at[i].place, DIAG_late_argument);
            report_help("put it before `%s = ...`, or name it too", args.at[i - 1].name);
            return;
        }
}

static Syn *call(Reader *r, Token *name, Args args, Place place)
{
    Syn *e = new_syn(SYN_call, place);
    e->name = name->name;
    e->args = args.list;
    check_args(args.list, args.where != NULL, args.where ? args.where->place : place);
    for (int i = 0; i < args.list.n; i++)
        hold(r, e, args.list.at[i].value);
    return e;
}

static Syn *subscripted(Reader *r, Syn *e, Subs subs, Place place)
{
    e->place = place;
    e->list = subs.list;
    e->a = subs.other;
    hold(r, e, subs.other);
    for (int i = 0; i < subs.list.n; i++)
        hold(r, e, subs.list.at[i]);
    return e;
}

static bool is_index(const Syn *e)
{
    return e->kind == SYN_name || e->kind == SYN_dots
        || (e->kind == SYN_binary && strcmp(e->op, "<") == 0 && e->a->kind == SYN_name);
}

static Syn *reduction(Reader *r, Token *name, Args args, Syn *body, Place place)
{
    Syn *e = join(r, SYN_reduce, NULL, body, place);
    e->name = name->name;
    e->a = args.where;
    hold(r, e, args.where);
    for (int i = 0; i < args.list.n; i++) {
        Arg *arg = &args.list.at[i];
        hold(r, e, arg->value);
        if (!arg->name && is_index(arg->value)) {
            PUSH(e->list, arg->value);
            continue;
        }
        report(arg->place, DIAG_no_index, name->name);
        report_help("a call before a value is a reduction, `sum(i) x[i]`; if a product was meant, write `*` between them");
        return e;
    }
    if (!args.list.n) {
        report(name->place, DIAG_no_index, name->name);
        report_help("write the index to reduce over, as in `sum(i) x[i]`, or an operator between the two");
    }
    return e;
}

/* ---- layers ------------------------------------------------------------------------------------ */
static Call *layer(Token *name, ArgList args, Place place)
{
    Call *c = NEW(Call);
    c->name = name->name;
    c->args = args;
    c->place = place;
    return c;
}

/* The braces after a call hold layers, or several blocks. */
static void give_blocks(Call *c, Call *gathered)
{
    c->braced = true;
    Block *loose = gathered->blocks.at[0];
    if (gathered->blocks.n == 1) {
        PUSH(c->blocks, loose);
        return;
    }
    if (loose->n) {
        report(loose->at[0]->place, DIAG_mixed_block, c->name);
        report_help("put this into braces of its own: `%s { { %s ... } { ... } }`", c->name, loose->at[0]->name);
    }
    for (int i = 1; i < gathered->blocks.n; i++)
        PUSH(c->blocks, gathered->blocks.at[i]);
}

static Block *take_layers(Call *gathered)
{
    if (gathered->blocks.n > 1) {
        report(gathered->as_place, DIAG_loose_block);
        report_help("write `concat { { ... } { ... } }` to put blocks side by side");
    }
    return gathered->blocks.at[0];
}

/* ---- declarations and statements ----------------------------------------------------------------- */
static Decl *new_decl(Token *word, Place place)
{
    Decl *d = NEW(Decl);
    d->kind = (DeclKind) keywords[word->word].value;
    d->role = word->name;
    d->place = place;
    d->doc = word->doc;
    return d;
}

static Decl *named(Token *word, Token *name, Place place)
{
    Decl *d = new_decl(word, place);
    d->name = name->name;
    d->name_place = name->place;
    return d;
}

static Decl *likely(Token *word, Token *name, Token *op, Syn *value, Place place)
{
    Decl *d = named(word, name, place);
    d->op = op->kind == BY ? intern("by") : intern_n(op->text, (size_t) op->length);
    d->value = value;
    return d;
}

static Decl *network(Token *word, Token *name, Call *gathered, Place place)
{
    Decl *d = name ? named(word, name, place) : new_decl(word, place);
    d->block = take_layers(gathered);
    d->braced = true;
    return d;
}

static Decl *definition(Token *word, Token *name, ArgList args, Place place)
{
    Decl *d = named(word, name, place);
    d->kind = DECL_define;
    for (int i = 0; i < args.n; i++) {
        Arg *a = &args.at[i];
        bool plain = !a->name && a->value->kind == SYN_name;
        if (!a->name && !plain) {
            report(a->place, DIAG_no_parameter, name->name);
            report_help("write a name, or `name = default`");
            continue;
        }
        Entry e = { .name = plain ? a->value->name : a->name, .place = a->place, .scalar = true,
                    .init = plain ? NULL : a->value };
        PUSH(d->params, e);
    }
    return d;
}

/* In a library a task with a body is a definition; in a model it is used where it stands. */
static Decl *task(Reader *r, Token *word, Token *name, ArgList args, bool braced, Place place)
{
    Decl *d = r->library && braced ? definition(word, name, args, place) : named(word, name, place);
    if (d->kind == DECL_task)
        d->args = args;
    d->braced = braced;
    return d;
}

static Stat *new_stat(Token *word, Place place)
{
    Stat *s = NEW(Stat);
    s->kind = (StatKind) keywords[word->word].value;
    s->place = place;
    return s;
}

static Stat *assign(Token *role, Syn *left, Token *op, Syn *value, Place place)
{
    Stat *s = NEW(Stat);
    s->kind = STAT_assign;
    s->place = place;
    s->role = role ? role->name : NULL;
    s->left = left;
    s->op = intern(op->kind == '=' ? "=" : op->kind == ADD ? "+=" : ":=");
    s->value = value;
    return s;
}

static Stat *sweep(Token *word, Args args, StatList body, Place place)
{
    static const char *const times[] = { "start", "epoch", "step" };
    Stat *s = new_stat(word, place);
    Arg *a = args.list.n == 1 && !args.where ? &args.list.at[0] : NULL;
    s->body = body;
    s->name = intern("epoch");
    if (a && a->name && strcmp(a->name, "every") == 0 && a->value->kind == SYN_name)
        for (int i = 0; i < 3; i++)
            if (strcmp(a->value->name, times[i]) == 0) {
                s->name = a->value->name;
                return s;
            }
    report(place, DIAG_bad_sweep);
    report_help("write `sweep(every = start)`, `sweep(every = epoch)` or `sweep(every = step)`");
    return s;
}

static Entry entry(Token *name, Syn *init)
{
    return (Entry) { .name = name->name, .place = name->place, .scalar = true, .init = init };
}

static SynList shape(Subs subs)
{
    if (subs.other) {
        report(subs.other_place, DIAG_else_in_shape);
        report_help("take `else` out; it belongs to a read, as in `x[n, i - 1 else 0]`");
    }
    return subs.list;
}

static Function *function(Token *word, Token *name, EntryList params, Token *operand, Syn *body, Syn *slope, Place place)
{
    Function *f = NEW(Function);
    f->name = name->name;
    f->params = params;
    f->operand = operand ? operand->name : NULL;
    f->body = body;
    f->slope = slope;
    f->place = place;
    f->doc = word->doc;
    return f;
}

/* ---- reading and going on after a mistake -------------------------------------------------------- */
static int yylex(YYSTYPE *value, Place *place, Reader *r)
{
    Token *t = &r->tokens.words.at[r->at];
    value->token = t;
    if (t->breaks && !r->gave_end) {
        r->gave_end = true;
        *place = place_after(t[-1].place);
        return NL;
    }
    r->gave_end = false;
    *place = t->place;
    if (t->kind != YYEOF)
        r->at++;
    return t->kind;
}

/* After a mistake: on to the end of the statement, or of its block, over all brackets between. */
static void pass_statement(Reader *r)
{
    if (r->gave_end)
        return;
    const Token *all = r->tokens.words.at;
    int i = r->at - 1;
    if (all[i].kind == YYEOF || all[i].kind == '}')
        return;
    int head = all[i].head < 0 ? 0 : all[all[i].head].kind;
    bool body = (head == DEFINE || head == TASK) && all[i].head != i;      /* its braces are read all the same */
    if (!(body && all[i].kind == '{'))
        do
            i = all[i].match > i ? all[i].match + 1 : i + 1;
        while (!all[i].breaks && all[i].kind != '}' && all[i].kind != YYEOF && !(body && all[i].kind == '{'));
    r->at = i;
}

/* ---- telling what was met and what could stand there ---------------------------------------------- */
enum { MOST = YYNTOKENS };

typedef struct { bool may[MOST]; } Expected;

static bool may(const Expected *e, int token)
{
    return e->may[YYTRANSLATE(token)];
}

static bool may_any(const Expected *e, const int *tokens)
{
    for (; *tokens; tokens++)
        if (may(e, *tokens))
            return true;
    return false;
}

/* What may stand, in the order of how much it tells. */
static int name_expected(const Expected *e, const char **names)
{
    static const int statements[] = { ENTRY, REQUIRE, SCAN, LET, 0 }, declarations[] = { AE, MODEL, ENCODER, 0 };
    static const struct { int token; const char *name; } signs[] = {
        { LAYER, "a layer name" }, { KEY, "a setting" }, { '=', "`=`" }, { '~', "`~`" }, { BY, "`by`" }, { '{', "`{`" },
        { ')', "`)`" }, { ']', "`]`" }, { '}', "`}`" }, { ',', "`,`" }, { ':', "`:`" } };
    int n = 0;
    bool operator = may(e, '*'), value = may(e, NUM) && !operator;
    if (may_any(e, declarations))
        names[n++] = "a declaration";
    if (may_any(e, statements)) {
        names[n++] = "a statement";
        value = false;
    } else if (value)
        names[n++] = "a value";
    else if (may(e, NAME) && !operator)
        names[n++] = "a name";
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (may(e, signs[i].token) && !(signs[i].token == '{' && may(e, LAYER)))
            names[n++] = signs[i].name;
    if (may(e, STRING) && !value)
        names[n++] = "a text in quotes";
    if (operator)
        names[n++] = "an operator";
    if (may(e, '(') && !value && !operator)
        names[n++] = "`(`";
    if (may(e, '[') && !value && !operator)
        names[n++] = "`[`";
    if (may(e, NL) && !may(e, LAYER) && !may(e, KEY))
        names[n++] = "the end of the line";
    return n;
}

static Str list_expected(const Expected *e)
{
    const char *names[MOST];
    int n = name_expected(e, names);
    if (n > 4)
        n = 4;
    Buf b = { 0 };
    for (int i = 0; i < n; i++)
        buf_add(&b, "%s%s", i == 0 ? "" : i == n - 1 ? " or " : ", ", names[i]);
    return b.n ? intern(b.at) : intern("something else");
}

static Str name_met(const Token *t, bool line_end)
{
    if (line_end && (t->kind == YYEOF || t->first))
        return intern("the end of the line");
    if (t->kind == YYEOF)
        return intern("the end of the file");
    return t->length > 40 ? format("`%.40s...`", t->text) : format("`%.*s`", t->length, t->text);
}

static bool is_kept(const Token *t)
{
    return t->kind == WHERE || t->kind == ELSE || t->kind == AND || t->kind == OR || t->kind == NOT
        || t->kind == EXEMPT || t->kind == GRAD || t->kind == UNTIL || (t->kind == ENTRY && strcmp(t->name, "grad") == 0);
}

static bool is_operand(const Token *t)
{
    return t->kind == NAME || t->kind == NUM || t->kind == '(';
}

static void help_syntax(Reader *r, const Expected *e, const Token *met, const Token *prev, bool line_end)
{
    const Token *head = prev->head >= 0 ? &r->tokens.words.at[prev->head] : NULL;
    bool operator = may(e, '*'), value = may(e, NUM) && !operator && !may(e, ENTRY);
    if (!line_end && met->kind == ',' && (may(e, LAYER) || may(e, KEY)))
        report_help("%s are separated by blanks alone; take the `,` out", may(e, LAYER) ? "layers" : "settings");
    else if (!line_end && may(e, LAYER) && (met->kind == ARROW || met->kind == '+' || met->kind == ':' || met->kind == '>'))
        report_help("layers follow one another without a sign: `dense(64) relu`");
    else if (!line_end && met->kind == EQ && may(e, '='))
        report_help("write `=`; two of them compare");
    else if (may(e, LAYER))
        report_help("a block is a row of layers: `{ conv(32, kernel = 4) relu }`");
    else if (prev->kind == AS || (!line_end && met->kind == NAME && strcmp(met->name, "as") == 0))
        report_help("a name follows `as`: `kl(z) as bound`");
    else if (operator && may(e, ':'))
        report_help("a choice has two branches: `c ? a : b`");
    else if (!line_end && operator && is_operand(met) && is_operand(prev) && may(e, NL))
        report_help("write the operator: `%.*s * %.*s`", prev->length, prev->text, met->length, met->text);
    else if (!line_end && operator && is_operand(met) && may(e, NL))
        report_help("write an operator between the two, `*` for a product");
    else if (line_end && may(e, '[') && !may(e, '=') && !may(e, NAME))
        report_help("a value alone says nothing; give it a name: `y[n, j] = ...`");
    else if (!line_end && operator && may(e, ')') && is_operand(met))
        report_help("write `,` between two arguments, or an operator");
    else if (value && prev->length < 3 && prev->kind != '{')
        report_help("write a value after `%.*s`, or take the `%.*s` out", prev->length, prev->text, prev->length, prev->text);
    else if (head && head->word >= 0)
        report_help("the form is `%s`", keywords[head->word].form);
    else if (may(e, KEY))
        report_help("settings are written `name = value`, a line or several");
    else if (may(e, '=') && may(e, UPDATE))
        report_help("a statement begins with a word such as `in`, or says what a name is: `y[n, j] = ...`");
    else
        report_help("statements end with their line; a longer one goes on after an operator or an open bracket");
}

/* A bracket opened lines above may be why the line does not fit. */
static void note_bracket(Reader *r, const Token *met)
{
    const Token *all = r->tokens.words.at;
    for (const Token *t = met - 1; t >= all && !t->breaks && t->kind != '{' && t->kind != '}'; t--)
        if ((t->kind == '(' || t->kind == '[') && t->match > met - all && t->place.line < met->place.line) {
            report_note(t->place, "this bracket is still open");
            return;
        }
}

static int yyreport_syntax_error(const yypcontext_t *context, Reader *r)
{
    Expected e = { 0 };
    yysymbol_kind_t kinds[MOST];
    int n = yypcontext_expected_tokens(context, kinds, MOST);
    for (int i = 0; i < n; i++)
        e.may[kinds[i]] = true;
    bool line_end = yypcontext_token(context) == YYSYMBOL_NL;
    const Token *met = &r->tokens.words.at[line_end || !r->at ? r->at : r->at - 1];
    if (!line_end && yypcontext_token(context) == YYSYMBOL_YYEOF)
        met = &r->tokens.words.at[r->at];
    const Token *prev = met > r->tokens.words.at ? met - 1 : met;
    Place place = *yypcontext_location(context);
    if (line_end)
        place.end_col++;
    if (line_end && !met->first && met->kind != YYEOF)          /* a `}` or a declaration on the same line */
        place = met->place;
    bool said = !line_end && (met->kind == BAD || (met->kind == STRING && met->text[0] != '"'));
    if (!said) {
        bool name = may(&e, NAME) || may(&e, LAYER) || may(&e, KEY);
        if (!line_end && is_kept(met) && name && !may(&e, '*')) {
            report(place, DIAG_kept_word, met->name);
            report_help("choose another name, `%s_` say", met->name);
        } else if (!line_end && met->kind == '=' && may(&e, EQ)) {
            report(place, DIAG_equals);
            report_help("write `==` to compare");
            note_bracket(r, met);
        } else {
            report(place, DIAG_syntax, list_expected(&e), name_met(met, line_end));
            help_syntax(r, &e, met, prev, line_end);
            note_bracket(r, met);
        }
    }
    pass_statement(r);
    return 0;
}

static void yyerror(Place *place, Reader *r, const char *text)
{
    (void) text;                            /* the one thing that comes here is a full stack */
    say_deep(r, *place);
}

File *parse(const Source *source, bool library)
{
    Reader r = { .tokens = { .source = source }, .file = NEW(File), .library = library };
    r.file->source = source;
    tokens_scan(&r.tokens);
    tokens_arrange(&r.tokens);
    yyparse(&r);
    return r.file;
}
