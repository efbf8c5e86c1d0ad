/* The C side of the mqtt plugin: a stream to a server, with TLS or without. */
#ifndef OCTAVO_MQTT_NATIVE_H
#define OCTAVO_MQTT_NATIVE_H

#include <plugin_tls.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

typedef struct mqtt_stream mqtt_stream;

/* What reading and writing answer when no byte was moved. */
#define MQTT_LATER (-1)  /* not now: wait for the descriptor */
#define MQTT_FAILED (-2) /* `error` says why */

/*
 * Connects, and shakes hands with `tls` unless it is NULL; blocks for `timeout` milliseconds at most, but for the resolving of the
 * name. NULL on failure, with a phrase in `error`. Reading and writing do not block.
 */
mqtt_stream *_Nullable mqtt_open(const char *host, const char *port, plugin_tls *_Nullable tls, int32_t timeout, char *error, size_t size);
void mqtt_close(mqtt_stream *_Nullable stream);
int32_t mqtt_descriptor(mqtt_stream *stream);
/* Bytes moved, or one of the constants above; the end of the stream is a failure. */
int64_t mqtt_read(mqtt_stream *stream, void *memory, size_t size, char *error, size_t error_size);
int64_t mqtt_write(mqtt_stream *stream, const void *memory, size_t size, char *error, size_t error_size);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
