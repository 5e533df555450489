/* GIFs, read by a decoder of their own here: greys and few colours as they are, in grids and frames; many
 * colours by 256 that are near; long strings of codes; times; sizes that no GIF has. */
#include <stdlib.h>

#include "core/io/image/gif.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static tr_ctx *ctx;
static const tr_gif_timing timing = {0.06, 1.5};

/* ---- a decoder ---- */

typedef struct {
  int width, height, frames, colours;
  int delay[64]; /* hundredths */
  uint8_t *rgb;  /* (frames, height, width, 3) */
  bool loops, ok;
} decoded;

typedef struct {
  const unsigned char *at, *end;
  unsigned bits;
  int n_bits, left; /* bytes left in the block */
} reader;

static int byte_of(reader *r) {
  return r->at < r->end ? *r->at++ : -1;
}

static int word_of(reader *r) {
  const int low = byte_of(r), high = byte_of(r);
  return low | high << 8;
}

static int code_of(reader *r, int width) {
  while (r->n_bits < width) {
    if (r->left == 0 && (r->left = byte_of(r)) <= 0) return -1;
    r->bits |= (unsigned)byte_of(r) << r->n_bits;
    r->n_bits += 8;
    r->left--;
  }
  const int code = (int)(r->bits & ((1u << width) - 1));
  r->bits >>= width;
  r->n_bits -= width;
  return code;
}

/* Pixels of one picture; returns how many. */
static int64_t unpack(reader *r, int least, uint8_t *out, int64_t room) {
  static uint8_t last[4096];
  static int prefix[4096], length[4096];
  const int clear = 1 << least;
  int width = least + 1, next = clear + 2, before = -1;
  int64_t n = 0;
  for (int i = 0; i < clear; i++) last[i] = (uint8_t)i, prefix[i] = -1, length[i] = 1;
  for (int code; (code = code_of(r, width)) >= 0 && code != clear + 1;) {
    if (code == clear) {
      width = least + 1, next = clear + 2, before = -1;
      continue;
    }
    if (code > next || (code == next && before < 0)) return -1;
    if (before >= 0 && next < 4096) {
      int first = code == next ? before : code;
      while (prefix[first] >= 0) first = prefix[first];
      last[next] = last[first], prefix[next] = before, length[next] = length[before] + 1;
      next++;
    }
    const int count = length[code];
    if (n + count > room) return -1;
    for (int c = code, i = count - 1; c >= 0; c = prefix[c], i--) out[n + i] = last[c];
    n += count;
    before = code;
    if (next == 1 << width && width < 12) width++;
  }
  return n;
}

static bool read_frame(reader *r, decoded *d, const unsigned char *colours, uint8_t *pixels) {
  const int64_t room = (int64_t)d->width * d->height;
  if (word_of(r) != 0 || word_of(r) != 0 || word_of(r) != d->width || word_of(r) != d->height ||
      byte_of(r) != 0)
    return false;
  const int least = byte_of(r);
  r->bits = 0, r->n_bits = r->left = 0;
  if (unpack(r, least, pixels, room) != room) return false;
  r->at += r->left;
  if (byte_of(r) != 0) return false;
  uint8_t *to = d->rgb + d->frames++ * room * 3;
  for (int64_t i = 0; i < room; i++) memcpy(to + 3 * i, colours + 3 * pixels[i], 3);
  return true;
}

static bool read_extension(reader *r, decoded *d) {
  const int label = byte_of(r);
  if (label == 0xff) d->loops = memcmp(r->at + 1, "NETSCAPE2.0\3\1\0\0", 15) == 0;
  if (label == 0xf9) d->delay[d->frames] = r->at[2] | r->at[3] << 8;
  for (int n; (n = byte_of(r)) > 0;) r->at += n;
  return true;
}

static decoded decode(const char *path) {
  size_t size;
  unsigned char *bytes = read_whole(path, &size);
  decoded d = {0};
  reader r = {bytes + 6, bytes + size, 0, 0, 0};
  d.width = word_of(&r), d.height = word_of(&r);
  d.colours = 2 << (byte_of(&r) & 7);
  r.at += 2;
  const unsigned char *colours = r.at;
  r.at += 3 * d.colours;
  uint8_t *pixels = malloc((size_t)d.width * d.height);
  d.rgb = malloc((size_t)64 * 3 * d.width * d.height);
  d.ok = memcmp(bytes, "GIF89a", 6) == 0;
  for (int kind; d.ok && (kind = byte_of(&r)) != 0x3b;)
    d.ok = kind == 0x21 ? read_extension(&r, &d) : kind == 0x2c ? read_frame(&r, &d, colours, pixels) : false;
  CHECK(d.ok && r.at == r.end);
  free(pixels);
  free(bytes);
  return d;
}

/* ---- the tests ---- */

/* The largest difference of a level between the pixels of the first tile and those of image `number`. */
static int worst_in_tile(const decoded *d, int frame, int scale, int64_t h, int64_t w, int channels,
                         const uint8_t *image) {
  int worst = 0;
  for (int64_t y = 0; y < h * scale; y++)
    for (int64_t x = 0; x < w * scale; x++)
      for (int k = 0; k < 3; k++) {
        const uint8_t *pixel = d->rgb + (((int64_t)frame * d->height + y + 2) * d->width + x + 2) * 3;
        const int want = image[(y / scale * w + x / scale) * channels + (channels == 3 ? k : 0)];
        worst = abs(pixel[k] - want) > worst ? abs(pixel[k] - want) : worst;
      }
  return worst;
}

