/* Prints what a plugin says of itself. */
#ifndef OCTAVO_PLUGIN_HOST_DESCRIBE_H
#define OCTAVO_PLUGIN_HOST_DESCRIBE_H

/* Loads the file, calls nothing but its entry, and prints its descriptor as JSON on standard output.
   0, or 1 after a sentence on standard error. */
int describe(const char *path);

#endif
