/* Command-line options from tables: one static table per command says name, type, range, default and help;
 * the parser, the help text and the man page are all made from it. */
#ifndef TR_CORE_OPTIONS_OPTIONS_H
#define TR_CORE_OPTIONS_OPTIONS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/module/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {                    /* type of the field that the option fills */
               TR_OPTION_FLAG,    /* bool; takes no value */
               TR_OPTION_INT,     /* long */
               TR_OPTION_SEED,    /* uint64_t, any; 0 unless there is a default */
               TR_OPTION_DOUBLE,  /* double, finite */
               TR_OPTION_TEXT,    /* const char * (borrowed from argv or from the table) */
               TR_OPTION_CHOICE,  /* const char *: the canonical spelling of one of the choices */
               TR_OPTION_INTS,    /* tr_int_list; with choices one of these words in its place */
               TR_OPTION_DOUBLES, /* tr_double_list */
               TR_OPTION_TEXTS,   /* tr_text_list: any texts, or with choices or kind canonical spellings */
               TR_OPTION_PAIRS /* tr_pair_list: NAME=VALUE,...; may be given again, which adds to the list */
} tr_option_type;

typedef struct {
  int n;
  long *v;
  const char
      *given; /* "@FILE", or the choice in the place of numbers (n = 0); NULL: numbers on the command line */
} tr_int_list;
typedef struct {
  int n;
  double *v;
} tr_double_list;
typedef struct {
  int n;
  const char **v; /* no two are equal */
} tr_text_list;
typedef struct {
  char name[64];
  double value; /* finite */
} tr_pair;
typedef struct {
  int n;
  tr_pair *v; /* names without '=' and ',', no two are equal */
} tr_pair_list;

/* What an option without value and default leaves in its field: false, TR_OPTION_UNSET, NaN, NULL, an empty
 * list.
 */
#define TR_OPTION_UNSET LONG_MIN

enum {
  TR_OPTION_REQUIRED = 1,
  TR_OPTION_GE = TR_RANGE_GE,
  TR_OPTION_GT = TR_RANGE_GT,
  TR_OPTION_LE = TR_RANGE_LE,
  TR_OPTION_LT = TR_RANGE_LT,
  TR_OPTION_INCREASING = 32, /* lists: each entry greater than the one before */
  TR_OPTION_FROM_FILE =
      64 /* INTS: also @FILE, numbers separated by blanks, commas and ends of lines; '#' begins a comment */
};

typedef struct {
  const char *name;    /* without the dashes */
  const char *aliases; /* other spellings that are taken, "a,b"; NULL: none */
  tr_option_type type;
  size_t offset;  /* of the field in the values struct */
  unsigned modes; /* bit m: mode m has this option; 0: every mode has it */
  unsigned flags;
  double low, high;         /* range of a number or of every entry of a list, as the flags say */
  int count;                /* lists: exact number of entries; 0: any */
  const char *choices;      /* CHOICE, TEXTS: "a,b,c", or NULL when kind is set; INTS: words, or NULL */
  const char *kind;         /* CHOICE, TEXTS: the names of this kind in the registry */
  const char *metavar;      /* stands for the value in the help */
  const char *default_text; /* parsed like a user's value; NULL: unset */
  const char *default_note; /* help: what happens when unset; NULL: nothing to say */
  const char *group;        /* heading in the help; rows of a group stand together */
  const char *help;
} tr_option;

/* What some call an option that a command does not have, and what to do instead: "leave it away, the
 * checkpoint tells it". */
typedef struct {
  const char *name, *instead;
} tr_option_hint;

/* A word without dashes, or as many of them as there are. */
typedef struct {
  const char *name; /* stands for it in the help */
  const char *help;
  bool required; /* none behind one that is not */
  bool many;     /* of the last one: all words that are left, which may be equal */
  size_t offset; /* of a const char * field; of a tr_text_list if there may be many */
} tr_operand;
#define TR_OPERANDS_MAX 2

/* Two rows may share a name (and field) when their modes differ. At most TR_OPTIONS_MAX rows. */
#define TR_OPTIONS_MAX 96

typedef struct {
  const char *program;                  /* "transit" */
  const char *name;                     /* of the command */
  const char *summary;                  /* one line */
  const char *details;                  /* paragraphs, separated by an empty line; may be NULL */
  const char *const *modes;             /* NULL-terminated names of the first operand, or NULL: no modes */
  tr_operand operands[TR_OPERANDS_MAX]; /* behind the mode, in this order; name NULL ends them */
  const tr_option *options;
  int n_options;
  size_t values_size;
  const tr_option_hint *hints; /* the last has a NULL name; NULL: none */
} tr_option_table;

typedef struct {
  int mode;                   /* index into table->modes; 0 without modes */
  bool given[TR_OPTIONS_MAX]; /* by the user, row by row of the table */
  bool help;                  /* --help was asked for; the values are then incomplete */
} tr_parsed;

/* Parses the arguments after the command's name ("--name value", "--name=value") into *values, a struct of
 * table->values_size bytes that is set whole. Errors are TR_E_ARG, one line each: an unknown option or mode
 * with its nearest right spelling or the table's hint, an option that the mode lacks with the modes that have
 * it, a repeated option (but for pairs) or name of a pair, a missing value, a value that is malformed or out
 * of range (with the range). Free with tr_options_free in any case. */
TR_API tr_status tr_options_parse(tr_ctx *ctx, const tr_option_table *table, int argc, char *const *argv,
                                  void *values, tr_parsed *parsed);
TR_API void tr_options_free(const tr_option_table *table, void *values);

/* Row number of an option of this name, or with this alias, in this mode; -1 if there is none. */
TR_API int tr_option_row(const tr_option_table *table, int mode, const char *name);
/* Whether the user gave it. */
TR_API bool tr_option_given(const tr_option_table *table, const tr_parsed *parsed, const char *name);

/* The range in words, "> 0" or "from 0 to 1", written into text; empty when there is none. Returns text. */
TR_API const char *tr_option_range(const tr_option *option, char *text, size_t size);
/* Help for a terminal, and the command's section of a man page (troff, man macros). */
TR_API void tr_options_help(const tr_ctx *ctx, const tr_option_table *table, FILE *out);
TR_API void tr_options_man(const tr_ctx *ctx, const tr_option_table *table, FILE *out);

#ifdef __cplusplus
}
#endif

#endif
