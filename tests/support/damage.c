#include "tests/support/damage.h"

#include <stdint.h>
#include <stdlib.h>

#include "tests/support/check.h"

/* Reads one copy, checks that a refusal explains itself, and forgets it. */
static tr_status try_copy(tr_ctx *ctx, const unsigned char *copy, size_t size, damage_reader read,
                          void *user) {
  tr_status status = read(copy, size, user);
  const char *message = tr_ctx_error(ctx)->message;
  CHECK(status == TR_OK || (tr_ctx_error(ctx)->status == status && *message && !strchr(message, '\n')));
  tr_ctx_clear(ctx);
  return status;
}

void damage_truncate(tr_ctx *ctx, const unsigned char *bytes, size_t size, damage_reader read, void *user,
                     tr_status want) {
  for (size_t n = 0; n < size; n++) {
    unsigned char *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    tr_status status = try_copy(ctx, copy, n, read, user);
    if (status != want) fprintf(stderr, "the first %zu of %zu bytes:\n", n, size);
    CHECK(status == want);
    free(copy);
  }
}

size_t damage_flip(tr_ctx *ctx, const unsigned char *bytes, size_t size, damage_reader read, void *user) {
  unsigned char *copy = malloc(size);
  memcpy(copy, bytes, size);
  size_t accepted = 0;
  for (size_t i = 0; i < size; i++) {
    const unsigned char values[] = {(unsigned char)~bytes[i], bytes[i] ^ 1, 0};
    for (size_t k = 0; k < sizeof values; k++) {
      copy[i] = values[k];
      if (copy[i] != bytes[i]) accepted += try_copy(ctx, copy, size, read, user) == TR_OK;
    }
    copy[i] = bytes[i];
  }
  free(copy);
  return accepted;
}

static uint64_t next_random(uint64_t *state) { /* xorshift64* */
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 2685821657736338717u;
}

static void change(unsigned char *copy, size_t size, uint64_t *state) {
  static const uint64_t integers[] = {0,      1,          0x7f,       0xff,      0x7fff,
                                      0xffff, 0x7fffffff, 0xffffffff, INT64_MAX, UINT64_MAX};
  size_t at = next_random(state) % size, from = next_random(state) % size, n = next_random(state) % 32;
  uint64_t integer = integers[next_random(state) % 10];
  switch (next_random(state) % 4) {
  case 0:
    copy[at] = (unsigned char)next_random(state);
    break;
  case 1:
    copy[at] ^= (unsigned char)(1u << next_random(state) % 8);
    break;
  case 2:
    for (size_t i = 0; i < (n & 8 ? 8 : n & 4 ? 4 : 2) && at + i < size; i++)
      copy[at + i] = (unsigned char)(integer >> 8 * i);
    break;
  default:
    if (at + n <= size && from + n <= size) memmove(copy + at, copy + from, n);
  }
}

size_t damage_mutate(tr_ctx *ctx, const unsigned char *bytes, size_t size, int rounds, damage_reader read,
                     void *user) {
  uint64_t state = 0x9e3779b97f4a7c15u;
  size_t accepted = 0;
  for (int round = 0; round < rounds; round++) {
    size_t kept = next_random(&state) % 8 ? size : 1 + next_random(&state) % size;
    unsigned char *copy = malloc(kept);
    memcpy(copy, bytes + (next_random(&state) % 2 ? 0 : size - kept), kept);
    for (uint64_t n = 1 + next_random(&state) % 8; n > 0; n--) change(copy, kept, &state);
    accepted += try_copy(ctx, copy, kept, read, user) == TR_OK;
    free(copy);
  }
  return accepted;
}
