/*
 * A whole state store in C: one file a key, in the component's data folder. No etags, so that it stays
 * small; the runtime makes bulk operations out of the single ones.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <octavo/octavo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const octavo_host *host;

typedef struct store {
    char folder[3072];
} store;

/* Ends a call with an error of errno. */
static void fail(octavo_call call, const char *what, const char *path) {
    char message[4096 + 256];
    int size = snprintf(message, sizeof message, "%s %s: %s.", what, path, strerror(errno));
    octavo_fail(host, call, OCTAVO_CODE_UNAVAILABLE, NULL, (octavo_str){message, (uint64_t)size});
}

/* The file of a key. Every byte of the key is two letters, so that no key can leave the folder; 0 when
   the name would be too long for the file system. */
static int path_of(const store *self, octavo_str key, const char *suffix, char path[4096]) {
    size_t at = (size_t)snprintf(path, 4096, "%s/k", self->folder);
    if (key.size > 120) return 0;
    for (uint64_t i = 0; i < key.size; i++) {
        path[at++] = (char)('a' + ((uint8_t)key.data[i] >> 4));
        path[at++] = (char)('a' + ((uint8_t)key.data[i] & 15));
    }
    strcpy(path + at, suffix);
    return 1;
}

static void too_long(octavo_call call) {
    octavo_fail(host, call, OCTAVO_CODE_INVALID_ARGUMENT, NULL, octavo_text("The key is longer than 120 bytes."));
}

static void get(void *self, octavo_call call, const octavo_state_get_request *request) {
    octavo_state_get_reply reply = {.size = sizeof reply};
    octavo_buffer buffer;
    struct stat status;
    char path[4096];
    uint64_t done = 0;
    if (!path_of(self, request->key, "", path)) return too_long(call);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        if (errno != ENOENT) return fail(call, "Can't open", path);
        octavo_reply_state_get(host, call, &reply); /* no FOUND: there is no such key */
        return;
    }
    if (fstat(file, &status)) {
        fail(call, "Can't look at", path);
    } else if (host->reply_buffer(call, (uint64_t)status.st_size, &buffer) != OCTAVO_OK) {
        octavo_fail(host, call, OCTAVO_CODE_RESOURCE_EXHAUSTED, NULL, octavo_text("The value is too large."));
    } else {
        /* Straight into the response: no copy of ours. */
        while (done < buffer.size) {
            ssize_t count = read(file, buffer.data + done, buffer.size - done);
            if (count <= 0) break;
            done += (uint64_t)count;
        }
        reply.flags = OCTAVO_STATE_FOUND;
        reply.value = (octavo_bytes){buffer.data, done};
        octavo_reply_state_get(host, call, &reply);
    }
    close(file);
}

static void set(void *self, octavo_call call, const octavo_state_write_request *request) {
    const octavo_state_write *write_ = &request->write;
    char path[4096], fresh[4096];
    uint64_t done = 0;
    if (!path_of(self, write_->key, "", path)) return too_long(call);
    /* A name of its own for each write: workers may write one key at the same time. */
    char suffix[32];
    snprintf(suffix, sizeof suffix, ".%llx", (unsigned long long)call);
    path_of(self, write_->key, suffix, fresh);
    int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return fail(call, "Can't write", fresh);
    while (done < write_->value.size) {
        ssize_t count = write(file, write_->value.data + done, write_->value.size - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;
        done += (uint64_t)count;
    }
    /* On the disk first, then in place: a crash leaves the old value or the new one. */
    if (done < write_->value.size || fsync(file) || rename(fresh, path)) {
        fail(call, "Can't write", path);
        unlink(fresh);
    } else {
        octavo_reply_state_write(host, call, (octavo_str){NULL, 0});
    }
    close(file);
}

static void remove_key(void *self, octavo_call call, const octavo_state_write_request *request) {
    char path[4096];
    if (!path_of(self, request->write.key, "", path)) return too_long(call);
    if (unlink(path) && errno != ENOENT) return fail(call, "Can't remove", path);
    octavo_reply_state_write(host, call, (octavo_str){NULL, 0});
}

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    store *made = calloc(1, sizeof *made);
    (void)instance;
    if (!made || config->data_dir.size >= sizeof made->folder) {
        free(made);
        octavo_fail(host, call, OCTAVO_CODE_RESOURCE_EXHAUSTED, NULL, octavo_text("No memory, or the data folder's path is too long."));
        return OCTAVO_FAILED;
    }
    memcpy(made->folder, config->data_dir.data, config->data_dir.size);
    *self = made;
    return OCTAVO_OK;
}

static void health(void *self, octavo_call call, const octavo_life_request *request) {
    (void)request;
    if (access(((store *)self)->folder, R_OK | W_OK)) fail(call, "Can't write to", ((store *)self)->folder);
    else octavo_done(host, call);
}

static void destroy(void *self) { free(self); }

static const octavo_state_ops ops = {.size = sizeof ops, .get = get, .set = set, .remove = remove_key};
static const octavo_life life = {.size = sizeof life, .create = create, .health = health, .destroy = destroy};

#define TEXT(literal) {literal, sizeof(literal) - 1}
static const octavo_schema schema = {
    .size = sizeof schema, .title = TEXT("Files"), .description = TEXT("Keeps each value in a file."), .maturity = TEXT("alpha")};
static const octavo_type type = {
    .size = sizeof type, .kind = OCTAVO_KIND_STATE, .execution = OCTAVO_EXECUTION_BLOCKING, .workers = 4,
    .name = TEXT("state.file-store"), .version = TEXT("v1"), .schema = &schema, .life = &life, .ops = &ops};
static const octavo_type *const types[] = {&type};

static int32_t start(const octavo_host *table, octavo_call call) {
    (void)call;
    host = table;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin, .flags = OCTAVO_PLUGIN_UNLOADABLE, .abi_minor = OCTAVO_ABI_MINOR,
    .requires_features = OCTAVO_FEATURE_CALLS, .id = TEXT("file-store"), .version = TEXT("1.0.0"),
    .vendor = TEXT("Octavo"), .description = TEXT("State in plain files, an example in C"), .types = types, .type_count = 1,
    .start = start};

OCTAVO_EXPORT const octavo_plugin *octavo_plugin_v1(void);
const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }

OCTAVO_NOTE("file-store", "1.0.0", 1u << OCTAVO_KIND_STATE, OCTAVO_PLUGIN_UNLOADABLE, "state.file-store");
