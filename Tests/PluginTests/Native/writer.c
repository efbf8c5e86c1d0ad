/*
 * A process of its own that writes to a store until it is killed: prints "ok KEY" for each write that was
 * acknowledged, "failed MESSAGE" for the first one that was not.
 *
 *   writer PLUGIN.so TYPE DATA_FOLDER [VALUE_SIZE]
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "octavo_calls.h"
#include "octavo_instances.h"
#include "octavo_ring.h"

static sem_t done;
static char failure[1024];

static void delivered(void *owner, octavo_slot *slot, const octavo_error *error, const void *reply) {
    (void)owner, (void)reply;
    failure[0] = 0;
    if (error) snprintf(failure, sizeof failure, "%.*s", (int)error->message.size, error->message.data);
    octavo_calls_free(slot);
    sem_post(&done);
}

static void wait_for_it(const char *what) {
    sem_wait(&done);
    if (!failure[0]) return;
    printf("failed %s: %s\n", what, failure);
    exit(1);
}

int main(int count, char **arguments) {
    octavo_calls *calls = octavo_calls_new(&done, delivered, NULL, 64);
    void *library = count > 3 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL, *self = NULL;
    octavo_plugin_v1_fn entry;
    const octavo_plugin *plugin;
    const octavo_type *type = NULL;
    octavo_instance *instance;
    octavo_life_request life = {.head = {.size = sizeof life}};
    octavo_slot *slot;
    octavo_value value = {.name = {"connectionString", 16}, .text = {"test.db", 7}};
    octavo_config config = {.size = sizeof config, .values = {&value, 1, sizeof value}};
    size_t size = count > 4 ? strtoull(arguments[4], NULL, 10) : 100;
    uint8_t *bytes = malloc(size);
    uint32_t i;
    if (!library || !bytes) {
        printf("failed loading: %s\n", library ? "no memory" : dlerror());
        return 1;
    }
    /* A limit of the file's size is an error, not a signal. */
    signal(SIGXFSZ, SIG_IGN);
    sem_init(&done, 0, 0);
    *(void **)&entry = dlsym(library, OCTAVO_ENTRY_SYMBOL);
    plugin = entry();
    for (i = 0; i < plugin->type_count; i++)
        if (plugin->types[i]->name.size == strlen(arguments[2]) && !memcmp(plugin->types[i]->name.data, arguments[2], strlen(arguments[2])))
            type = plugin->types[i];
    plugin->start(octavo_host_table(), 0);
    memset(bytes, 'x', size);
    config.type = octavo_text(arguments[2]);
    config.data_dir = octavo_text(arguments[3]);
    instance = octavo_instance_new(type, "writer", (void *)&done, 100, NULL);
    octavo_instance_run(instance);
    slot = octavo_calls_open(calls, 64);
    if (type->life->create(&config, instance, octavo_calls_handle(slot), &self) != OCTAVO_OK) wait_for_it("create");
    octavo_instance_set_self(instance, self);
    slot = octavo_calls_open(calls, 64);
    type->life->start(self, octavo_calls_handle(slot), &life);
    wait_for_it("start");
    for (i = 0;; i++) {
        char key[32];
        octavo_state_write_request request = {.head = {.size = sizeof request}};
        const octavo_op *info = &octavo_kind_at(OCTAVO_KIND_STATE)->ops[OCTAVO_STATE_OP_SET];
        uint64_t need;
        snprintf(key, sizeof key, "key %u", i);
        request.write.key = octavo_text(key);
        request.write.value = (octavo_bytes){bytes, size};
        need = octavo_flat_size(info->request, &request);
        slot = octavo_calls_open(calls, need);
        octavo_flatten(info->request, &request, slot->frame, need, 0);
        slot->instance = instance;
        slot->info = info;
        slot->function = octavo_op_at(type->ops, OCTAVO_STATE_OP_SET);
        octavo_instance_submit(instance, slot);
        wait_for_it(key);
        printf("ok %s\n", key);
        fflush(stdout);
    }
}
