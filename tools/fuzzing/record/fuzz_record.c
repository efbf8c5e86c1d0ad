/* The file that the flight recorder of a dead runtime has left: a good one, with the input written over parts of it. */
#include <stdlib.h>
#include <string.h>

#include "../../../Sources/COctavoHost/recorder.h"

static void make(octavo_recorder *it) {
    memset(it, 0, OCTAVO_RECORDER_SIZE);
    it->magic = OCTAVO_RECORDER_MAGIC;
    it->version = OCTAVO_RECORDER_VERSION;
    it->size = OCTAVO_RECORDER_SIZE;
    it->pid = 1;
    it->box.written = 1;
    it->box.frame_count = it->box.module_count = 2;
    strcpy(recorded_plugins(it)->id, "redis");
    recorded_plugins(it)->generation = 1;
    recorded_instances(it)->plugin = 1;
}

/* All that is read of a good one; the sums keep the reads. */
static size_t read_all(const octavo_recorder *it) {
    size_t sum = strlen(it->boot) + strlen(it->runtime) + strlen(it->box.thread_name);
    uint32_t i;
    if (it->box.frame_count > OCTAVO_BLACK_BOX_FRAMES || it->box.module_count > OCTAVO_BLACK_BOX_MODULES) abort();
    for (i = 0; i < it->box.frame_count; i++) sum += it->box.frames[i];
    for (i = 0; i < it->box.module_count; i++) sum += strlen(it->box.modules[i].path);
    for (i = 0; i < OCTAVO_RECORDER_INSTANCES + 2; i++) {
        const octavo_recorded_instance *instance = octavo_recorder_instance(it, i);
        const octavo_recorded_plugin *plugin = instance ? octavo_recorder_plugin(it, instance->plugin) : NULL;
        if (instance) sum += strlen(instance->component);
        if (!plugin) continue;
        if (strchr(plugin->id, '/') || !plugin->id[0]) abort();
        sum += strlen(plugin->version) + strlen(plugin->build) + strlen(plugin->path);
    }
    return sum;
}

size_t kept;

/* Pieces: two bytes of place in units of 8, one of length in units of 4, bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    octavo_recorder *it = malloc(OCTAVO_RECORDER_SIZE);
    if (!it) return 0;
    make(it);
    while (size > 3) {
        size_t at = ((size_t)data[0] << 8 | data[1]) * 8 % OCTAVO_RECORDER_SIZE, length = data[2] * 4u;
        data += 3, size -= 3;
        if (length > size) length = size;
        if (length > OCTAVO_RECORDER_SIZE - at) length = OCTAVO_RECORDER_SIZE - at;
        memcpy((uint8_t *)it + at, data, length);
        data += length, size -= length;
    }
    if (octavo_recorder_check(it, OCTAVO_RECORDER_SIZE) == OCTAVO_RECORDER_GOOD) kept = read_all(it);
    free(it);
    return 0;
}
