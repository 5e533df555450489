/* Names of published files: the table names.json, which is part of the program, and a file of the user's own
 * in the same form, whose names come first. docs/fetching.md says what the form is. */
#ifndef TR_EXPERIMENTS_FETCH_NAMES_H
#define TR_EXPERIMENTS_FETCH_NAMES_H

#include "core/context.h"

typedef struct fetch_names fetch_names;

#define FETCH_NAMES_VARIABLE "TRANSIT_NAMES" /* in the environment: the user's file */

enum { FETCH_FILES = 16, FETCH_ALTERNATIVES = 4, FETCH_ALSO = 8, FETCH_TEXT = 512 };

/* A file under one of several names, of which the first that exists is taken. */
typedef struct {
  int n;
  const char *names[FETCH_ALTERNATIVES];
} fetch_file;

/* What a name stands for: files of a repository of the hub, or a URL. Texts belong to the table, or, where
 * the name itself says repository and file, to `own`. */
typedef struct {
  const char *name, *about;
  const char *repo, *revision; /* of the hub; repo NULL: none */
  const char *url;             /* of its one file; NULL: none */
  const char *sha256, *cache;  /* of that: the digest, or how it begins; "torch" or "transit" */
  int n_files, n_also;         /* n_files 0: all of the repository below `folder` */
  fetch_file files[FETCH_FILES];
  const char *also[FETCH_ALSO]; /* where such a file may lie as well, from the working folder */
  const char *folder;           /* "" or "a/b/" */
  bool listed;                  /* by the table */
  char own[FETCH_TEXT];
} fetch_source;

/* own: the user's file; NULL: the one that the environment names, if any. TR_E_IO for one that cannot be read
 * or has another form. Close with fetch_names_close. */
tr_status fetch_names_open(tr_ctx *ctx, const char *own, fetch_names **out);
void fetch_names_close(fetch_names **names);

/* Where the hub is, unless the environment says otherwise. */
const char *fetch_names_endpoint(const fetch_names *names);
/* The i-th name of all, those of the user's first; NULL past the end. */
const char *fetch_names_at(const fetch_names *names, int i);
/* The name of the table that a word may have meant; NULL: none is near. */
const char *fetch_names_near(const fetch_names *names, const char *word);
/* Whether the table has the name, under this spelling or another. */
bool fetch_names_has(const fetch_names *names, const char *name);
/* What a name of the table stands for, or OWNER/NAME[@REVISION][:PATH]; PATH may be a folder with a slash at
 * its end. Anything else is TR_E_ARG, with the nearest name. The texts live as long as `names` and `out`. */
tr_status fetch_names_find(tr_ctx *ctx, const fetch_names *names, const char *name, fetch_source *out);

#endif
