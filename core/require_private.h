/* The first lines of public functions: what must not be NULL. Not for users of the library. */
#ifndef TR_CORE_REQUIRE_PRIVATE_H
#define TR_CORE_REQUIRE_PRIVATE_H

#include "core/array.h"

/* Returns TR_E_ARG from the calling function, naming it and the argument, where one of the pointers is NULL
 * or, after these, the context. */
#define TR_REQUIRE(context, ...)                                                                             \
  do {                                                                                                       \
    const void *const tr_given_[] = {__VA_ARGS__};                                                           \
    TR_TRY(tr_require((context), __FILE__, __LINE__, __func__, #context, #__VA_ARGS__,                       \
                      (int)(sizeof tr_given_ / sizeof *tr_given_), tr_given_));                              \
  } while (0)

/* The same for arrays alone; the error goes to the context of one that is there. */
#define TR_REQUIRE_ARRAYS(...)                                                                               \
  do {                                                                                                       \
    const tr_array *const tr_given_[] = {__VA_ARGS__};                                                       \
    TR_TRY(tr_require_arrays(__FILE__, __LINE__, __func__, #__VA_ARGS__,                                     \
                             (int)(sizeof tr_given_ / sizeof *tr_given_), tr_given_));                       \
  } while (0)

/* Where an object that may be NULL keeps its context. */
#define TR_CTX_OF(object) ((object) ? (object)->ctx : NULL)

tr_status tr_require(tr_ctx *ctx, const char *file, int line, const char *function, const char *context,
                     const char *names, int n, const void *const *pointers);
tr_status tr_require_arrays(const char *file, int line, const char *function, const char *names, int n,
                            const tr_array *const *arrays);

#endif
