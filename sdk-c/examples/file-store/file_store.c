/* state.file: each key is a file, named by the key in hexadecimal. The first eight bytes are its version. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <octavo/octavo.h>

#define TEXT(literal) {literal, sizeof(literal) - 1}
#define MAX_KEY 100 /* two digits a byte must fit a file name */

static const octavo_host *host;

typedef struct store {
    char folder[PATH_MAX - 256];
} store;

typedef struct item {
    uint64_t version; /* 0: there is no such key */
    uint8_t *value;
    uint64_t size;
} item;

static void fail(octavo_call call, int32_t code, const char *reason, const char *what) {
    char message[256];
    snprintf(message, sizeof message, "%s: %s", what, strerror(errno));
    octavo_fail(host, call, code, reason, octavo_text(errno ? message : what));
}

/* 0, or -1 when the key is too long to be a file name. */
static int path_of(const store *self, octavo_str key, char *path, size_t size) {
    size_t i, at = (size_t)snprintf(path, size, "%s/", self->folder);
    if (key.size > MAX_KEY || at + key.size * 2 + 5 > size) return -1;
    for (i = 0; i < key.size; i++) at += (size_t)snprintf(path + at, size - at, "%02x", (uint8_t)key.data[i]);
    return 0;
}

/* 0 (also when there is no such key), or -1 with errno. */
static int load(const char *path, item *out) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    memset(out, 0, sizeof *out);
    if (file < 0) return errno == ENOENT ? 0 : -1;
    if (fstat(file, &status) || status.st_size < 8) goto bad;
    out->size = (uint64_t)status.st_size - 8;
    out->value = malloc(out->size ? out->size : 1);
    if (!out->value || read(file, &out->version, 8) != 8 ||
        read(file, out->value, out->size) != (ssize_t)out->size) goto bad;
    close(file);
    return 0;
bad:
    free(out->value);
    close(file);
    return -1;
}

/* Whole or not at all: written beside, made durable, then renamed over. */
static int save(const char *path, uint64_t version, octavo_bytes value) {
    char beside[PATH_MAX + 8];
    int file, failed;
    snprintf(beside, sizeof beside, "%s.new", path);
    file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    failed = write(file, &version, 8) != 8 || write(file, value.data, value.size) != (ssize_t)value.size || fsync(file);
    if (close(file) || failed || rename(beside, path)) {
        unlink(beside);
        return -1;
    }
    return 0;
}

static octavo_str etag_text(uint64_t version, char *buffer, size_t size) {
    octavo_str etag = {buffer, (uint64_t)snprintf(buffer, size, "%" PRIu64, version)};
    return etag;
}

static void get(void *self, octavo_call call, const octavo_state_get_request *request) {
    octavo_state_get_reply reply = {.size = sizeof reply};
    char path[PATH_MAX], etag[24];
    item found;
    errno = 0;
    if (path_of(self, request->key, path, sizeof path)) {
        fail(call, OCTAVO_CODE_INVALID_ARGUMENT, NULL, "the key is longer than 100 bytes");
        return;
    }
    if (load(path, &found)) {
        fail(call, OCTAVO_CODE_INTERNAL, NULL, "the file of the key can't be read");
        return;
    }
    if (found.version) {
        reply.flags = OCTAVO_STATE_FOUND;
        reply.value = (octavo_bytes){found.value, found.size};
        reply.etag = etag_text(found.version, etag, sizeof etag);
    }
    octavo_reply_state_get(host, call, &reply); /* copied before it returns */
    free(found.value);
}

