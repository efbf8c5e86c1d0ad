/* The file of a flight recorder whose process is dead: bytes from outside, of which nothing is taken for granted. */
#include <string.h>

#include "recorder.h"

/* It ends, and holds nothing that a terminal would obey. */
static int is_text(const char *text, size_t room) {
    size_t i;
    for (i = 0; i < room && text[i]; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) return 0;
    return i < room;
}
#define IS_TEXT(member) is_text(member, sizeof member)

static int check_box(const octavo_black_box *box) {
    uint32_t i;
    if (box->written > 1 || box->frame_count > OCTAVO_BLACK_BOX_FRAMES || box->module_count > OCTAVO_BLACK_BOX_MODULES ||
        box->signal < 0 || box->signal > 64 || box->is_inside > 1 || box->has_call > 1 || box->kind > OCTAVO_BUSY_CONTROL)
        return OCTAVO_RECORDER_COUNT;
    if (!IS_TEXT(box->thread_name)) return OCTAVO_RECORDER_TEXT;
    for (i = 0; i < box->module_count; i++)
        if (!IS_TEXT(box->modules[i].path)) return OCTAVO_RECORDER_TEXT;
    return OCTAVO_RECORDER_GOOD;
}

int octavo_recorder_check(const void *copy, uint64_t size) {
    const octavo_recorder *it = copy;
    uint32_t i;
    int fault;
    if (size < sizeof *it) return OCTAVO_RECORDER_SHORT;
    if (it->magic != OCTAVO_RECORDER_MAGIC) return OCTAVO_RECORDER_FOREIGN;
    if (it->version != OCTAVO_RECORDER_VERSION) return OCTAVO_RECORDER_OTHER;
    if (size != OCTAVO_RECORDER_SIZE || it->size != size) return OCTAVO_RECORDER_SHORT;
    if (it->pid <= 0 || it->started_ns < 0 || it->box.time_ns < 0) return OCTAVO_RECORDER_COUNT;
    if (!IS_TEXT(it->boot) || !IS_TEXT(it->runtime)) return OCTAVO_RECORDER_TEXT;
    fault = check_box(&it->box);
    for (i = 0; i < OCTAVO_RECORDER_PLUGINS && !fault; i++) {
        const octavo_recorded_plugin *plugin = &recorded_plugins(it)[i];
        if (!plugin->generation) continue;
        if (plugin->generation > 1u << 30) fault = OCTAVO_RECORDER_COUNT;
        /* The id becomes part of a file's name. */
        else if (!IS_TEXT(plugin->id) || !plugin->id[0] || plugin->id[0] == '.' || strchr(plugin->id, '/') || !IS_TEXT(plugin->version) ||
                 !IS_TEXT(plugin->build) || !IS_TEXT(plugin->path))
            fault = OCTAVO_RECORDER_TEXT;
    }
    for (i = 0; i < OCTAVO_RECORDER_INSTANCES && !fault; i++) {
        const octavo_recorded_instance *instance = &recorded_instances(it)[i];
        if (instance->plugin > OCTAVO_RECORDER_PLUGINS) fault = OCTAVO_RECORDER_COUNT;
        else if (instance->plugin && !IS_TEXT(instance->component)) fault = OCTAVO_RECORDER_TEXT;
    }
    return fault;
}

const octavo_recorded_plugin *octavo_recorder_plugin(const octavo_recorder *it, uint32_t number) {
    const octavo_recorded_plugin *plugin = number && number <= OCTAVO_RECORDER_PLUGINS ? &recorded_plugins(it)[number - 1] : NULL;
    return plugin && __atomic_load_n(&plugin->generation, __ATOMIC_ACQUIRE) ? plugin : NULL;
}

const octavo_recorded_instance *octavo_recorder_instance(const octavo_recorder *it, uint32_t number) {
    const octavo_recorded_instance *instance =
        number && number <= OCTAVO_RECORDER_INSTANCES ? &recorded_instances(it)[number - 1] : NULL;
    return instance && __atomic_load_n(&instance->plugin, __ATOMIC_ACQUIRE) ? instance : NULL;
}
