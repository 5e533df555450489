/* Whether a file is the one that a server told of: by SHA-256, or as git names it. */
#ifndef TR_EXPERIMENTS_FETCH_NET_DIGEST_H
#define TR_EXPERIMENTS_FETCH_NET_DIGEST_H

#include "core/io/sha256.h"

/* expected: 40 digits, the SHA-1 of a git blob, or any other number of them, with which the SHA-256 begins.
 * *same: whether the file has it; hex: what it has. The errors of tr_sha256_file, and TR_E_UNSUPPORTED where
 * libcrypto refuses SHA-1. */
tr_status digest_compare(tr_ctx *ctx, const char *path, const char *expected, bool *same,
                         char hex[TR_SHA256_TEXT]);

#endif