static void write_item(void *self, octavo_call call, const octavo_state_write_request *request) {
    const octavo_state_write *write = &request->write;
    char path[PATH_MAX], etag[24];
    octavo_str now;
    item found;
    errno = 0;
    if (path_of(self, write->key, path, sizeof path)) {
        fail(call, OCTAVO_CODE_INVALID_ARGUMENT, NULL, "the key is longer than 100 bytes");
        return;
    }
    if (load(path, &found)) {
        fail(call, OCTAVO_CODE_INTERNAL, NULL, "the file of the key can't be read");
        return;
    }
    free(found.value);
    now = etag_text(found.version, etag, sizeof etag);
    errno = 0;
    if (write->etag.data ? !found.version || write->etag.size != now.size || memcmp(write->etag.data, now.data, now.size)
                         : write->concurrency == OCTAVO_CONCURRENCY_FIRST_WRITE && found.version &&
                               write->operation == OCTAVO_STATE_SET) {
        fail(call, OCTAVO_CODE_ABORTED, OCTAVO_REASON_ETAG_MISMATCH, "somebody else has written the key; read it again");
    } else if (write->operation == OCTAVO_STATE_REMOVE) {
        if (unlink(path) && errno != ENOENT) fail(call, OCTAVO_CODE_INTERNAL, NULL, "the file of the key can't be removed");
        else octavo_done(host, call);
    } else if (save(path, found.version + 1, write->value)) {
        fail(call, OCTAVO_CODE_INTERNAL, NULL, "the file of the key can't be written");
    } else {
        octavo_reply_state_write(host, call, etag_text(found.version + 1, etag, sizeof etag));
    }
}

static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
    const octavo_value *folder = octavo_list_at(config->values, 0);
    octavo_str text = config->values.count && folder->text.size ? folder->text : config->data_dir;
    store *made = calloc(1, sizeof *made);
    (void)instance;
    errno = 0;
    if (!made || text.size >= sizeof made->folder) {
        free(made);
        fail(call, OCTAVO_CODE_INVALID_ARGUMENT, NULL, "the folder's name is too long");
        return OCTAVO_FAILED;
    }
    memcpy(made->folder, text.data, text.size);
    *self = made;
    return OCTAVO_OK;
}

static void start(void *self, octavo_call call, const octavo_life_request *request) {
    store *files = self;
    (void)request;
    errno = 0;
    if (mkdir(files->folder, 0700) && errno != EEXIST) fail(call, OCTAVO_CODE_UNAVAILABLE, NULL, files->folder);
    else octavo_done(host, call);
}

static void destroy(void *self) { free(self); }

static const octavo_field fields[] = {{
    .name = TEXT("folder"),
    .type = OCTAVO_FIELD_STRING,
    .default_text = TEXT(""),
    .description = TEXT("Where the files are; the component's own data folder when it is empty."),
}};
static const octavo_schema schema = {
    .size = sizeof schema,
    .title = TEXT("Files"),
    .description = TEXT("Keeps each key in a file of its own."),
    .maturity = TEXT("alpha"),
    .fields = {fields, 1, sizeof fields[0]},
};
static const octavo_life life = {.size = sizeof life, .create = create, .start = start, .destroy = destroy};
static const octavo_state_ops ops = {.size = sizeof ops, .get = get, .set = write_item, .remove = write_item};
static const octavo_type type = {
    .size = sizeof type,
    .kind = OCTAVO_KIND_STATE,
    .execution = OCTAVO_EXECUTION_BLOCKING,
    .workers = 1,
    .features = OCTAVO_STATE_ETAG,
    .name = TEXT("state.file"),
    .version = TEXT("v1"),
    .schema = &schema,
    .life = &life,
    .ops = &ops,
};
static const octavo_type *const types[] = {&type};

static int32_t plugin_start(const octavo_host *given, octavo_call call) {
    (void)call;
    host = given;
    return OCTAVO_OK;
}

static const octavo_plugin plugin = {
    .size = sizeof plugin,
    .flags = OCTAVO_PLUGIN_UNLOADABLE,
    .abi_minor = OCTAVO_ABI_MINOR,
    .id = TEXT("file-store"),
    .version = TEXT("1.0.0"),
    .vendor = TEXT("Octavo"),
    .description = TEXT("An example: a state store of files."),
    .types = types,
    .type_count = 1,
    .start = plugin_start,
};

OCTAVO_EXPORT const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }

OCTAVO_NOTE("file-store", "1.0.0", 1u << OCTAVO_KIND_STATE, OCTAVO_PLUGIN_UNLOADABLE, "state.file");
