# Writes the bytes of the file IN as numbers separated by commas, for an array of C, into OUT.
file(READ ${IN} text HEX)
string(REGEX REPLACE "(..)" "0x\\1,\n" bytes "${text}")
file(WRITE ${OUT} "${bytes}")
