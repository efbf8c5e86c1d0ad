/* What SigV4 and the binding need of C: hashes of OpenSSL, time as AWS writes it, and files. */
#ifndef OCTAVO_AWS_NATIVE_H
#define OCTAVO_AWS_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/* SHA-256 into 32 bytes of `out`. 0 on failure. */
int32_t aws_sha256(const void *_Nullable bytes, size_t size, uint8_t *out);
/* HMAC-SHA-256 into 32 bytes of `out`. 0 on failure. */
int32_t aws_hmac_sha256(const void *_Nullable key, size_t key_size, const void *_Nullable bytes, size_t size, uint8_t *out);
/* Seconds since 1970 as "20130524T000000Z": 16 bytes of `out`, without a NUL. */
void aws_stamp(int64_t seconds, uint8_t *out);

/*
 * Reads a regular file of at most `limit` bytes. 0, or an errno; EFBIG when it is longer. `*bytes` is the caller's, who
 * frees it with `free`; NULL when the file is empty.
 */
int32_t aws_read_file(const char *path, size_t limit, uint8_t *_Nullable *_Nonnull bytes, size_t *size);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
