/* The C side of the crypto plugin: files. Any thread. */
#ifndef OCTAVO_CRYPTO_NATIVE_H
#define OCTAVO_CRYPTO_NATIVE_H

#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/*
 * Opens a regular file of a folder for reading, never one outside of it, whatever `name` and links in the folder
 * say. -1 and errno on failure; EXDEV when the name leads outside.
 */
int32_t crypto_open_beneath(const char *folder, const char *name);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
