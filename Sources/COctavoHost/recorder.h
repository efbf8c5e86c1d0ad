/* Where the parts of a recorder lie. */
#ifndef OCTAVO_HOST_RECORDER_H
#define OCTAVO_HOST_RECORDER_H

#include "octavo_recorder.h"

static inline octavo_recorded_plugin *recorded_plugins(const octavo_recorder *recorder) {
    return (octavo_recorded_plugin *)(uintptr_t)(recorder + 1);
}

static inline octavo_recorded_instance *recorded_instances(const octavo_recorder *recorder) {
    return (octavo_recorded_instance *)(void *)(recorded_plugins(recorder) + OCTAVO_RECORDER_PLUGINS);
}

#endif
