/*
 * libcurl in a form that Swift can say: its functions with variable arguments as one function a type.
 * Everything else of libcurl can be called as it is.
 */
#ifndef OCTAVO_CCURL_H
#define OCTAVO_CCURL_H

/* As PluginKit has it: the system's types must be the same in both modules. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/*
 * To be called before anything else of libcurl, as often as one likes, from any thread. It keeps libcurl in the
 * process for ever: a thread of its own that still asks for a name may outlive the plugin. 0 on failure.
 */
int32_t ccurl_ready(void);

CURLcode ccurl_set_long(CURL *easy, CURLoption option, int64_t value);
/* Of the options whose name ends with _LARGE. */
CURLcode ccurl_set_large(CURL *easy, CURLoption option, int64_t value);
/* libcurl copies the text. */
CURLcode ccurl_set_text(CURL *easy, CURLoption option, const char *_Nullable text);
/* A list, a handle, a buffer: it stays the caller's. */
CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *_Nullable pointer);
/* libcurl copies the bytes. */
CURLcode ccurl_set_blob(CURL *easy, CURLoption option, const void *bytes, size_t size);

typedef size_t (*ccurl_bytes_fn)(char *_Nullable bytes, size_t size, size_t count, void *_Nullable argument);
typedef int (*ccurl_seek_fn)(void *_Nullable argument, curl_off_t offset, int origin);
/* What comes, each line of the head, what is to be sent, and sending it again from the start. */
CURLcode ccurl_set_functions(CURL *easy, ccurl_bytes_fn body, ccurl_bytes_fn head, ccurl_bytes_fn upload, ccurl_seek_fn seek,
                             void *argument);

/* 0 when it is not known. */
int64_t ccurl_get_long(CURL *easy, CURLINFO information);

typedef int (*ccurl_socket_fn)(CURL *easy, curl_socket_t socket, int what, void *_Nullable argument, void *_Nullable own);
typedef int (*ccurl_timer_fn)(CURLM *multi, long milliseconds, void *_Nullable argument);
CURLMcode ccurl_multi_set_functions(CURLM *multi, ccurl_socket_fn socket, ccurl_timer_fn timer, void *argument);
CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, int64_t value);

/* A handle whose transfer has ended, NULL when there is none. */
CURL *_Nullable ccurl_multi_next(CURLM *multi, CURLcode *result);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
