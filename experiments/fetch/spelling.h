/* What texts from a table, a command line or a server may look like before they become paths, URLs or
 * headers. */
#ifndef TR_EXPERIMENTS_FETCH_SPELLING_H
#define TR_EXPERIMENTS_FETCH_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

/* No control characters. */
bool spelled_plainly(const char *text);
/* At least `least` and at most `most` lower-case hexadecimal digits, and nothing else. */
bool spelled_hex(const char *text, size_t least, size_t most);
/* A commit's number: 40 of these digits, or 64. */
bool spelled_commit(const char *text);
/* OWNER/NAME: letters, digits, '-', '_' and '.', neither part beginning with a '.' or '-'. */
bool spelled_repo(const char *text);
/* A branch, tag or commit: as a path. */
bool spelled_revision(const char *text);
/* A path that stays below where it begins: no empty part, none that is "." or "..", no backslash. */
bool spelled_path(const char *text);
/* http:// or https:// and a host, without blanks and control characters. */
bool spelled_url(const char *text);
/* What a server calls a file's state, as a name of a file: letters, digits, '-', '_' and '.', not hidden. */
bool spelled_etag(const char *text);

#endif
