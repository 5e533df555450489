/* Weights of the CPU: panels of tr_cpu_panel outputs, each with its outputs side by side for every input, so
 * that one kernel call streams it. The last panel is filled up with zeros (tr_cpu_padded). Panels hold the
 * storage type in the places of the compute type: what is kept in bf16 is widened just before it is
 * multiplied (linear.c). For products of bf16 they hold words of two inputs (kernels.h). Inputs of a
 * convolution stand in panels with all channels for each place of its kernel, as a picture has them. W^T, for
 * products with W, is packed from W when it is first asked for, and anew after W was set. The memory is no
 * array: nobody but this room knows where it is. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/context_private.h"
#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

typedef struct {
  const tr_nn_weight_spec *spec;
  char *packed, *turned; /* W and W^T; NULL until asked for */
  bool stale;            /* W^T is older than W */
} cpu_weight;

/* Both layouts of a weight, while it is packed. */
typedef void (*transpose_fn)(int64_t rows, int64_t cols, const void *in, int64_t stride, void *out,
                             int64_t ld);
typedef struct {
  int64_t out, in, wide; /* wide: outputs of a whole panel */
  int64_t taps;          /* of a convolution; 0: none */
  int64_t place, size;   /* bytes of an element of the compute type, and of the storage type */
  transpose_fn transpose;
  const tr_cpu_halves *halves; /* panels of words; NULL: of elements */
} layout;

int64_t tr_cpu_padded(int64_t width, int64_t size) {
  return (width * size + 127) / 128 * 128 / size;
}

int64_t tr_cpu_panel(tr_cpu_level level, int64_t size) {
  static const int64_t bytes[] = {[TR_CPU_BASELINE] = 256, [TR_CPU_AVX2] = 128, [TR_CPU_AVX512] = 256};
  return bytes[level] / size;
}

static void transpose_halves(int64_t rows, int64_t cols, const void *in, int64_t stride, void *out,
                             int64_t ld) {
  const uint16_t *from = in;
  uint16_t *to = out;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < cols; c++) to[c * ld + r] = from[r * stride + c];
}

/* Rows (channels, taps) of the storage type become (taps, channels): the order of what lies in a picture. */
static void channels_inwards(int64_t rows, int64_t channels, int64_t taps, int64_t size, const char *in,
                             char *out) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t t = 0; t < taps; t++)
      for (int64_t c = 0; c < channels; c++, out += size)
        memcpy(out, in + ((r * channels + c) * taps + t) * size, (size_t)size);
}

static layout layout_of(tr_ctx *ctx, const tr_nn_weight_spec *spec) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  int64_t place = (int64_t)tr_dtype_size(spec->compute);
  const bool words = spec->products == TR_NN_BF16, halves = spec->storage == TR_BF16 && !words;
  return (layout){.out = spec->out,
                  .in = spec->in,
                  .wide = tr_cpu_panel(state->level, place),
                  .taps = spec->taps,
                  .place = place,
                  .size = (int64_t)tr_dtype_size(spec->storage),
                  .transpose =
                      halves ? transpose_halves : tr_cpu_kernels_for(state->level, spec->compute)->transpose,
                  .halves = words ? tr_cpu_halves_for(state->level) : NULL};
}

/* The same for every level: whole panels are whole pairs of vectors. */
static size_t packed_bytes(const tr_nn_weight_spec *spec, bool turned) {
  int64_t out = turned ? spec->in : spec->out, in = turned ? spec->out : spec->in;
  if (spec->products == TR_NN_BF16) in = 2 * tr_cpu_words(in);
  return (size_t)(tr_cpu_padded(out, (int64_t)tr_dtype_size(spec->compute)) * in) *
         tr_dtype_size(spec->storage);
}

static tr_status allocate(tr_ctx *ctx, const tr_nn_weight_spec *spec, bool turned, char **out) {
  void *memory;
  size_t bytes = packed_bytes(spec, turned);
  TR_TRY(tr_cpu_alloc(ctx, bytes, &memory));
  tr_ctx_count(ctx, TR_COUNT_ALLOCATION, 0);
  tr_ctx_count_memory(ctx, (int64_t)bytes);
  *out = memory;
  return TR_OK;
}

