/* What the files of the autoencoder share. */
#ifndef TR_NETS_VAE_VAE_PRIVATE_H
#define TR_NETS_VAE_VAE_PRIVATE_H

#include "core/io/file.h"
#include "nets/network.h"
#include "nets/vae/vae.h"

#define TR_VAE_NORM_EPS 1e-6
#define TR_VAE_SCALING  0.18215 /* where no config tells another */

enum { TR_VAE_CHANNELS_MOST = 65536 }; /* of any of its arrays */

typedef struct {
  int levels, widths[TR_VAE_LEVELS];
  int layers;   /* residual blocks of a level of the encoder; the decoder has one more */
  int channels; /* of pictures */
  int latent_channels;
  int groups;            /* of a norm; 0: not known */
  int attention;         /* whether the middle has it */
  int quant, post_quant; /* whether there are convolutions of 1 x 1 around the latents */
  int encoder, decoder;  /* whether there is this half */
} tr_vae_config;

extern const tr_net_type tr_net_vae;

/* ---- the layer table, units.c ---- */

/* The steps that a half is made of, in the order in which they run. Their tensors are parts of them, of the
 * names below. */
typedef enum {
  TR_VAE_CONV,      /* a convolution that keeps the size */
  TR_VAE_RESNET,    /* x + conv2(silu(norm2(conv1(silu(norm1(x)))))), with x through conv_shortcut where the
                       channels differ */
  TR_VAE_ATTENTION, /* x + to_out(attention(to_q, to_k, to_v of norm(x))), of one head over all pixels */
  TR_VAE_DOWN,      /* half the size: a convolution of stride 2, zeros on the right and below */
  TR_VAE_UP,        /* twice the size: nearest pixels, then a convolution */
  TR_VAE_LAST       /* conv_out(silu(conv_norm_out(x))) */
} tr_vae_unit_kind;

typedef struct {
  tr_vae_unit_kind kind;
  char name[48];
  int in, out; /* channels */
  int side;    /* of a convolution's kernel */
  int entry;   /* its first one in the list of entries */
} tr_vae_unit;

enum { TR_VAE_LAYERS_MOST = 16, TR_VAE_UNITS = 2 * (TR_VAE_LEVELS * (TR_VAE_LAYERS_MOST + 2) + 6) };
typedef struct {
  int n, encoder; /* of all units, and of the encoder, which come first */
  int entries;
  tr_vae_unit unit[TR_VAE_UNITS];
} tr_vae_plan;
void tr_vae_make_plan(const tr_vae_config *c, tr_vae_plan *out);
bool tr_vae_entry(const void *sizes, int i, tr_net_entry *out);

/* Places of a unit's entries, from its first one on. A norm is two tables, gamma and beta. */
enum { TR_VAE_NORM1, TR_VAE_CONV1 = 2, TR_VAE_NORM2, TR_VAE_CONV2 = 5, TR_VAE_SHORTCUT };
enum { TR_VAE_Q = 2, TR_VAE_K, TR_VAE_V, TR_VAE_TO_OUT };
enum { TR_VAE_CONV_OUT = 2 };

/* ---- config.json, config.c ---- */

typedef struct {
  tr_vae_config sizes; /* with both halves */
  int sample_size;
  double scaling, shift;
} tr_vae_settings;
tr_status tr_vae_parse_config(tr_ctx *ctx, const tr_file_map *map, tr_vae_settings *out);
tr_status tr_vae_read_config(tr_ctx *ctx, const char *path, tr_vae_settings *out);

/* ---- forward, forward.c ---- */

/* Activations, as large as any call has needed them so far. What a unit is given, what it gives or has
 * within, and what is small or rare change places among the first three. */
enum {
  TR_VAE_FIRST,
  TR_VAE_SECOND,
  TR_VAE_THIRD,
  TR_VAE_AFFINE, /* of a norm */
  TR_VAE_SLOTS
};
typedef struct {
  tr_vae_plan plan;
  tr_array *slot[TR_VAE_SLOTS];
} tr_vae_work;
tr_status tr_vae_open_work(tr_net *net);
void tr_vae_close_work(tr_net *net);

/* y (N, C', H', W') of x (N, C, H, W) by one half. */
tr_status tr_vae_run(tr_net *net, bool encoder, const tr_array *x, tr_array *y);
/* The extent behind a half. */
int64_t tr_vae_extent(const tr_vae_config *c, bool encoder, int64_t extent);

/* ---- tiles.c ---- */

/* The same in diffusers' tiles, of so many pixels along a side; whether there are any. */
bool tr_vae_is_tiled(const tr_vae_config *c, int sample_size, bool encoder, const tr_array *x);
tr_status tr_vae_run_tiles(tr_net *net, int sample_size, bool encoder, const tr_array *x, tr_array *y);

#endif