static void greys(void) {
  enum { FRAMES = 5, N = 3, H = 8, W = 6 };
  uint8_t images[FRAMES * N * H * W];
  for (size_t i = 0; i < sizeof images; i++) images[i] = (uint8_t)(i * 37 + i / 91);
  CHECK_OK(ctx, tr_gif_grid(ctx, scratch("grey.gif"), &(tr_png_layout){2, 4}, &timing, FRAMES, N, H, W, 1,
                            images));
  decoded d = decode(scratch("grey.gif"));
  CHECK(d.width == 2 * (4 * W + 2) + 2 && d.height == 2 * (4 * H + 2) + 2 && d.frames == FRAMES && d.loops);
  for (int f = 0; f < d.frames; f++) {
    CHECK(worst_in_tile(&d, f, 4, H, W, 1, images + f * N * H * W) == 0);
    CHECK(d.delay[f] == (f == FRAMES - 1 ? 150 : 6));
  }
  for (int k = 0; k < 3; k++) CHECK(d.rgb[k] == 96); /* the border */
  free(d.rgb);
}

static void few_colours(void) {
  enum { H = 40, W = 50 };
  static uint8_t image[H * W * 3];
  for (int i = 0; i < H * W; i++)
    for (int k = 0; k < 3; k++) image[3 * i + k] = (uint8_t)((i % 15 * (k + 3) * 7 + i / 500 * k) % 256);
  CHECK_OK(ctx, tr_gif_grid(ctx, scratch("few.gif"), &(tr_png_layout){1, 1}, &timing, 1, 1, H, W, 3, image));
  decoded d = decode(scratch("few.gif"));
  CHECK(d.frames == 1 && d.colours <= 64 && worst_in_tile(&d, 0, 1, H, W, 3, image) == 0);
  free(d.rgb);
}

/* A cube of colours: nearer than an even choice of 256 comes, 8 x 8 x 4 levels. */
static void many_colours(void) {
  enum { SIDE = 256 };
  uint8_t *image = malloc(3 * SIDE * SIDE);
  double squares = 0;
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      uint8_t *p = image + 3 * (y * SIDE + x);
      p[0] = (uint8_t)x, p[1] = (uint8_t)y, p[2] = (uint8_t)((x + y) / 2);
    }
  CHECK_OK(ctx, tr_gif_grid(ctx, scratch("many.gif"), &(tr_png_layout){1, 1}, &timing, 1, 1, SIDE, SIDE, 3,
                            image));
  decoded d = decode(scratch("many.gif"));
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      for (int k = 0; k < 3; k++) {
        const double off = d.rgb[((y + 2) * d.width + x + 2) * 3 + k] - image[3 * (y * SIDE + x) + k];
        squares += off * off;
      }
  const double rms = sqrt(squares / (3 * SIDE * SIDE));
  printf("a plane of 65536 colours by 256: rms %.3g levels\n", rms);
  CHECK(d.colours == 256 && rms < 6);
  free(d.rgb);
  free(image);
}

/* Noise, whose codes fill the table again and again, and one colour, whose strings grow long. */
static void long_codes(void) {
  enum { H = 200, W = 300 };
  uint8_t *image = malloc(2 * H * W);
  uint32_t state = 1;
  for (int i = 0; i < 2 * H * W; i++) {
    state = state * 1664525u + 1013904223u;
    image[i] = i < H * W ? (uint8_t)(state >> 24) : 7;
  }
  CHECK_OK(ctx, tr_gif_grid(ctx, scratch("long.gif"), &(tr_png_layout){1, 1}, &timing, 2, 1, H, W, 1, image));
  decoded d = decode(scratch("long.gif"));
  for (int f = 0; f < 2; f++)
    CHECK(d.frames == 2 && worst_in_tile(&d, f, 1, H, W, 1, image + f * H * W) == 0);
  free(d.rgb);
  const uint8_t black = 0; /* two colours, its own and that of the border */
  CHECK_OK(ctx, tr_gif_grid(ctx, scratch("one.gif"), &(tr_png_layout){1, 1}, &timing, 1, 1, 1, 1, 1, &black));
  d = decode(scratch("one.gif"));
  CHECK(d.frames == 1 && d.colours == 2 && worst_in_tile(&d, 0, 1, 1, 1, 1, &black) == 0);
  free(d.rgb);
  free(image);
}

static void refused(void) {
  const uint8_t image[16] = {0};
  const char *path = scratch("no.gif");
  CHECK_ERROR(ctx, tr_gif_grid(ctx, path, NULL, &timing, 0, 1, 4, 4, 1, image), TR_E_ARG, "0 frames");
  CHECK_ERROR(ctx, tr_gif_grid(ctx, path, NULL, &timing, 1, 0, 4, 4, 1, image), TR_E_ARG, "grid of 0 images");
  CHECK_ERROR(ctx, tr_gif_grid(ctx, path, NULL, &timing, 1, 1, 4, 2, 2, image), TR_E_SHAPE, "2 channels");
  CHECK_ERROR(ctx, tr_gif_grid(ctx, path, &(tr_png_layout){1, 20000}, &timing, 1, 1, 4, 4, 1, image),
              TR_E_SHAPE, "a GIF of 80004 x 80004 pixels");
  CHECK_ERROR(ctx, tr_gif_grid(ctx, path, NULL, &(tr_gif_timing){0, 1}, 1, 1, 4, 4, 1, image), TR_E_ARG,
              "use 0.02 to 655");
  CHECK_ERROR(ctx, tr_gif_grid(ctx, "/no/such/folder/x.gif", NULL, &timing, 1, 1, 4, 4, 1, image), TR_E_IO,
              "");
  FILE *file = fopen(path, "rb");
  CHECK(file == NULL);
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  greys();
  few_colours();
  many_colours();
  long_codes();
  refused();
  tr_ctx_close(&ctx);
  return check_report();
}
