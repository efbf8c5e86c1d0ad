#define _GNU_SOURCE
#define CURL_DISABLE_TYPECHECK
#include "ccurl.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int32_t is_ready;

static void prepare(void) {
    Dl_info info;
    void *found = dlsym(RTLD_DEFAULT, "curl_global_init");
    /* The symbol is not found by that name when the library was opened for one plugin alone: by address, then. */
    if (!found) found = (void *)(uintptr_t)&curl_global_init;
    if (dladdr(found, &info) && info.dli_fname) dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

int32_t ccurl_ready(void) {
    pthread_once(&once, prepare);
    return is_ready;
}

CURLcode ccurl_set_long(CURL *easy, CURLoption option, int64_t value) { return curl_easy_setopt(easy, option, (long)value); }

CURLcode ccurl_set_large(CURL *easy, CURLoption option, int64_t value) {
    return curl_easy_setopt(easy, option, (curl_off_t)value);
}

CURLcode ccurl_set_text(CURL *easy, CURLoption option, const char *text) { return curl_easy_setopt(easy, option, text); }

CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *pointer) { return curl_easy_setopt(easy, option, pointer); }

CURLcode ccurl_set_blob(CURL *easy, CURLoption option, const void *bytes, size_t size) {
    struct curl_blob blob = {(void *)(uintptr_t)bytes, size, CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob);
}

CURLcode ccurl_set_functions(CURL *easy, ccurl_bytes_fn body, ccurl_bytes_fn head, ccurl_bytes_fn upload, ccurl_seek_fn seek,
                             void *argument) {
    CURLcode code = CURLE_OK;
#define SET(option, value) \
    if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value)
    SET(CURLOPT_WRITEFUNCTION, body);
    SET(CURLOPT_WRITEDATA, argument);
    SET(CURLOPT_HEADERFUNCTION, head);
    SET(CURLOPT_HEADERDATA, argument);
    SET(CURLOPT_READFUNCTION, upload);
    SET(CURLOPT_READDATA, argument);
    SET(CURLOPT_SEEKFUNCTION, seek);
    SET(CURLOPT_SEEKDATA, argument);
#undef SET
    return code;
}

int64_t ccurl_get_long(CURL *easy, CURLINFO information) {
    long value = 0;
    return curl_easy_getinfo(easy, information, &value) == CURLE_OK ? value : 0;
}

CURLMcode ccurl_multi_set_functions(CURLM *multi, ccurl_socket_fn socket, ccurl_timer_fn timer, void *argument) {
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket);
    if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, argument);
    if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer);
    return code == CURLM_OK ? curl_multi_setopt(multi, CURLMOPT_TIMERDATA, argument) : code;
}

CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, int64_t value) {
    return curl_multi_setopt(multi, option, (long)value);
}

CURL *ccurl_multi_next(CURLM *multi, CURLcode *result) {
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}
