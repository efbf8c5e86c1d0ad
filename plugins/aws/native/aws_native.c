#define _GNU_SOURCE
#include "aws_native.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int32_t aws_sha256(const void *bytes, size_t size, uint8_t *out) {
    return EVP_Digest(size ? bytes : "", size, out, NULL, EVP_sha256(), NULL) == 1;
}

int32_t aws_hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size, uint8_t *out) {
    return HMAC(EVP_sha256(), key_size ? key : "", (int)key_size, size ? bytes : (const void *)"", size, out, NULL) != NULL;
}

void aws_stamp(int64_t seconds, uint8_t *out) {
    time_t time = (time_t)seconds;
    struct tm parts;
    char text[17];
    gmtime_r(&time, &parts);
    if (strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts) != 16) snprintf(text, sizeof text, "00000000T000000Z");
    for (int i = 0; i < 16; i++) out[i] = (uint8_t)text[i];
}

int32_t aws_read_file(const char *path, size_t limit, uint8_t **bytes, size_t *size) {
    *bytes = NULL;
    *size = 0;
    /* A FIFO would keep the thread for ever. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return errno;
    struct stat about;
    int32_t result = 0;
    uint8_t *buffer = NULL;
    size_t done = 0;
    if (fstat(file, &about) != 0) {
        result = errno;
    } else if (S_ISDIR(about.st_mode)) {
        result = EISDIR;
    } else if (!S_ISREG(about.st_mode)) {
        result = EINVAL;
    } else if ((uint64_t)about.st_size > limit) {
        result = EFBIG;
    } else if (about.st_size > 0 && !(buffer = malloc((size_t)about.st_size))) {
        result = ENOMEM;
    } else {
        while (done < (size_t)about.st_size) {
            ssize_t got = read(file, buffer + done, (size_t)about.st_size - done);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) result = errno;
            /* It was made shorter meanwhile. */
            if (got <= 0) break;
            done += (size_t)got;
        }
    }
    close(file);
    if (result != 0 || done == 0) {
        free(buffer);
        return result;
    }
    *bytes = buffer;
    *size = done;
    return 0;
}
