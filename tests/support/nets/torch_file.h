/* Files in torch.save's older format, written from a line of text, for tests. */
#ifndef TR_TESTS_SUPPORT_NETS_TORCH_FILE_H
#define TR_TESTS_SUPPORT_NETS_TORCH_FILE_H

/* Writes the file. What it holds, without spaces:
 *   {key:value,...}   a dict          [value,...]   a list       #7    an integer       'word'  a text
 *   T3     a tensor (2) of f32: 3 and 3.5           S4    one of i64 without dimensions: 4
 *   E9     a tensor (9, 1000000) of f32 that repeats one number
 *   B5     a tensor (2) of complex numbers           @     a tensor (2) of 8-bit integers
 *   !name  what calling m.name() would give          !name{...}   the same with a state
 *   %5     numpy's integer 5                         ^name  the name m.name
 * Ends the program when it cannot be written. */
void torch_file_write(const char *path, const char *what);

#endif