tr_status tr_cpu_weight_create(tr_ctx *ctx, const tr_nn_weight_spec *spec, void **own) {
  cpu_weight *w = malloc(sizeof *w);
  *own = NULL;
  if (!w) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a weight");
  *w = (cpu_weight){.spec = spec};
  tr_status status = allocate(ctx, spec, false, &w->packed);
  if (status == TR_OK)
    *own = w;
  else
    free(w);
  return status;
}

static void release(tr_ctx *ctx, const tr_nn_weight_spec *spec, bool turned, char *memory) {
  if (!memory) return;
  free(memory);
  tr_ctx_count_memory(ctx, -(int64_t)packed_bytes(spec, turned));
}

void tr_cpu_weight_destroy(tr_ctx *ctx, void *own) {
  cpu_weight *w = own;
  release(ctx, w->spec, false, w->packed);
  release(ctx, w->spec, true, w->turned);
  free(w);
}

/* One of the two is f32 or f64, and they differ: rounded once. */
static void convert(tr_dtype from, tr_dtype to, int64_t n, const void *in, void *out) {
  if (to == TR_F32)
    tr_dtype_to_f32(from, n, in, out);
  else if (to == TR_F64)
    tr_dtype_to_f64(from, n, in, out);
  else if (from == TR_F32)
    tr_dtype_from_f32(to, n, in, out);
  else
    tr_dtype_from_f64(to, n, in, out);
}

/* One row of W in words; halves: room for it in bf16. Values that are f32 are rounded on the way. */
static void pair_values(const layout *l, tr_dtype dtype, const char *from, uint16_t *halves,
                        uint32_t *words) {
  if (dtype == TR_F32) {
    l->halves->pair_row(l->in, (const float *)from, words);
    return;
  }
  if (l->in % 2) halves[l->in] = 0;
  convert(dtype, TR_BF16, l->in, from, halves);
  for (int64_t i = 0; i < tr_cpu_words(l->in); i++)
    words[i] = (uint32_t)halves[2 * i] << 16 | halves[2 * i + 1];
}

/* The panel of outputs from `first` on, in words; rows: room for them, and for one in bf16. */
static void pack_words(const layout *l, cpu_weight *w, const tr_array *values, int64_t first, char *rows) {
  int64_t width = tr_cpu_smaller(l->wide, l->out - first), ld = tr_cpu_padded(width, l->place);
  int64_t words = tr_cpu_words(l->in), row = l->in * (int64_t)tr_dtype_size(values->dtype);
  char *panel = w->packed + first * words * l->place, *halves = rows + l->wide * words * l->place;
  for (int64_t r = 0; r < width; r++)
    pair_values(l, values->dtype, (const char *)values->data + (first + r) * row, (uint16_t *)halves,
                (uint32_t *)rows + r * words);
  if (ld > width) memset(panel, 0, (size_t)(ld * words * l->place));
  l->transpose(width, words, rows, words, panel, ld);
}

/* Room that the panel of one thread takes while it is packed. */
static size_t packing_bytes(const layout *l, bool converts) {
  const int64_t words = tr_cpu_words(l->in) * l->place;
  if (l->halves) return (size_t)((l->wide + 1) * words + 63) / 64 * 64;
  const size_t rows = (size_t)(l->wide * l->in * l->size + 63) / 64 * 64;
  return (converts ? rows : 0) + (l->taps > 1 ? rows : 0);
}

/* The panel of outputs from `first` on; rows: room for its rows in the storage type, for each step that they
 * take. */
static void pack_panel(const layout *l, cpu_weight *w, const tr_array *values, int64_t first, char *rows) {
  int64_t width = tr_cpu_smaller(l->wide, l->out - first), ld = tr_cpu_padded(width, l->place);
  const char *from = (const char *)values->data + first * l->in * (int64_t)tr_dtype_size(values->dtype);
  char *panel = w->packed + first * l->in * l->size;
  if (values->dtype != w->spec->storage) {
    convert(values->dtype, w->spec->storage, width * l->in, from, rows);
    from = rows;
    rows += (l->wide * l->in * l->size + 63) / 64 * 64;
  }
  if (l->taps > 1) {
    channels_inwards(width, l->in / l->taps, l->taps, l->size, from, rows);
    from = rows;
  }
  if (ld > width) memset(panel, 0, (size_t)(ld * l->in * l->size));
  l->transpose(width, l->in, from, l->in, panel, ld);
}

