/* The pictures of a folder and the classes of its sub-folders. Not for users of the library. */
#ifndef TR_CORE_DATA_LISTING_PRIVATE_H
#define TR_CORE_DATA_LISTING_PRIVATE_H

#include "core/context.h"

typedef struct {
  char *path;    /* from the folder that the user gave */
  size_t folder; /* so much of it is the folder that it lies in */
  int32_t label; /* 0 for files of the folder itself */
  int64_t size;  /* bytes; 0 where it cannot be looked at */
} tr_picture_file;

typedef struct {
  tr_ctx *ctx;
  const char *root; /* borrowed */
  tr_picture_file *list;
  int64_t n, room;
  int64_t n_top, n_inside; /* of them beside the sub-folders and in them */
  char *empty;             /* the first sub-folder without any, or NULL */
  struct tr_listing_notes *notes;
} tr_listing;

/* Lists the pictures of a folder in full depth: what is named .png, .jpg or .jpeg or is one by its content.
 * The class of a sub-folder is its name where that is a number, else its place among the names of all
 * sub-folders sorted as text. Files come sub-folder by sub-folder, in it folder by
 * folder, then by name, as torchvision's ImageFolder has them. What is left out is warned of in one line,
 * counted by kind; names that begin with a dot are not looked at. TR_E_IO: a folder that cannot be listed, no
 * picture at all, pictures beside and in sub-folders, two sub-folders of one class. Close in any case. */
tr_status tr_listing_open(tr_ctx *ctx, const char *root, tr_listing *out);
void tr_listing_close(tr_listing *l);

/* "a/b" of the heap, b alone where a is empty. */
tr_status tr_path_join(tr_ctx *ctx, const char *a, const char *b, char **out);

#endif