tr_status tr_cpu_weight_set(tr_ctx *ctx, void *own, const tr_array *values) {
  cpu_weight *w = own;
  const layout l = layout_of(ctx, w->spec);
  int threads = tr_ctx_threads(ctx);
  size_t stride = packing_bytes(&l, values->dtype != w->spec->storage);
  void *scratch;
  TR_TRY(tr_cpu_scratch(ctx, (size_t)threads * stride, &scratch));
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t first = 0; first < l.out; first += l.wide) {
    char *rows = stride ? (char *)scratch + (size_t)omp_get_thread_num() * stride : NULL;
    if (l.halves)
      pack_words(&l, w, values, first, rows);
    else
      pack_panel(&l, w, values, first, rows);
  }
  w->stale = true;
  return TR_OK;
}

/* The panel of inputs from `first` on, out of every panel of W. */
static void turn_panel(const layout *l, cpu_weight *w, int64_t first) {
  int64_t width = tr_cpu_smaller(l->wide, l->in - first), ld = tr_cpu_padded(width, l->place);
  char *panel = w->turned + first * l->out * l->size;
  if (ld > width) memset(panel, 0, (size_t)(ld * l->out * l->size));
  for (int64_t row = 0; row < l->out; row += l->wide) {
    int64_t rows = tr_cpu_smaller(l->wide, l->out - row), stride = tr_cpu_padded(rows, l->place);
    const char *from = w->packed + (row * l->in + first * stride) * l->size;
    l->transpose(width, rows, from, stride, panel + row * ld * l->size, ld);
  }
}

/* Two words of W, of neighbouring outputs, are two of W^T, of neighbouring inputs. */
static void turn_words(const layout *l, cpu_weight *w, int64_t first) {
  int64_t width = tr_cpu_smaller(l->wide, l->in - first), ld = tr_cpu_padded(width, l->place);
  uint32_t *panel = (uint32_t *)w->turned + first * tr_cpu_words(l->out);
  if (ld > width) memset(panel, 0, (size_t)(ld * tr_cpu_words(l->out) * l->place));
  for (int64_t row = 0; row < l->out; row += l->wide) {
    int64_t rows = tr_cpu_smaller(l->wide, l->out - row), stride = tr_cpu_padded(rows, l->place);
    const uint32_t *from = (const uint32_t *)w->packed + row * tr_cpu_words(l->in) + first / 2 * stride;
    for (int64_t o = 0; o < rows; o += 2) {
      uint32_t *to = panel + (row + o) / 2 * ld;
      for (int64_t i = 0; i < tr_cpu_words(width); i++) {
        const uint32_t a = from[i * stride + o], b = from[i * stride + o + 1];
        to[2 * i] = (a & 0xFFFF0000U) | b >> 16;
        to[2 * i + 1] = a << 16 | (b & 0xFFFFU);
      }
    }
  }
}

static tr_status turn(tr_ctx *ctx, cpu_weight *w) {
  const layout l = layout_of(ctx, w->spec);
  if (!w->turned)
    TR_TRY(allocate(ctx, w->spec, true, &w->turned));
  else if (!w->stale)
    return TR_OK;
#pragma omp parallel for num_threads(tr_ctx_threads(ctx)) schedule(static)
  for (int64_t first = 0; first < l.in; first += l.wide) {
    if (l.halves)
      turn_words(&l, w, first);
    else
      turn_panel(&l, w, first);
  }
  w->stale = false;
  return TR_OK;
}

tr_status tr_cpu_weight_panels(tr_ctx *ctx, const tr_nn_weight *weight, bool transposed, const char **out) {
  cpu_weight *w = weight->own;
  if (transposed) TR_TRY(turn(ctx, w));
  *out = transposed ? w->turned : w->packed;
  return TR_OK;
}
